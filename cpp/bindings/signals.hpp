// SPDX-License-Identifier: MIT
// Runs native work with the GIL released while the calling thread looks, every 10 ms, for Ctrl-C; and reports
// progress some ten times a second, or after every step, where there is somebody to report to.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <functional>

#include "errors.hpp"
#include "fcnet/runtime/cancellation.hpp"
#include "unlocked.hpp"

namespace fcnet::bindings {

class SignalPoll {
 public:
  // report: called with the GIL held; may throw
  explicit SignalPoll(std::function<void()> report = {}, bool every_step = false)
      : report_(std::move(report)), cancellation_(poll, this, every_step) {}

  // Whether this is a child that a signal handler forked in the middle of the work, which is then incomplete.
  bool forked() const { return Unlocked::forks() != forks_; }

  // work(Cancellation&) without the GIL. What it returns is returned; a Python error that a poll met stays set.
  template <class Work>
  auto run(Work work) {
    return Unlocked::run([&] { return work(cancellation_); });
  }

 private:
  using Clock = std::chrono::steady_clock;

  static bool poll(void* self) { return static_cast<SignalPoll*>(self)->stop(); }

  bool stop() {
    Unlocked::before_locking();
    const py::gil_scoped_acquire locked;
    const bool raised = PyErr_CheckSignals() != 0;
    if (!raised && forked())
      PyErr_SetString(PyExc_RuntimeError,
                      "this process was forked by a signal handler in the middle of this call, whose threads stayed in "
                      "the parent: the child cannot finish it");
    if (raised || forked()) return true;
    if (!report_ || (!cancellation_.every_step() && Clock::now() < next_report_)) return false;
    try {
      report_();
    } catch (...) {
      set_python_error();
      return true;
    }
    next_report_ = Clock::now() + std::chrono::milliseconds(100);
    return false;
  }

  int forks_ = Unlocked::forks();
  std::function<void()> report_;
  Clock::time_point next_report_ = Clock::now() + std::chrono::milliseconds(100);
  Cancellation cancellation_;
};

// The same where nothing is reported; raises what the status that work returns becomes in Python.
template <class Work>
void run_or_raise(Work work) {
  raise_unless_ok(SignalPoll().run(work));
}

}  // namespace fcnet::bindings
