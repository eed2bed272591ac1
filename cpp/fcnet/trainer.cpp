// SPDX-License-Identifier: MIT
#include "fcnet/trainer.hpp"

#include "fcnet/random.hpp"

namespace fcnet {

template <class T>
Status Trainer<T>::prepare(const Parameters<T>& start, const Data<T>& data, Size batch) {
  samples_ = data.samples;
  batch_ = std::min(batch, samples_);
  plan_ = plan_training(start.shape(), batch_, num_threads());
  if (const Status s = parameters_.copy(start); s != Status::ok) return s;
  if (!plan_.fused)
    if (const Status s = gradient_.allocate(parameters_.panels().size()); s != Status::ok) return s;
  if (const Status s = order_.allocate(samples_); s != Status::ok) return s;
  return propagation_.prepare(parameters_, data, plan_.chunk);
}

template <class T>
PanelLoss Trainer<T>::update(const Team& team, Chunk batch) {
  return propagation_.run(team, batch, [&](Size l, Size first, Size last, const PanelLoss& loss) {
    kernels<T>().update(parameters_.layer(l), propagation_.h(l), propagation_.sigma_t(l + 1), batch.samples,
                        optimizer_step(loss, batch.samples), first, last);
  });
}

// The gradient path: sums over the batch in chunks that continue each other, so the bits are those of one chunk.
// Incomplete where stop_.
template <class T>
PanelLoss Trainer<T>::accumulate(const Team& team, Chunk batch, T* sums) {
  PanelLoss sum;
  for (Size done = 0; done < batch.samples && (done == 0 || !stop_); done += plan_.chunk) {
    const Chunk chunk{batch.first + done, std::min(plan_.chunk, batch.samples - done)};
    const PanelLoss part = propagation_.run(team, chunk, [&](Size l, Size first, Size last, const PanelLoss&) {
      T* const to = sums + (parameters_.layer(l).w - parameters_.panels().data());
      kernels<T>().accumulate(parameters_.layer(l), propagation_.h(l), propagation_.sigma_t(l + 1), chunk.samples, to,
                              done > 0, first, last);
    });
    sum.sum += part.sum;
    sum.correct += part.correct;
    if (team.id == 0) stop_ = watch_->check();
    team.sync();
  }
  return sum;
}

template <class T>
void Trainer<T>::apply(const Team& team, const T* sums, const OptimizerStep<T>& step) {
  const Size rows = parameters_.panels().size() / lanes, size = static_cast<Size>(team.size);
  const Size begin = part_begin(rows, size, static_cast<Size>(team.id)) * lanes;
  const Size end = part_begin(rows, size, static_cast<Size>(team.id) + 1) * lanes;
  kernels<T>().apply(parameters_.panels().data() + begin, sums + begin, end - begin, step);
}

template <class T>
OptimizerStep<T> Trainer<T>::optimizer_step(const PanelLoss& loss, Size samples) const {
  return {static_cast<T>(gradient_scale(parameters_.shape(), loss.sum, samples)), static_cast<T>(learning_rate_)};
}

template <class T>
void Trainer<T>::count(const PanelLoss& loss, Size samples) {
  const double before = static_cast<double>(total_.samples), now = static_cast<double>(samples);
  const double value = mean_loss(parameters_.shape(), loss.sum, samples);
  total_.loss = (total_.loss * before + value * now) / (before + now);
  total_.correct += loss.correct;
  total_.samples += samples;
}

template <class T>
void Trainer<T>::begin(const std::int64_t* order, Watch& watch) {
  total_ = {};
  stop_ = false;
  watch_ = &watch;
  // A fused step is short and runs to its end; a long one stops wherever it is, before anything is updated.
  propagation_.begin(order, plan_.fused ? nullptr : &watch);
}

template <class T>
LossResult Trainer<T>::run_epoch(std::uint64_t seed, std::uint32_t epoch, bool shuffle, double learning_rate,
                                 Watch& watch) {
  learning_rate_ = learning_rate;
  if (shuffle) permutation(seed, epoch, order_.data(), samples_);
  begin(shuffle ? order_.data() : nullptr, watch);
  const auto body = [&](const Team& team) {
    for (Size first = 0; first < samples_ && !stop_; first += batch_) {
      const Chunk batch{first, std::min(batch_, samples_ - first)};
      PanelLoss loss;
      if (plan_.fused) {
        loss = update(team, batch);
        if (team.id == 0) stop_ = watch.check();
      } else {
        loss = accumulate(team, batch, gradient_.data());
        if (stop_) break;
        apply(team, gradient_.data(), optimizer_step(loss, batch.samples));
      }
      if (team.id == 0) count(loss, batch.samples);
      team.sync();
    }
  };
  run_team(plan_.threads, body);
  if (watch.stopped())
    total_.status = Status::interrupted;
  else if (!__builtin_isfinite(total_.loss) || !parameters_.finite())
    total_.status = Status::diverged;
  return total_;
}

template <class T>
LossResult Trainer<T>::gradients(Parameters<T>& gradient, Watch& watch) {
  begin(nullptr, watch);
  T* const sums = gradient.panels().data();
  const auto body = [&](const Team& team) {
    const PanelLoss loss = accumulate(team, {0, samples_}, sums);
    if (team.id == 0 && !stop_) count(loss, samples_);
    const T scale = optimizer_step(loss, samples_).scale;
    const Size rows = gradient.panels().size() / lanes, size = static_cast<Size>(team.size);
    const Size end = part_begin(rows, size, static_cast<Size>(team.id) + 1) * lanes;
    for (Size i = part_begin(rows, size, static_cast<Size>(team.id)) * lanes; i < end; ++i) sums[i] *= scale;
  };
  run_team(plan_.threads, body);
  total_.status = watch.stopped() ? Status::interrupted : Status::ok;
  return total_;
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace fcnet
