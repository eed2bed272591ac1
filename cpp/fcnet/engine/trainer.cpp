// SPDX-License-Identifier: MIT
#include "fcnet/engine/trainer.hpp"

#include <utility>

#include "fcnet/engine/shuffle.hpp"

namespace fcnet {
template <class T>
Status Trainer<T>::prepare(const Shape& shape, const Data<T>& data, Size batch, const Hyperparameters& chosen,
                           Cancellation& cancellation, const Trained& trained) {
  stages_ = Stages(shape);
  trained_ = trained;
  samples_ = used_ = data.samples;
  rows_of_samples_ = data.x.order;
  picked_ = data.picks != nullptr;
  batch_ = std::min(batch, samples_);
  chosen_ = chosen;
  plan_ = plan_training<T>(stages_, trained, batch_, chosen, num_threads(), sparsity(stages_, data));
  plan_.by_rows = plan_.by_rows && !picked_;
  norm_blocks_.clear();
  if (const Status s = parameters_.allocate(shape, cancellation); s != Status::ok) return s;
  const auto allocate = [&](Buffer<T>& buffer, Size copies) {
    const Status s = buffer.allocate(CheckedSize(parameters_.panels().size()) * copies);
    return s == Status::ok ? prefault(buffer, cancellation) : s;
  };
  if (const Status s = averager_.prepare(shape, chosen.averaging, cancellation); s != Status::ok) return s;
  if (plan_.stoppable) {
    if (const Status s = next_.allocate(shape, cancellation); s != Status::ok) return s;
    if (const Status s = allocate(next_slots_, state_slots(chosen.optimizer)); s != Status::ok) return s;
  }
  if (plan_.chunk < batch_ * shape.lanes() || chosen.needs_norm() || stages_.sums())
    if (const Status s = allocate(sums_, 1); s != Status::ok) return s;
  if (chosen.needs_norm()) {
    list_norm_blocks();
    if (const Status s = squares_.allocate(norm_blocks_.size()); s != Status::ok) return s;
  }
  if (const Status s = order_.allocate(samples_); s != Status::ok) return s;
  return plan_.by_rows ? rows_.prepare(shape, data, batch_, chosen_)
                       : forward_backward_.prepare(stages_, {.trained = trained, .by_batch = trained}, parameters_,
                                                   data, plan_.chunk);
}

template <class T>
void Trainer<T>::list_norm_blocks() {
  constexpr Size elements = Size{1} << 15;  // of a block: never another number, as the norm is summed in blocks
  const auto list_apart = [&](const ParameterBlock& block) {
    for (Size first = 0, lines = block.lines(); first < lines; first += elements / panel_width) {
      norm_blocks_.push_back(block.lines(first, std::min(first + elements / panel_width, lines)));
      norm_blocks_.back().optimized = trained_(block.layer);
    }
  };
  for (Size l = 0; l < shape().layers(); ++l) {
    if (stages_.members())
      for (const ParameterBlock& block : stages_.blocks(l))
        if (block.apart()) list_apart(block);
    if (shape().is_heads(l)) continue;
    const Size rows = std::max(stages_.blocks(l).optimized_rows(), shape().sizes[l] + !shape().has_s(l));
    const Size block = std::max(elements / (ceil_div(shape().sizes[l + 1], panel_width) * panel_width), Size{1});
    const ParameterBlock& weights = *stages_.blocks(l).begin();
    const auto list = [&](Size first, Size last, const Factors& factors) {
      for (; first < last; first += block)
        norm_blocks_.push_back(
            {Role::weights, l, first, std::min(block, last - first), weights.columns, trained_(l), factors});
    };
    const Size alike = weights.factors.multiplier == 1 ? rows : weights.last_row();
    list(0, alike, weights.factors);
    list(alike, rows, {});
    if (const ParameterBlock* const of = stages_.blocks(l).find(Role::scale); of != nullptr) {
      norm_blocks_.push_back(*of);
      norm_blocks_.back().optimized = trained_(l);
    }
  }
  if (!stages_.embeds()) return;
  for (const ParameterBlock& block : stages_.blocks(stages_.columns())) list_apart(block);
}

template <class T>
Status Trainer<T>::use(const Data<T>& data, Cancellation& cancellation) {
  has_parameters_ = false;
  const bool other = (data.picks != nullptr) != picked_;
  if (other || data.samples > batch_ || (!plan_.by_rows && !forward_backward_.takes(data))) {
    const Status s = prepare(Shape(shape()), data, data.samples, chosen_, cancellation, trained_);
    if (s != Status::ok) batch_ = 0;  // whatever comes next is prepared anew
    return s;
  }
  samples_ = used_ = data.samples;
  rows_of_samples_ = data.x.order;
  const Plan now = plan_training<T>(stages_, trained_, batch_, chosen_, num_threads(), sparsity(stages_, data));
  plan_.threads = now.threads;  // set since, perhaps
  plan_.by_rows ? rows_.use(data) : forward_backward_.use(data);
  return Status::ok;
}

template <class T>
UpdateTarget<T> Trainer<T>::target(const T* w, bool go_on) {
  const std::ptrdiff_t offset = w - parameters_.panels().data();
  return {.w = w,
          .state = state_->slots.data() + offset,
          .new_w = (plan_.stoppable ? next_ : parameters_).panels().data() + offset,
          .new_state = (plan_.stoppable ? next_slots_ : state_->slots).data() + offset,
          .slot = parameters_.panels().size(),
          .sums = go_on ? sums_.data() + offset : nullptr};
}

// Of q, where a block holds multiplier * q.
template <class T>
OptimizerStep<T> Trainer<T>::step_of(const ParameterBlock& block, const Step& step) const {
  const auto& [rate, of_step, powers, scale, weight] = step;
  const auto& [of_rate, of_decay, multiplier] = block.factors;
  const bool plain = !stages_.blocks(block.layer).have_factors();
  if (plain && of_step == 1) return optimizer_step<T>(chosen_, rate, powers, scale, weight);
  Hyperparameters by = chosen_;
  by.weight_decay *= of_step;
  if (plain) return optimizer_step<T>(by, rate, powers, scale, weight);
  const double decay = of_decay.value_or(traits(block.role).decays || chosen_.decay_biases != 0 ? 1 : 0);
  by.decay_biases = decay != 0;
  for (double* const each : {&by.weight_decay, &by.l2, &by.l2_sum}) *each *= decay / multiplier;
  return optimizer_step<T>(by, rate * of_rate * multiplier, powers, scale * multiplier, weight);
}

template <class T>
void Trainer<T>::update(const WeightProduct<T>& weights, const Step& step, bool go_on) {
  const LayerBlocks& blocks = stages_.blocks(weights.layer);
  if (!blocks.have_factors()) return update(weights, step_of(*blocks.begin(), step), go_on);
  for (const ParameterBlock& block : blocks) {
    if (traits(block.role).learns != Learns::by_weight_product) continue;
    WeightProduct<T> part = weights;
    part.block.first_row = std::max(weights.block.first_row, block.first_row);
    part.block.last_row = std::min(weights.block.last_row, block.last_row());
    if (part.block.first_row < part.block.last_row) update(part, step_of(block, step), go_on);
  }
}

template <class T>
void Trainer<T>::update(const WeightProduct<T>& weights, const OptimizerStep<T>& step, bool go_on) {
  const auto [first_row, last_row, first_panel, last_panel] = weights.block;
  const LayerView<T> layer = parameters_.layer(weights.layer).panels(first_panel, last_panel);
  if (weights.is_sparse)
    kernels<T>().update_nonzeros(layer, weights.nonzeros, weights.sigma_t, &step, target(layer.w, go_on), first_row,
                                 last_row);
  else
    kernels<T>().update(layer, weights.h, weights.sigma_t, step, target(layer.w, go_on), first_row, last_row);
}

template <class T>
void Trainer<T>::update_by_sums(const ParameterBlock& rows, const Step& step) {
  if (rows.apart()) {
    const Size lines = rows.lines(), decaying = traits(rows.role).decays ? lines : 0;
    T* const w = parameters_.row(rows).p;
    const LayerView<T> view{w, 0, decaying, panel_width, Activation::identity};
    return kernels<T>().update(view, {}, {}, step_of(rows, step), target(w, true), 0, lines);
  }
  for (const ParameterBlock& block : stages_.blocks(rows.layer)) {
    const Size first = std::max(rows.first_row, block.first_row), last = std::min(rows.last_row(), block.last_row());
    if (!block.optimized || block.apart() || first >= last) continue;
    const ParameterRow<T> row = parameters_.row(block);
    T* const w = row.p + (first - block.first_row) * panel_width;
    const Size decaying = traits(block.role).decays ? last - first : 0;
    const LayerView<T> view{w, row.stride, decaying, block.columns, Activation::identity};
    kernels<T>().update(view, {}, {}, step_of(block, step), target(w, true), 0, last - first);
  }
}

// Updates at once with the last chunk of a batch, unless the norm of the gradient is needed before.
template <class T>
class Trainer<T>::UpdateSink final : public GradientSink<T> {
 public:
  UpdateSink(Trainer& trainer, double rate, double decay, const Powers& powers)
      : trainer_(trainer), rate_(rate), decay_(decay), powers_(powers) {}

  void product(const ChunkResult& result, const WeightProduct<T>& weights) override {
    if (updates(result)) return trainer_.update(weights, step_of(result.loss), !result.first);
    const Parameters<T>& parameters = trainer_.parameters_;
    weights.sum(parameters.layer(weights.layer), trainer_.sums_.data() + parameters.offset(weights.layer),
                !result.first);
  }

  void sums(const ChunkResult& result, const ParameterBlock& block, const T* values) override {
    switch (traits(block.role).learns) {
      case Learns::by_weight_product:
        return;
      case Learns::by_sums:
        if (!block.optimized) return;
        add_sums(trainer_.sums_of(block), values, block.columns, result.first);
        if (updates(result)) trainer_.update_by_sums(block, step_of(result.loss));
        return;
      case Learns::from_statistics:
        return trainer_.update_statistics(block, values, result.chunk.samples);
    }
  }

  Step step_of(const LossSum& loss, double shortened = 1) const {
    return {rate_, decay_, powers_, trainer_.scale(loss) * shortened, loss.weight};
  }

 private:
  bool updates(const ChunkResult& result) const { return result.last && !trainer_.chosen_.needs_norm(); }

  Trainer& trainer_;
  double rate_, decay_;
  Powers powers_;
};

template <class T>
void Trainer<T>::update_statistics(const ParameterBlock& block, const T* of_batch, Size samples) {
  const ParameterRow<T> now = parameters_.row(block), next = (plan_.stoppable ? next_ : parameters_).row(block);
  // of one sample alone there is no spread
  const T weight = samples == 1 ? T(0) : static_cast<T>(shape().kind(block.layer).momentum);
  const T unbiased = static_cast<T>(samples) / static_cast<T>(std::max(samples, Size{2}) - 1);
  const T factor = block.role == Role::running_variance ? unbiased : T(1);
  for (Size j = 0; j < block.columns; ++j) next[j] = now[j] + weight * (factor * of_batch[j] - now[j]);
}

template <class T>
template <class F>
void Trainer<T>::each_block(const Team& team, Cancellation& cancellation, F f) {
  for (Size i = static_cast<Size>(team.id); i < norm_blocks_.size(); i += static_cast<Size>(team.size)) {
    if (plan_.stoppable && !go_on(team, cancellation)) return;
    f(i, norm_blocks_[i]);
  }
}

template <class T>
double Trainer<T>::gradient_norm(const Team& team, Cancellation& cancellation) {
  team.sync();  // the sums are complete
  each_block(team, cancellation, [&](Size i, const ParameterBlock& block) {
    const ParameterRow<T> sums = sums_of(block);
    double sum = 0;
    for (Size q = 0; q * panel_width < block.columns; ++q)
      sum += kernels<T>().sum_of_squares(sums.p + q * sums.stride, block.rows, used_width(block.columns, q));
    squares_[i] = block.factors.multiplier * block.factors.multiplier * sum;
  });
  team.sync();
  double sum = 0;
  for (Size i = 0; i < norm_blocks_.size(); ++i) sum += squares_[i];
  return __builtin_sqrt(sum);
}

template <class T>
LossSum Trainer<T>::step(const Team& team, Chunk batch, Cancellation& cancellation) {
  const Size number = batch.first / batch_;
  const double rate = values_.rates != nullptr ? values_.rates[number] : chosen_.learning_rate;
  const double decay = values_.decay != nullptr ? values_.decay[number] : 1;
  Powers powers = state_->powers;  // thread 0 may be done with its share, and advance them, before the others are
  powers.advance(chosen_);
  UpdateSink sink(*this, rate, decay, powers);
  const LossSum loss = forward_backward_.run(team, batch, plan_.chunk, sink);
  if (chosen_.needs_norm()) {
    const double norm = scale(loss) * gradient_norm(team, cancellation);
    const Step of_step = sink.step_of(loss, shortening(chosen_, norm));
    each_block(team, cancellation, [&](Size, const ParameterBlock& block) {
      if (block.optimized) update_by_sums(block, of_step);
    });
  }
  return loss;
}

template <class T>
void Trainer<T>::finish_step(const LossSum& loss, Size samples) {
  if (plan_.stoppable) {
    std::swap(parameters_, next_);
    std::swap(state_->slots, next_slots_);
  }
  state_->powers.advance(chosen_);
  if (averager_.is_of_steps()) averager_.count_step();
  add_mean(total_, shape().loss, outputs_in_loss(), loss);
  seen_ += samples;
}

template <class T>
void Trainer<T>::run_steps(Cancellation& cancellation) {
  stop_ = false;
  Size begin = 0, next = 0, since_check = 0;  // thread 0's, beyond the teams'
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    for (Size first = begin; first < used_ && !stop_ && !reform_; first += batch_) {
      const Chunk batch{first, std::min(batch_, used_ - first)};
      const LossSum loss = step(team, batch, cancellation);
      if (plan_.stoppable) team.sync();  // all of the new parameters are written
      if (team.id == 0) {
        const bool dropped = plan_.stoppable && cancellation.check();
        if (!dropped) finish_step(loss, batch.samples);
        if (++since_check == steps_at_once(cancellation)) since_check = 0;
        stop_ = dropped || !is_finite(loss) || (since_check == 0 && cancellation.check_after_step());
        reform_ = should_reform(team, plan_.threads);
        next = first + batch_;
      }
      team.sync();
      // Where the step was not dropped; no thread changes a weight before all have synchronised again.
      if (averager_.is_of_steps() && seen_ > first) averager_.take_step(team, parameters_);
    }
  };
  for (; begin < used_ && !stop_; begin = next) {
    reform_ = false;
    run_team(plan_.threads, body,
             patience(3 * stages_.flops() * static_cast<double>(std::min(batch_, used_) * shape().lanes())));
  }
}

template <class T>
void Trainer<T>::run_small_steps(const std::int64_t* order, Cancellation& cancellation) {
  const RowTraining<T>& training = rows_.on(parameters_, state_->slots, averager_.by_rows(), order);
  RowProgress progress{.powers = state_->powers, .rates = values_.rates, .total = {}, .averaged = averager_.count()};
  const FlushDenormals flush;
  do {
    const Size last = std::min(used_, seen_ + batch_ * steps_at_once(cancellation));
    seen_ = kernels<T>().train_rows(training, seen_, last, batch_, progress);
    total_ = progress.total;
  } while (!cancellation.check_after_step() && seen_ < used_ && is_finite(total_));
  state_->powers = progress.powers;
  averager_.set_count(progress.averaged);
}

template <class T>
Status Trainer<T>::begin(const Parameters<T>& start, WeightAverage<T>* average, Cancellation& cancellation) {
  averager_.use(average);
  if (has_parameters_) return Status::ok;
  const Status s = averager_.begin(start, parameters_, cancellation);
  has_parameters_ = s == Status::ok;
  return s;
}

template <class T>
bool Trainer<T>::draw_order(std::uint64_t seed, std::uint32_t epoch, Cancellation& cancellation) {
  if (!permutation(seed, epoch, order_.data(), samples_, [&] { return !cancellation.check(); })) return false;
  if (rows_of_samples_ == nullptr) return true;
  constexpr Size at_once = Size{1} << 16;
  for (Size first = 0; first < samples_; first += at_once) {
    if (cancellation.check()) return false;
    for (Size i = first; i < std::min(first + at_once, samples_); ++i) order_[i] = rows_of_samples_[order_[i]];
  }
  return true;
}

template <class T>
LossResult Trainer<T>::run_epoch(const Parameters<T>& start, OptimizerState<T>& state, const EpochOptions<T>& options,
                                 Cancellation& cancellation) {
  const auto [seed, epoch, shuffle, values, average, ends] = options;
  state_ = &state;
  values_ = values;
  total_ = {};
  before_ = epoch == epoch_ ? before_ + seen_ : 0;
  epoch_ = epoch;
  seen_ = 0;
  if (const Status s = begin(start, average, cancellation); s != Status::ok) return {.status = s};
  if (plan_.stoppable && !trained_.all()) {
    if (const Status s = next_.copy(parameters_, cancellation); s != Status::ok) return {.status = s};
    if (const Status s = copy_all(state.slots, next_slots_, cancellation); s != Status::ok) return {.status = s};
  }
  if (shuffle && !draw_order(seed, epoch, cancellation)) return {.status = Status::interrupted};
  const std::int64_t* const order = shuffle ? order_.data() : rows_of_samples_;
  if (plan_.by_rows) {
    run_small_steps(order, cancellation);
  } else {
    forward_backward_.begin(order, plan_.stoppable ? &cancellation : nullptr);
    forward_backward_.schedule(values, batch_);
    forward_backward_.drop(seed, epoch, before_);
    run_steps(cancellation);
  }
  LossResult result = progress();
  if (ends && seen_ == used_) end_epoch();
  if (cancellation.stopped())
    result.status = Status::interrupted;
  else if ((total_.weight != 0 && !__builtin_isfinite(result.loss)) || !finite())
    result.status = Status::diverged;
  return result;
}

template <class T>
Status Trainer<T>::prepare_gradient(const Parameters<T>& start, Cancellation& cancellation) {
  if (norm_blocks_.empty()) list_norm_blocks();
  if (sums_.size() != 0) return Status::ok;
  const Status s = sums_.allocate(start.panels().size());
  return s == Status::ok ? prefault(sums_, cancellation) : s;
}

template <class T>
void Trainer<T>::set_gradient(const Parameters<T>& start, const ParameterBlock& block, const T* values) {
  if (!trained_(block.layer)) return;  // nor do they count in the norm
  const ParameterRow<T> first = sums_of(start, block);
  if (block.apart()) {
    std::copy_n(values, block.rows * block.columns, first.p);
    return;
  }
  for (Size i = 0; i < block.rows; ++i, values += block.columns)
    for (Size q = 0; q * panel_width < block.columns; ++q)
      std::copy_n(values + q * panel_width, used_width(block.columns, q), first.p + q * first.stride + i * panel_width);
}

template <class T>
LossResult Trainer<T>::apply_gradient(const Parameters<T>& start, OptimizerState<T>& state, double rate,
                                      WeightAverage<T>* average, Cancellation& cancellation) {
  state_ = &state;
  if (const Status s = begin(start, average, cancellation); s != Status::ok) return {.status = s};
  const bool stoppable = std::exchange(plan_.stoppable, false);  // in place: nothing stops it on its way
  Powers powers = state.powers;
  powers.advance(chosen_);
  const auto body = [&](const Team& team) {
    const FlushDenormals flush;
    const double shortened = chosen_.needs_norm() ? shortening(chosen_, gradient_norm(team, cancellation)) : 1;
    const Step step{rate, 1, powers, shortened, 0};
    each_block(team, cancellation, [&](Size, const ParameterBlock& block) {
      if (block.optimized) update_by_sums(block, step);
    });
    team.sync();
    if (team.id == 0 && averager_.is_of_steps()) averager_.count_step();
    team.sync();
    if (averager_.is_of_steps()) averager_.take_step(team, parameters_);
  };
  run_team(useful_threads(static_cast<double>(sums_.size()), static_cast<Size>(num_threads())), body,
           patience(static_cast<double>(sums_.size())));
  plan_.stoppable = stoppable;
  state.powers = powers;
  return {.status = finite() ? Status::ok : Status::diverged};
}

template <class T>
LossResult Trainer<T>::progress() const {
  // NaN where no sample so far weighs anything: that measures nothing, which is no loss of 0.
  const double loss = total_.weight == 0 ? __builtin_nan("") : total_.sum / total_.weight;
  // of members in the mean
  const auto lanes = static_cast<std::int64_t>(shape().lanes());
  return {Status::ok, loss, (total_.correct + lanes / 2) / lanes, seen_};
}

template <class T>
Parameters<T> Trainer<T>::give_parameters() {
  has_parameters_ = false;
  return averager_.give(parameters_);
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace fcnet
