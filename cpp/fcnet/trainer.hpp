// SPDX-License-Identifier: MIT
// Training: whole epochs of shuffle, gather, forward, loss, backward, update on a private copy of the parameters.
// Two schedules (who computes what) and two gradient paths (optimiser in the tile, or gradient in memory), all with
// the same bits, for any number of threads.
#pragma once

#include "fcnet/data.hpp"
#include "fcnet/threads.hpp"
#include "fcnet/watch.hpp"

namespace fcnet {

// Everything a chunk of at most `panels` panels needs between forward and update, allocated once.
template <class T>
class Workspace {
 public:
  [[nodiscard]] Status allocate(const Shape& shape, Size panels);

  Panels<T> h(Size l) { return view(h_[l], 0); }  // layer l's input; h(layers) is the output
  Panels<T> sigma(Size l) { return view(sigma_[l], 0); }
  Panels<T> h(Size l, Size first, Size count) { return {h(l).p + first * h(l).stride, h(l).stride, count}; }
  Panels<T> sigma(Size l, Size first, Size count) {
    return {sigma(l).p + first * sigma(l).stride, sigma(l).stride, count};
  }
  Panels<T> sigma_t(Size l) { return {sigma_t_[l].data(), panels_ * lanes * lanes, 0}; }
  T* target(Size panel) { return target_.data() + panel * target_.size() / panels_; }
  PanelLoss& loss(Size panel) { return loss_[panel]; }

 private:
  Panels<T> view(Buffer<T>& buffer, Size count) { return {buffer.data(), buffer.size() / panels_, count}; }

  Size panels_ = 1;
  std::vector<Buffer<T>> h_, sigma_, sigma_t_;
  Buffer<T> target_;
  Buffer<PanelLoss> loss_;
};

template <class T>
class Trainer {
 public:
  // Copies `start`; `data` must outlive the trainer. Nothing is allocated after this.
  [[nodiscard]] Status prepare(const Parameters<T>& start, const Data<T>& data, Size batch);

  // One pass over the data, shuffled by (seed, epoch) where `shuffle`.
  LossResult run_epoch(std::uint64_t seed, std::uint32_t epoch, bool shuffle, double learning_rate, Watch& watch);

  // The loss and dL/d(parameters) of the whole data as one batch, into `gradient` (panels like the parameters').
  LossResult gradients(Parameters<T>& gradient, Watch& watch);

  const Parameters<T>& parameters() const { return parameters_; }
  const LossResult& progress() const { return total_; }  // calling thread only, also from its poll

 private:
  struct Batch {
    Size first, samples;
  };

  bool fused() const { return chunk_ >= batch_; }
  bool go_on(const Team& team) const;
  PanelLoss propagate(const Team& team, Batch chunk);
  void propagate_by_panels(const Team& team, Batch chunk);
  void propagate_by_layers(const Team& team, Batch chunk);
  void gather(Size panel, Batch chunk);
  void loss_of(Size panel, Batch chunk);
  void update(const Team& team, Batch chunk, const OptimizerStep<T>& step);
  PanelLoss accumulate(const Team& team, Batch batch);
  void apply(const Team& team, const OptimizerStep<T>& step);
  void step(const Team& team, Batch batch);
  int threads() const;
  template <class F>
  void strips(const Team& team, Size first, Size last, double flops_per_row, F f);
  template <class F>
  void for_weight_rows(const Team& team, Batch chunk, F f);
  OptimizerStep<T> optimizer_step(const PanelLoss& loss, Size samples) const;
  void count(const PanelLoss& loss, Size samples);

  Parameters<T> parameters_;
  Buffer<T> gradient_;  // the gradient path only
  Workspace<T> workspace_;
  Buffer<std::int64_t> order_;
  Data<T> data_{};
  Size batch_ = 0, chunk_ = 0;  // samples a step, and samples that the workspace holds
  double learning_rate_ = 0;
  const std::int64_t* rows_ = nullptr;  // this epoch's order, or null
  T* sums_ = nullptr;                   // where accumulate adds up
  Watch* watch_ = nullptr;
  LossResult total_;
};

}  // namespace fcnet
