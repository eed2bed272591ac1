// SPDX-License-Identifier: MIT
// Softmax and losses of one row: a sample's outputs side by side. As in losses.hpp, with the same bits. Cross-entropy
// reads no vector whose lanes were written one by one just before: the processor would wait for them.
#pragma once

#include "fcnet/losses.hpp"
#include "fcnet/row_training.hpp"

namespace fcnet::FCNET_ISA {

// `on` in the lane of number `chosen` where the first lane is number `first`, else `off`.
template <class T>
FCNET_INLINE Vec<T> one_hot(Size first, Size chosen, T on, T off) {
  const T lane = static_cast<T>(static_cast<std::ptrdiff_t>(chosen) - static_cast<std::ptrdiff_t>(first));
  return lane_numbers<T>() == lane ? broadcast(on) : broadcast(off);
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

// The targets are a row of probabilities where there is no label.
template <class T>
FCNET_INLINE T cross_entropy_row(const LossTask<T>& task, const T* z, Size classes, T* sigma, bool& correct) {
  Size best, wanted;
  const T top = top_of_row(z, classes, best);
  const auto [on, off] = label_shares(task, classes);
  T behind = 0;
  if (task.labels == nullptr) {
    top_of_row(task.targets, classes, wanted);
    for (Size c = 0; c < classes; ++c)
      if (task.targets[c] != T(0)) behind = fma(task.targets[c], top - z[c], behind);
  } else {
    wanted = static_cast<Size>(*task.labels);
    if (off != T(0))
      for (Size c = 0; c < classes; ++c) behind += top - z[c];
    behind = off != T(0) ? fma(on - off, top - z[wanted], off * behind) : top - z[wanted];
  }
  const T sum = exp_row(z, classes, top, sigma);
  const T loss = log(broadcast(sum))[0] + behind;
  if (task.labels != nullptr)
    for (Size c = 0; c < classes; c += width<T>)
      store(sigma + c, load(sigma + c) / sum - one_hot<T>(c, wanted, on, off));
  else
    for (Size c = 0; c < classes; ++c) sigma[c] = sigma[c] / sum - task.targets[c];
  correct = best == wanted && loss == loss;
  return loss;
}

template <class T>
FCNET_INLINE T error_row(const LossTask<T>& task, const T* z, Size outputs, T* sigma, bool& correct) {
  Vec<T> sum = {};
  with_error<Vec<T>>(task, [&](auto error) {
    for (Size j = 0; j < outputs; ++j) {
      const Vec<T> from = broadcast(z[j]), to = broadcast(task.targets[j]), d = error.derivative(from, to);
      sum = error.add(sum, from, to, d);
      sigma[j] = d[0];
    }
  });
  correct = task.loss == Loss::binary_cross_entropy;
  for (Size j = 0; j < outputs && correct; ++j) correct = (z[j] > 0) == (task.targets[j] > T(0.5)) && z[j] == z[j];
  return sum[0];
}

// `task` is that of one sample.
template <class T>
FCNET_INLINE LossSum loss_of_row(const LossTask<T>& task, const T* z, Size outputs, T* sigma) {
  bool correct;
  T loss = task.loss == Loss::cross_entropy ? cross_entropy_row(task, z, outputs, sigma, correct)
                                            : error_row(task, z, outputs, sigma, correct);
  if (task.weights == nullptr) return {static_cast<double>(loss), 1, correct};
  const T weight = *task.weights;
  for (Size j = 0; j < outputs; ++j) sigma[j] = weight * sigma[j];
  loss *= weight;
  return {static_cast<double>(loss), static_cast<double>(weight), correct};
}

template <class T>
void softmax_rows(Rows<T> z, Size n, Size classes) {
  for (Size i = 0; i < n; ++i) softmax_row(z.p + i * z.stride, classes);
}

}  // namespace fcnet::FCNET_ISA
