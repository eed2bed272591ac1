// SPDX-License-Identifier: MIT
// What is kept of a forward pass whose derivatives are asked for later.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "model.hpp"

namespace fcnet::bindings {

template <class T>
T* fresh(py::object& array, const Dimensions& dimensions) {
  py::array_t<T> a(dimensions);
  T* const data = a.mutable_data();
  array = std::move(a);
  return data;
}

// Who works on what is kept: one call at a time; another thread's waits. What a forked child finds taken has nobody
// there any more.
class Turn {
 public:
  // Before the GIL is released. A signal handler runs within the call that it interrupts, which cannot go on.
  void refuse_nested() const {
    if (holder_ == Unlocked::forks() && thread_ == std::this_thread::get_id())
      throw std::runtime_error("a signal handler calls what it has interrupted: expected another pass for it");
  }
  // work(), without the GIL; Status::interrupted where Ctrl-C ends the waiting.
  template <class Work>
  Status take(Cancellation& cancellation, Work work) {
    const int here = Unlocked::forks();
    for (int holder = nobody; !holder_.compare_exchange_strong(holder, here); holder = nobody) {
      if (holder != here && holder_.compare_exchange_strong(holder, here)) break;
      if (cancellation.check()) return Status::interrupted;
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    thread_ = std::this_thread::get_id();
    const Status status = work();
    thread_ = std::thread::id();
    holder_ = nobody;
    return status;
  }

 private:
  static constexpr int nobody = -1;
  std::atomic<int> holder_{nobody};  // the process, counted in forks
  std::atomic<std::thread::id> thread_{};
};

// The parameters and the x of its moment.
template <class T>
class Kept {
 protected:
  Kept(const Model<T>& model, py::object x)
      : samples_(std::move(x), model.shape().inputs(), model.input()), parameters_(model.published()) {
    if (model.shape().members != 0) value_error("outputs of members have no derivatives here");
  }

  const Shape& shape() const { return parameters_->shape(); }
  Data<T> data() const { return {.x = samples_.rows, .samples = samples_.n}; }
  Input<T> rows_of(const py::object& given, const char* name, Size columns) const {
    return Input<T>(given, name).expect({dim(samples_.n), dim(columns)}, sizes({samples_.n, columns}).c_str());
  }
  T* fresh_rows(py::object& array, Size columns) const { return fresh<T>(array, {dim(samples_.n), dim(columns)}); }
  template <class Work>
  void call(Work work) {
    turn_.refuse_nested();
    run_or_raise(
        [&](Cancellation& cancellation) { return turn_.take(cancellation, [&] { return work(cancellation); }); });
  }

  Samples<T> samples_;
  typename Model<T>::Published parameters_;

 private:
  Turn turn_;
};

}  // namespace fcnet::bindings
