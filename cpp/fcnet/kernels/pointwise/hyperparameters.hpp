// SPDX-License-Identifier: MIT
// What the user chose of an optimizer, and what it comes to in one step.
#pragma once

#include "fcnet/base/operands.hpp"
#include "fcnet/kernels/pointwise/averaging.hpp"

namespace fcnet {

struct Hyperparameters {
  Optimizer optimizer = Optimizer::sgd;
  double learning_rate = 0;
  double beta1 = 0;  // momentum, or the decay of Adam's first average
  double beta2 = 0, epsilon = 0;
  double epsilon_hat = 0;  // beside Adam's root as it is, not corrected for the start at 0
  double weight_decay = 0, l2 = 0;
  double l2_sum = 0;        // of a penalty beside the sum of the samples' losses, not beside their mean
  double decay_biases = 0;  // 1: decay and penalties also of what is not W
  double clip_value = __builtin_inf(), clip_norm = __builtin_inf();
  double by_step = 0;  // 1: schedules may change more from step to step than the learning rate
  Averaging averaging{};

  // Whether a step needs all of the gradient before it changes a weight.
  bool needs_norm() const { return clip_norm < __builtin_inf(); }
};

// The arrays of state, each of the size of the parameters.
static constexpr Size state_slots(Optimizer optimizer) {
  switch (optimizer) {
    case Optimizer::sgd:
      return 0;
    case Optimizer::momentum:
    case Optimizer::nesterov:
    case Optimizer::rmsprop:
    case Optimizer::adagrad:
    case Optimizer::lion:
      return 1;
    case Optimizer::adam:
    case Optimizer::nadam:
    case Optimizer::rmsprop_momentum:
      return 2;
  }
  return 0;
}

// Which of them has sums or means of squares, which are never negative; past the last where none has.
static constexpr Size slot_of_squares(Optimizer optimizer) {
  switch (optimizer) {
    case Optimizer::rmsprop:
    case Optimizer::rmsprop_momentum:
    case Optimizer::adagrad:
      return 0;
    case Optimizer::adam:
    case Optimizer::nadam:
      return 1;
    case Optimizer::sgd:
    case Optimizer::momentum:
    case Optimizer::nesterov:
    case Optimizer::lion:
      break;
  }
  return state_slots(optimizer);
}

// Products over the steps so far: of beta1, or NAdam's momenta, and beta2; and of what NAdam's momenta are formed with.
struct Powers {
  double beta1 = 1, beta2 = 1, warm_up = 1;

  [[gnu::always_inline]] void advance(const Hyperparameters& by) {
    if (by.optimizer == Optimizer::nadam) warm_up *= nadam_warm_up;
    beta1 *= momentum(by);
    beta2 *= by.beta2;
  }
  // beta1; NAdam's rises to it, in step t beta1 (1 - 0.96^(t / 250) / 2) (Dozat 2016).
  [[gnu::always_inline]] double momentum(const Hyperparameters& by) const {
    return by.optimizer == Optimizer::nadam ? by.beta1 * (1 - 0.5 * warm_up) : by.beta1;
  }

 private:
  static constexpr double nadam_warm_up = 0x1.ffea9969757dbp-1;  // 0.96^(1 / 250)
};

// The factor that shortens a gradient of that norm to clip_norm; NaN, so that a divergence shows, where it has none.
[[gnu::always_inline]] static inline double shortening(const Hyperparameters& by, double norm) {
  if (!__builtin_isfinite(norm)) return __builtin_nan("");
  return norm > by.clip_norm ? by.clip_norm / norm : 1;
}

// gradient = scale * sum over the samples, which weigh `weight`; `rate` is this step's learning rate, `powers` end with
// it. Adam's averages start at 0 and lag by a factor 1 - beta^t, which moves into alpha and epsilon: one square root
// and one division a weight (Kingma and Ba 2015, end of section 2).
template <class T>
static inline OptimizerStep<T> optimizer_step(const Hyperparameters& by, double rate, const Powers& powers,
                                              double scale, double weight) {
  OptimizerStep<T> step;
  step.optimizer = by.optimizer;
  step.scale = static_cast<T>(scale);
  step.learning_rate = static_cast<T>(rate);
  step.decay_factor = static_cast<T>(1 - rate * by.weight_decay);
  step.l2 = static_cast<T>(by.l2 + (weight > 0 ? by.l2_sum / weight : 0));
  step.decay_biases = by.decay_biases != 0;
  step.clip_value = static_cast<T>(by.clip_value);
  if (by.optimizer == Optimizer::sgd) return step;  // the shortest steps take 0.1 us
  step.beta1 = static_cast<T>(by.beta1);
  step.rest1 = static_cast<T>(1 - by.beta1);
  step.beta2 = static_cast<T>(by.beta2);
  step.rest2 = static_cast<T>(1 - by.beta2);
  double lag2 = 1, alpha = rate;
  if (by.optimizer == Optimizer::adam || by.optimizer == Optimizer::nadam) {
    lag2 = __builtin_sqrt(1 - powers.beta2);
    alpha = rate * lag2 / (1 - powers.beta1);
  }
  if (by.optimizer == Optimizer::nadam) {
    Powers next = powers;
    next.advance(by);
    step.ahead = static_cast<T>(alpha * (1 - powers.momentum(by)));
    alpha = rate * lag2 * next.momentum(by) / (1 - next.beta1);
  }
  step.learning_rate = static_cast<T>(alpha);
  constexpr T smallest = sizeof(T) == 4 ? T(0x1p-126) : T(0x1p-1022);
  step.epsilon = static_cast<T>(by.epsilon * lag2 + by.epsilon_hat);
  if (step.epsilon < smallest) step.epsilon = smallest;  // else 0 / 0 where a gradient is 0
  return step;
}

}  // namespace fcnet
