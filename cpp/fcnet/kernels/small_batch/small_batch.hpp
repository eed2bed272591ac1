// SPDX-License-Identifier: MIT
// Steps of few samples, each a row (row_layers.hpp): one thread, no allocation.
#pragma once

#include "fcnet/kernels/pointwise/elementwise.hpp"
#include "fcnet/kernels/small_batch/row_layers.hpp"
#include "fcnet/kernels/small_batch/row_losses.hpp"
#include "fcnet/kernels/small_batch/short_layers.hpp"

namespace fcnet::FCNET_ISA {

// Kept out of the steps, of which the smallest take some 50 ns.
template <class T>
[[gnu::noinline]] void gather_sparse_rows(const RowSource<T>& rows, Size first, Size n, Rows<T> h) {
  for (Size i = 0; i < n; ++i) {
    T* const row = h.p + i * h.stride;
    for (Size j = 0; j < rows.columns; ++j) row[j] = empty_place(rows, j);
    add_sparse_row(rows, first + i, row, 1);
  }
}

template <class T>
FCNET_INLINE void gather_dense_row(const RowSource<T>& rows, Size i, T* h) {
  if constexpr (sizeof(T) == 4)
    if (is_exact(rows)) return subtract_offsets(rows, i, 0, rows.columns, h);
  convert_row(rows, i, 0, rows.columns, h);
}

template <class T>
void gather_rows(const RowSource<T>& rows, Size first, Size n, Rows<T> h) {
  if (rows.starts != nullptr)
    gather_sparse_rows(rows, first, n, h);
  else
    for (Size i = 0; i < n; ++i) gather_dense_row(rows, first + i, h.p + i * h.stride);
  if (rows.scale == nullptr) return;
  for (T* row = h.p; row < h.p + n * h.stride; row += h.stride)
    for (Size j = 0; j < rows.columns; ++j) row[j] = (row[j] - left_to_subtract(rows, j)) * rows.scale[j];
}

template <class T>
FCNET_INLINE LossTask<T> loss_task_of(const RowTraining<T>& t, Size i) {
  const Size row = row_number(t.x, i);
  LossTask<T> task = t.loss;
  if (task.labels != nullptr) task.labels += row;
  if (task.targets != nullptr) task.targets += row * t.layers[t.count - 1].view.out;
  if (task.weights != nullptr) task.weights += row;
  return task;
}

// Rows of T as they are.
template <class T>
FCNET_INLINE bool is_plain(const RowSource<T>& rows) {
  constexpr DType own = sizeof(T) == 4 ? DType::float32 : DType::float64;
  return rows.dtype == own && rows.column_step == 1 && rows.starts == nullptr && rows.scale == nullptr;
}

// Prefetches what a step some steps later will read of the samples, which no processor could guess.
template <class T>
FCNET_INLINE void prefetch_sample(const RowTraining<T>& t, Size i) {
  const Size row = row_number(t.x, i);
  if (is_plain(t.x)) __builtin_prefetch(static_cast<const T*>(t.x.x) + static_cast<std::ptrdiff_t>(row) * t.x.row_step);
  if (t.loss.labels != nullptr) __builtin_prefetch(t.loss.labels + row);
}

// Samples of a few numbers, which mostly are there as they are needed.
template <class T>
FCNET_INLINE void gather_short_rows(const RowSource<T>& rows, Size first, Size n, Rows<T> h) {
  if (!is_plain(rows)) return gather_rows(rows, first, n, h);
  for (Size i = 0; i < n; ++i) {
    const T* const x = row_of<T>(rows, first + i);
    for (Size j = 0; j < rows.columns; ++j) h.p[i * h.stride + j] = x[j];
  }
}

// One step on the gathered samples first..first + n of the order, and whether its loss is finite. Layers: what computes
// its layers; Row: and the softmax of one sample.
template <class Layers, class Row, class T>
FCNET_INLINE bool step_rows(const RowTraining<T>& t, Size first, Size n, RowProgress& progress, LateLosses<T>& late) {
  for (Size l = 0; l < t.count; ++l)
    Layers::forward(t.layers[l].view, t.layers[l].h, n, l + 1 < t.count ? t.layers[l + 1].h : t.output);
  const auto& last = t.layers[t.count - 1];
  const Size outputs = last.view.out;
  LossSum loss;
  bool finite;
  if (n == 1 && t.loss.loss == Loss::cross_entropy && t.loss.weights == nullptr) {
    const RowEntropy<T> row = cross_entropy_row<Row>(loss_task_of(t, first), t.output.p, outputs, last.sigma.p);
    loss.weight = 1;
    late.add(row, progress.total);
    if constexpr (sizeof(T) == 8)
      if (!(row.rest < 1e290)) late.finish(progress.total);  // it may be infinite although no loss is
    finite = row.finite() && is_finite(progress.total);
  } else {
    for (Size i = 0; i < n; ++i)
      loss.add(loss_of_row(loss_task_of(t, first + i), t.output.p + i * t.output.stride, outputs,
                           last.sigma.p + i * last.sigma.stride));
    add_mean(progress.total, t.loss.loss, outputs, loss);
    finite = is_finite(progress.total);
  }
  const double scale = gradient_scale(t.loss.loss, outputs, loss);
  progress.powers.advance(*t.chosen);
  const double rate = progress.rates != nullptr ? *progress.rates++ : t.chosen->learning_rate;
  const OptimizerStep<T> step = optimizer_step<T>(*t.chosen, rate, progress.powers, scale, loss.weight);
  with_optimizer(step, [&](auto optimizer) {
    for (Size l = t.count; l-- > 0;) Layers::backward(optimizer, t, l, n);
  });
  return finite;
}

// Steps of `batch` samples each on the samples first..last of the order, as long as the loss is finite; where they
// ended.
template <class T>
Size train_rows(const RowTraining<T>& t, Size first, Size last, Size batch, RowProgress& progress) {
  LateLosses<T> late;
  bool finite = is_finite(progress.total);
  const auto steps = [&](auto step) FCNET_INLINED {
    while (first < last && finite) {
      const Size n = last - first < batch ? last - first : batch;
      for (Size i = first + 16; i < first + 16 + n && i < last; ++i) prefetch_sample(t, i);
      finite = step(n);
      if (t.average != nullptr)
        average(t.average, t.layers[0].view.w, t.slot,
                static_cast<T>(t.chosen->averaging.weight_of_next(progress.averaged++)));
      first += n;
    }
  };
  const auto short_step = [&](Size n) FCNET_INLINED {
    gather_short_rows(t.x, first, n, t.layers[0].h);
    return step_rows<ShortLayers<T>, ShortLayers<T>>(t, first, n, progress, late);
  };
  if (!ShortLayers<T>::fit(t))
    steps([&](Size n) {
      gather_rows(t.x, first, n, t.layers[0].h);
      return step_rows<TiledRows<T>, WholeRows<T>>(t, first, n, progress, late);
    });
  else if (batch == 1)
    steps([&](Size) { return short_step(1); });
  else
    steps(short_step);
  late.finish(progress.total);
  return first;
}

}  // namespace fcnet::FCNET_ISA
