// SPDX-License-Identifier: MIT
// Training: whole epochs of shuffle, gather, forward, loss, backward, update on a private copy of the parameters.
// Two gradient paths (the optimiser in the tile, or the gradient in memory) with the same bits, for any number of
// threads.
#pragma once

#include "fcnet/propagation.hpp"

namespace fcnet {

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
  void begin(const std::int64_t* order, Watch& watch);
  PanelLoss update(const Team& team, Chunk batch);
  PanelLoss accumulate(const Team& team, Chunk batch, T* sums);
  void apply(const Team& team, const T* sums, const OptimizerStep<T>& step);
  OptimizerStep<T> optimizer_step(const PanelLoss& loss, Size samples) const;
  void count(const PanelLoss& loss, Size samples);

  Parameters<T> parameters_;
  Buffer<T> gradient_;  // the gradient path only
  Propagation<T> propagation_;
  Buffer<std::int64_t> order_;
  Size samples_ = 0, batch_ = 0;
  Plan plan_{};
  double learning_rate_ = 0;
  Watch* watch_ = nullptr;
  // Whether to end here: thread 0 writes it before a meeting, all read it after, and meet again before the next write.
  bool stop_ = false;
  LossResult total_;
};

}  // namespace fcnet
