// SPDX-License-Identifier: MIT
// From the losses of samples to the loss of a batch, and to the factor that its mean puts before every gradient. Means
// are over the samples, weighted where samples have weights, and over the outputs for all losses but cross-entropy.
#pragma once

#include "fcnet/base/operands.hpp"

namespace fcnet {

// The F of the outputs for which a loss and its F have a derivative of p - y, or one as simple.
static constexpr Activation link(Loss loss) {
  switch (loss) {
    case Loss::cross_entropy:
      return Activation::softmax;
    case Loss::binary_cross_entropy:
      return Activation::sigmoid;
    case Loss::poisson:
      return Activation::exp;
    case Loss::mse:
    case Loss::rmse:
    case Loss::mae:
    case Loss::huber:
    case Loss::quantile:
    case Loss::custom:
    case Loss::cotangent:
      return Activation::identity;
  }
  return Activation::identity;
}

// Whether a loss takes the h_in before such outputs, and its sigma is the derivative by it. Poisson's also for
// softplus: both may be too small for their type, not so what they make together.
static constexpr bool is_linked(Loss loss, Activation output) {
  return output == link(loss) || (loss == Loss::poisson && output == Activation::softplus);
}

// A sum of losses times their weights, in the order of the samples; the sum of the weights, and how many samples were
// classified correctly.
struct LossSum {
  double sum = 0, weight = 0;
  std::int64_t correct = 0;

  [[gnu::always_inline]] void add(const LossSum& other) {
    sum += other.sum;
    weight += other.weight;
    correct += other.correct;
  }
};

// Neither infinite nor NaN, which no sum loses.
[[gnu::always_inline]] static inline bool is_finite(const LossSum& loss) { return loss.sum - loss.sum == 0; }

// The loss of a batch from the sum of its samples' losses (squared errors for mse and rmse); 0 where all weigh nothing.
static inline double mean_loss(Loss loss, Size outputs, const LossSum& batch) {
  if (batch.weight == 0) return 0;
  if (loss == Loss::cross_entropy || loss == Loss::custom) return batch.sum / batch.weight;
  const double mean = batch.sum / (batch.weight * static_cast<double>(outputs));
  return loss == Loss::rmse ? __builtin_sqrt(mean) : mean;
}

// d mean_loss / d h_in = scale * sigma.
static inline double gradient_scale(Loss loss, Size outputs, const LossSum& batch) {
  if (loss == Loss::custom || loss == Loss::cotangent) return 1;  // whose derivative is that of the mean, or of a sum
  if (batch.weight == 0) return 0;
  if (loss == Loss::cross_entropy) return 1.0 / batch.weight;
  const double entries = batch.weight * static_cast<double>(outputs);
  if (loss == Loss::mse) return 2.0 / entries;
  if (loss != Loss::rmse) return 1.0 / entries;
  const double rmse = mean_loss(loss, outputs, batch);
  return rmse == 0 ? 0 : 1.0 / (entries * rmse);
}

// The losses of an epoch's batches, each weighing what its samples do.
[[gnu::always_inline]] static inline void add_mean(LossSum& total, Loss loss, Size outputs, const LossSum& batch) {
  total.add({mean_loss(loss, outputs, batch) * batch.weight, batch.weight, batch.correct});
}

}  // namespace fcnet
