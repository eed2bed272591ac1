// SPDX-License-Identifier: MIT
// Optimisers as epilogues of the weight product: what one step does to a vector of weights, given its gradient.
#pragma once

#include "fcnet/isa/table.hpp"
#include "fcnet/vec.hpp"

namespace fcnet::FCNET_ISA {

// Gradient descent, x <- x - alpha dL/dx (the article, last section).
template <class T>
struct Sgd {
  T scale, learning_rate;

  explicit Sgd(const OptimizerStep<T>& step) : scale(step.scale), learning_rate(step.learning_rate) {}

  // weights w[0..width), sum the unscaled gradient of each
  FCNET_INLINE void operator()(T* w, Vec<T> sum) const { store(w, load(w) - learning_rate * (scale * sum)); }
};

}  // namespace fcnet::FCNET_ISA
