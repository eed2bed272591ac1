// SPDX-License-Identifier: MIT
#include <pybind11/stl.h>

#include <cstdlib>

#include "arrays.hpp"
#include "fcnet/isa/dispatch.hpp"
#include "fcnet/random.hpp"
#include "fcnet/threads.hpp"
#include "register.hpp"
#include "unlocked.hpp"

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

}  // namespace

void register_runtime(py::module_& m) {
  choose_instruction_set();
  py::module_::import("atexit").attr("register")(py::cpp_function(&Unlocked::leave));
#if !defined(_WIN32)
  pthread_atfork(nullptr, nullptr, &Unlocked::forget);
#endif
  m.def("config", [] {
    const ThreadCount threads = thread_count();
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
  m.def(
      "permutation",
      [](std::uint64_t seed, std::uint32_t epoch, std::uint64_t n) {
        py::array_t<std::int64_t> order(static_cast<py::ssize_t>(n));
        permutation(seed, epoch, order.mutable_data(), n, [] { return true; });
        return order;
      },
      "seed"_a, "epoch"_a, "n"_a);
}

}  // namespace fcnet::bindings
