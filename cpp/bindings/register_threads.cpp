// SPDX-License-Identifier: MIT
// The number of threads: chosen by the environment at import, then by Python (python/fcnet/_threads.py), by
// threadpoolctl or by C code of this process through the two functions that this library exports.
#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "arrays.hpp"
#include "fcnet/runtime/threads.hpp"
#include "register.hpp"
#include "thread_context.hpp"

namespace fcnet::bindings {
namespace {

void choose_threads() {
  const ThreadCount wanted = default_threads();
  if (wanted.source == ThreadSource::invalid)
    throw py::import_error("FCNET_NUM_THREADS is '" + std::string(std::getenv("FCNET_NUM_THREADS")) +
                           "': expected a whole number from 1 to " + std::to_string(max_threads));
  exchange_thread_count(wanted);
}

int count_from(py::handle n) {
  if (!PyLong_Check(n.ptr()) || PyBool_Check(n.ptr()))
    type_error("n is " + text(py::repr(n)) + ": expected a whole number of threads");
  const long count = PyLong_AsLong(n.ptr());
  PyErr_Clear();
  if (count < 1 || count > max_threads)
    value_error("n is " + text(py::repr(n)) + ": expected 1 <= n <= " + std::to_string(max_threads));
  return static_cast<int>(count);
}

// What threadpoolctl's limit replaced: when the limit ends, threadpoolctl sets that count again, and then it is again
// the choice of whoever had made it.
std::atomic<ThreadCount> replaced{ThreadCount{}};

void set_from_outside(int count) {
  const ThreadCount next{std::clamp(count, 1, max_threads), ThreadSource::threadpoolctl};
  const ThreadCount now = thread_count(), before = replaced.load();
  if (next.count == now.count) return;  // also what it has no limit for is "restored"
  if (now.source != ThreadSource::threadpoolctl)
    replaced.store(now);
  else if (next.count == before.count)
    return static_cast<void>(exchange_thread_count(before));
  exchange_thread_count(next);
}

}  // namespace

void register_threads(py::module_& m) {
  choose_threads();
  thread_context = PyContextVar_New("fcnet.threads", Py_None);
  if (thread_context == nullptr) throw py::error_already_set();
  m.attr("thread_context") = py::reinterpret_borrow<py::object>(thread_context);
  m.def("get_num_threads", [] {
    const int count = threads_of_context();
    return count != 0 ? count : thread_count().count;
  });
  m.def("check_num_threads", count_from, "n"_a);
  m.def("set_num_threads", [](py::handle n) { set_num_threads(count_from(n)); }, "n"_a);
}

}  // namespace fcnet::bindings

#if defined(_WIN32)
#define FCNET_EXPORT extern "C" __declspec(dllexport)
#else
#define FCNET_EXPORT extern "C" __attribute__((visibility("default")))
#endif

FCNET_EXPORT int fcnet_get_num_threads() { return fcnet::thread_count().count; }
FCNET_EXPORT void fcnet_set_num_threads(int count) { fcnet::bindings::set_from_outside(count); }
