// SPDX-License-Identifier: MIT
// What can be chosen, each an enumeration: activations, normalisations, embeddings, losses, optimizers, types of
// numbers. Switches over them have no default, so that a forgotten entry does not compile.
#pragma once

namespace fcnet {

// F, and the constant that it may have. The first three are simple, see activations.hpp. `saved_derivative` is no
// layer's: it says that F'(h_in) itself was saved by the forward pass.
struct Activation {
  enum Kind {
    identity,
    relu,
    saved_derivative,
    leaky_relu,
    elu,
    selu,
    sigmoid,
    tanh,
    softplus,
    exp,
    gelu,
    gelu_tanh,
    silu,
    mish,
    relu6,
    hard_swish,
    softmax
  };

  Kind kind;
  double constant;  // the slope of leaky_relu below 0, alpha of elu, of others 0

  // With the usual constant.
  [[gnu::always_inline]] constexpr Activation(Kind of = identity)
      : Activation(of, of == leaky_relu ? 0.01
                       : of == elu      ? 1
                                        : 0) {}
  [[gnu::always_inline]] constexpr Activation(Kind of, double with) : kind(of), constant(with) {}

  [[gnu::always_inline]] bool operator==(const Activation&) const = default;
};
enum class Normalization { none, layer, batch };
// Of the numbers in the columns of x, see columns.hpp.
enum class NumberEmbedding { none, periodic, plr, piecewise_linear };
// `cotangent` is none: sigma of the outputs is what a caller gives.
enum class Loss { cross_entropy, binary_cross_entropy, mse, rmse, mae, huber, poisson, quantile, custom, cotangent };
enum class Optimizer { sgd, momentum, nesterov, adam, nadam, rmsprop, rmsprop_momentum, adagrad, lion };
// The types of numbers that the rows of a data set may have.
enum class DType { float32, float64, float16, bfloat16, int8, int16, int32, int64, uint8, uint16, uint32, uint64 };

}  // namespace fcnet
