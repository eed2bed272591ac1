// SPDX-License-Identifier: MIT
// The memory of a RowTraining (row_training.hpp), allocated once: h and sigma of every layer for one small batch.
#pragma once

#include <algorithm>
#include <vector>

#include "fcnet/kernels/small_batch/row_training.hpp"
#include "fcnet/model/data.hpp"
#include "fcnet/model/parameters.hpp"

namespace fcnet {

// Elements from one row of activations to the next: room for the 1 of the bias, whole panels.
inline Size row_stride(Size features) { return ceil_div(features + 1, panel_width) * panel_width; }

template <class T>
class RowWorkspace {
 public:
  // Borrows `data` and `chosen`.
  [[nodiscard]] Status prepare(const Shape& shape, const Data<T>& data, Size batch, const Hyperparameters& chosen) {
    CheckedSize total = 0;
    for (const Size n : shape.sizes) total = total + CheckedSize(row_stride(n)) * batch * 2;
    const Size widest = *std::max_element(shape.sizes.begin() + 1, shape.sizes.end());
    if (const Status s = memory_.allocate(total + CheckedSize(row_stride(widest)) * panel_width); s != Status::ok)
      return s;
    layers_.resize(shape.layers());
    T* next = memory_.data();
    const auto rows = [&](Size features) {
      const Rows<T> taken{next, row_stride(features)};
      next += taken.stride * batch;
      return taken;
    };
    for (Size l = 0; l < shape.layers(); ++l) {
      layers_[l].h = rows(shape.sizes[l]);
      layers_[l].sigma = rows(shape.sizes[l + 1]);
    }
    training_ = {.count = shape.layers(),
                 .output = rows(shape.outputs()),
                 .loss = {.loss = shape.loss,
                          .output = shape.output(),
                          .parameter = static_cast<T>(shape.parameter),
                          .labels = data.labels,
                          .targets = data.targets,
                          .weights = data.weights},
                 .x = data.x,
                 .chosen = &chosen};
    training_.scratch = next;  // behind the rows of the output
    quantiles_ = shape.quantiles;
    if (!quantiles_.empty()) training_.loss.quantiles = quantiles_.data(), training_.loss.count = quantiles_.size();
    return Status::ok;
  }

  // Other data, of no more samples at once.
  void use(const Data<T>& data) {
    training_.x = data.x;
    training_.loss.labels = data.labels;
    training_.loss.targets = data.targets;
    training_.loss.weights = data.weights;
  }

  // For the parameters, the state and perhaps the average as they lie now, and the order of an epoch.
  const RowTraining<T>& on(const Parameters<T>& parameters, Buffer<T>& state, T* average, const std::int64_t* order) {
    for (Size l = 0; l < layers_.size(); ++l) {
      layers_[l].view = parameters.layer(l, parameters.stages().group(l + 1).epilogue);
      layers_[l].offset = parameters.offset(l);
    }
    training_.layers = layers_.data();
    training_.x.order = order;
    training_.state = state.data();
    training_.slot = parameters.panels().size();
    training_.average = average;
    return training_;
  }

 private:
  Buffer<T> memory_;
  std::vector<typename RowTraining<T>::Layer> layers_;
  std::vector<double> quantiles_;
  RowTraining<T> training_{};
};

}  // namespace fcnet
