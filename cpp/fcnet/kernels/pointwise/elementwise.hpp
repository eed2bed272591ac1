// SPDX-License-Identifier: MIT
// A function of every element of a plain array; the last, partial vector goes through a padded copy.
#pragma once

#include "fcnet/kernels/pointwise/activations.hpp"
#include "fcnet/simd/vec_math.hpp"

namespace fcnet::FCNET_ISA {

template <class T, class F>
FCNET_INLINE void map(const T* x, Size count, T* out, F f) {
  Size i = 0;
  for (; i + width<T> <= count; i += width<T>) store(out + i, f(load(x + i)));
  if (i == count) return;
  T rest[width<T>] = {};
  __builtin_memcpy(rest, x + i, (count - i) * sizeof(T));
  store(rest, f(load(rest)));
  __builtin_memcpy(out + i, rest, (count - i) * sizeof(T));
}

// v - v is 0, or NaN where v is infinite or NaN, which no sum loses.
template <class T>
bool all_finite(const T* x, Size count) {
  Vec<T> zero[4] = {};
  Size i = 0;
  for (; i + 4 * width<T> <= count; i += 4 * width<T>) FCNET_UNROLL
  for (int s = 0; s < 4; ++s) {
    const Vec<T> v = load(x + i + s * width<T>);
    zero[s] += v - v;
  }
  T rest = 0;
  for (; i < count; ++i) rest += x[i] - x[i];
  const Vec<T> sum = (zero[0] + zero[1]) + (zero[2] + zero[3]);
  for (int lane = 0; lane < width<T>; ++lane) rest += sum[lane];
  return rest == T(0);
}

template <class T>
void map_activation(Activation activation, const T* x, Size count, T* out) {
  with_any_activation(activation, [&](auto f) { map(x, count, out, [&](Vec<T> v) { return f.apply(v); }); });
}

template <class T>
void map_exp(const T* x, Size count, T* out) {
  map(x, count, out, [](Vec<T> v) { return exp(v); });
}

template <class T>
void map_log(const T* x, Size count, T* out) {
  map(x, count, out, [](Vec<T> v) { return log(v); });
}

template <class T>
void map_sin(const T* x, Size count, T* out) {
  map(x, count, out, [](Vec<T> v) { return sincos(v).sin; });
}

template <class T>
void map_cos(const T* x, Size count, T* out) {
  map(x, count, out, [](Vec<T> v) { return sincos(v).cos; });
}

// a <- a + weight (x - a): where both are the same they stay so. Kept out of the shortest steps, which do without.
template <class T>
[[gnu::noinline]] void average(T* a, const T* x, Size count, T weight) {
  const Vec<T> of_x = broadcast(weight);
  for (Size i = 0; i < count; i += width<T>) {
    const Vec<T> before = load(a + i);
    store(a + i, fma(of_x, load(x + i) - before, before));
  }
}

}  // namespace fcnet::FCNET_ISA
