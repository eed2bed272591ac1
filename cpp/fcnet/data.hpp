// SPDX-License-Identifier: MIT
// What a network learns from: rows of x and, for each, a label or a row of targets. Borrowed, never copied.
#pragma once

#include "fcnet/network.hpp"

namespace fcnet {

template <class T>
struct Data {
  const void* x;
  Element element;
  Size samples;
  const std::int32_t* labels;  // (samples,), cross-entropy; else null
  const T* targets;            // (samples, outputs), mse and rmse; else null
};

struct LossResult {
  Status status = Status::ok;
  double loss = 0;  // mean over the samples seen
  std::int64_t correct = 0;
  Size samples = 0;  // seen; fewer than all where interrupted
};

// The loss of `samples` rows from the sum of their losses (squared errors for mse and rmse).
inline double mean_loss(const Shape& shape, double sum, Size samples) {
  if (shape.loss == Loss::cross_entropy) return sum / static_cast<double>(samples);
  const double mse = sum / (static_cast<double>(samples) * static_cast<double>(shape.outputs()));
  return shape.loss == Loss::mse ? mse : __builtin_sqrt(mse);
}

// d mean_loss / d h_in = scale * (p - y).
inline double gradient_scale(const Shape& shape, double sum, Size samples) {
  if (shape.loss == Loss::cross_entropy) return 1.0 / static_cast<double>(samples);
  const double entries = static_cast<double>(samples) * static_cast<double>(shape.outputs());
  if (shape.loss == Loss::mse) return 2.0 / entries;
  const double rmse = mean_loss(shape, sum, samples);
  return rmse == 0 ? 0 : 1.0 / (entries * rmse);
}

// One panel's share of a loss: summed in the order of the samples.
struct PanelLoss {
  double sum = 0;
  std::int64_t correct = 0;
};

// The loss of one panel of outputs and its sigma = p - y; `target` is scratch for a panel of targets.
template <class T>
PanelLoss panel_loss(const Shape& shape, const Data<T>& data, const std::int64_t* order, Size first, Size samples,
                     const T* output, T* sigma, T* target) {
  PanelLoss result;
  T loss[lanes];
  if (shape.loss == Loss::cross_entropy) {
    std::int32_t labels[lanes];
    for (Size i = 0; i < samples; ++i) labels[i] = data.labels[order != nullptr ? order[first + i] : first + i];
    result.correct = kernels<T>().cross_entropy(output, shape.outputs(), labels, samples, sigma, loss);
  } else {
    const Element element = sizeof(T) == 4 ? Element::float32 : Element::float64;
    kernels<T>().gather({data.targets, element, shape.outputs(), order}, first, samples, target);
    kernels<T>().squared_error(output, target, shape.outputs(), sigma, loss);
  }
  for (Size i = 0; i < samples; ++i) result.sum += static_cast<double>(loss[i]);
  return result;
}

// Calls f(begin, end) over rows first..last in strips of about a millisecond, as long as go_on() says so.
template <class GoOn, class F>
void in_strips(Size first, Size last, double flops_per_row, GoOn go_on, F f) {
  const double rows = isa().flops_per_second * 1e-3 / flops_per_row;
  const Size strip = rows < lanes ? lanes : static_cast<Size>(rows < 1e9 ? rows : 1e9) / lanes * lanes;
  for (Size begin = first; begin < last && go_on(); begin += strip)
    f(begin, begin + strip < last ? begin + strip : last);
}

}  // namespace fcnet
