// SPDX-License-Identifier: MIT
// A network's shape, and its parameters in panels. The last layer's F may belong to the loss, which then takes h_in;
// prediction applies it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "fcnet/batch_loss.hpp"
#include "fcnet/buffer.hpp"
#include "fcnet/isa/dispatch.hpp"
#include "fcnet/parallel.hpp"
#include "fcnet/random.hpp"

namespace fcnet {

// What a layer is beside its sizes.
struct LayerKind {
  Activation activation = Activation::relu;
  bool bias = true;
  double dropout = 0;  // the share of outputs that a training step leaves out
  Normalization normalization = Normalization::none;
  double epsilon = 0, momentum = 0;  // of a normalisation, see Python's normalization.py

  bool operator==(const LayerKind&) const = default;
};

// Which outputs of a layer are dropped for the samples from number `first` of an epoch on.
template <class T>
Dropout<T> dropout_of(const LayerKind& kind, std::uint64_t seed, std::uint32_t epoch, Size layer, std::uint64_t first) {
  return {low64(philox(seed, Purpose::dropout, epoch, layer)), first, static_cast<std::uint32_t>(kind.dropout * 0x1p32),
          static_cast<T>(1 / (1 - kind.dropout))};
}

// Whether F' of an activation cannot be read off h_out.
static constexpr bool is_kept(Activation activation) {
  switch (activation) {
    case Activation::gelu:
    case Activation::gelu_tanh:
    case Activation::silu:
    case Activation::kept:
      return true;
    case Activation::identity:
    case Activation::relu:
    case Activation::leaky_relu:
    case Activation::elu:
    case Activation::selu:
    case Activation::sigmoid:
    case Activation::tanh:
    case Activation::softplus:
    case Activation::exp:
    case Activation::softmax:
      return false;
  }
  return false;
}

struct Shape {
  std::vector<Size> sizes;  // inputs, hidden layers ..., outputs
  Loss loss = Loss::cross_entropy;
  double parameter = 0;            // of the loss, see LossTask
  std::vector<LayerKind> kinds{};  // of every layer; where it is empty ReLU, and at the end what belongs to the loss
  std::vector<double>
      quantiles{};  // of the loss where they are several, ascending: each group of as many outputs has them

  bool operator==(const Shape&) const = default;

  Size layers() const { return sizes.size() - 1; }
  Size inputs() const { return sizes.front(); }
  Size outputs() const { return sizes.back(); }
  LayerKind kind(Size layer) const {
    if (!kinds.empty()) return kinds[layer];
    return {.activation = layer + 1 == layers() ? link(loss) : Activation::relu};
  }

  Activation output() const { return kind(layers() - 1).activation; }
  // Whether the loss takes the last layer's h_in, and its sigma is already the derivative by it.
  bool linked() const { return is_linked(loss, output()); }
  // What follows the product of a layer; at the end nothing where the loss takes h_in.
  Activation activation(Size layer) const {
    return layer + 1 == layers() && linked() ? Activation::identity : kind(layer).activation;
  }
  Normalization normalization(Size layer) const { return kind(layer).normalization; }
  bool normalizes(Size layer) const { return normalization(layer) != Normalization::none; }
  bool normalizes() const {
    for (Size l = 0; l < layers(); ++l)
      if (normalizes(l)) return true;
    return false;
  }
  // The rows of a layer's panels in the order of layout.hpp; up to where training may change them, and up to where they
  // are those of the weight product.
  Size rows(Size layer) const {
    const Normalization n = normalization(layer);
    return sizes[layer] + 1 + (n == Normalization::none ? 0 : n == Normalization::layer ? beta_row : variance_row);
  }
  Size trained_rows(Size layer) const {
    return sizes[layer] + kind(layer).bias + (normalizes(layer) ? gamma_row + 1 : 0);
  }
  Size product_rows(Size layer) const { return sizes[layer] + (kind(layer).bias && !normalizes(layer)); }
  Size bias_row(Size layer) const { return sizes[layer] + (normalizes(layer) ? beta_row : 0); }

  // Whether the forward pass must keep F'(h_in).
  bool keeps(Size layer) const { return is_kept(activation(layer)) || kind(layer).dropout > 0 || normalizes(layer); }
  // Whether what becomes of a sample depends on the batch: then a chunk of samples is a whole batch.
  bool whole_batches() const {
    for (Size l = 0; l < layers(); ++l)
      if (normalization(l) == Normalization::batch) return true;
    return loss == Loss::custom;
  }
  // Whether a step consists of nothing but the three products and their epilogues, and a loss that takes h_in.
  bool plain() const {
    for (Size l = 0; l < layers(); ++l)
      if (keeps(l) || activation(l) == Activation::softmax || !kind(l).bias) return false;
    return linked() && loss != Loss::custom;
  }

  Size neurons() const {  // with the inputs
    Size sum = 0;
    for (const Size n : sizes) sum += n;
    return sum;
  }
  // Multiplications and additions of all layers for one sample, forward only.
  double flops() const {
    double sum = 0;
    for (Size l = 0; l < layers(); ++l) sum += 2.0 * static_cast<double>(sizes[l]) * static_cast<double>(sizes[l + 1]);
    return sum;
  }
};

// Which layers a fit trains; all of them where it does not say.
class Trained {
 public:
  Trained() = default;
  explicit Trained(std::vector<bool> layers) : layers_(std::move(layers)) {}

  bool operator()(Size layer) const { return layers_.empty() || layers_[layer]; }
  bool all() const { return std::find(layers_.begin(), layers_.end(), false) == layers_.end(); }
  // The first of them, or how many layers there are where none is trained.
  Size first() const {
    return layers_.empty() ? 0 : static_cast<Size>(std::find(layers_.begin(), layers_.end(), true) - layers_.begin());
  }

 private:
  std::vector<bool> layers_;
};

template <class T>
class Parameters {
 public:
  // All zero.
  [[nodiscard]] Status allocate(const Shape& shape, Watch& watch) {
    if (const Status s = allocate(shape); s != Status::ok) return s;
    return bring_in(panels_, watch);
  }

  // Incomplete where it is interrupted.
  [[nodiscard]] Status copy(const Parameters& other, Watch& watch) {
    if (panels_.size() != other.panels_.size() || shape_.sizes != other.shape_.sizes)
      if (const Status s = allocate(other.shape_); s != Status::ok) return s;
    return copy_all(other.panels_, panels_, watch);
  }

  // Where the panels of a layer begin.
  Size offset(Size l) const { return offset_[l]; }
  LayerView<T> layer(Size l) const {
    return {const_cast<T*>(panels_.data()) + offset_[l], stride(l), shape_.sizes[l], shape_.sizes[l + 1],
            shape_.activation(l)};
  }
  const Shape& shape() const { return shape_; }
  Buffer<T>& panels() { return panels_; }
  const Buffer<T>& panels() const { return panels_; }

  // Rows first..first + count of layer l, row-major (count, out); row `in` is the bias.
  [[nodiscard]] Status read(Size l, Size first, Size count, T* rows, Watch& watch) const {
    return move(l, first, count, rows, false, watch);
  }
  [[nodiscard]] Status write(Size l, Size first, Size count, const T* rows, Watch& watch) {
    return move(l, first, count, const_cast<T*>(rows), true, watch);
  }
  void write_row(Size l, Size row, const T* values) { move_row(l, row, const_cast<T*>(values), true); }
  // One number for every neuron.
  void fill_row(Size l, Size row, T value) {
    const LayerView<T> layer = this->layer(l);
    for (Size j = 0; j < layer.out; ++j) layer.at(row, j) = value;
  }

  // Never stops on the way: it takes some milliseconds for 100 MB.
  bool finite() const {
    std::atomic<bool> all{true};
    Watch nobody;
    const Status done = in_parallel(panels_.size(), strip_elements, nobody, [&](Size begin, Size end) {
      if (!kernels<T>().finite(panels_.data() + begin, end - begin)) all = false;
    });
    return done == Status::ok && all;
  }

 private:
  [[nodiscard]] Status allocate(const Shape& shape) {
    shape_ = shape;
    offset_.clear();
    Checked total = 0;
    for (Size l = 0; l < shape.layers(); ++l) {
      const Checked rows = Checked(shape.sizes[l]) + (1 + variance_row);
      if (!(rows * (lanes * sizeof(T)) + 8192).ok() || !total.ok()) return Status::too_large;
      offset_.push_back(total.value());
      total = total + Checked(groups(shape.sizes[l + 1], lanes)) * stride(l);
    }
    return panels_.allocate(total);
  }

  Size stride(Size l) const { return panel_stride(shape_.rows(l), sizeof(T)); }

  Status move(Size l, Size first, Size count, T* rows, bool into_panels, Watch& watch) const {
    const Size out = shape_.sizes[l + 1];
    return in_parallel(count, std::max(strip_elements / out, Size{1}), watch, [&](Size begin, Size end) {
      for (Size i = begin; i < end; ++i) move_row(l, first + i, rows + i * out, into_panels);
    });
  }

  void move_row(Size l, Size i, T* row, bool into_panels) const {
    const LayerView<T> layer = this->layer(l);
    for (Size q = 0; q * lanes < layer.out; ++q) {
      T* const in_panel = layer.w + q * layer.stride + i * lanes;
      const Size bytes = used_lanes(layer.out, q) * sizeof(T);
      into_panels ? std::memcpy(in_panel, row + q * lanes, bytes) : std::memcpy(row + q * lanes, in_panel, bytes);
    }
  }

  Shape shape_;
  std::vector<Size> offset_;
  Buffer<T> panels_;
};

// Weights normal, biases and running means 0, gamma and running variances 1; the variance of the weights is 2 / in
// where F passes half of its input on (He et al. 2015, equation 10), and 1 / in where it is linear around 0 (LeCun et
// al. 1998, section 4.6; Klambauer et al. 2017).
static constexpr double gain(Activation activation) {
  switch (activation) {
    case Activation::identity:
    case Activation::selu:
    case Activation::sigmoid:
    case Activation::tanh:
      return 1;
    case Activation::relu:
    case Activation::kept:
    case Activation::leaky_relu:
    case Activation::elu:
    case Activation::softplus:
    case Activation::exp:
    case Activation::gelu:
    case Activation::gelu_tanh:
    case Activation::silu:
    case Activation::softmax:
      return 2;
  }
  return 2;
}

template <class T>
[[nodiscard]] Status initialize(Parameters<T>& parameters, std::uint64_t seed, Watch& watch) {
  const Shape& shape = parameters.shape();
  std::atomic<bool> enough{true};
  for (Size l = 0; l < shape.layers(); ++l) {
    const Size in = shape.sizes[l], out = shape.sizes[l + 1];
    const bool last = l + 1 == shape.layers();
    const double spread = __builtin_sqrt((last ? 2 : gain(shape.kind(l).activation)) / static_cast<double>(in));
    const Size rows = std::max(Size{16384} / out, Size{1});  // some milliseconds
    const Status status = in_parallel(in, rows, watch, [&](Size begin, Size end) {
      Buffer<T> row;
      if (row.allocate(out) != Status::ok) enough = false;
      for (Size k = begin; k < end && enough; ++k) {
        kernels<T>().normal(seed, static_cast<std::uint32_t>(l), k * out, out, spread, row.data());
        parameters.write_row(l, k, row.data());
      }
    });
    if (status != Status::ok) return status;
    if (shape.normalizes(l)) parameters.fill_row(l, in + gamma_row, T(1));
    if (shape.normalization(l) == Normalization::batch) parameters.fill_row(l, in + variance_row, T(1));
  }
  return enough ? Status::ok : Status::out_of_memory;
}

}  // namespace fcnet
