// SPDX-License-Identifier: MIT
// What a network learns from: rows of x and, for each, a label or a row of targets. Borrowed, never copied.
#pragma once

#include <algorithm>

#include "fcnet/batch_loss.hpp"
#include "fcnet/network.hpp"

namespace fcnet {

template <class T>
struct Data {
  RowSource<T> x;  // without an order of its own
  Size samples;
  const std::int32_t* labels;  // (samples,), cross-entropy; else null
  const T* targets;            // (samples, outputs), mse and rmse; else null

  RowSource<T> x_in(const std::int64_t* order) const {
    RowSource<T> rows = x;
    rows.order = order;
    return rows;
  }
};

// Row-major rows of T.
template <class T>
RowSource<T> plain_rows(const T* x, Size columns, const std::int64_t* order = nullptr) {
  return {x,       sizeof(T) == 4 ? Element::float32 : Element::float64,
          columns, static_cast<std::ptrdiff_t>(columns),
          1,       order,
          nullptr, nullptr};
}

struct LossResult {
  Status status = Status::ok;
  double loss = 0;  // mean over the samples seen
  std::int64_t correct = 0;
  Size samples = 0;  // seen; fewer than all where interrupted
};

// The losses of up to one panel of outputs, group by group, and sigma = p - y; `target` is scratch for their targets.
template <class T>
void losses_of(const Shape& shape, const Data<T>& data, const std::int64_t* order, Size first, Size samples,
               const T* output, T* sigma, T* target, LossSum* result) {
  T loss[lanes];
  std::fill_n(result, groups(samples, loss_group), LossSum{});
  if (shape.loss == Loss::cross_entropy) {
    std::int32_t labels[lanes];
    for (Size i = 0; i < samples; ++i) labels[i] = data.labels[order != nullptr ? order[first + i] : first + i];
    result->correct = kernels<T>().cross_entropy(output, shape.outputs(), labels, samples, sigma, loss);
  } else {
    kernels<T>().gather(plain_rows(data.targets, shape.outputs(), order), first, samples, target);
    kernels<T>().squared_error(output, target, shape.outputs(), samples, sigma, loss);
  }
  for (Size i = 0; i < samples; ++i) result[i / loss_group].sum += static_cast<double>(loss[i]);
}

}  // namespace fcnet
