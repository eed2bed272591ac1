// SPDX-License-Identifier: MIT
// Native work with the GIL released. When Python ends while a daemon thread is inside, that thread must not ask for
// the GIL again: CPython would end it in the middle of a destructor, and C++ the process with it. Such a thread sleeps
// until the process is gone, as Python 3.14 does itself.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "thread_context.hpp"

namespace fcnet::bindings {

namespace py = pybind11;

class Unlocked {
 public:
  Unlocked() { ++inside_; }
  ~Unlocked() { --inside_; }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

  // What work() returns, without the GIL. Call with the GIL held.
  template <class Work>
  static auto run(Work work) {
    const Unlocked here;
    const ThreadLimit limit(threads_of_context());
    const py::gil_scoped_release released;
    const auto result = work();
    here.before_locking();
    return result;
  }

  // Without the GIL, before it is asked for: does not return when Python ends in another thread.
  static void before_locking() {
    if (!leaving_ || std::this_thread::get_id() == leaver_) return;
    --inside_;
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }

  // From Python's atexit: nobody enters any more, and those inside come out or fall asleep.
  static void leave() {
    leaver_ = std::this_thread::get_id();
    leaving_ = true;
    const py::gil_scoped_release released;
    for (int ms = 0; inside_ > 0 && ms < 1000; ++ms) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  // In a forked child, where the other threads are gone.
  static void forget() {
    inside_ = 0;
    ++forks_;
  }
  static int forks() { return forks_; }  // between the first process and this one

 private:
  inline static std::atomic<int> inside_{0}, forks_{0};
  inline static std::atomic<bool> leaving_{false};
  inline static std::thread::id leaver_;
};

}  // namespace fcnet::bindings
