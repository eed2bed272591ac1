// SPDX-License-Identifier: MIT
// Optimisers as epilogues of the weight product: what one step makes of a vector of weights w and of the optimiser's
// state for them, given the sum of their gradients over the samples; g = scale * sum. To add one: a struct here, its
// name in isa/table.hpp, a dataclass, an oracle function, a line of a test.
#pragma once

#include "fcnet/isa/table.hpp"
#include "fcnet/vec.hpp"

namespace fcnet::FCNET_ISA {

// Gradient descent, w <- w - alpha g (the article, last section).
template <class T>
struct Sgd {
  static constexpr int slots = 0;
  const OptimizerStep<T>& step;

  FCNET_INLINE Vec<T> operator()(Vec<T> w, Vec<T>*, Vec<T> sum, bool) const {
    return w - step.learning_rate * (step.scale * sum);
  }
};

// v <- beta1 v + g; w <- w - alpha v, or with Nesterov's look ahead w - alpha (g + beta1 v) (Sutskever et al. 2013).
template <class T, bool nesterov>
struct Momentum {
  static constexpr int slots = 1;
  const OptimizerStep<T>& step;

  FCNET_INLINE Vec<T> operator()(Vec<T> w, Vec<T>* v, Vec<T> sum, bool) const {
    const Vec<T> beta = broadcast(step.beta1), g = step.scale * sum;
    v[0] = fma(beta, v[0], g);
    return w - step.learning_rate * (nesterov ? fma(beta, v[0], g) : v[0]);
  }
};

// m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2; w <- keep w - alpha m / (sqrt(v) + epsilon), where
// alpha and epsilon carry the corrections of this step (Kingma and Ba 2015, section 2; keep: Loshchilov and Hutter
// 2019).
template <class T>
struct Adam {
  static constexpr int slots = 2;
  const OptimizerStep<T>& step;

  FCNET_INLINE Vec<T> operator()(Vec<T> w, Vec<T>* state, Vec<T> sum, bool bias) const {
    const Vec<T> g = step.scale * sum;
    state[0] = fma(broadcast(step.beta1), state[0], step.rest1 * g);
    state[1] = fma(broadcast(step.beta2), state[1], step.rest2 * (g * g));
    const Vec<T> kept = bias ? w : step.keep * w;
    return kept - step.learning_rate * state[0] / (sqrt(state[1]) + step.epsilon);
  }
};

// Calls f with the optimiser that `step` names.
template <class T, class F>
FCNET_INLINE void with_optimizer(const OptimizerStep<T>& step, F f) {
  switch (step.optimizer) {
    case Optimizer::sgd:
      return f(Sgd<T>{step});
    case Optimizer::momentum:
      return f(Momentum<T, false>{step});
    case Optimizer::nesterov:
      return f(Momentum<T, true>{step});
    case Optimizer::adam:
      return f(Adam<T>{step});
  }
}

// Applies it to the vector at `at`.
template <class O, class T>
FCNET_INLINE void apply(const O& optimizer, const UpdateTarget<T>& target, Size at, Vec<T> sum, bool bias) {
  Vec<T> state[O::slots + 1];
  FCNET_UNROLL
  for (int i = 0; i < O::slots; ++i) state[i] = load(target.state + i * target.slot + at);
  store(target.new_w + at, optimizer(load(target.w + at), state, sum, bias));
  FCNET_UNROLL
  for (int i = 0; i < O::slots; ++i) store(target.new_state + i * target.slot + at, state[i]);
}

}  // namespace fcnet::FCNET_ISA
