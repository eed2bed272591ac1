// SPDX-License-Identifier: MIT
// What the stages of a training do with some samples of a chunk, forward and back: one thread's work, in an order that
// forward.hpp and forward_backward.hpp choose. Below, i is a group of stages (stages.hpp), which ends in h(i); `at` is
// a sample of the chunk and n how many there are from it on; rows first..last are those of the result.
#pragma once

#include "fcnet/base/random.hpp"
#include "fcnet/engine/forward.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/engine/step_values.hpp"
#include "fcnet/engine/workspace.hpp"
#include "fcnet/model/parameters.hpp"

namespace fcnet {

template <class V>
Panels<const V> read_only(Panels<V> p) {
  return {p.p, p.stride, p.samples};
}

// What a pass is for.
struct PassOptions {
  Trained trained{};       // the layers whose gradients are wanted
  Trained by_batch{};      // those that are normalised by statistics of the batch, not by the running ones
  bool to_inputs = false;  // whether sigma goes back to the inputs

  bool trains_columns(const Stages& stages) const { return stages.embeds() && trained(stages.columns()); }
  // Whether it goes back to what goes into the first layer, and through the stages before.
  bool to_first(const Stages& stages) const { return to_inputs || trains_columns(stages); }
};

template <class T>
class LayerPass {
 public:
  // Borrows `stages`, `parameters` and `data`; allocates for chunks of up to `samples`.
  [[nodiscard]] Status prepare(const Stages& stages, const PassOptions& options, const Parameters<T>& parameters,
                               const Data<T>& data, Size samples) {
    stages_ = &stages;
    options_ = options;
    parameters_ = &parameters;
    data_ = data;
    const Size longest = sparsity(stages, data).longest;
    return workspace_.allocate(stages, ceil_div(samples, panel_width), longest, options.to_first(stages),
                               options.to_inputs);
  }
  // Other gradients from here on, of the same forward pass.
  void want(const Trained& trained, bool to_inputs) {
    options_.trained = trained;
    options_.to_inputs = to_inputs;
  }

  // The order in which samples are taken; null: as they come.
  void begin(const std::int64_t* order) { order_ = order; }
  void use(const Data<T>& data) { data_ = data; }  // of no more samples at once
  // From here on dropout drops what belongs to this seed and epoch, of which so many samples came before.
  void drop(std::uint64_t seed, std::uint32_t epoch, Size before) {
    drops_ = true;
    seed_ = seed;
    epoch_ = epoch;
    before_ = before;
  }

  // From here on these values, a number of each for so many samples of an epoch.
  void schedule(const StepValues& values, Size batch) {
    values_ = values;
    batch_ = batch;
  }

  const Stages& stages() const { return *stages_; }
  const PassOptions& options() const { return options_; }
  Workspace<T>& workspace() { return workspace_; }

  // Whether a layer takes the nonzeros of sparse rows: then subchunks of samples begin panels.
  bool is_sparse(Size layer) { return layer == 0 && workspace_.sparse().longest() != 0; }
  Size granularity(Size i, const Team& team) {
    return is_sparse(i - 1) ? panel_width : row_granularity(stages_->group(i).rows, team.size);
  }

  void run(std::span<const Stage> stages, Size i, Chunk chunk, Size at, Size n, Size first, Size last) {
    for (const Stage& stage : stages) run(stage, i, chunk, at, n, first, last);
  }
  void run_back(std::span<const Stage> stages, Size i, Size at, Size n, Size first, Size last) {
    for (Size s = stages.size(); s-- > 0;) run_back(stages[s], i, at, n, first, last);
  }

  // sigma(i), the derivative by the result of a stage, becomes that by what comes into it.
  void run_back(const Stage& stage, Size i, Size at, Size n, Size first, Size last) {
    const T epsilon = static_cast<T>(shape().kind(stage.layer).epsilon);
    const Panels<T> sigma = workspace_.sigma(i, at, n);
    switch (stage.kind) {
      case StageKind::gather:
      case StageKind::product:
      case StageKind::heads:
      case StageKind::dropout:  // its factors are in the derivative that the activation saved
      case StageKind::loss:
        return;
      case StageKind::embed:
        return kernels<T>().embed_backward(parameters_->columns(), workspace_.columns(at, n).p,
                                           workspace_.h(i, at, n).p, sigma.p,
                                           options_.to_inputs ? workspace_.columns_sigma(at, n).p : nullptr, n);
      case StageKind::scale:
        return scale(stage, read_only(workspace_.scaled_sigma(i, at, n)), sigma, first, last);
      case StageKind::adapt:
        return kernels<T>().adapt_backward(parameters_->of_members(stage.layer, Role::member_s), shape().members, sigma,
                                           workspace_.before(i, at, n), first, last);
      case StageKind::batch_norm: {
        if (workspace_.keeps_before(i)) copy_rows(read_only(sigma), workspace_.before(i, at, n), first, last);
        T* const sums = running(stage) && !options_.trained(stage.layer) ? nullptr : workspace_.statistics(i);
        return kernels<T>().batch_norm_backward(parameters_->normalization(stage.layer), epsilon, running(stage), sigma,
                                                read_only(workspace_.normalized(i, at, n)), variance(i), sums,
                                                sums != nullptr ? sums + stages_->group(i).rows : nullptr, first, last);
      }
      case StageKind::layer_norm:
        return kernels<T>().layer_norm_backward(parameters_->normalization(stage.layer), sigma.p,
                                                workspace_.normalized(i, at, n).p, mean(i) + at,
                                                workspace_.before(i, at, n).p, n);
      case StageKind::activation:  // rides in the epilogue of a product, where one follows directly
        if (i == outputs() || stages_->group(i).scales()) derive(i, at, n, first, last);
        return;
      case StageKind::parametric:
        return kernels<T>().mix_backward(sigma, read_only(workspace_.excess(i, at, n)), derived_from(i, at, n),
                                         workspace_.mix_sums(i, at, stages_->group(i).rows), stages_->group(i).rows,
                                         workspace_.mix_products(i, at, n), first, last);
      case StageKind::softmax:
        return kernels<T>().softmax_backward(sigma.p, workspace_.h(i, at, n).p, stages_->group(i).rows, n);
    }
  }

  ParameterRow<T> scale_row(const Stage& stage) const { return row(stage, Role::scale); }
  // sigma(i) times F'
  void derive(Size i, Size at, Size n, Size first, Size last) {
    kernels<T>().derive(stages_->group(i).derivative, workspace_.sigma(i, at, n), derived_from(i, at, n), first, last);
  }
  // Of samples, where a layer normalises by them.
  const T* inverse_deviations(Size i) { return mean(i); }

  // sigma of the outputs, before the stages behind the last product, if any come before the loss
  void loss_of(Chunk chunk, Size at, Size n) {
    const Size i = outputs();
    if (shape().loss != Loss::custom)
      losses_of(shape(), shape().parameter * of_step(values_.smoothing, chunk), data_, order_, chunk.first + at, n,
                workspace_.h(i, at, n).p, workspace_.sigma(i, at, n).p, workspace_.target(at), workspace_.losses(at));
    run_back(stages_->group(i).before_loss(), i, at, n, 0, shape().outputs());
  }

  // The user's, of a chunk that is a whole batch; by one thread, with all outputs there. false: there is none.
  [[nodiscard]] bool custom_loss(Chunk chunk) {
    const Size i = outputs(), m = shape().outputs();
    T* const rows = workspace_.rows();
    for (Size at = 0; at < chunk.samples; at += panel_width) {
      const Size n = std::min(panel_width, chunk.samples - at);
      kernels<T>().scatter(workspace_.h(i, at, n).p, m, n, rows + at * m);
      std::fill_n(workspace_.losses(at), ceil_div(n, loss_group), LossSum{});
    }
    double mean = 0;
    if (!(*data_.custom)(order_, chunk.first, chunk.samples, rows, mean)) return false;
    double weight = static_cast<double>(chunk.samples);
    if (data_.weights != nullptr) {
      weight = 0;
      for (Size s = chunk.first; s < chunk.first + chunk.samples; ++s)
        weight += static_cast<double>(data_.weights[row_at(order_, s)]);
    }
    *workspace_.losses(0) = {mean * weight, weight, 0};
    for (Size at = 0; at < chunk.samples; at += panel_width) {
      const Size n = std::min(panel_width, chunk.samples - at);
      kernels<T>().gather(plain_rows(rows, m), at, n, workspace_.sigma(i, at, n).p);
    }
    return true;
  }

  // sigma(i) from sigma(i + 1) through the product between them, and through the stages that go with its rows; where it
  // goes no further, before the first layer trained, only what its scale needs
  void backward_data(Size i, Size at, Size n, Size first, Size last) {
    const Group& group = stages_->group(i);
    const Panels<T> to = group.scales() ? workspace_.scaled_sigma(i, at, n) : workspace_.sigma(i, at, n);
    const Panels<const T> sigma = read_only(workspace_.sigma(i + 1, at, n));
    if (shape().is_heads(i)) {
      kernels<T>().heads_backward(parameters_->heads(i), sigma, to, first, last);
      if (group.back_epilogue() != Activation::identity)
        kernels<T>().derive(group.back_epilogue(), to, derived_from(i, at, n), first, last);
    } else {
      kernels<T>().backward_data(parameters_->layer(i), sigma, derived_from(i, at, n), group.back_epilogue(), to, first,
                                 last);
    }
    if (i > options_.trained.first() || options_.to_first(*stages_))
      run_back(group.back_by_rows(), i, at, n, first, last);
  }

  // f(block, values) for the blocks of a layer that do not learn by the weight product, when sigma has come back
  // through its stages: sums over the samples, or statistics of the batch.
  template <class F>
  void each_sum(Size layer, Size samples, F f) {
    const Size i = layer + 1, rows = stages_->group(i).rows;
    T* const sums = workspace_.statistics(i);
    if (shape().kind(layer).normalization == Normalization::layer)
      kernels<T>().sums_over_samples(read_only(workspace_.before(i, 0, samples)),
                                     read_only(workspace_.normalized(i, 0, samples)), sums, sums + rows, rows);
    for (const ParameterBlock& block : stages_->blocks(layer)) switch (block.role) {
        case Role::weights:
        case Role::bias:
        case Role::product_bias:
        case Role::scale:  // later, see scale_sums
        case Role::member_weights:
        case Role::member_bias:
        case Role::member_r:
        case Role::member_s:  // later, see sum_members
        case Role::frequencies:
        case Role::phases:
        case Role::embedding_weights:
        case Role::embedding_bias:
        case Role::slopes:
        case Role::tables:  // of the columns, see columns_sums
          break;
        case Role::gamma:
          f(block, sums);
          break;
        case Role::beta:
          f(block, sums + rows);
          break;
        case Role::mix:
          f(block, mix_sums(i, samples));
          break;
        case Role::running_mean:
          f(block, mean(i));
          break;
        case Role::running_variance:
          f(block, variance(i));
          break;
      }
  }

  // Rows first..last of those of the scale before a layer, when sigma has come back through its product.
  void sum_scale(Size layer, Size samples, Size first, Size last) {
    const auto from = [&](Panels<const T> all) {
      return Panels<const T>{all.p + first * panel_width, all.stride, all.samples};
    };
    T* const sums = workspace_.scale_sums(layer);
    kernels<T>().sums_over_samples(from(read_only(workspace_.scaled_sigma(layer, 0, samples))),
                                   from(read_only(workspace_.h(layer, 0, samples))), sums + first,
                                   sums + stages_->group(layer).rows + first, last - first);
  }
  const T* scale_sums(Size layer) { return workspace_.scale_sums(layer); }

  // Those for rows first..last of an array of members, or for inputs first..last of the heads, when sigma has come back
  // through the layer's product.
  void sum_members(const ParameterBlock& block, Size samples, Size first, Size last) {
    const Size l = block.layer, i = l + 1, members = shape().members;
    const Panels<const T> sigma = read_only(workspace_.sigma(i, 0, samples));
    T* const sums = member_sums(block);
    if (block.role == Role::member_weights)
      kernels<T>().heads_sums(parameters_->heads(l), read_only(workspace_.h(l, 0, samples)), sigma, sums,
                              member_sums(*stages_->blocks(l).find(Role::member_bias)), first, last);
    if (block.role == Role::member_bias && !shape().is_heads(l))  // those of heads are formed with their weights
      kernels<T>().sums_by_member(read_only(workspace_.before(i, 0, samples)), {nullptr, 0, 0}, members, sums, first,
                                  last);
    if (block.role == Role::member_s)
      kernels<T>().sums_by_member(read_only(workspace_.before(i, 0, samples)),
                                  read_only(workspace_.normalized(i, 0, samples)), members, sums, first, last);
    if (block.role == Role::member_r)
      kernels<T>().sums_by_member(read_only(workspace_.scaled_sigma(l, 0, samples)),
                                  read_only(workspace_.h(l, 0, samples)), members, sums, first, last);
  }
  // Also of some lines of a block.
  T* member_sums(const ParameterBlock& block) {
    return workspace_.member_sums(block.layer) + block.first_row * panel_width;
  }

  // Parts first..last of those for the arrays of the columns (Columns::sums), from sigma(0).
  void sum_columns(Size samples, Size first, Size last) {
    kernels<T>().embed_sums(parameters_->columns(), read_only(workspace_.columns(0, samples)),
                            read_only(workspace_.sigma(0, 0, samples)),
                            parameters_->columns_at(workspace_.columns_sums()), first, last);
  }
  const T* columns_sums(const ParameterBlock& lines) {
    return workspace_.columns_sums() + lines.first_row * panel_width;
  }

  // dL/dx of a panel's samples, from sigma(0), into rows (samples, inputs) of the chunk.
  void inputs_of(Size at, Size n, T* rows) {
    const Panels<T> sigma = stages_->embeds() ? workspace_.columns_sigma(at, n) : workspace_.sigma(0, at, n);
    if (data_.x.scale != nullptr)
      kernels<T>().scale({const_cast<T*>(data_.x.scale), panel_width}, read_only(sigma), sigma, 0, shape().inputs());
    kernels<T>().scatter(sigma.p, shape().inputs(), n, rows + at * shape().inputs());
  }

  void transpose(Size i, Size at, Size n, Size first, Size last) {
    const Panels<T> to = workspace_.sigma_t(i);
    kernels<T>().transpose(workspace_.sigma(i, at, n).p, stages_->group(i).rows, first / panel_width,
                           ceil_div(last, panel_width), n, to.p + at * panel_width, to.stride);
  }

 private:
  void run(const Stage& stage, Size i, Chunk chunk, Size at, Size n, Size first, Size last) {
    const LayerKind& kind = shape().kind(stage.layer);
    const Panels<T> h = workspace_.h(i, at, n);
    switch (stage.kind) {
      case StageKind::gather:
        return gather(chunk, at, n);
      case StageKind::embed:
        return kernels<T>().embed(parameters_->columns(), workspace_.columns(at, n).p, h.p, n);
      case StageKind::scale:
        return scale(stage, read_only(h), workspace_.input(i, at, n), first, last);
      case StageKind::heads:
        return kernels<T>().heads(parameters_->heads(stage.layer), read_only(workspace_.h(i - 1, at, n)), h, first,
                                  last);
      case StageKind::adapt:
        return kernels<T>().adapt(parameters_->of_members(stage.layer, Role::member_s),
                                  parameters_->of_members(stage.layer, Role::member_bias), shape().members, h,
                                  workspace_.normalized(i, at, n), first, last);
      case StageKind::product: {
        const LayerView<T> layer = parameters_->layer(stage.layer, stages_->group(i).epilogue);
        if (is_sparse(stage.layer))
          return kernels<T>().forward_nonzeros(layer, workspace_.sparse().panels(at, n), h, first, last);
        return kernels<T>().forward(layer, read_only(workspace_.input(i - 1, at, n)), h, first, last);
      }
      case StageKind::batch_norm:
        return kernels<T>().batch_norm(parameters_->normalization(stage.layer), static_cast<T>(kind.epsilon),
                                       running(stage), h, workspace_.normalized(i, at, n), mean(i), variance(i), first,
                                       last);
      case StageKind::layer_norm:
        return kernels<T>().layer_norm(parameters_->normalization(stage.layer), static_cast<T>(kind.epsilon), h.p,
                                       workspace_.normalized(i, at, n).p, mean(i) + at, n);
      case StageKind::activation:
        if (stage.rides()) return;
        return kernels<T>().activate_and_save_derivative(stage.activation, h, workspace_.saved_derivative(i, at, n),
                                                         first, last);
      case StageKind::parametric:
        return kernels<T>().mix(stage.activation, row(stage, Role::mix), h, workspace_.excess(i, at, n),
                                workspace_.saved_derivative(i, at, n), first, last);
      case StageKind::softmax:
        return kernels<T>().softmax(h.p, stages_->group(i).rows, n);
      case StageKind::dropout:
        if (drops_) {
          const double fraction = kind.dropout * of_step(values_.dropout, chunk);
          kernels<T>().drop(dropout_of<T>(fraction, seed_, epoch_, stage.layer, before_ + chunk.first + at), h,
                            workspace_.saved_derivative(i, at, n), workspace_.excess(i, at, n), first, last);
        }
        return;
      case StageKind::loss:
        return;
    }
  }

  void gather(Chunk chunk, Size at, Size n) {
    const RowSource<T> rows = data_.x_in(order_);
    if (is_sparse(0))
      kernels<T>().gather_nonzeros(rows, chunk.first + at, n, workspace_.sparse().panels(at, n));
    else
      gather_samples(rows, chunk.first + at, n, shape().lanes(),
                     stages_->embeds() ? workspace_.columns(at, n).p : workspace_.h(0, at, n).p);
  }

  void scale(const Stage& stage, Panels<const T> from, Panels<T> to, Size first, Size last) {
    if (stages_->members())
      return kernels<T>().scale_by_member(parameters_->of_members(stage.layer, Role::member_r), shape().members, from,
                                          to, first, last);
    kernels<T>().scale(scale_row(stage), from, to, first, last);
  }

  ParameterRow<T> row(const Stage& stage, Role role) const {
    return parameters_->row(*stages_->blocks(stage.layer).find(role));
  }

  // dL/d(mix) of a parametric layer, when sigma has come back through its stages: the first group's sums and the
  // others.
  const T* mix_sums(Size i, Size samples) {
    const Size rows = stages_->group(i).rows;
    T* const sums = workspace_.mix_sums(i, 0, rows);
    for (Size g = 1; g < ceil_div(samples, loss_group); ++g)
      for (Size j = 0; j < rows; ++j) sums[j] += sums[g * rows + j];
    return sums;
  }

  static void copy_rows(Panels<const T> from, Panels<T> to, Size first, Size last) {
    for (Size p = 0; p * panel_width < from.samples; ++p)
      std::copy(from.p + p * from.stride + first * panel_width, from.p + p * from.stride + last * panel_width,
                to.p + p * to.stride + first * panel_width);
  }

  const Shape& shape() const { return stages_->shape(); }
  double of_step(const double* factors, Chunk chunk) const {
    return factors == nullptr ? 1 : factors[chunk.first / batch_];
  }
  Size outputs() const { return shape().layers(); }  // the group
  bool running(const Stage& stage) const { return !options_.by_batch(stage.layer); }
  T* mean(Size i) { return workspace_.statistics(i) + 2 * stages_->group(i).rows; }  // or 1 / deviation of samples
  T* variance(Size i) { return workspace_.statistics(i) + 3 * stages_->group(i).rows; }
  Panels<const T> derived_from(Size i, Size at, Size n) {
    const bool saved = stages_->group(i).derivative == Activation::saved_derivative;
    return read_only(saved ? workspace_.saved_derivative(i, at, n) : workspace_.h(i, at, n));
  }

  const Stages* stages_ = nullptr;
  PassOptions options_;
  const Parameters<T>* parameters_ = nullptr;
  Data<T> data_{};
  Workspace<T> workspace_;
  const std::int64_t* order_ = nullptr;
  StepValues values_;
  Size batch_ = 0;
  bool drops_ = false;
  std::uint64_t seed_ = 0;
  std::uint32_t epoch_ = 0;
  Size before_ = 0;
};

}  // namespace fcnet
