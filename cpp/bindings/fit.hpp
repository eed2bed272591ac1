// SPDX-License-Identifier: MIT
// The one fit that may be open on a model. Keeps the arrays alive that it reads, and the model that it trains.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "epoch_average.hpp"
#include "fcnet/engine/trainer.hpp"
#include "model.hpp"
#include "plain_gradient.hpp"

namespace fcnet::bindings {

// What schedules give for each step of an epoch, arrays or None; for a single step the rate may be a number.
class GivenValues {
 public:
  GivenValues(Size steps, const py::object& rates, const py::object& decay, const py::object& dropout,
              const py::object& smoothing) {
    const bool is_one = PyFloat_CheckExact(rates.ptr()) != 0 && steps == 1;
    if (is_one) rate_ = PyFloat_AS_DOUBLE(rates.ptr());
    const auto numbers = [&](Size i, const py::object& given, const char* name) -> const double* {
      if (given.is_none()) return nullptr;
      arrays_[i].emplace(given, name).expect({dim(steps)}, sizes({steps}).c_str());
      return arrays_[i]->data();
    };
    values_ = {.rates = is_one ? &rate_ : numbers(0, rates, "rates"),
               .decay = numbers(1, decay, "decay"),
               .dropout = numbers(2, dropout, "dropout"),
               .smoothing = numbers(3, smoothing, "smoothing")};
  }
  GivenValues(const GivenValues&) = delete;  // values() may point into it
  GivenValues& operator=(const GivenValues&) = delete;

  const StepValues& values() const { return values_; }
  bool only_rates() const {
    return values_.decay == nullptr && values_.dropout == nullptr && values_.smoothing == nullptr;
  }

 private:
  double rate_ = 0;
  std::optional<Input<double>> arrays_[4];
  StepValues values_;
};

// Of every epoch's order it takes the first `used` samples, or all where it is 0.
template <class T>
class Fit {
 public:
  Fit(const std::shared_ptr<Model<T>>& model, const Trained& trained, py::object x, py::object y, py::object weights,
      const py::object& rows, Size batch, bool shuffle, Hyperparameters chosen, Size used)
      : network_(model),
        samples_(std::move(x), model->shape().inputs(), model->input(), rows),
        targets_(std::move(y), std::move(weights), model->shape(), samples_.total),
        shuffle_(shuffle),
        optimizer_(chosen.optimizer),
        by_step_(chosen.by_step != 0),
        averaging_(chosen.averaging) {
    if (samples_.n == 0) value_error("x has no rows: expected at least one sample");
    if (batch == 0) value_error("batch_size is 0: expected at least 1");
    if (used > samples_.n) value_error("used is more than the rows of x");
    open();
    const Data<T> data = targets_.data(samples_);
    run_or_raise([&](Cancellation& cancellation) {
      return trainer_.prepare(model->shape(), data, batch, chosen, cancellation, trained);
    });
    if (used != 0) trainer_.use_first(used);
  }

  // Other samples for the epochs that follow, a step each, with the optimizer's state as it is.
  void use(py::object x, py::object y, py::object weights, const py::object& picks) {
    const Model<T>& model = claimed();
    Samples<T> samples(std::move(x), model.shape().inputs(), model.input());
    Targets<T> targets(std::move(y), std::move(weights), model.shape(), samples.total, picks);
    if (samples.n == 0) value_error("x has no rows: expected at least one sample");
    const Running here(running_);
    const Data<T> data = keep(std::move(samples), std::move(targets));
    const Status status =
        SignalPoll().run([&](Cancellation& cancellation) { return trainer_.use(data, cancellation); });
    if (status != Status::ok) model_.reset();  // until it gets others
    raise_unless_ok(status);
  }

  // A whole step on samples in plain arrays (plain.hpp), of which all numbers are looked at first; from open to close.
  // (loss, correct, diverged), or None where they are others, which are to be checked first: nothing has happened then.
  py::object step(const py::object& x, const py::object& y, const py::object& picks, double rate, std::uint32_t epoch) {
    const Shape& shape = network_->shape();
    std::optional<Samples<T>> samples = Samples<T>::plain_and_finite(x, shape.inputs(), network_->input());
    if (!samples || samples->n == 0 || !codes_are_known(shape.columns, samples->rows, samples->n)) return py::none();
    if (samples->n == 1 && trainer_.whole_batches()) return py::none();
    std::optional<Targets<T>> targets = Targets<T>::plain(y, picks, shape, samples->n);
    if (!targets) return py::none();
    open();
    const Closing closing(*this);
    const Running here(running_);
    const Data<T> data = keep(std::move(*samples), std::move(*targets));
    SignalPoll poll;
    const auto work = [&](const Start& start, Cancellation& cancellation) {
      if (const Status s = trainer_.use(data, cancellation); s != Status::ok) return LossResult{.status = s};
      return trainer_.run_epoch(start.parameters, start.state, options(epoch, {.rates = &rate}, start, false),
                                cancellation);
    };
    const LossResult result = train(poll, true, work, [&](const LossResult& done) { return step_if_whole(done); });
    return py::make_tuple(result.loss, result.correct, result.status == Status::diverged);
  }

  // A whole step with a gradient in plain arrays in place of samples. Whether all numbers were finite, before and
  // after; None where it is another gradient, which is to be checked first. The optimizer's state stays as it is where
  // the gradient was not finite.
  py::object apply(const py::object& gradient, double rate) {
    const PlainGradient<T> given(network_->shape(), gradient);
    if (!given.complete()) return py::none();
    open();
    const Closing closing(*this);
    const Running here(running_);
    bool finite = false;
    auto now = claimed().published();
    run_or_raise([&](Cancellation& cancellation) {
      if (const Status s = trainer_.prepare_gradient(*now, cancellation); s != Status::ok) return s;
      given.each([&](const ParameterBlock& block, const T* values) { trainer_.set_gradient(*now, block, values); });
      finite = trainer_.gradient_is_finite();
      return Status::ok;
    });
    now.reset();
    if (!finite) return py::bool_(false);
    SignalPoll poll;
    const auto work = [&](const Start& start, Cancellation& cancellation) {
      return trainer_.apply_gradient(start.parameters, start.state, rate, start.average, cancellation);
    };
    const LossResult result = train(poll, true, work, [](const LossResult& done) {
      return done.status == Status::ok ? Counts::step : Counts::nothing;
    });
    return py::bool_(result.status == Status::ok);
  }

  // `on_progress` takes samples done, their loss, how many are right.
  // `whole`: these are all samples of the epoch; else `finish` says when it ends. `average`: whether an average is
  // published, where the fit has one. `single`: the model counts it as a single step.
  py::tuple run_epoch(std::uint32_t epoch, py::object on_progress, const py::object& rates, bool every_step, bool whole,
                      bool average, bool single, const py::object& decay, const py::object& dropout,
                      const py::object& smoothing) {
    claimed();
    if (trainer_.steps() == 0)
      throw std::runtime_error("this fit has no samples: those of the last use() were refused");
    const GivenValues given(trainer_.steps(), rates, decay, dropout, smoothing);
    if (!by_step_ && !given.only_rates()) value_error("decay, dropout and smoothing by step: expected by_step");
    const Running here(running_);
    std::function<void()> report;
    if (!on_progress.is_none())
      report = [&, told = Size{0}]() mutable {
        const LossResult done = trainer_.progress();
        if (every_step && done.samples == told) return;  // a look in the middle of a step
        told = done.samples;
        on_progress(done.samples, done.loss, done.correct);
      };
    SignalPoll poll(report, every_step);
    const auto work = [&](const Start& start, Cancellation& cancellation) {
      return trainer_.run_epoch(start.parameters, start.state, options(epoch, given.values(), start, whole),
                                cancellation);
    };
    const LossResult result = train(poll, average, work, [&](const LossResult& done) {
      if (single) return step_if_whole(done);
      if (!whole || done.samples != trainer_.samples()) return Counts::nothing;
      finished_ = py::make_tuple(epoch, done.loss, done.correct, done.samples);
      return Counts::epoch;
    });
    return py::make_tuple(result.loss, result.correct, result.status == Status::diverged, result.samples);
  }

  // What the model predicts with now; cheap, as published parameters never change. And back to it; the optimizer, which
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

  // Between close and open others may change the network. A pass that runs keeps it: whoever began that closes it.
  void open() {
    const char* const refusal = "this network is being fitted already";
    if (model_) throw std::runtime_error(refusal);
    model_.emplace(network_, refusal);
  }
  void close() {
    if (!running_) model_.reset();
  }

 private:
  // What a pass begins with.
  struct Start {
    const Parameters<T>& parameters;
    OptimizerState<T>& state;
    WeightAverage<T>* average;
  };
  EpochOptions<T> options(std::uint32_t epoch, const StepValues& values, const Start& start, bool ends) const {
    return {.seed = network_->seed(),
            .epoch = epoch,
            .shuffle = shuffle_,
            .values = values,
            .average = start.average,
            .ends = ends};
  }

  // work(start, cancellation), which changes the parameters, between taking the optimizer's state out of the model and
  // publishing what became of both. `counts(result)`: what the model counts it as.
  template <class Work, class Count>
  LossResult train(SignalPoll& poll, bool average, Work work, Count counts) {
    Model<T>& model = claimed();
    auto start = model.published();
    // What may fail is made before anything is taken out of the model: publishing cannot.
    const auto next = shared<Parameters<T>>();
    const auto fresh = shared<OptimizerState<T>>();
    EpochAverage<T, Model<T>> averaged(model, averaging_, average);
    const auto before = model.exchange_optimizer_state(nullptr);
    const bool goes_on = before != nullptr && before->suits(optimizer_), mine = goes_on && before.use_count() == 1;
    const auto state = mine ? before : fresh;
    const LossResult result = poll.run([&](Cancellation& cancellation) {
      const Status ready = mine      ? Status::ok
                           : goes_on ? state->copy(*before, cancellation)
                                     : state->begin(optimizer_, start->panels().size(), cancellation);
      if (ready != Status::ok) return LossResult{.status = ready};
      if (const Status s = averaged.prepare(cancellation); s != Status::ok) return LossResult{.status = s};
      state->optimizer = optimizer_;
      return work(Start{*averaged.start(start.get()), *state, averaged.next()}, cancellation);
    });
    if (!trainer_.has_parameters()) {  // it has not begun
      model.exchange_optimizer_state(before);
      averaged.restore();
    }
    const auto publish = [&] {
      start.reset();
      this->publish(next, state, averaged, counts(result));
    };
    if (result.status == Status::interrupted) {
      // Python's error is set: keep it while the weights of the last finished step are published.
      const py::error_already_set interruption;
      if (!poll.forked() && trainer_.has_parameters() && trainer_.finite()) publish();
      throw interruption;
    }
    raise_unless_ok(result.status);
    if (result.status != Status::diverged) publish();
    return result;
  }

  Data<T> keep(Samples<T> samples, Targets<T> targets) {
    samples_ = std::move(samples);
    targets_ = std::move(targets);
    return targets_.data(samples_);
  }

  void publish(const std::shared_ptr<Parameters<T>>& next, std::shared_ptr<OptimizerState<T>> state,
               const EpochAverage<T, Model<T>>& averaged, Counts counts) {
    *next = trainer_.give_parameters();
    const auto former = claimed().publish(next, std::move(state), averaged.finished(), counts);
    if (former.use_count() == 1) trainer_.reuse(std::move(*former));  // else somebody predicts with them
  }

  // Nobody stops it: all steps of the epoch are published, which would then not count, nor be in the average.
  void average_epoch(Model<T>& model) {
    const Running here(running_);
    auto start = model.published();
    const auto next = shared<Parameters<T>>();
    EpochAverage<T, Model<T>> averaged(model, averaging_, true);
    const Status status = Unlocked::run([&] {
      Cancellation never;
      Status s = averaged.prepare(never);
      if (s == Status::ok) s = trainer_.begin(*start, averaged.next(), never);
      if (s == Status::ok) trainer_.end_epoch();
      return s;
    });
    if (!trainer_.has_parameters()) averaged.restore();
    raise_unless_ok(status);
    start.reset();
    publish(next, model.now().optimizer, averaged, Counts::epoch);
  }

  Counts step_if_whole(const LossResult& done) const {
    return done.samples == trainer_.samples() ? Counts::step : Counts::nothing;
  }

  struct Running {
    explicit Running(std::atomic<bool>& running) : flag(running) {
      if (flag.exchange(true)) throw std::runtime_error("an epoch of this fit is running already");
    }
    ~Running() { flag = false; }
    std::atomic<bool>& flag;
  };

  struct Closing {
    explicit Closing(Fit& fit) : of(fit) {}
    ~Closing() { of.close(); }
    Fit& of;
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
  bool by_step_;
  Averaging averaging_;
  Trainer<T> trainer_;
  py::object finished_ = py::none();
  std::atomic<bool> running_{false};
};

}  // namespace fcnet::bindings
