// SPDX-License-Identifier: MIT
// The parameters that training begins with where nobody gives any.
#pragma once

#include <algorithm>
#include <atomic>

#include "fcnet/model/parameters.hpp"

namespace fcnet {

// Weights Gaussian, all else by its role; the variance of the weights is 2 / in where F passes half of its input on (He
// et al. 2015, equation 10), 2 / ((1 + slope^2) in) where it passes on a share of the other half (equation 15), and
// 1 / in where it is linear around 0 (LeCun et al. 1998, section 4.6; Klambauer et al. 2017) and in the neural tangent
// parametrisation. The usual slope of 0.01 counts as 0.
static constexpr double gain(Activation activation) {
  switch (activation.kind) {
    case Activation::identity:
    case Activation::selu:
    case Activation::sigmoid:
    case Activation::tanh:
      return 1;
    case Activation::leaky_relu:
      return activation == Activation::leaky_relu ? 2 : 2 / (1 + activation.constant * activation.constant);
    case Activation::relu:
    case Activation::saved_derivative:
    case Activation::elu:
    case Activation::softplus:
    case Activation::exp:
    case Activation::gelu:
    case Activation::gelu_tanh:
    case Activation::silu:
    case Activation::mish:
    case Activation::relu6:
    case Activation::hard_swish:
    case Activation::softmax:
      return 2;
  }
  return 2;
}

template <class T>
[[nodiscard]] Status draw_weights(Parameters<T>& parameters, const ParameterBlock& block, std::uint64_t seed,
                                  Cancellation& cancellation) {
  const Shape& shape = parameters.shape();
  const Size l = block.layer, out = block.columns;
  const bool last = l + 1 == shape.layers();
  const double variance = shape.kind(l).ntp ? 1 : last ? 2 : gain(shape.kind(l).activation);
  const double spread = __builtin_sqrt(variance / static_cast<double>(block.rows));
  const Size rows = std::max(Size{16384} / out, Size{1});  // some milliseconds
  std::atomic<bool> enough{true};
  const Status status = in_parallel(block.rows, rows, cancellation, [&](Size begin, Size end) {
    Buffer<T> row;
    if (row.allocate(out) != Status::ok) enough = false;
    for (Size k = begin; k < end && enough; ++k) {
      kernels<T>().gaussian_init(seed, static_cast<std::uint32_t>(l), k * out, out, spread, row.data());
      parameters.write_row(block, k, row.data());
    }
  });
  return status == Status::ok && !enough ? Status::out_of_memory : status;
}

template <class T>
[[nodiscard]] Status initialize(Parameters<T>& parameters, std::uint64_t seed, Cancellation& cancellation) {
  for (Size l = 0; l < parameters.shape().owners(); ++l)
    for (const ParameterBlock& block : parameters.blocks(l)) {
      if (block.role == Role::weights) {
        if (const Status s = draw_weights(parameters, block, seed, cancellation); s != Status::ok) return s;
        continue;
      }
      const ParameterRow<T> row = parameters.row(block);
      for (Size j = 0; j < block.rows * block.columns; ++j) row[j] = static_cast<T>(traits(block.role).initial);
    }
  return Status::ok;
}

}  // namespace fcnet
