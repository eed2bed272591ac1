// SPDX-License-Identifier: MIT
// What Python holds: a Model, whose parameters are published by swapping a pointer, so that a prediction during a fit
// sees one whole published state; and a Trainer, the one fit that may be open on it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "epoch_average.hpp"
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
    now_.parameters = std::move(fresh);
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
    return std::exchange(now_.parameters, std::move(next));
  }
  // After an epoch, or some steps that `epochs` does not count.
  std::shared_ptr<Parameters<T>> publish(Parameters<T> next, std::shared_ptr<OptimizerState<T>> optimizer,
                                         std::shared_ptr<WeightAverage<T>> average, bool counts) {
    auto shared = std::make_shared<Parameters<T>>(std::move(next));
    const std::lock_guard<std::mutex> lock(mutex_);
    now_.optimizer = std::move(optimizer);
    now_.average = std::move(average);
    now_.epochs += counts;
    return std::exchange(now_.parameters, std::move(shared));
  }
  std::shared_ptr<Parameters<T>> published_parameters() const { return now().parameters; }

  // What the network is, all of one moment.
  struct Moment {
    std::shared_ptr<Parameters<T>> parameters;
    // What the optimiser of the last fit remembers; null where there is nothing, or while an epoch changes it. Whoever
    // holds a copy of the pointer may read: an epoch then goes on with a copy.
    std::shared_ptr<OptimizerState<T>> optimizer;
    // Likewise what lies beneath an average that is published; null where the weights themselves are.
    std::shared_ptr<WeightAverage<T>> average;
    std::uint64_t epochs = 0;  // that it was trained for
  };
  Moment now() const {
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
  std::shared_ptr<WeightAverage<T>> exchange_average(std::shared_ptr<WeightAverage<T>> next) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(now_.average, std::move(next));
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
  Moment now_;
  mutable std::mutex mutex_;
  static constexpr int nobody = -1;
  std::atomic<int> changing_{nobody};  // the process that does, counted in forks
};

// One fit. Keeps the arrays alive that it reads, and the model it trains. Of every epoch's order it takes the first
// `used` samples, or all where it is 0.
template <class T>
class Fit {
 public:
  Fit(const std::shared_ptr<Model<T>>& model, const Trained& trained, py::object x, py::object y, py::object weights,
      Size batch, bool shuffle, Hyperparameters chosen, Size used)
      : network_(model),
        samples_(std::move(x), model->shape().inputs(), model->input()),
        targets_(std::move(y), std::move(weights), model->shape(), samples_.n),
        shuffle_(shuffle),
        optimizer_(chosen.optimizer),
        averaging_(chosen.averaging) {
    if (samples_.n == 0) value_error("x has no rows: expected at least one sample");
    if (batch == 0) value_error("batch_size is 0: expected at least 1");
    if (used > samples_.n) value_error("used is more than the rows of x");
    open();
    const Data<T> data = targets_.data(samples_);
    raise_unless_ok(Attention().run(
        [&](Watch& watch) { return trainer_.prepare(model->shape(), data, batch, chosen, watch, trained); }));
    if (used != 0) trainer_.use_first(used);
  }

  // Other samples for the epochs that follow, a step each, with the optimiser's state as it is.
  void use(py::object x, py::object y, py::object weights) {
    const Model<T>& model = claimed();
    Samples<T> samples(std::move(x), model.shape().inputs(), model.input());
    Targets<T> targets(std::move(y), std::move(weights), model.shape(), samples.n);
    if (samples.n == 0) value_error("x has no rows: expected at least one sample");
    const Running here(running_);
    samples_ = std::move(samples);
    targets_ = std::move(targets);
    const Data<T> data = targets_.data(samples_);
    const Status status = Attention().run([&](Watch& watch) { return trainer_.use(data, watch); });
    if (status != Status::ok) close();  // until it gets others
    raise_unless_ok(status);
  }

  // `rates`: the learning rate of each step, or None. `on_progress` takes samples done, their loss, how many are right.
  // `whole`: these are all samples of the epoch; else `finish` says when it ends. `average`: whether an average is
  // published, where the fit has one.
  py::tuple run_epoch(std::uint32_t epoch, py::object on_progress, py::object rates, bool every_step, bool whole,
                      bool average) {
    Model<T>& model = claimed();
    std::optional<Input<double>> of_steps;
    if (!rates.is_none())
      of_steps.emplace(rates, "rates").expect({dim(trainer_.steps())}, sizes({trainer_.steps()}).c_str());
    std::optional<Running> running(std::in_place, running_);
    std::function<void()> report;
    if (!on_progress.is_none())
      report = [&, told = Size{0}]() mutable {
        const LossResult done = trainer_.progress();
        if (every_step && done.samples == told) return;  // a look in the middle of a step
        told = done.samples;
        on_progress(done.samples, done.loss, done.correct);
      };
    Attention attention(report, every_step);
    auto start = model.published();
    const auto before = model.exchange_optimizer_state(nullptr);
    const bool goes_on = before != nullptr && before->suits(optimizer_), mine = goes_on && before.use_count() == 1;
    const auto state = mine ? before : std::make_shared<OptimizerState<T>>();
    EpochAverage<T, Model<T>> averaged(model, averaging_, average);
    const LossResult result = attention.run([&](Watch& watch) {
      const Status ready = mine      ? Status::ok
                           : goes_on ? state->copy(*before, watch)
                                     : state->begin(optimizer_, start->panels().size(), watch);
      if (ready != Status::ok) return LossResult{.status = ready};
      if (const Status s = averaged.prepare(watch); s != Status::ok) return LossResult{.status = s};
      state->optimizer = optimizer_;
      return trainer_.run_epoch(*averaged.start(start.get()), *state, model.seed(), epoch, shuffle_,
                                of_steps ? of_steps->data() : nullptr, watch, averaged.next(), whole);
    });
    running.reset();
    if (!trainer_.has_parameters()) {  // it has not begun
      model.exchange_optimizer_state(before);
      averaged.restore();
    }
    const auto publish = [&] {
      start.reset();
      const bool ends = whole && result.samples == trainer_.samples();
      if (ends) finished_ = py::make_tuple(epoch, result.loss, result.correct, result.samples);
      this->publish(state, averaged, ends);
    };
    if (result.status == Status::interrupted) {
      // Python's error is set: keep it while the weights of the last finished step are published.
      const py::error_already_set interruption;
      if (!attention.forked() && trainer_.has_parameters() && trainer_.finite()) publish();
      throw interruption;
    }
    raise_unless_ok(result.status);
    const bool diverged = result.status == Status::diverged;
    if (!diverged) publish();
    return py::make_tuple(result.loss, result.correct, diverged, result.samples);
  }

  // What the model predicts with now; cheap, as published parameters never change. And back to it; the optimiser, which
  // has gone on since, begins anew.
  std::shared_ptr<Parameters<T>> snapshot() const { return claimed().published_parameters(); }
  void restore(std::shared_ptr<Parameters<T>> parameters) {
    if (parameters != claimed().published_parameters()) {
      claimed().exchange_optimizer_state(nullptr);
      claimed().exchange_average(nullptr);
    }
    claimed().publish(std::move(parameters));
  }

  // (epoch, loss, correct, samples) of the last epoch whose weights are published, or None: also where an interrupt
  // keeps run_epoch's caller from seeing what it returned.
  py::object finished() const { return finished_; }
  // An epoch of several calls has ended; `average`: the weights come into an average over epochs.
  void finish(std::uint32_t epoch, double loss, std::int64_t correct, std::int64_t samples, bool average) {
    Model<T>& model = claimed();
    if (average && averaging_.over == Averages::epochs)
      average_epoch(model);
    else
      model.set_epochs(model.now().epochs + 1);
    finished_ = py::make_tuple(epoch, loss, correct, samples);
  }

  // Between close and open others may change the network.
  void open() {
    const char* const refusal = "this network is being fitted already";
    if (model_) throw std::runtime_error(refusal);
    model_.emplace(network_, refusal);
  }
  void close() { model_.reset(); }

 private:
  void publish(std::shared_ptr<OptimizerState<T>> state, const EpochAverage<T, Model<T>>& averaged, bool counts) {
    const auto former = claimed().publish(trainer_.give_parameters(), std::move(state), averaged.finished(), counts);
    if (former.use_count() == 1) trainer_.reuse(std::move(*former));  // else somebody predicts with them
  }

  // Nobody stops it: all steps of the epoch are published, which would then not count, nor be in the average.
  void average_epoch(Model<T>& model) {
    const Running here(running_);
    auto start = model.published();
    EpochAverage<T, Model<T>> averaged(model, averaging_, true);
    const Status status = Unlocked::run([&] {
      Watch nobody;
      Status s = averaged.prepare(nobody);
      if (s == Status::ok) s = trainer_.begin(*start, averaged.next(), nobody);
      if (s == Status::ok) trainer_.end_epoch();
      return s;
    });
    if (!trainer_.has_parameters()) averaged.restore();
    raise_unless_ok(status);
    start.reset();
    publish(model.now().optimizer, averaged, true);
  }

  struct Running {
    explicit Running(std::atomic<bool>& running) : flag(running) {
      if (flag.exchange(true)) throw std::runtime_error("an epoch of this fit is running already");
    }
    ~Running() { flag = false; }
    std::atomic<bool>& flag;
  };

  Model<T>& claimed() const {
    if (!model_) throw std::runtime_error("this fit is closed");
    return **model_;
  }

  std::shared_ptr<Model<T>> network_;
  std::optional<typename Model<T>::Claim> model_;  // empty: closed
  Samples<T> samples_;
  Targets<T> targets_;
  bool shuffle_;
  Optimizer optimizer_;
  Averaging averaging_;
  Trainer<T> trainer_;
  py::object finished_ = py::none();
  std::atomic<bool> running_{false};
};

}  // namespace fcnet::bindings
