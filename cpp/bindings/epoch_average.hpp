// SPDX-License-Identifier: MIT
// The average of a model's weights while an epoch, or a part of one, changes it.
#pragma once

#include <memory>

#include "fcnet/model/weight_average.hpp"
#include "shared.hpp"

namespace fcnet::bindings {

// What lies beneath the model's average, taken out of it while it changes.
template <class T, class Model>
class EpochAverage {
 public:
  // `average`: whether what is published next is one of that kind.
  EpochAverage(Model& model, Averaging by, bool average)
      : model_(model),
        next_(average && by.over != Averages::none ? shared<WeightAverage<T>>() : nullptr),
        before_(model.exchange_average(nullptr)) {
    goes_on_ = before_ != nullptr && before_->over == by.over;
    if (next_ == nullptr) return;
    if (goes_on_ && before_.use_count() == 1) next_ = before_;
    next_->over = by.over;
  }

  [[nodiscard]] Status prepare(Cancellation& cancellation) {
    return goes_on_ && next_ != nullptr && next_ != before_ ? next_->copy(*before_, cancellation) : Status::ok;
  }
  // What the trainer begins with: the weights beneath, where they go on without an average.
  const Parameters<T>* start(const Parameters<T>* published) const {
    return goes_on_ && next_ == nullptr ? &before_->weights : published;
  }
  WeightAverage<T>* next() const { return next_.get(); }
  void restore() { model_.exchange_average(before_); }
  // What lies beneath what is published next.
  std::shared_ptr<WeightAverage<T>> finished() const { return next_ != nullptr && next_->count > 0 ? next_ : nullptr; }

 private:
  Model& model_;
  std::shared_ptr<WeightAverage<T>> next_, before_;
  bool goes_on_;
};

}  // namespace fcnet::bindings
