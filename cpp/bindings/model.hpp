// SPDX-License-Identifier: MIT
// A network as Python holds it. Its parameters are published by swapping a pointer, so that a prediction during a fit
// sees one whole published state.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "errors.hpp"
#include "fcnet/model/optimizer_state.hpp"
#include "fcnet/model/parameters.hpp"
#include "fcnet/model/weight_average.hpp"
#include "samples.hpp"
#include "shared.hpp"
#include "signals.hpp"

namespace fcnet::bindings {

// What published parameters add to those that a network was trained for.
enum class Counts { nothing, step, epoch };

template <class T>
class Model {
 public:
  using Published = std::shared_ptr<const Parameters<T>>;

  // `fill(parameters, cancellation)` gives the first ones their values.
  template <class Fill>
  Model(const Shape& shape, std::uint64_t seed, AnyInputScale<T> input, Fill fill)
      : shape_(shape), seed_(seed), input_(std::move(input)) {
    auto fresh = shared<Parameters<T>>();
    const Status status = SignalPoll().run([&](Cancellation& cancellation) {
      const Status s = fresh->allocate(shape, cancellation);
      return s == Status::ok ? fill(*fresh, cancellation) : s;
    });
    raise_unless_ok(status);
    now_.parameters = std::move(fresh);
  }

  // The same as it is now, without what a fit goes on from: published parameters never change.
  Model(const Model& other)
      : shape_(other.shape_), seed_(other.seed_), input_(other.input()), now_{other.published_parameters(), {}, {}} {}

  const Shape& shape() const { return shape_; }
  std::uint64_t seed() const { return seed_; }
  AnyInputScale<T> input() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return input_;
  }
  // Whoever reads samples already goes on with what was there.
  void set_input(AnyInputScale<T> next) {
    const std::lock_guard<std::mutex> lock(mutex_);
    input_.swap(next);
  }

  Published published() const { return published_parameters(); }
  // Returns what was published before.
  std::shared_ptr<Parameters<T>> publish(std::shared_ptr<Parameters<T>> next) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(now_.parameters, std::move(next));
  }
  // After what counts: an epoch, a single step, or steps that are neither.
  std::shared_ptr<Parameters<T>> publish(std::shared_ptr<Parameters<T>> next,
                                         std::shared_ptr<OptimizerState<T>> optimizer,
                                         std::shared_ptr<WeightAverage<T>> average, Counts counts) {
    const std::lock_guard<std::mutex> lock(mutex_);
    now_.optimizer = std::move(optimizer);
    now_.average = std::move(average);
    now_.epochs += counts == Counts::epoch;
    now_.steps += counts == Counts::step;
    return std::exchange(now_.parameters, std::move(next));
  }
  std::shared_ptr<Parameters<T>> published_parameters() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return now_.parameters;
  }

  // What the network is, all of one moment.
  struct Snapshot {
    std::shared_ptr<Parameters<T>> parameters;
    // The optimizer state of the last fit; null where there is nothing, or while an epoch changes it. Whoever
    // holds a copy of the pointer may read: an epoch then goes on with a copy.
    std::shared_ptr<OptimizerState<T>> optimizer;
    // Likewise what lies beneath an average that is published; null where the weights themselves are.
    std::shared_ptr<WeightAverage<T>> average;
    std::uint64_t epochs = 0;  // that it was trained for
    std::uint64_t steps = 0;   // single ones, and those of a first epoch that was interrupted, as one
  };
  Snapshot now() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return now_;
  }
  std::shared_ptr<OptimizerState<T>> exchange_optimizer_state(std::shared_ptr<OptimizerState<T>> next) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(now_.optimizer, std::move(next));
  }
  void set_epochs(std::uint64_t epochs) {
    const std::lock_guard<std::mutex> lock(mutex_);
    now_.epochs = epochs;
  }
  std::uint64_t steps() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return now_.steps;
  }
  void set_steps(std::uint64_t steps) {
    const std::lock_guard<std::mutex> lock(mutex_);
    now_.steps = steps;
  }
  std::shared_ptr<WeightAverage<T>> exchange_average(std::shared_ptr<WeightAverage<T>> next) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(now_.average, std::move(next));
  }

  // Memory of parameters that nobody needs any more, for the next ones; for who holds a claim. Null: there is none.
  std::shared_ptr<Parameters<T>> take_spare() { return std::exchange(spare_, nullptr); }
  void keep_spare(std::shared_ptr<Parameters<T>> former) {
    if (former.use_count() == 1) spare_ = std::move(former);  // else somebody predicts with them, or has them too
  }

  // Whoever changes the parameters holds one of these: there is one at a time. A child forked meanwhile has no thread
  // that goes on with it: there the network is free.
  class Claim {
   public:
    Claim(std::shared_ptr<Model> model, const char* refusal) : model_(std::move(model)) {
      const int here = Unlocked::forks();
      if (model_->changing_.exchange(here) == here) throw std::runtime_error(refusal);
    }
    Claim(Claim&&) = default;
    Claim& operator=(Claim&&) = default;
    ~Claim() {
      if (model_ != nullptr) model_->changing_ = nobody;
    }
    Model& operator*() const { return *model_; }
    Model* operator->() const { return model_.get(); }

   private:
    std::shared_ptr<Model> model_;
  };

 private:
  Shape shape_;
  std::uint64_t seed_;
  AnyInputScale<T> input_;
  Snapshot now_;
  std::shared_ptr<Parameters<T>> spare_;
  mutable std::mutex mutex_;
  static constexpr int nobody = -1;
  std::atomic<int> changing_{nobody};  // the process that does, counted in forks
};

}  // namespace fcnet::bindings
