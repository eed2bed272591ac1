// SPDX-License-Identifier: MIT
// The average of its weights that a training publishes in their place, in panels like them.
#pragma once

#include "fcnet/kernels/pointwise/averaging.hpp"
#include "fcnet/model/parameters.hpp"

namespace fcnet {

// What goes on beneath a published average, from one epoch to the next and from fit to fit.
template <class T>
struct WeightAverage {
  Averages over = Averages::none;
  double count = 0;       // how many steps or epochs are in it; 0: the weights themselves are published
  Parameters<T> weights;  // of the last step, where count > 0; the trainer has them during an epoch

  [[nodiscard]] Status copy(const WeightAverage& other, Cancellation& cancellation) {
    over = other.over;
    count = other.count;
    return weights.copy(other.weights, cancellation);
  }
};

// Forms it during an epoch, out of the weights that are trained.
template <class T>
class Averager {
 public:
  [[nodiscard]] Status prepare(const Shape& shape, const Averaging& by, Cancellation& cancellation) {
    by_ = by;
    return by.over == Averages::none ? Status::ok : average_.allocate(shape, cancellation);
  }

  // Whether what is published is an average.
  bool has_begun() const { return state_ != nullptr && state_->count > 0; }
  bool is_of_steps() const { return state_ != nullptr && by_.over == Averages::steps; }
  bool finite() const { return !has_begun() || average_.finite(); }

  // `start`, or where it is an average those beneath it, become the weights. Without `state` none is formed.
  void use(WeightAverage<T>* state) { state_ = state; }
  [[nodiscard]] Status begin(const Parameters<T>& start, Parameters<T>& weights, Cancellation& cancellation) {
    if (state_ != nullptr)
      if (const Status s = average_.copy(start, cancellation); s != Status::ok) return s;
    if (!has_begun()) return weights.copy(start, cancellation);
    std::swap(weights, state_->weights);
    return Status::ok;
  }

  // A step has changed the weights: one thread counts it, then every thread of a team takes its share of them.
  void count_step() { weight_ = static_cast<T>(by_.weight_of_next(state_->count++)); }
  void take_step(const Team& team, const Parameters<T>& weights) {
    const Size rows = weights.panels().size() / panel_width, shares = static_cast<Size>(team.size);
    const Size id = static_cast<Size>(team.id), begin = split_begin(rows, shares, id) * panel_width;
    take(weights, begin, split_begin(rows, shares, id + 1) * panel_width, weight_);
  }
  // For steps of few samples, which do both themselves.
  T* by_rows() { return is_of_steps() ? average_.panels().data() : nullptr; }
  double count() const { return state_ != nullptr ? state_->count : 0; }
  void set_count(double steps) {
    if (is_of_steps()) state_->count = steps;
  }

  // An epoch has ended. Never stops on the way, as half an average would be none.
  void take_epoch(const Parameters<T>& weights) {
    if (state_ == nullptr || by_.over != Averages::epochs) return;
    const T weight = static_cast<T>(by_.weight_of_next(state_->count++));
    Cancellation never;
    const Status done = in_parallel(weights.panels().size(), block_elements, never, [&](Size begin, Size end) {
      if (weight == T(1))  // the first
        std::copy(weights.panels().data() + begin, weights.panels().data() + end, average_.panels().data() + begin);
      else
        take(weights, begin, end, weight);
    });
    static_cast<void>(done);
  }

  // What to publish; the weights beneath it go to the state.
  Parameters<T> give(Parameters<T>& weights) {
    if (!has_begun()) return std::move(weights);
    std::swap(weights, state_->weights);
    return std::move(average_);
  }
  void reuse(Parameters<T> memory, Parameters<T>& weights) { (has_begun() ? average_ : weights) = std::move(memory); }

 private:
  void take(const Parameters<T>& weights, Size begin, Size end, T weight) {
    kernels<T>().average(average_.panels().data() + begin, weights.panels().data() + begin, end - begin, weight);
  }

  Averaging by_;
  WeightAverage<T>* state_ = nullptr;
  Parameters<T> average_;
  T weight_ = 0;  // of the weights of the last step
};

}  // namespace fcnet
