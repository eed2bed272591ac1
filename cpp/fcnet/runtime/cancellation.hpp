// SPDX-License-Identifier: MIT
// Lets a long computation be stopped: the calling thread asks `poll` at most every 10 ms whether to go on, or after
// every step of a training where somebody wants to hear of each.
// The core knows nothing of signals; the bindings' poll looks for Ctrl-C and reports progress.
#pragma once

#include <atomic>
#include <chrono>

#include "fcnet/runtime/denormals.hpp"

namespace fcnet {

class Cancellation {
 public:
  using Poll = bool (*)(void* context);  // true: stop

  Cancellation() : Cancellation([](void*) { return false; }, nullptr) {}  // never stops
  Cancellation(Poll poll, void* context, bool every_step = false)
      : poll_(poll), context_(context), next_(Clock::now() + interval), every_step_(every_step) {}

  // Calling thread only: polls if the interval has passed. Returns stopped().
  bool check() {
    if (!stopped() && Clock::now() >= next_) {
      const FloatControl callers(control_);
      if (poll_(context_)) stop();
      next_ = Clock::now() + interval;
    }
    return stopped();
  }
  // The same after a step.
  bool check_after_step() {
    if (every_step_) next_ = {};
    return check();
  }
  bool every_step() const { return every_step_; }
  void stop() { stop_.store(true, std::memory_order_release); }
  bool stopped() const { return stop_.load(std::memory_order_acquire); }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds interval{10};

  Poll poll_;
  void* context_;
  Clock::time_point next_;
  bool every_step_;
  std::uint64_t control_ = float_control();  // of the caller, whose code poll may run
  std::atomic<bool> stop_{false};
};

}  // namespace fcnet
