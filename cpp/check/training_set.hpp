// SPDX-License-Identifier: MIT
// Samples to train on without Python: numbers in [0, 1) from their position, labels in turn.
#pragma once

#include <vector>

#include "fcnet/model/data.hpp"

namespace fcnet::check {

struct TrainingSet {
  std::vector<float> x;
  std::vector<std::int32_t> labels;
  Shape shape;

  TrainingSet(std::vector<Size> sizes, Size n) : x(n * sizes.front()), labels(n), shape{std::move(sizes)} {
    for (Size i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 2654435761u % 1000) / 1000;
    for (Size i = 0; i < n; ++i) labels[i] = static_cast<std::int32_t>(i % shape.outputs());
  }
  Data<float> data() const {
    return {.x = plain_rows(x.data(), shape.inputs()), .samples = labels.size(), .labels = labels.data()};
  }
};

}  // namespace fcnet::check
