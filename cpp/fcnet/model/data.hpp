// SPDX-License-Identifier: MIT
// What a network learns from: rows of x and, for each, a label or a row of targets. Borrowed, never copied.
#pragma once

#include <algorithm>

#include "fcnet/base/status.hpp"
#include "fcnet/isa/dispatch.hpp"
#include "fcnet/kernels/pointwise/batch_loss.hpp"
#include "fcnet/model/shape.hpp"

namespace fcnet {

// The row that is number i of an order, or of the rows as they come where it is null.
inline std::int64_t row_at(const std::int64_t* order, Size i) {
  return order != nullptr ? order[i] : static_cast<std::int64_t>(i);
}

// A loss of the user's, for whole batches.
template <class T>
class CustomLoss {
 public:
  virtual ~CustomLoss() = default;
  // Of the samples first..first + n of `order`, with row-major outputs (n, m): their mean loss, and its derivative in
  // place of the outputs. false: there is none, and training cannot go on. Called by the thread that trains.
  virtual bool operator()(const std::int64_t* order, Size first, Size n, T* outputs, double& mean) = 0;
};

template <class T>
struct Data {
  RowSource<T> x;                        // its order says which of the rows the samples are; null: all of them
  Size samples = 0;                      // all that follows is by row
  const std::int32_t* labels = nullptr;  // (rows,), cross-entropy; else null
  const T* targets = nullptr;           // (rows, outputs) where there are no labels; the cotangent, if that is the loss
  const std::int32_t* picks = nullptr;  // (rows,), or null: the one output whose loss it is; targets are (rows, 1)
  const T* weights = nullptr;           // (rows,), or null: 1
  CustomLoss<T>* custom = nullptr;

  // How many of that many outputs the loss of a sample is the mean of.
  Size outputs_in_loss(Size outputs) const { return picks == nullptr ? outputs : 1; }
  RowSource<T> x_in(const std::int64_t* order) const {
    RowSource<T> rows = x;
    rows.order = order;
    return rows;
  }
};

// How many numbers sparse rows hold, at most and in the mean.
struct Sparsity {
  Size longest = 0;  // 0: they are taken as dense ones
  double mean = 0;
};

// Row-major rows of T.
template <class T>
RowSource<T> plain_rows(const T* x, Size columns, const std::int64_t* order = nullptr) {
  return {.x = x,
          .dtype = sizeof(T) == 4 ? DType::float32 : DType::float64,
          .columns = columns,
          .row_step = static_cast<std::ptrdiff_t>(columns),
          .order = order};
}

struct LossResult {
  Status status = Status::ok;
  double loss = 0;  // mean over the samples seen
  std::int64_t correct = 0;
  Size samples = 0;  // seen; fewer than all where interrupted
};

// The row of a sample, which may be one of several that a row becomes (Shape::lanes).
inline std::int64_t row_of_sample(const std::int64_t* order, Size sample, Size lanes) {
  return row_at(order, sample / lanes);
}

// Rows as the samples of one panel, `first` among them.
template <class T>
void gather_samples(const RowSource<T>& rows, Size first, Size samples, Size lanes, T* panel) {
  kernels<T>().gather(rows, first / lanes, samples / lanes, panel);
  if (lanes > 1) kernels<T>().repeat_lanes(panel, rows.columns, lanes);
}

// The losses of up to one panel of which every sample has one output, and sigma, 0 for the others. It may lie where the
// outputs do.
template <class T>
int losses_of_picks(const LossTask<T>& task, const Data<T>& data, const std::int64_t* order, Size first, Size lanes,
                    Size samples, const T* output, Size outputs, T* sigma, T* loss) {
  T picked[panel_width] = {}, of_picked[panel_width];
  Size places[panel_width];
  for (Size i = 0; i < samples; ++i) {
    places[i] = static_cast<Size>(data.picks[row_of_sample(order, first + i, lanes)]) * panel_width + i;
    picked[i] = output[places[i]];
  }
  const int correct = kernels<T>().loss(task, picked, 1, samples, of_picked, loss);
  for (Size j = 0; j < outputs; ++j) std::fill_n(sigma + j * panel_width, samples, T(0));
  for (Size i = 0; i < samples; ++i) sigma[places[i]] = of_picked[i];
  return correct;
}

// A panel's targets that label smoothing has made of y, (1 - s) y + s / classes, become those of another s. The lanes
// behind its samples may be another thread's.
template <class T>
void smooth_again(T* targets, Size columns, Size samples, double before, double now, Size classes) {
  const T off = static_cast<T>(before / static_cast<double>(classes));
  const T share = static_cast<T>(now / static_cast<double>(classes)), rest = static_cast<T>((1 - now) / (1 - before));
  for (T* row = targets; row < targets + columns * panel_width; row += panel_width)
    for (Size i = 0; i < samples; ++i) row[i] = (row[i] - off) * rest + share;
}

// The losses of up to one panel of outputs, with their parameter (LossTask), group by group, and sigma; `target` is
// scratch for their targets, which come smoothed by shape.parameter where they are no labels.
template <class T>
void losses_of(const Shape& shape, double parameter, const Data<T>& data, const std::int64_t* order, Size first,
               Size samples, const T* output, T* sigma, T* target, LossSum* result) {
  std::fill_n(result, ceil_div(samples, loss_group), LossSum{});
  if (shape.loss == Loss::cotangent)
    return kernels<T>().gather(plain_rows(data.targets, shape.outputs(), order), first, samples, sigma);
  const Size lanes = shape.lanes();
  T loss[panel_width], weights[panel_width];
  std::int32_t labels[panel_width];
  LossTask<T> task{.loss = shape.loss, .output = shape.output(), .parameter = static_cast<T>(parameter)};
  if (!shape.quantiles.empty()) task.quantiles = shape.quantiles.data(), task.count = shape.quantiles.size();
  if (data.labels != nullptr) {
    for (Size i = 0; i < samples; ++i) labels[i] = data.labels[row_of_sample(order, first + i, lanes)];
    task.labels = labels;
  } else {
    const Size columns = data.outputs_in_loss(shape.outputs());
    gather_samples(plain_rows(data.targets, columns, order), first, samples, lanes, target);
    task.targets = target;
    if (parameter != shape.parameter && shape.loss == Loss::cross_entropy)
      smooth_again(target, columns, samples, shape.parameter, parameter, shape.outputs());
    if (parameter != shape.parameter && shape.loss == Loss::binary_cross_entropy)
      smooth_again(target, columns, samples, shape.parameter, parameter, 2);
  }
  if (data.weights != nullptr) {
    for (Size i = 0; i < samples; ++i) weights[i] = data.weights[row_of_sample(order, first + i, lanes)];
    task.weights = weights;
  }
  result->correct = data.picks == nullptr ? kernels<T>().loss(task, output, shape.outputs(), samples, sigma, loss)
                                          : losses_of_picks(task, data, order, first, lanes, samples, output,
                                                            shape.outputs(), sigma, loss);
  for (Size i = 0; i < samples; ++i) {
    result[i / loss_group].sum += static_cast<double>(loss[i]);
    result[i / loss_group].weight += task.weights != nullptr ? static_cast<double>(weights[i]) : 1.0;
  }
}

}  // namespace fcnet
