// SPDX-License-Identifier: MIT
#include "fcnet/trainer.hpp"

#include <algorithm>

#include "fcnet/random.hpp"

namespace fcnet {
namespace {

constexpr Size chunk_samples = 512;          // what the gradient path takes at once
constexpr Size most_fused_samples = 2048;    // a larger batch goes through the gradient path in chunks
constexpr double longest_fused_step = 0.06;  // seconds; a longer step must be able to stop in the middle
constexpr double flops_per_thread = 2e5;     // less work than this is not worth waking a thread for
constexpr Size panels_at_once = 4;           // samples / 32 that a thread takes through a layer together

}  // namespace

template <class T>
Status Workspace<T>::allocate(const Shape& shape, Size panels) {
  panels_ = panels;
  const Size n = shape.sizes.size();
  h_.resize(n);
  sigma_.resize(n);
  sigma_t_.resize(n);
  for (Size l = 0; l < n; ++l) {
    const Checked stride = panel_stride(shape.sizes[l] + 1, sizeof(T));
    if (const Status s = h_[l].allocate(stride * panels); s != Status::ok) return s;
    for (Size p = 0; p < panels; ++p)  // the row that multiplies the bias
      std::fill_n(h(l).p + p * h(l).stride + shape.sizes[l] * lanes, lanes, T(1));
    if (l == 0) continue;
    if (const Status s = sigma_[l].allocate(stride * panels); s != Status::ok) return s;
    const Checked transposed = Checked(groups(shape.sizes[l], lanes)) * panels * (lanes * lanes);
    if (const Status s = sigma_t_[l].allocate(transposed); s != Status::ok) return s;
  }
  if (const Status s = target_.allocate(Checked(shape.outputs()) * lanes * panels); s != Status::ok) return s;
  return loss_.allocate(panels);
}

template <class T>
Status Trainer<T>::prepare(const Parameters<T>& start, const Data<T>& data, Size batch) {
  data_ = data;
  batch_ = std::min(batch, data.samples);
  const Shape& shape = start.shape();
  const double step_flops = 3 * shape.flops() * static_cast<double>(batch_);
  const bool fused =
      batch_ <= most_fused_samples && step_flops <= longest_fused_step * num_threads() * isa().flops_per_second;
  chunk_ = fused ? batch_ : std::min(batch_, chunk_samples);
  if (!fused && chunk_ == batch_) chunk_ = batch_ / 2 + batch_ % 2;
  if (const Status s = parameters_.copy(start); s != Status::ok) return s;
  if (!this->fused())
    if (const Status s = gradient_.allocate(parameters_.panels().size()); s != Status::ok) return s;
  if (const Status s = order_.allocate(data.samples); s != Status::ok) return s;
  return workspace_.allocate(shape, groups(chunk_, lanes));
}

template <class T>
int Trainer<T>::threads() const {
  const double flops = 3 * parameters_.shape().flops() * static_cast<double>(chunk_);
  return static_cast<int>(std::clamp(flops / flops_per_thread, 1.0, static_cast<double>(num_threads())));
}

// A fused step is short and runs to its end; a chunk of a long one stops wherever it is, before anything is updated.
template <class T>
bool Trainer<T>::go_on(const Team& team) const {
  return fused() || !(team.id == 0 ? watch_->check() : watch_->stopped());
}

template <class T>
template <class F>
void Trainer<T>::strips(const Team& team, Size first, Size last, double flops_per_row, F f) {
  if (fused())
    f(first, last);
  else
    in_strips(first, last, flops_per_row, [&] { return go_on(team); }, f);
}

template <class T>
void Trainer<T>::gather(Size panel, Batch chunk) {
  const RowSource rows{data_.x, data_.element, parameters_.shape().inputs(), rows_};
  const Size first = panel * lanes;
  kernels<T>().gather(rows, chunk.first + first, used_lanes(chunk.samples, panel), workspace_.h(0, panel, 1).p);
}

template <class T>
void Trainer<T>::loss_of(Size panel, Batch chunk) {
  const Shape& shape = parameters_.shape();
  const Size l = shape.layers();
  workspace_.loss(panel) =
      panel_loss(shape, data_, rows_, chunk.first + panel * lanes, used_lanes(chunk.samples, panel),
                 workspace_.h(l, panel, 1).p, workspace_.sigma(l, panel, 1).p, workspace_.target(panel));
}

template <class V>
Panels<const V> read_only(Panels<V> p) {
  return {p.p, p.stride, p.count};
}

// Every thread takes its panels from gather to the first layer's sigma and meets nobody on the way.
template <class T>
void Trainer<T>::propagate_by_panels(const Team& team, Batch chunk) {
  const Shape& shape = parameters_.shape();
  const Size panels = groups(chunk.samples, lanes), size = static_cast<Size>(team.size);
  const Size mine = part_begin(panels, size, static_cast<Size>(team.id));
  const Size end = part_begin(panels, size, static_cast<Size>(team.id) + 1);
  for (Size p = mine; p < end; p += panels_at_once) {
    const Size count = std::min(panels_at_once, end - p);
    const double flops = 2.0 * static_cast<double>(count * lanes);
    for (Size i = p; i < p + count; ++i) gather(i, chunk);
    for (Size l = 0; l < shape.layers(); ++l)
      strips(team, 0, shape.sizes[l + 1], flops * static_cast<double>(shape.sizes[l]), [&](Size first, Size last) {
        kernels<T>().forward(parameters_.layer(l), read_only(workspace_.h(l, p, count)), workspace_.h(l + 1, p, count),
                             first, last);
      });
    for (Size i = p; i < p + count; ++i) loss_of(i, chunk);
    for (Size l = shape.layers(); l > 0; --l) {
      for (Size i = p; i < p + count; ++i)
        kernels<T>().transpose(workspace_.sigma(l, i, 1).p, shape.sizes[l], 0, groups(shape.sizes[l], lanes),
                               workspace_.sigma_t(l).p + i * lanes * lanes, workspace_.sigma_t(l).stride);
      if (l == 1) break;
      strips(team, 0, shape.sizes[l - 1], flops * static_cast<double>(shape.sizes[l]), [&](Size first, Size last) {
        kernels<T>().back_data(parameters_.layer(l - 1), read_only(workspace_.sigma(l, p, count)),
                               read_only(workspace_.h(l - 1, p, count)), shape.activation(l - 2),
                               workspace_.sigma(l - 1, p, count), first, last);
      });
    }
  }
}

// All threads share each layer's rows and meet after it: for a batch of fewer panels than threads.
template <class T>
void Trainer<T>::propagate_by_layers(const Team& team, Batch chunk) {
  const Shape& shape = parameters_.shape();
  const Size panels = groups(chunk.samples, lanes);
  const Size id = static_cast<Size>(team.id), size = static_cast<Size>(team.size);
  const double flops = 2.0 * static_cast<double>(panels * lanes);
  const auto share = [&](Size rows, Size grain, auto f) {
    const Size blocks = groups(rows, grain);
    const Size first = part_begin(blocks, size, id) * grain;
    const Size last = std::min(part_begin(blocks, size, id + 1) * grain, rows);
    if (first < last) f(first, last);
  };
  for (Size p = id; p < panels; p += size) gather(p, chunk);
  team.sync();
  for (Size l = 0; l < shape.layers(); ++l) {
    share(shape.sizes[l + 1], isa().tile_rows, [&](Size begin, Size end) {
      strips(team, begin, end, flops * static_cast<double>(shape.sizes[l]), [&](Size first, Size last) {
        kernels<T>().forward(parameters_.layer(l), read_only(workspace_.h(l, 0, panels)),
                             workspace_.h(l + 1, 0, panels), first, last);
      });
    });
    team.sync();
  }
  for (Size p = id; p < panels; p += size) {
    loss_of(p, chunk);
    const Size l = shape.layers();
    kernels<T>().transpose(workspace_.sigma(l, p, 1).p, shape.outputs(), 0, groups(shape.outputs(), lanes),
                           workspace_.sigma_t(l).p + p * lanes * lanes, workspace_.sigma_t(l).stride);
  }
  for (Size l = shape.layers(); l > 1; --l) {
    team.sync();
    share(shape.sizes[l - 1], lanes, [&](Size begin, Size end) {  // whole panels, which their thread transposes
      strips(team, begin, end, flops * static_cast<double>(shape.sizes[l]), [&](Size first, Size last) {
        kernels<T>().back_data(parameters_.layer(l - 1), read_only(workspace_.sigma(l, 0, panels)),
                               read_only(workspace_.h(l - 1, 0, panels)), shape.activation(l - 2),
                               workspace_.sigma(l - 1, 0, panels), first, last);
      });
      for (Size p = 0; p < panels; ++p)
        kernels<T>().transpose(workspace_.sigma(l - 1, p, 1).p, shape.sizes[l - 1], begin / lanes, groups(end, lanes),
                               workspace_.sigma_t(l - 1).p + p * lanes * lanes, workspace_.sigma_t(l - 1).stride);
    });
  }
}

// Forward, loss and backward of a chunk; afterwards every thread may read all of it. Returns the chunk's loss, which
// each thread adds up for itself, in the order of the panels.
template <class T>
PanelLoss Trainer<T>::propagate(const Team& team, Batch chunk) {
  const Size panels = groups(chunk.samples, lanes), size = static_cast<Size>(team.size);
  if (panels % size == 0 || panels >= 4 * size)
    propagate_by_panels(team, chunk);
  else
    propagate_by_layers(team, chunk);
  team.sync();
  PanelLoss sum;
  for (Size p = 0; p < panels; ++p) {
    sum.sum += workspace_.loss(p).sum;
    sum.correct += workspace_.loss(p).correct;
  }
  return sum;
}

// f(layer, its h, its sigma^T, first row, last row) for this thread's share of the rows of every weight matrix.
template <class T>
template <class F>
void Trainer<T>::for_weight_rows(const Team& team, Batch chunk, F f) {
  const Shape& shape = parameters_.shape();
  const Size grain = isa().tile_rows, size = static_cast<Size>(team.size);
  for (Size l = 0; l < shape.layers(); ++l) {
    const Size rows = shape.sizes[l] + 1, blocks = groups(rows, grain);
    // The odd block goes to the last thread of one layer and to the first of the next.
    const Size id = static_cast<Size>(l % 2 == 0 ? team.id : team.size - 1 - team.id);
    const Size begin = part_begin(blocks, size, id) * grain;
    const Size end = std::min(part_begin(blocks, size, id + 1) * grain, rows);
    const double flops = 2.0 * static_cast<double>(chunk.samples) * static_cast<double>(shape.sizes[l + 1]);
    strips(team, begin, end, flops, [&](Size first, Size last) {
      f(l, read_only(workspace_.h(l)), read_only(workspace_.sigma_t(l + 1)), first, last);
    });
  }
}

template <class T>
void Trainer<T>::update(const Team& team, Batch chunk, const OptimizerStep<T>& step) {
  for_weight_rows(team, chunk, [&](Size l, auto h, auto sigma_t, Size first, Size last) {
    kernels<T>().update(parameters_.layer(l), h, sigma_t, chunk.samples, step, first, last);
  });
}

// The gradient path: sums over the batch in chunks that continue each other, so the bits are those of one chunk.
template <class T>
PanelLoss Trainer<T>::accumulate(const Team& team, Batch batch) {
  PanelLoss sum;
  for (Size done = 0; done < batch.samples && go_on(team); done += chunk_) {
    const Batch chunk{batch.first + done, std::min(chunk_, batch.samples - done)};
    const PanelLoss part = propagate(team, chunk);
    sum.sum += part.sum;
    sum.correct += part.correct;
    for_weight_rows(team, chunk, [&](Size l, auto h, auto sigma_t, Size first, Size last) {
      T* const to = sums_ + (parameters_.layer(l).w - parameters_.panels().data());
      kernels<T>().accumulate(parameters_.layer(l), h, sigma_t, chunk.samples, to, done > 0, first, last);
    });
    team.sync();
  }
  return sum;
}

template <class T>
void Trainer<T>::apply(const Team& team, const OptimizerStep<T>& step) {
  const Size rows = parameters_.panels().size() / lanes, size = static_cast<Size>(team.size);
  const Size begin = part_begin(rows, size, static_cast<Size>(team.id)) * lanes;
  const Size end = part_begin(rows, size, static_cast<Size>(team.id) + 1) * lanes;
  kernels<T>().apply(parameters_.panels().data() + begin, sums_ + begin, end - begin, step);
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
LossResult Trainer<T>::run_epoch(std::uint64_t seed, std::uint32_t epoch, bool shuffle, double learning_rate,
                                 Watch& watch) {
  total_ = {};
  watch_ = &watch;
  learning_rate_ = learning_rate;
  sums_ = gradient_.data();
  rows_ = shuffle ? order_.data() : nullptr;
  if (shuffle) permutation(seed, epoch, order_.data(), data_.samples);
  // Thread 0 decides before the step's last barrier whether to stop; two slots, so that it cannot change its mind
  // before the slowest thread has read.
  bool stop[2] = {false, false};
  const auto body = [&](const Team& team) {
    for (Size first = 0, i = 0; first < data_.samples && !stop[(i + 1) % 2]; first += batch_, ++i) {
      const Batch batch{first, std::min(batch_, data_.samples - first)};
      PanelLoss loss;
      if (fused()) {
        loss = propagate(team, batch);
        update(team, batch, optimizer_step(loss, batch.samples));
      } else {
        loss = accumulate(team, batch);
        if (watch.stopped()) break;
        apply(team, optimizer_step(loss, batch.samples));
      }
      if (team.id == 0) {
        count(loss, batch.samples);
        stop[i % 2] = watch.check();
      }
      team.sync();
    }
  };
  run_team(threads(), body);
  if (watch.stopped())
    total_.status = Status::interrupted;
  else if (!__builtin_isfinite(total_.loss) || !parameters_.finite())
    total_.status = Status::diverged;
  return total_;
}

template <class T>
LossResult Trainer<T>::gradients(Parameters<T>& gradient, Watch& watch) {
  total_ = {};
  watch_ = &watch;
  rows_ = nullptr;
  sums_ = gradient.panels().data();
  const auto body = [&](const Team& team) {
    const PanelLoss loss = accumulate(team, {0, data_.samples});
    if (team.id == 0 && !watch.stopped()) count(loss, data_.samples);
    if (team.id == 0) total_.status = watch.stopped() ? Status::interrupted : Status::ok;
    const T scale = optimizer_step(loss, data_.samples).scale;
    team.sync();
    const Size rows = gradient.panels().size() / lanes, size = static_cast<Size>(team.size);
    const Size end = part_begin(rows, size, static_cast<Size>(team.id) + 1) * lanes;
    for (Size i = part_begin(rows, size, static_cast<Size>(team.id)) * lanes; i < end; ++i) sums_[i] *= scale;
  };
  run_team(threads(), body);
  return total_;
}

template class Workspace<float>;
template class Workspace<double>;
template class Trainer<float>;
template class Trainer<double>;

}  // namespace fcnet
