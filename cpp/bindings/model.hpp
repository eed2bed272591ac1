// SPDX-License-Identifier: MIT
// What Python holds: a Model, whose parameters are published by swapping a pointer, so that a prediction during a fit
// sees one whole published state; and a Trainer, the one fit that may be open on it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "errors.hpp"
#include "fcnet/network.hpp"
#include "fcnet/predictor.hpp"
#include "fcnet/trainer.hpp"
#include "samples.hpp"
#include "signals.hpp"

namespace fcnet::bindings {

template <class T>
class Model {
 public:
  using Published = std::shared_ptr<const Parameters<T>>;

  // `fill(parameters, watch)` gives the first ones their values.
  template <class Fill>
  Model(const Shape& shape, std::uint64_t seed, InputScale<T> input, Fill fill)
      : shape_(shape), seed_(seed), input_(std::move(input)) {
    auto fresh = std::make_shared<Parameters<T>>();
    const Status status = Attention().run([&](Watch& watch) {
      const Status s = fresh->allocate(shape, watch);
      return s == Status::ok ? fill(*fresh, watch) : s;
    });
    raise_unless_ok(status);
    published_ = std::move(fresh);
  }

  const Shape& shape() const { return shape_; }
  std::uint64_t seed() const { return seed_; }
  const InputScale<T>& input() const { return input_; }

  Published published() const { return published_parameters(); }
  // Returns what was published before.
  std::shared_ptr<Parameters<T>> publish(Parameters<T> next) {
    return publish(std::make_shared<Parameters<T>>(std::move(next)));
  }
  std::shared_ptr<Parameters<T>> publish(std::shared_ptr<Parameters<T>> next) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(published_, std::move(next));
  }
  std::shared_ptr<Parameters<T>> published_parameters() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return published_;
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
  InputScale<T> input_;
  std::shared_ptr<Parameters<T>> published_;
  mutable std::mutex mutex_;
  static constexpr int nobody = -1;
  std::atomic<int> changing_{nobody};  // the process that does, counted in forks
};

// One fit. Keeps the arrays alive that it reads, and the model it trains.
template <class T>
class Fit {
 public:
  Fit(const std::shared_ptr<Model<T>>& model, py::object x, py::object y, Size batch, bool shuffle,
      Hyperparameters chosen)
      : samples_(std::move(x), model->shape().inputs(), model->input()),
        targets_(std::move(y), model->shape(), samples_.n),
        shuffle_(shuffle) {
    if (samples_.n == 0) value_error("x has no rows: expected at least one sample");
    if (batch == 0) value_error("batch_size is 0: expected at least 1");
    model_.emplace(model, "this network is being fitted already");
    const Data<T> data{samples_.rows, samples_.n, targets_.labels, targets_.targets};
    raise_unless_ok(
        Attention().run([&](Watch& watch) { return trainer_.prepare(model->shape(), data, batch, chosen, watch); }));
  }

  // `rates`: the learning rate of each step, or None.
  py::tuple run_epoch(std::uint32_t epoch, py::object on_progress, py::object rates) {
    Model<T>& model = claimed();
    std::optional<Input<double>> of_steps;
    if (!rates.is_none())
      of_steps.emplace(rates, "rates")
          .expect({static_cast<py::ssize_t>(trainer_.steps())}, sizes({trainer_.steps()}).c_str());
    if (running_.exchange(true)) throw std::runtime_error("an epoch of this fit is running already");
    std::function<void()> report;
    if (!on_progress.is_none()) report = [&] { on_progress(trainer_.progress().samples, trainer_.progress().loss); };
    Attention attention(report);
    auto start = model.published();
    const LossResult result = attention.run([&](Watch& watch) {
      return trainer_.run_epoch(*start, model.seed(), epoch, shuffle_, of_steps ? of_steps->data() : nullptr, watch);
    });
    running_ = false;
    const auto publish = [&] {
      start.reset();
      const auto before = model.publish(trainer_.give_parameters());
      if (before.use_count() == 1) trainer_.reuse(std::move(*before));  // else somebody predicts with them
      if (result.samples == samples_.n) finished_ = py::make_tuple(epoch, result.loss, result.correct);
    };
    if (result.status == Status::interrupted) {
      // Python's error is set: keep it while the weights of the last finished step are published.
      const py::error_already_set interruption;
      if (!attention.forked() && trainer_.has_parameters() && trainer_.parameters().finite()) publish();
      throw interruption;
    }
    raise_unless_ok(result.status);
    const bool diverged = result.status == Status::diverged;
    if (!diverged) publish();
    return py::make_tuple(result.loss, result.correct, diverged);
  }

  // What the model predicts with now; cheap, as published parameters never change. And back to it.
  std::shared_ptr<Parameters<T>> snapshot() const { return claimed().published_parameters(); }
  void restore(std::shared_ptr<Parameters<T>> parameters) { claimed().publish(std::move(parameters)); }

  // (epoch, loss, correct) of the last epoch whose weights are published, or None: also where an interrupt keeps
  // run_epoch's caller from seeing what it returned.
  py::object finished() const { return finished_; }

  void close() { model_.reset(); }

 private:
  Model<T>& claimed() const {
    if (!model_) throw std::runtime_error("this fit is closed");
    return **model_;
  }

  std::optional<typename Model<T>::Claim> model_;  // empty: closed
  Samples<T> samples_;
  Targets<T> targets_;
  bool shuffle_;
  Trainer<T> trainer_;
  py::object finished_ = py::none();
  std::atomic<bool> running_{false};
};

}  // namespace fcnet::bindings
