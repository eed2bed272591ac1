// SPDX-License-Identifier: MIT
// What the user chose of an optimiser, and what it comes to in one step.
#pragma once

#include "fcnet/isa/table.hpp"

namespace fcnet {

struct Hyperparameters {
  Optimizer optimizer = Optimizer::sgd;
  double learning_rate = 0;
  double beta1 = 0;  // momentum, or the decay of Adam's first average
  double beta2 = 0, epsilon = 0;
  double weight_decay = 0;
};

// The arrays of state, each of the size of the parameters.
static constexpr Size state_slots(Optimizer optimizer) {
  return optimizer == Optimizer::sgd ? 0 : optimizer == Optimizer::adam ? 2 : 1;
}

// beta1^t and beta2^t of step t, counted from 1.
struct Powers {
  double beta1, beta2;

  [[gnu::always_inline]] void advance(const Hyperparameters& by) {
    beta1 *= by.beta1;
    beta2 *= by.beta2;
  }
};

// gradient = scale * sum over the samples; `rate` is this step's learning rate. Adam's averages start at 0 and lag by a
// factor 1 - beta^t, which moves into alpha and epsilon: one square root and one division a weight (Kingma and Ba 2015,
// end of section 2).
template <class T>
static inline OptimizerStep<T> optimizer_step(const Hyperparameters& by, double rate, const Powers& powers,
                                              double scale) {
  OptimizerStep<T> step;
  step.optimizer = by.optimizer;
  step.scale = static_cast<T>(scale);
  step.beta1 = static_cast<T>(by.beta1);
  step.rest1 = static_cast<T>(1 - by.beta1);
  step.beta2 = static_cast<T>(by.beta2);
  step.rest2 = static_cast<T>(1 - by.beta2);
  const bool adam = by.optimizer == Optimizer::adam;
  const double lag1 = adam ? 1 - powers.beta1 : 1, lag2 = adam ? __builtin_sqrt(1 - powers.beta2) : 1;
  step.learning_rate = static_cast<T>(rate * lag2 / lag1);
  constexpr T smallest = sizeof(T) == 4 ? T(0x1p-126) : T(0x1p-1022);
  step.epsilon = static_cast<T>(by.epsilon * lag2);
  if (step.epsilon < smallest) step.epsilon = smallest;  // else 0 / 0 where a gradient is 0
  step.keep = static_cast<T>(1 - rate * by.weight_decay);
  return step;
}

}  // namespace fcnet
