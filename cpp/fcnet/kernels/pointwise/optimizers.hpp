// SPDX-License-Identifier: MIT
// Optimizers as epilogues of the weight product: what one step makes of a vector of weights w and of the optimizer's
// state for them, given their gradient g. To add one: a struct and its case in apply_block here, its name in
// base/options.hpp, hyperparameters.hpp and bindings/optimizer_names.hpp, a dataclass, an oracle, a line of a test.
#pragma once

#include "fcnet/kernels/pointwise/hyperparameters.hpp"
#include "fcnet/simd/tile.hpp"

namespace fcnet::FCNET_ISA {

// Gradient descent, w <- w - alpha g (the article, last section).
template <class T>
struct Sgd {
  static constexpr int slots = 0;
  const OptimizerStep<T>& step;

  template <class V>
  FCNET_INLINE V operator()(V w, const void*, V g) const {
    return w - step.learning_rate * g;
  }
};

// v <- beta1 v + g; w <- w - alpha v, or with Nesterov's look ahead w - alpha (g + beta1 v) (Sutskever et al. 2013).
template <class T, bool nesterov>
struct Momentum {
  static constexpr int slots = 1;
  const OptimizerStep<T>& step;

  template <class V>
  FCNET_INLINE V operator()(V w, V* v, V g) const {
    const V beta = broadcast_as<V>(step.beta1);
    v[0] = fma(beta, v[0], g);
    return w - step.learning_rate * (nesterov ? fma(beta, v[0], g) : v[0]);
  }
};

// m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2; w <- w - alpha m / (sqrt(v) + epsilon), where alpha and
// epsilon carry the corrections of this step (Kingma and Ba 2015, section 2). NAdam takes alpha m + ahead g for alpha m
// (Dozat 2016).
template <class T, bool nesterov>
struct Adam {
  static constexpr int slots = 2;
  const OptimizerStep<T>& step;

  template <class V>
  FCNET_INLINE V operator()(V w, V* state, V g) const {
    state[0] = fma(broadcast_as<V>(step.beta1), state[0], step.rest1 * g);
    state[1] = fma(broadcast_as<V>(step.beta2), state[1], step.rest2 * (g * g));
    const V m = step.learning_rate * state[0];
    return w - (nesterov ? fma(broadcast_as<V>(step.ahead), g, m) : m) / (sqrt(state[1]) + step.epsilon);
  }
};

// v <- beta2 v + (1 - beta2) g^2; w <- w - alpha g / (sqrt(v) + epsilon) (Tieleman and Hinton 2012); with momentum
// u <- beta1 u + g / (sqrt(v) + epsilon); w <- w - alpha u.
template <class T, bool momentum>
struct RmsProp {
  static constexpr int slots = momentum ? 2 : 1;
  const OptimizerStep<T>& step;

  template <class V>
  FCNET_INLINE V operator()(V w, V* state, V g) const {
    state[0] = fma(broadcast_as<V>(step.beta2), state[0], step.rest2 * (g * g));
    V u = g / (sqrt(state[0]) + step.epsilon);
    if constexpr (momentum) u = state[1] = fma(broadcast_as<V>(step.beta1), state[1], u);
    return w - step.learning_rate * u;
  }
};

// s <- s + g^2; w <- w - alpha g / (sqrt(s) + epsilon) (Duchi et al. 2011).
template <class T>
struct Adagrad {
  static constexpr int slots = 1;
  const OptimizerStep<T>& step;

  template <class V>
  FCNET_INLINE V operator()(V w, V* s, V g) const {
    s[0] = fma(g, g, s[0]);
    return w - step.learning_rate * g / (sqrt(s[0]) + step.epsilon);
  }
};

// w <- w - alpha sign(beta1 m + (1 - beta1) g); m <- beta2 m + (1 - beta2) g (Chen et al. 2023). The sign of NaN is
// NaN, so that a divergence shows.
template <class T>
struct Lion {
  static constexpr int slots = 1;
  const OptimizerStep<T>& step;

  template <class V>
  FCNET_INLINE V operator()(V w, V* m, V g) const {
    const V c = fma(broadcast_as<V>(step.beta1), m[0], step.rest1 * g), zero = {}, one = broadcast_as<V>(T(1));
    m[0] = fma(broadcast_as<V>(step.beta2), m[0], step.rest2 * g);
    return w - step.learning_rate * (zero < c ? one : c < zero ? -one : c);
  }
};

// Decoupled weight decay shrinks the weights, not the biases, before a step (Loshchilov and Hutter 2019).
template <class T, class V>
FCNET_INLINE V decayed(const OptimizerStep<T>& step, V w, bool bias) {
  return bias ? w : step.decay_factor * w;
}

// The gradient g of the loss and that of the L2 penalty.
template <class T, class V>
FCNET_INLINE V penalized(const OptimizerStep<T>& step, V w, V g, bool bias) {
  return bias ? g : fma(broadcast_as<V>(step.l2), w, g);
}

// The gradient of the mean loss, within +- clip_value (NaN stays NaN).
template <class T>
FCNET_INLINE Vec<T> clipped_gradient(const OptimizerStep<T>& step, Vec<T> sum) {
  const Vec<T> most = broadcast(step.clip_value), g = step.scale * sum;
  return g < -most ? -most : most < g ? most : g;
}

// O on the vector at `at`, made of `w`'s successor by change(w, state).
template <class O, class V, class T, class Change>
FCNET_INLINE void apply_to_vector(const UpdateTarget<T>& target, Size at, Change change) {
  V state[O::slots + 1];
  FCNET_UNROLL
  for (int i = 0; i < O::slots; ++i) state[i] = load_vector<V>(target.state + i * target.slot + at);
  store_vector(target.new_w + at, change(load_vector<V>(target.w + at), state));
  FCNET_UNROLL
  for (int i = 0; i < O::slots; ++i) store_vector(target.new_state + i * target.slot + at, state[i]);
}

// An optimizer that takes sums from the registers, without clipping; shrinks: with weight decay and L2 penalty.
template <class O, bool shrinks>
struct InRegisters {
  static constexpr int slots = O::slots;
  O optimizer;

  // The tile's first element is at `corner`; from row `bias` on it holds no weights, but biases and their like.
  template <class T, int R, int N>
  FCNET_INLINE void apply(const UpdateTarget<T>& target, Size corner, Tile<T, R, N>& tile, Size bias) const {
    if (optimizer.step.decay_biases) bias = R;
    tile.each([&](int r, int s, Vec<T> sum) {
      apply_to_sum(target, corner + r * panel_width + s * width<T>, sum, static_cast<Size>(r) >= bias);
    });
  }
  // The same of one vector, of any length.
  template <class T, class V>
  FCNET_INLINE void apply(const UpdateTarget<T>& target, Size at, V sum, bool bias) const {
    apply_to_sum(target, at, sum, bias && !optimizer.step.decay_biases);
  }

 private:
  template <class T, class V>
  FCNET_INLINE void apply_to_sum(const UpdateTarget<T>& target, Size at, V sum, bool spared) const {
    apply_to_vector<O, V>(target, at, [&](V w, V* state) {
      const V g = penalized(optimizer.step, w, optimizer.step.scale * sum, !shrinks || spared);
      return optimizer(decayed(optimizer.step, w, !shrinks || spared), state, g);
    });
  }
};

// O on `rows` rows of sums, `columns` each, from row `bias` on not of weights.
template <class O, class T>
void apply_rows(const O& optimizer, const UpdateTarget<T>& target, Size corner, const T* sums, Size rows, Size columns,
                Size bias) {
  const OptimizerStep<T>& step = optimizer.step;
  if (step.decay_biases) bias = rows;
  for (Size r = 0; r < rows; ++r)
    for (Size c = 0; c < columns; c += width<T>)
      apply_to_vector<O, Vec<T>>(target, corner + r * panel_width + c, [&](Vec<T> w, Vec<T>* state) {
        const Vec<T> g = penalized(step, w, clipped_gradient(step, load(sums + r * columns + c)), r >= bias);
        return optimizer(decayed(step, w, r >= bias), state, g);
      });
}

template <class T>
FCNET_ONCE void apply_block(const OptimizerStep<T>& step, const UpdateTarget<T>& target, Size corner, const T* sums,
                            Size rows, Size columns, Size bias) {
  const auto apply = [&](auto optimizer) { apply_rows(optimizer, target, corner, sums, rows, columns, bias); };
  switch (step.optimizer) {
    case Optimizer::sgd:
      return apply(Sgd<T>{step});
    case Optimizer::momentum:
      return apply(Momentum<T, false>{step});
    case Optimizer::nesterov:
      return apply(Momentum<T, true>{step});
    case Optimizer::adam:
      return apply(Adam<T, false>{step});
    case Optimizer::nadam:
      return apply(Adam<T, true>{step});
    case Optimizer::rmsprop:
      return apply(RmsProp<T, false>{step});
    case Optimizer::rmsprop_momentum:
      return apply(RmsProp<T, true>{step});
    case Optimizer::adagrad:
      return apply(Adagrad<T>{step});
    case Optimizer::lion:
      return apply(Lion<T>{step});
  }
}

// Any optimizer with any options: takes the tile from the L1 cache, so that it is compiled once and not for every
// shape of a tile.
template <class T>
struct FromCache {
  OptimizerStep<T> step;  // a copy: what apply_block sees the address of could not stay in registers for the others
  int slots;

  template <int R, int N>
  FCNET_INLINE void apply(const UpdateTarget<T>& target, Size corner, Tile<T, R, N>& tile, Size bias) const {
    T sums[R * N * width<T>];
    tile.each([&](int r, int s, Vec<T> sum) { store(sums + (r * N + s) * width<T>, sum); });
    apply_block(step, target, corner, sums, R, N * width<T>, bias);
  }
  template <class V>
  FCNET_INLINE void apply(const UpdateTarget<T>& target, Size at, V sum, bool bias) const {
    T sums[width<T>] = {};  // of the lanes beyond a short vector: their weights are 0, and stay so
    store_vector(sums, sum);
    apply_block(step, target, at, sums, 1, width<T>, bias ? 0 : 1);
  }
};

// Calls f with what applies the optimizer that `step` names: from the registers those that most people use.
template <class T, class F>
FCNET_INLINE void with_optimizer(const OptimizerStep<T>& step, F f) {
  const bool clips = step.clip_value != static_cast<T>(__builtin_inf());
  if (step.optimizer == Optimizer::sgd && !clips && step.l2 == T(0) && step.decay_factor == T(1))
    f(InRegisters<Sgd<T>, false>{{step}});
  else if (step.optimizer == Optimizer::momentum && !clips)
    f(InRegisters<Momentum<T, false>, true>{{step}});
  else if (step.optimizer == Optimizer::nesterov && !clips)
    f(InRegisters<Momentum<T, true>, true>{{step}});
  else if (step.optimizer == Optimizer::adam && !clips)
    f(InRegisters<Adam<T, false>, true>{{step}});
  else
    f(FromCache<T>{step, static_cast<int>(state_slots(step.optimizer))});
}

}  // namespace fcnet::FCNET_ISA
