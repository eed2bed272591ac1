// SPDX-License-Identifier: MIT
// What can be chosen, each an enumeration: activations, normalisations, losses, optimisers, types of numbers. Switches
// over them have no default, so that a forgotten entry does not compile.
#pragma once

namespace fcnet {

// The first three are simple, see activations.hpp; `kept` is not one of a layer's but says that F' itself is at hand.
enum class Activation {
  identity,
  relu,
  kept,
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
  softmax
};
enum class Normalization { none, layer, batch };
enum class Loss { cross_entropy, binary_cross_entropy, mse, rmse, mae, huber, poisson, quantile, custom };
enum class Optimizer { sgd, momentum, nesterov, adam, nadam, rmsprop, rmsprop_momentum, adagrad, lion };
// What the rows of a data set may hold.
enum class Element { float32, float64, float16, bfloat16, int8, int16, int32, int64, uint8, uint16, uint32, uint64 };

}  // namespace fcnet
