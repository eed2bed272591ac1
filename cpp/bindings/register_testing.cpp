// SPDX-License-Identifier: MIT
// _native._testing: what tests and benchmarks need to see or to force, and no user.
#include <pybind11/stl.h>

#include "arrays.hpp"
#include "errors.hpp"
#include "fcnet/base/buffer.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/engine/roofline_driver.hpp"
#include "fcnet/engine/shuffle.hpp"
#include "fcnet/runtime/cpus.hpp"
#include "instruction_sets.hpp"
#include "register.hpp"
#include "unlocked.hpp"

namespace fcnet::bindings {
namespace {

// Operations or bytes a second.
double roofline(const std::string& what, const std::string& dtype, int threads, Size working_set) {
  Roofline wanted = Roofline::multiply_add;
  if (what == "tile") {
    wanted = Roofline::tile;
  } else if (what == "read") {
    wanted = Roofline::read;
  } else if (what == "update") {
    wanted = Roofline::update;
  } else if (what != "multiply_add") {
    value_error("what is '" + what + "': expected multiply_add, tile, read or update");
  }
  if (dtype != "float32" && dtype != "float64") value_error("dtype is '" + dtype + "': expected float32 or float64");
  if (threads < 1 || threads > max_threads)
    value_error("threads is " + std::to_string(threads) + ": expected 1 to " + std::to_string(max_threads));
  const auto measure = dtype == "float32" ? measure_roofline<float> : measure_roofline<double>;
  double per_second = 0;
  raise_unless_ok(Unlocked::run([&] { return measure(wanted, threads, working_set, &per_second); }));
  return per_second;
}

// How training with plain gradient descent would go, for tests of the rule.
py::dict plan(const std::vector<Size>& sizes, const std::string& dtype, Size batch, int threads) {
  const Stages stages{Shape{sizes}};
  const auto of = [&]<class T>(T) {
    const Plan plan = plan_training<T>(stages, {}, batch, Hyperparameters{}, threads);
    const bool by_panels = choose_schedule<T>(stages, plan.chunk, plan.threads) == Schedule::by_panels;
    return py::dict("schedule"_a = plan.by_rows ? "rows"
                                   : by_panels  ? "panels"
                                                : "layers",
                    "threads"_a = plan.by_rows ? 1 : plan.threads, "chunk"_a = plan.chunk,
                    "stoppable"_a = plan.stoppable, "steps_at_once"_a = plan.steps_at_once,
                    "sample_granularity"_a = sample_granularity<T>());
  };
  return dtype == "float32" ? of(float{}) : of(double{});
}

}  // namespace

void register_testing(py::module_& m) {
  m.def(
      "use_isa",
      [](const std::string& name) {
        if (!use_isa(name.c_str()))
          value_error("no instruction set '" + name + "' here: expected " + joined(available()));
        isa_source = "use_isa";
      },
      "name"_a);
  m.def("longest_step", longest_step);
  m.def("set_longest_step", set_longest_step, "seconds"_a);
  m.def("fail_allocation", [](long after) { return allocations_to_failure.exchange(after); }, "after"_a);
  m.def("plan", plan, "sizes"_a, "dtype"_a, "batch"_a, "threads"_a);
  m.def("wait_for_all", wait_for_all, "wait"_a);
  m.def("roofline", roofline, "what"_a, "dtype"_a, "threads"_a, "working_set"_a = Size{256} << 20);
  m.def(
      "permutation",
      [](std::uint64_t seed, std::uint32_t epoch, std::uint64_t n) {
        py::array_t<std::int64_t> order(static_cast<py::ssize_t>(n));
        permutation(seed, epoch, order.mutable_data(), n, [] { return true; });
        return order;
      },
      "seed"_a, "epoch"_a, "n"_a);
  m.def(
      "cgroup_quota",
      [](const std::string& memberships, const std::string& mount) {
        return cgroup_quota(memberships.c_str(), mount.c_str());
      },
      "memberships"_a, "mount"_a);
}

}  // namespace fcnet::bindings
