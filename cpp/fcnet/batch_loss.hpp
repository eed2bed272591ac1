// SPDX-License-Identifier: MIT
// From the losses of samples to the loss of a batch, and to the factor that its mean puts before every gradient.
#pragma once

#include "fcnet/isa/table.hpp"

namespace fcnet {

// The loss of `samples` rows of `outputs` from the sum of their losses (squared errors for mse and rmse).
static inline double mean_loss(Loss loss, Size outputs, double sum, Size samples) {
  if (loss == Loss::cross_entropy) return sum / static_cast<double>(samples);
  const double mse = sum / (static_cast<double>(samples) * static_cast<double>(outputs));
  return loss == Loss::mse ? mse : __builtin_sqrt(mse);
}

// d mean_loss / d h_in = scale * (p - y).
static inline double gradient_scale(Loss loss, Size outputs, double sum, Size samples) {
  if (loss == Loss::cross_entropy) return 1.0 / static_cast<double>(samples);
  const double entries = static_cast<double>(samples) * static_cast<double>(outputs);
  if (loss == Loss::mse) return 2.0 / entries;
  const double rmse = mean_loss(loss, outputs, sum, samples);
  return rmse == 0 ? 0 : 1.0 / (entries * rmse);
}

// A sum of losses, in the order of the samples, and how many were classified correctly.
struct LossSum {
  double sum = 0;
  std::int64_t correct = 0;

  [[gnu::always_inline]] void add(const LossSum& other) {
    sum += other.sum;
    correct += other.correct;
  }
  // The mean loss of a batch, weighted by its samples.
  [[gnu::always_inline]] void add_mean(Loss loss, Size outputs, const LossSum& batch, Size samples) {
    sum += mean_loss(loss, outputs, batch.sum, samples) * static_cast<double>(samples);
    correct += batch.correct;
  }
};

}  // namespace fcnet
