// SPDX-License-Identifier: MIT
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdlib>

#include "arrays.hpp"
#include "errors.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/engine/roofline_driver.hpp"
#include "fcnet/engine/shuffle.hpp"
#include "fcnet/engine/validation_split.hpp"
#include "fcnet/isa/dispatch.hpp"
#include "fcnet/runtime/threads.hpp"
#include "register.hpp"
#include "signals.hpp"
#include "thread_context.hpp"

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace fcnet::bindings {
namespace {

const char* isa_source = "the best this CPU can run";

std::vector<std::string> available() {
  std::vector<std::string> names;
  for (auto i = available_isas(); *i != nullptr; ++i) names.emplace_back((*i)->name);
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void choose_instruction_set() {
  const char* forced = std::getenv("FCNET_ISA");
  if (!choose_isa(forced))
    throw py::import_error("FCNET_ISA is '" + std::string(forced) + "': this build and CPU have " +
                           joined(available()));
  if (forced != nullptr && *forced != '\0') isa_source = "FCNET_ISA";
}

// Operations or bytes a second.
double ceiling(const std::string& what, const std::string& dtype, int threads, Size working_set) {
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
  const Shape shape{sizes};
  const auto of = [&]<class T>(T) {
    const Plan plan = plan_training<T>(shape, {}, batch, Hyperparameters{}, threads);
    const bool by_panels = choose_schedule<T>(shape, plan.chunk, plan.threads) == Schedule::by_panels;
    return py::dict("schedule"_a = plan.by_rows ? "rows"
                                   : by_panels  ? "panels"
                                                : "layers",
                    "threads"_a = plan.by_rows ? 1 : plan.threads, "chunk"_a = plan.chunk,
                    "stoppable"_a = plan.stoppable, "steps_at_once"_a = plan.steps_at_once,
                    "sample_granularity"_a = sample_granularity<T>());
  };
  return dtype == "float32" ? of(float{}) : of(double{});
}

// The numbers of the samples to train on and of those held back, ascending.
py::tuple held_back(std::uint64_t seed, std::uint32_t epoch, Size n, double share, const py::object& labels) {
  using Labels = py::array_t<std::int32_t, py::array::c_style>;
  const Labels of_samples = labels.is_none() ? Labels() : Labels(labels);
  if (!labels.is_none() && static_cast<Size>(of_samples.size()) != n) value_error("labels are not one for each sample");
  const std::int32_t* const given = labels.is_none() ? nullptr : of_samples.data();
  if (given != nullptr && std::any_of(given, given + n, [](std::int32_t label) { return label < 0; }))
    value_error("labels are negative");
  ValidationSplit split;
  run_or_raise([&](Cancellation& cancellation) { return split.draw(seed, epoch, n, share, given, cancellation); });
  py::array_t<std::int64_t> kept(dim(n - split.held())), held(dim(split.held()));
  std::int64_t *const to = kept.mutable_data(), *const rest = held.mutable_data();
  run_or_raise([&](Cancellation& cancellation) { return split.list(to, rest, cancellation); });
  return py::make_tuple(kept, held);
}

}  // namespace

void register_runtime(py::module_& m) {
  choose_instruction_set();
  py::module_::import("atexit").attr("register")(py::cpp_function(&Unlocked::leave));
#if !defined(_WIN32)
  pthread_atfork(nullptr, nullptr, &Unlocked::forget);
#endif
  m.def("config", [] {
    const int here = threads_of_context();
    const ThreadCount threads = here != 0 ? ThreadCount{here, ThreadSource::threads_context} : thread_count();
    return py::dict("isa"_a = isa().name, "isa_source"_a = isa_source, "available_isas"_a = available(),
                    "threads"_a = threads.count, "threads_source"_a = name(threads.source),
                    "cpus"_a = usable_cpus().count, "compiler"_a = FCNET_COMPILER, "flags"_a = FCNET_FLAGS);
  });
  m.def("available_isas", available);
  m.def(
      "use_isa",
      [](const std::string& name) {
        if (!use_isa(name.c_str()))
          value_error("no instruction set '" + name + "' here: expected " + joined(available()));
        isa_source = "use_isa";
      },
      "name"_a);
  m.def("longest_step", longest_step);
  m.def("fail_allocation", [](long after) { return allocations_to_failure.exchange(after); }, "after"_a);
  m.def("set_longest_step", set_longest_step, "seconds"_a);
  m.def("plan", plan, "sizes"_a, "dtype"_a, "batch"_a, "threads"_a);
  m.def("ceiling", ceiling, "what"_a, "dtype"_a, "threads"_a, "working_set"_a = Size{256} << 20);
  m.def(
      "permutation",
      [](std::uint64_t seed, std::uint32_t epoch, std::uint64_t n) {
        py::array_t<std::int64_t> order(static_cast<py::ssize_t>(n));
        permutation(seed, epoch, order.mutable_data(), n, [] { return true; });
        return order;
      },
      "seed"_a, "epoch"_a, "n"_a);
  m.def("hold_back", held_back, "seed"_a, "epoch"_a, "n"_a, "share"_a, "labels"_a);
}

}  // namespace fcnet::bindings
