// SPDX-License-Identifier: MIT
// What a network is before it has parameters: its sizes, layers and loss. The last layer's F may belong to the loss,
// which then takes h_in; prediction applies it.
#pragma once

#include <algorithm>
#include <vector>

#include "fcnet/base/random.hpp"
#include "fcnet/kernels/pointwise/batch_loss.hpp"
#include "fcnet/model/columns.hpp"
#include "fcnet/model/factors.hpp"

namespace fcnet {

// What a layer is beside its sizes.
struct LayerKind {
  Activation activation = Activation::relu;
  bool bias = true;
  double dropout = 0;  // the fraction of outputs that a training step leaves out
  Normalization normalization = Normalization::none;
  double epsilon = 0, momentum = 0;  // of a normalisation, see Python's normalization.py
  bool product_bias = false;         // whether the product has a bias of its own, before layer normalisation
  bool scale = false;                // a trainable factor for each of its inputs
  bool parametric = false;           // whether its F is h + a o (F(h) - h), with a trainable a for each of its outputs
  bool ntp = false;                  // neural tangent parametrisation, see Factors::multiplier
  Factors of_weights{}, of_biases{}, of_scale{}, of_mix{};  // those of biases also of gamma, beta, product bias

  bool operator==(const LayerKind&) const = default;
};

// Which outputs of a layer are dropped, that fraction of them, for the samples from number `first` of an epoch on.
template <class T>
Dropout<T> dropout_of(double fraction, std::uint64_t seed, std::uint32_t epoch, Size layer, std::uint64_t first) {
  return {.key = low64(philox(seed, Purpose::dropout, epoch, layer)),
          .first = first,
          .below = static_cast<std::uint32_t>(fraction * 0x1p32),
          .factor = static_cast<T>(1 / (1 - fraction))};
}

// Whether F' of an activation cannot be computed from h_out, so that the forward pass saves it.
static constexpr bool needs_saved_derivative(Activation activation) {
  switch (activation.kind) {
    case Activation::gelu:
    case Activation::gelu_tanh:
    case Activation::silu:
    case Activation::mish:
    case Activation::hard_swish:
    case Activation::saved_derivative:
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
    case Activation::relu6:
    case Activation::softmax:
      return false;
  }
  return false;
}

struct Shape {
  std::vector<Size> sizes;  // what goes into the first layer, hidden layers ..., outputs
  Loss loss = Loss::cross_entropy;
  double parameter = 0;            // of the loss, see LossTask
  std::vector<LayerKind> kinds{};  // of every layer; where it is empty ReLU, and at the end what belongs to the loss
  std::vector<double>
      quantiles{};    // of the loss where they are several, ascending: each group of as many outputs has them
  Columns columns{};  // of x, where they are embedded
  // Of an ensemble of networks that share W of their hidden layers, see members.hpp; 0: one plain network. Each has an
  // R before the first layer, where `adapts_all` R, S and B in all hidden layers, and a last layer of its own.
  Size members = 0;
  bool adapts_all = false;

  bool operator==(const Shape&) const = default;

  Size layers() const { return sizes.size() - 1; }
  // What has parameters: the layers and, behind them, the columns where they are embedded.
  Size owners() const { return layers() + columns.any(); }
  Size inputs() const { return columns.any() ? columns.inputs() : sizes.front(); }  // columns of x
  Size outputs() const { return sizes.back(); }
  // Samples that a row of x becomes.
  Size lanes() const { return members != 0 ? members : 1; }
  bool is_heads(Size layer) const { return members != 0 && layer + 1 == layers(); }
  bool has_r(Size layer) const { return members != 0 && !is_heads(layer) && (layer == 0 || adapts_all); }
  bool has_s(Size layer) const { return members != 0 && !is_heads(layer) && adapts_all; }
  LayerKind kind(Size layer) const {
    if (!kinds.empty()) return kinds[layer];
    return {.activation = layer + 1 == layers() ? link(loss) : Activation::relu};
  }

  Activation output() const { return kind(layers() - 1).activation; }
  // Whether the loss takes the last layer's h_in, and its sigma is already the derivative by it.
  bool linked() const { return is_linked(loss, output()); }

  Size neurons() const {  // with what goes into the first layer
    Size sum = 0;
    for (const Size n : sizes) sum += n;
    return sum;
  }
};

// Which layers a fit trains, and whether the columns, behind them; all of them where it does not say.
class Trained {
 public:
  Trained() = default;
  explicit Trained(std::vector<bool> layers) : layers_(std::move(layers)) {}

  bool operator()(Size layer) const { return layers_.empty() || layers_[layer]; }
  bool all() const { return std::find(layers_.begin(), layers_.end(), false) == layers_.end(); }
  // The first of them; not below the number of layers where none is trained.
  Size first() const {
    return layers_.empty() ? 0 : static_cast<Size>(std::find(layers_.begin(), layers_.end(), true) - layers_.begin());
  }

 private:
  std::vector<bool> layers_;
};

}  // namespace fcnet
