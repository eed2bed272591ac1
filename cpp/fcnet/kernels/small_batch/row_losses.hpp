// SPDX-License-Identifier: MIT
// Softmax and losses of one row: a sample's outputs side by side. As in losses.hpp, with the same bits. Cross-entropy
// reads no vector whose lanes were written one by one just before: the processor would wait for them.
#pragma once

#include "fcnet/kernels/pointwise/losses.hpp"
#include "fcnet/kernels/small_batch/row_training.hpp"

namespace fcnet::FCNET_ISA {

// `on` in the lane of number `chosen` where the first lane is number `first`, else `off`.
template <class V, class T>
FCNET_INLINE V one_hot(Size first, Size chosen, T on, T off) {
  const T lane = static_cast<T>(static_cast<std::ptrdiff_t>(chosen) - static_cast<std::ptrdiff_t>(first));
  return lane_numbers<T, V>() == lane ? broadcast_as<V>(on) : broadcast_as<V>(off);
}

template <class T>
FCNET_INLINE T top_of_row(const T* z, Size classes, Size& best) {
  T top = z[0];
  best = 0;
  for (Size c = 1; c < classes; ++c)
    if (top < z[c]) top = z[c], best = c;
  return top;
}

// Softmax of one row whose largest z is `top`: p = last(p, c) for each vector, of which c is the first class; the lanes
// beyond the classes are left at 0, as the weights of padding are. The sum of exp(z - top) in ascending order.
template <class T>
struct WholeRows {
  using V = Vec<T>;

  template <class F>
  static FCNET_INLINE T softmax_of(const T* z, Size classes, T top, T* p, F last) {
    for (Size c = 0; c < classes; c += width<T>) {
      const V e = exp(load(z + c) - top);
      store(p + c, lane_numbers<T>() < static_cast<T>(classes - c) ? e : V{});
    }
    T sum = 0;
    for (Size c = 0; c < classes; ++c) sum += p[c];
    for (Size c = 0; c < classes; c += width<T>)
      store(p + c, lane_numbers<T>() < static_cast<T>(classes - c) ? last(load(p + c) / sum, c) : V{});
    return sum;
  }
};

template <class T>
FCNET_INLINE void softmax_row(T* z, Size classes) {
  Size best;
  const T top = top_of_row(z, classes, best);
  WholeRows<T>::softmax_of(z, classes, top, z, [](Vec<T> p, Size) { return p; });
}

// A cross-entropy before its logarithm: ln(sum) + rest.
template <class T>
struct RowEntropy {
  T sum, rest;
  bool correct;

  T loss() const { return log(broadcast(sum))[0] + rest; }
  // A sum is never below 1, nor infinite.
  bool finite() const { return sum == sum && rest - rest == 0; }
};

// The targets are a row of probabilities where there is no label. Row: what forms its softmax.
template <class Row, class T>
FCNET_INLINE RowEntropy<T> cross_entropy_row(const LossTask<T>& task, const T* z, Size classes, T* sigma) {
  using V = typename Row::V;
  Size best, wanted;
  const T top = top_of_row(z, classes, best);
  T rest = 0, sum;
  if (task.labels == nullptr) {
    top_of_row(task.targets, classes, wanted);
    for (Size c = 0; c < classes; ++c)
      if (task.targets[c] != T(0)) rest = fma(task.targets[c], top - z[c], rest);
    sum = Row::softmax_of(z, classes, top, sigma, [](V p, Size) { return p; });
    for (Size c = 0; c < classes; ++c) sigma[c] -= task.targets[c];
  } else {
    const auto [on, off] = label_shares(task, classes);
    wanted = static_cast<Size>(*task.labels);
    if (off != T(0))
      for (Size c = 0; c < classes; ++c) rest += top - z[c];
    rest = off != T(0) ? fma(on - off, top - z[wanted], off * rest) : top - z[wanted];
    sum = Row::softmax_of(z, classes, top, sigma, [=](V p, Size c) { return p - one_hot<V>(c, wanted, on, off); });
  }
  return {sum, rest, best == wanted && sum == sum && rest == rest};
}

// What steps of one sample come to, each of them weighing 1: their logarithms are taken for many steps at once, as one
// takes a fifth of the shortest step; by short vectors, beside which the steps go on.
template <class T>
class LateLosses {
 public:
  FCNET_INLINE void add(const RowEntropy<T>& row, LossSum& total) {
    sums_[count_] = row.sum, rests_[count_] = row.rest;
    total.weight += 1;
    total.correct += row.correct;
    if (++count_ == most) finish(total);
  }
  void finish(LossSum& total) {
    using V = ShortVec<T>;
    T losses[most];
    for (int i = 0; i < count_; i += sizeof(V) / sizeof(T))
      store_vector(losses + i, log(load_vector<V>(sums_ + i)) + load_vector<V>(rests_ + i));
    double sum = total.sum;
    for (int i = 0; i < count_; ++i) sum += static_cast<double>(losses[i]);
    total.sum = sum;
    count_ = 0;
  }

 private:
  static constexpr int most = 16;

  T sums_[most] = {}, rests_[most] = {};
  int count_ = 0;
};

template <class T>
FCNET_INLINE T error_row(const LossTask<T>& task, const T* z, Size outputs, T* sigma, bool& correct) {
  Vec<T> sum = {};
  with_error<Vec<T>>(task, [&](auto error) {
    for (Size j = 0; j < outputs; ++j) {
      begin_output(error, j);
      const Vec<T> from = broadcast(z[j]), to = broadcast(task.targets[j]), d = error.derivative(from, to);
      sum = error.add(sum, from, to, d);
      sigma[j] = d[0];
    }
  });
  correct = task.loss == Loss::binary_cross_entropy;
  for (Size j = 0; j < outputs && correct; ++j) correct = (z[j] > 0) == (task.targets[j] > T(0.5)) && z[j] == z[j];
  return sum[0];
}

// `task` is that of one sample. Compiled once, and not for every way that a step may go.
template <class T>
[[gnu::noinline]] LossSum loss_of_row(const LossTask<T>& task, const T* z, Size outputs, T* sigma) {
  bool correct;
  T loss;
  if (task.loss == Loss::cross_entropy) {
    const RowEntropy<T> row = cross_entropy_row<WholeRows<T>>(task, z, outputs, sigma);
    loss = row.loss(), correct = row.correct;
  } else {
    loss = error_row(task, z, outputs, sigma, correct);
  }
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
