// SPDX-License-Identifier: MIT
// Softmax and losses of one row: a sample's outputs side by side. As in losses.hpp, with the same bits. Cross-entropy
// reads no vector whose lanes were written one by one just before: the processor would wait for them.
#pragma once

#include "fcnet/batch_loss.hpp"
#include "fcnet/row_training.hpp"
#include "fcnet/vec_math.hpp"

namespace fcnet::FCNET_ISA {

// 1 in the lane of number `chosen` where the first lane is number `first`, else 0.
template <class T>
FCNET_INLINE Vec<T> one_hot(Size first, Size chosen) {
  const T lane = static_cast<T>(static_cast<std::ptrdiff_t>(chosen) - static_cast<std::ptrdiff_t>(first));
  return lane_numbers<T>() == lane ? broadcast(T(1)) : Vec<T>{};
}

// exp(z - max z) of one row and its sum in ascending order; the lanes beyond the classes are left at 0.
template <class T>
FCNET_INLINE T exp_row(const T* z, Size classes, T top, T* e) {
  for (Size c = 0; c < classes; c += width<T>) {
    const Vec<T> value = exp(load(z + c) - top);
    store(e + c, lane_numbers<T>() < static_cast<T>(classes - c) ? value : Vec<T>{});
  }
  T sum = 0;
  for (Size c = 0; c < classes; ++c) sum += e[c];
  return sum;
}

template <class T>
FCNET_INLINE T top_of_row(const T* z, Size classes, Size& best) {
  T top = z[0];
  best = 0;
  for (Size c = 1; c < classes; ++c)
    if (top < z[c]) top = z[c], best = c;
  return top;
}

template <class T>
FCNET_INLINE void softmax_row(T* z, Size classes) {
  Size best;
  const T sum = exp_row(z, classes, top_of_row(z, classes, best), z);
  for (Size c = 0; c < classes; c += width<T>) store(z + c, load(z + c) / sum);
}

template <class T>
FCNET_INLINE LossSum cross_entropy_row(const T* z, Size classes, Size label, T* sigma) {
  Size best;
  const T top = top_of_row(z, classes, best);
  const T sum = exp_row(z, classes, top, sigma);
  for (Size c = 0; c < classes; c += width<T>) store(sigma + c, load(sigma + c) / sum - one_hot<T>(c, label));
  const T loss = log(broadcast(sum))[0] + (top - z[label]);
  return {static_cast<double>(loss), best == label && loss == loss};
}

template <class T>
FCNET_INLINE LossSum squared_error_row(const T* output, const T* target, Size outputs, T* sigma) {
  T sum = 0;
  for (Size j = 0; j < outputs; ++j) {
    sigma[j] = output[j] - target[j];
    sum = fma(sigma[j], sigma[j], sum);
  }
  return {static_cast<double>(sum), 0};
}

template <class T>
void softmax_rows(Rows<T> z, Size n, Size classes) {
  for (Size i = 0; i < n; ++i) softmax_row(z.p + i * z.stride, classes);
}

}  // namespace fcnet::FCNET_ISA
