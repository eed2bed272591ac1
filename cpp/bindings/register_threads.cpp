// SPDX-License-Identifier: MIT
// The number of threads: chosen by the environment at import, then by Python (python/fcnet/threads.py), by
// threadpoolctl or by C code of this process through the two functions that this library exports.
#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "arrays.hpp"
#include "fcnet/threads.hpp"
#include "register.hpp"

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

ThreadSource source_from(const std::string& wanted) {
  for (int i = 0; i <= static_cast<int>(ThreadSource::threadpoolctl); ++i)
    if (name(static_cast<ThreadSource>(i)) == wanted) return static_cast<ThreadSource>(i);
  value_error("no source of a number of threads is called '" + wanted + "'");
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
  m.def("get_num_threads", num_threads);
  m.def("set_num_threads", [](py::handle n) { set_num_threads(count_from(n)); }, "n"_a);
  m.def(
      "cgroup_quota",
      [](const std::string& memberships, const std::string& mount) {
        return cgroup_quota(memberships.c_str(), mount.c_str());
      },
      "memberships"_a, "mount"_a);
  m.def(
      "exchange_num_threads",
      [](py::handle n, const std::string& source) {
        const ThreadCount before = exchange_thread_count({count_from(n), source_from(source)});
        return py::make_tuple(before.count, name(before.source));
      },
      "n"_a, "source"_a);
}

}  // namespace fcnet::bindings

#if defined(_WIN32)
#define FCNET_EXPORT extern "C" __declspec(dllexport)
#else
#define FCNET_EXPORT extern "C" __attribute__((visibility("default")))
#endif

FCNET_EXPORT int fcnet_get_num_threads() { return fcnet::num_threads(); }
FCNET_EXPORT void fcnet_set_num_threads(int count) { fcnet::bindings::set_from_outside(count); }
