// SPDX-License-Identifier: MIT
// What becomes of some samples of a chunk on their way through the layers and back: one thread's work, in an order that
// forward_backward.hpp chooses. Below, `at` is a sample of the chunk and n how many there are from it on; rows
// first..last are those of the result; l is a layer, and h(l), sigma(l) what comes before layer l.
#pragma once

#include "fcnet/base/random.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/engine/workspace.hpp"
#include "fcnet/model/parameters.hpp"

namespace fcnet {

// Consecutive samples in the order of the pass.
struct Chunk {
  Size first, samples;
};

template <class V>
Panels<const V> read_only(Panels<V> p) {
  return {p.p, p.stride, p.samples};
}

template <class T>
class LayerPass {
 public:
  // Borrows `parameters` and `data`; allocates for chunks of up to `samples`.
  [[nodiscard]] Status prepare(const Shape& shape, const Trained& trained, const Parameters<T>& parameters,
                               const Data<T>& data, Size samples) {
    shape_ = shape;
    trained_ = trained;
    parameters_ = &parameters;
    data_ = data;
    return workspace_.allocate(shape, ceil_div(samples, panel_width), sparsity(data).longest);
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

  const Shape& shape() const { return shape_; }
  const Trained& trained() const { return trained_; }
  Workspace<T>& workspace() { return workspace_; }

  // Whether a layer takes the nonzeros of sparse rows: then subchunks of samples begin panels.
  bool is_sparse(Size l) { return l == 0 && workspace_.sparse().longest() != 0; }

  void gather(Chunk chunk, Size at, Size n) {
    const RowSource<T> rows = data_.x_in(order_);
    if (is_sparse(0))
      kernels<T>().gather_nonzeros(rows, chunk.first + at, n, workspace_.sparse().panels(at, n));
    else
      kernels<T>().gather(rows, chunk.first + at, n, workspace_.h(0, at, n).p);
  }

  void forward(Size l, Chunk chunk, Size at, Size n, Size first, Size last) {
    LayerView<T> layer = parameters_->layer(l);
    if (shape().saves_derivative(l)) layer.activation = Activation::identity;
    const Panels<T> h = workspace_.h(l + 1, at, n);
    if (is_sparse(l))
      kernels<T>().forward_nonzeros(layer, workspace_.sparse().panels(at, n), h, first, last);
    else
      kernels<T>().forward(layer, read_only(workspace_.h(l, at, n)), h, first, last);
    if (normalization(l) == Normalization::batch)
      kernels<T>().batch_norm(parameters_->normalization(l), epsilon(l), running(l), h,
                              workspace_.normalized(l + 1, at, n), mean(l), variance(l), first, last);
    if (shape().saves_derivative(l) && normalization(l) != Normalization::layer) activate(l, chunk, at, n, first, last);
  }

  // What needs all rows of a sample, after them and before what comes next: softmax and layer normalisation, of one
  // panel at most; and the way of sigma back through it.
  bool needs_all_rows(Size l) const {
    return shape().activation(l) == Activation::softmax || normalization(l) == Normalization::layer;
  }
  void finish_rows(Size l, Chunk chunk, Size at, Size n) {
    T* const h = workspace_.h(l + 1, at, n).p;
    if (normalization(l) != Normalization::layer) return kernels<T>().softmax(h, shape().sizes[l + 1], n);
    kernels<T>().layer_norm(parameters_->normalization(l), epsilon(l), h, workspace_.normalized(l + 1, at, n).p,
                            mean(l) + at, n);
    activate(l, chunk, at, n, 0, shape().sizes[l + 1]);
  }
  void finish_rows_backward(Size l, Size at, Size n) {
    T* const sigma = workspace_.sigma(l + 1, at, n).p;
    if (normalization(l) == Normalization::layer)
      kernels<T>().layer_norm_backward(parameters_->normalization(l), sigma, workspace_.normalized(l + 1, at, n).p,
                                       mean(l) + at, workspace_.before(l + 1, at, n).p, n);
    else
      kernels<T>().softmax_backward(sigma, workspace_.h(l + 1, at, n).p, shape().sizes[l + 1], n);
  }

  void loss_of(Chunk chunk, Size at, Size n) {
    const Size l = shape().layers();
    if (shape().loss != Loss::custom)
      losses_of(shape(), data_, order_, chunk.first + at, n, workspace_.h(l, at, n).p, workspace_.sigma(l, at, n).p,
                workspace_.target(at), workspace_.losses(at));
    if (shape().linked()) return;
    if (needs_all_rows(l - 1))
      finish_rows_backward(l - 1, at, n);
    else
      kernels<T>().derive(derivative(l - 1), workspace_.sigma(l, at, n), derived_from(l - 1, at, n), 0,
                          shape().outputs());
  }

  // The user's, of a chunk that is a whole batch; by one thread, with all outputs there. false: there is none.
  [[nodiscard]] bool custom_loss(Chunk chunk) {
    const Size l = shape().layers(), m = shape().outputs();
    T* const rows = workspace_.rows();
    for (Size at = 0; at < chunk.samples; at += panel_width) {
      const Size n = std::min(panel_width, chunk.samples - at);
      kernels<T>().scatter(workspace_.h(l, at, n).p, m, n, rows + at * m);
      std::fill_n(workspace_.losses(at), ceil_div(n, loss_group), LossSum{});
    }
    double mean = 0;
    if (!(*data_.custom)(order_, chunk.first, chunk.samples, rows, mean)) return false;
    double weight = static_cast<double>(chunk.samples);
    if (data_.weights != nullptr) {
      weight = 0;
      for (Size i = chunk.first; i < chunk.first + chunk.samples; ++i)
        weight += static_cast<double>(data_.weights[row_at(order_, i)]);
    }
    *workspace_.losses(0) = {mean * weight, weight, 0};
    for (Size at = 0; at < chunk.samples; at += panel_width) {
      const Size n = std::min(panel_width, chunk.samples - at);
      kernels<T>().gather(plain_rows(rows, m), at, n, workspace_.sigma(l, at, n).p);
    }
    return true;
  }

  // sigma(l - 1) from sigma(l)
  void backward_data(Size l, Size at, Size n, Size first, Size last) {
    kernels<T>().backward_data(parameters_->layer(l - 1), read_only(workspace_.sigma(l, at, n)),
                               derived_from(l - 2, at, n), derivative(l - 2), workspace_.sigma(l - 1, at, n), first,
                               last);
    if (normalization(l - 2) == Normalization::batch)
      kernels<T>().batch_norm_backward(parameters_->normalization(l - 2), epsilon(l - 2), running(l - 2),
                                       workspace_.sigma(l - 1, at, n), read_only(workspace_.normalized(l - 1, at, n)),
                                       variance(l - 2), workspace_.statistics(l - 1),
                                       workspace_.statistics(l - 1) + shape().sizes[l - 1], first, last);
  }

  // f(block, values) for the blocks of a layer that do not learn by the weight product, when sigma has come back
  // through the layer: sums over the samples, or statistics of the batch.
  template <class F>
  void each_sum(Size l, Size samples, F f) {
    const Size out = shape().sizes[l + 1];
    T* const sums = workspace_.statistics(l + 1);
    if (normalization(l) == Normalization::layer)
      kernels<T>().sums_over_samples(read_only(workspace_.before(l + 1, 0, samples)),
                                     read_only(workspace_.normalized(l + 1, 0, samples)), sums, sums + out, out);
    for (const ParameterBlock& block : parameters_->blocks(l)) switch (block.role) {
        case Role::weights:
        case Role::bias:
          break;
        case Role::gamma:
          f(block, sums);
          break;
        case Role::beta:
          f(block, sums + out);
          break;
        case Role::running_mean:
          f(block, mean(l));
          break;
        case Role::running_variance:
          f(block, variance(l));
          break;
      }
  }

  void transpose(Size l, Size at, Size n, Size first, Size last) {
    const Panels<T> to = workspace_.sigma_t(l);
    kernels<T>().transpose(workspace_.sigma(l, at, n).p, shape().sizes[l], first / panel_width,
                           ceil_div(last, panel_width), n, to.p + at * panel_width, to.stride);
  }

 private:
  void activate(Size l, Chunk chunk, Size at, Size n, Size first, Size last) {
    const Panels<T> h = workspace_.h(l + 1, at, n), slope = workspace_.saved_derivative(l + 1, at, n);
    kernels<T>().activate_and_save_derivative(shape().activation(l), h, slope, first, last);
    if (!drops_ || shape().kind(l).dropout == 0) return;
    const Dropout<T> dropout = dropout_of<T>(shape().kind(l), seed_, epoch_, l, before_ + chunk.first + at);
    kernels<T>().drop(dropout, h, slope, first, last);
  }

  Normalization normalization(Size l) const { return shape_.normalization(l); }
  T epsilon(Size l) const { return static_cast<T>(shape_.kind(l).epsilon); }
  // A layer that is not trained is normalised as in a prediction.
  bool running(Size l) const { return !trained_(l); }
  T* mean(Size l) { return workspace_.statistics(l + 1) + 2 * shape_.sizes[l + 1]; }  // or 1 / deviation of samples
  T* variance(Size l) { return workspace_.statistics(l + 1) + 3 * shape_.sizes[l + 1]; }

  // What sigma is multiplied with on its way through a layer's F.
  Activation derivative(Size l) const {
    return shape().saves_derivative(l) ? Activation::saved_derivative : shape().activation(l);
  }
  Panels<const T> derived_from(Size l, Size at, Size n) {
    return read_only(shape().saves_derivative(l) ? workspace_.saved_derivative(l + 1, at, n)
                                                 : workspace_.h(l + 1, at, n));
  }

  Shape shape_;
  Trained trained_;
  const Parameters<T>* parameters_ = nullptr;
  Data<T> data_{};
  Workspace<T> workspace_;
  const std::int64_t* order_ = nullptr;
  bool drops_ = false;
  std::uint64_t seed_ = 0;
  std::uint32_t epoch_ = 0;
  Size before_ = 0;
};

}  // namespace fcnet
