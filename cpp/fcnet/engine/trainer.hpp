// SPDX-License-Identifier: MIT
// Training: whole epochs of shuffle, gather, forward, loss, backward, update on a private copy of the parameters.
// The same bits for any number of threads and whichever way plan.hpp chooses.
#pragma once

#include "fcnet/engine/forward_backward.hpp"
#include "fcnet/engine/row_workspace.hpp"
#include "fcnet/model/optimizer_state.hpp"
#include "fcnet/model/weight_average.hpp"

namespace fcnet {

// What one epoch is to do.
template <class T>
struct EpochOptions {
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0;
  bool shuffle = true;                  // by (seed, epoch); else the samples are taken as they come
  StepValues values{};                  // of each of steps(); all but the rates where Hyperparameters::by_step says so
  WeightAverage<T>* average = nullptr;  // of the chosen kind, where one is formed; `start` is it where it has begun
  bool ends = true;                     // whether this is all of the epoch, or its last part
};

template <class T>
class Trainer {
 public:
  // `data` must outlive the trainer. Nothing is allocated after this but copies of the parameters between epochs.
  [[nodiscard]] Status prepare(const Shape& shape, const Data<T>& data, Size batch, const Hyperparameters& chosen,
                               Cancellation& cancellation, const Trained& trained = {});

  // Other data for the passes that follow, one step each, with the optimizer's state as it is.
  [[nodiscard]] Status use(const Data<T>& data, Cancellation& cancellation);
  // Leave out what is beyond so many samples of the order of an epoch.
  void use_first(Size samples) { used_ = samples; }

  // One pass over the data. It begins with a copy of `start` where the trainer has no parameters of its own, and with
  // `state`, which suits the optimizer and goes on with the steps. An interrupted epoch leaves the parameters of the
  // last finished step.
  LossResult run_epoch(const Parameters<T>& start, OptimizerState<T>& state, const EpochOptions<T>& options,
                       Cancellation& cancellation);
  // What run_epoch begins and ends with, for an epoch that comes in several parts.
  [[nodiscard]] Status begin(const Parameters<T>& start, WeightAverage<T>* average, Cancellation& cancellation);
  void end_epoch() { averager_.take_epoch(parameters_); }
  Size steps() const { return batch_ == 0 ? 0 : ceil_div(used_, batch_); }  // none after data that it could not use
  // Whether what becomes of a sample depends on the others.
  bool whole_batches() const { return stages_.whole_batches(); }
  Size samples() const { return used_; }  // of a pass

  // A gradient in place of samples: first all of it, block after block, row-major; that of a layer that is not trained
  // is left out. Then what the optimizer makes of it, in a step that nothing stops on its way.
  [[nodiscard]] Status prepare_gradient(const Parameters<T>& start, Cancellation& cancellation);
  void set_gradient(const Parameters<T>& start, const ParameterBlock& block, const T* values);
  bool gradient_is_finite() const { return kernels<T>().finite(sums_.data(), sums_.size()); }
  LossResult apply_gradient(const Parameters<T>& start, OptimizerState<T>& state, double rate,
                            WeightAverage<T>* average, Cancellation& cancellation);

  bool has_parameters() const { return has_parameters_; }
  const Parameters<T>& parameters() const { return parameters_; }
  bool finite() const { return parameters_.finite() && averager_.finite(); }
  // What to publish: they, or their average.
  Parameters<T> give_parameters();
  // The memory of parameters that nobody needs any more, for the next copy.
  void reuse(Parameters<T> memory) { averager_.reuse(std::move(memory), parameters_); }

  LossResult progress() const;  // calling thread only, also from its poll

 private:
  const Shape& shape() const { return stages_.shape(); }
  // Shuffles the rows of an epoch; false where somebody stopped it.
  bool draw_order(std::uint64_t seed, std::uint32_t epoch, Cancellation& cancellation);
  void run_steps(Cancellation& cancellation);
  void run_small_steps(const std::int64_t* order, Cancellation& cancellation);
  Size steps_at_once(const Cancellation& cancellation) const {
    return cancellation.every_step() ? 1 : plan_.steps_at_once;
  }
  class UpdateSink;
  // A step of the optimizer before it is that of a block, see optimizer_step.
  struct Step {
    double rate, decay;  // the learning rate; a factor of weight decay
    Powers powers;
    double scale, weight;
  };
  OptimizerStep<T> step_of(const ParameterBlock& block, const Step& step) const;
  LossSum step(const Team& team, Chunk batch, Cancellation& cancellation);
  // What the optimizer makes of a block of weights, whose sums over the samples go on from sums_ where `go_on`.
  void update(const WeightProduct<T>& weights, const Step& step, bool go_on);
  void update(const WeightProduct<T>& weights, const OptimizerStep<T>& step, bool go_on);
  // The same of rows whose sums are complete.
  void update_by_sums(const ParameterBlock& rows, const Step& step);
  void update_statistics(const ParameterBlock& block, const T* of_batch, Size samples);
  UpdateTarget<T> target(const T* w, bool go_on);
  void list_norm_blocks();
  // Where the sums of rows are.
  ParameterRow<T> sums_of(const ParameterBlock& rows) { return sums_of(parameters_, rows); }
  ParameterRow<T> sums_of(const Parameters<T>& like, const ParameterBlock& rows) {
    const ParameterRow<T> row = like.row(rows);
    return {sums_.data() + (row.p - like.panels().data()), row.stride};
  }
  // f(i, block i) for this thread's share of the row blocks.
  template <class F>
  void each_block(const Team& team, Cancellation& cancellation, F f);
  double gradient_norm(const Team& team, Cancellation& cancellation);
  Size outputs_in_loss() const { return picked_ ? 1 : shape().outputs(); }
  double scale(const LossSum& batch) const { return gradient_scale(shape().loss, outputs_in_loss(), batch); }
  void finish_step(const LossSum& loss, Size samples);

  Stages stages_;
  Trained trained_;
  Parameters<T> parameters_, next_;  // next_ and next_slots_: for steps that can be dropped
  OptimizerState<T>* state_ = nullptr;
  Buffer<T> next_slots_;
  Averager<T> averager_;
  bool has_parameters_ = false;
  Buffer<T> sums_;  // for batches in several chunks, and where the norm of the gradient is needed
  // All rows of the network in pieces, each a term of the gradient's norm; then updated, where optimized. The pieces of
  // a layer's panels have the role of its weights, also beyond them: whose rows they are, LayerBlocks says. None has
  // rows that differ in their multiplier. Also those of a gradient that is given.
  std::vector<ParameterBlock> norm_blocks_;
  Buffer<double> squares_;
  ForwardBackward<T> forward_backward_;
  RowWorkspace<T> rows_;  // instead, where the plan says by_rows
  Buffer<std::int64_t> order_;
  const std::int64_t* rows_of_samples_ = nullptr;  // null: all rows, as they come
  bool picked_ = false;                            // whether the loss of a sample is that of one of its outputs
  Size samples_ = 0, used_ = 0, batch_ = 0;
  Plan plan_{};
  Hyperparameters chosen_;
  StepValues values_;
  // Whether to end here, or to go on with another team: thread 0 writes it before a barrier, all read it after, and
  // before the next write there is another.
  bool stop_ = false, reform_ = false;
  LossSum total_;               // of the epoch; losses weighted by the samples of their batch
  Size seen_ = 0, before_ = 0;  // samples of the epoch in this run, and in those before where it comes in several
  std::uint32_t epoch_ = 0;
};

}  // namespace fcnet
