// SPDX-License-Identifier: MIT
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdlib>

#include "arrays.hpp"
#include "errors.hpp"
#include "fcnet/engine/validation_split.hpp"
#include "fcnet/isa/dispatch.hpp"
#include "fcnet/runtime/threads.hpp"
#include "instruction_sets.hpp"
#include "register.hpp"
#include "signals.hpp"
#include "thread_context.hpp"

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace fcnet::bindings {
namespace {

void choose_instruction_set() {
  const char* forced = std::getenv("FCNET_ISA");
  if (!choose_isa(forced))
    throw py::import_error("FCNET_ISA is '" + std::string(forced) + "': this build and CPU have " +
                           joined(available()));
  if (forced != nullptr && *forced != '\0') isa_source = "FCNET_ISA";
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
                    "cpus"_a = usable_cpus().count, "times_reduced"_a = times_reduced(), "compiler"_a = FCNET_COMPILER,
                    "flags"_a = FCNET_FLAGS);
  });
  m.def("available_isas", available);
  m.def("hold_back", held_back, "seed"_a, "epoch"_a, "n"_a, "share"_a, "labels"_a);
}

}  // namespace fcnet::bindings
