// SPDX-License-Identifier: MIT
// The roofline of this machine, what it can do at most: fused multiply-adds from registers, and streams from memory.
// Only for measuring (roofline_driver.cpp): nothing that trains or predicts calls them.
#pragma once

#include "fcnet/simd/vec.hpp"

namespace fcnet::FCNET_ISA {

// c <- c * factor + 1 on as many independent vectors as a tile has accumulators, so that no multiply-add waits for the
// one before. The chains start apart (equal ones would be computed once) and end in *result (unused ones, never).
// Returns the floating-point operations.
template <class T>
double multiply_add(Size rounds, T factor, T* result) {
  constexpr int chains = tile_rows * tile_vectors;
  const Vec<T> by = broadcast(factor), one = broadcast(T{1});
  Vec<T> c[chains];
  FCNET_UNROLL
  for (int i = 0; i < chains; ++i) c[i] = broadcast(static_cast<T>(i));
  for (Size round = 0; round < rounds; ++round) {
    FCNET_UNROLL
    for (int i = 0; i < chains; ++i) c[i] = fma(c[i], by, one);
  }
  Vec<T> sum{};
  FCNET_UNROLL
  for (int i = 0; i < chains; ++i) sum += c[i];
  *result = sum[0];
  return 2.0 * chains * width<T> * static_cast<double>(rounds);
}

// The sum of x, a multiple of 8 vectors long, by 8 independent vectors.
template <class T>
T read(const T* x, Size count) {
  constexpr int chains = 8;
  Vec<T> c[chains]{};
  for (Size i = 0; i < count; i += chains * width<T>) {
    FCNET_UNROLL
    for (int j = 0; j < chains; ++j) c[j] += load(x + i + static_cast<Size>(j) * width<T>);
  }
  Vec<T> sum{};
  FCNET_UNROLL
  for (int j = 0; j < chains; ++j) sum += c[j];
  return sum[0];
}

// w <- w - a g, a multiple of 4 vectors long: the traffic of gradient descent without its products.
template <class T>
void descend(T* w, const T* g, Size count, T a) {
  const Vec<T> minus_a = broadcast(-a);
  for (Size i = 0; i < count; i += 4 * width<T>) {
    FCNET_UNROLL
    for (Size j = i; j < i + 4 * width<T>; j += width<T>) store(w + j, fma(minus_a, load(g + j), load(w + j)));
  }
}

}  // namespace fcnet::FCNET_ISA
