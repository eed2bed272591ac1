// SPDX-License-Identifier: MIT
// Losses on one panel: up to 32 samples side by side, so sums over the outputs are vertical. Each writes sigma_L = p -
// y and the loss of every sample; the mean over the batch enters once, as the scale of the gradient.
#pragma once

#include "fcnet/isa/table.hpp"
#include "fcnet/vec_math.hpp"

namespace fcnet::FCNET_ISA {

// e = exp(z - max z) of one vector of samples and its sum over the classes, in ascending order.
template <class T>
FCNET_INLINE Vec<T> exp_and_sum(const T* z, Size classes, Vec<T> top, T* e) {
  Vec<T> sum = {};
  for (Size c = 0; c < classes; ++c) {
    const Vec<T> value = exp(load(z + c * lanes) - top);
    store(e + c * lanes, value);
    sum += value;
  }
  return sum;
}

// p_j = exp(z_j) / sum_i exp(z_i), in place, the maximum subtracted first.
template <class T>
void softmax(T* panel, Size classes, Size samples) {
  for (T* z = panel; z < panel + samples; z += width<T>) {
    Vec<T> top = load(z);
    for (Size c = 1; c < classes; ++c) top = max_or_first(top, load(z + c * lanes));
    const Vec<T> sum = exp_and_sum(z, classes, top, z);
    for (Size c = 0; c < classes; ++c) store(z + c * lanes, load(z + c * lanes) / sum);
  }
}

// L = -ln p_y = ln(sum_j exp(z_j - max)) + (max - z_y), never the logarithm of a rounded p; sigma = softmax(z) - y.
template <class T>
int cross_entropy(const T* logits, Size classes, const std::int32_t* labels, Size samples, T* sigma, T* loss) {
  int correct = 0;
  for (Size lane = 0; lane < samples; lane += width<T>) {
    const T* z = logits + lane;
    Vec<T> label = {};
    for (Size i = 0; i < width<T>; ++i) label[i] = lane + i < samples ? static_cast<T>(labels[lane + i]) : T(0);
    Vec<T> top = load(z), best = {}, labelled = load(z);
    for (Size c = 1; c < classes; ++c) {
      const Vec<T> value = load(z + c * lanes), number = broadcast(static_cast<T>(c));
      best = top < value ? number : best;
      top = max_or_first(top, value);
      labelled = label == number ? value : labelled;
    }
    const Vec<T> sum = exp_and_sum(z, classes, top, sigma + lane);
    const Vec<T> l = log(sum) + (top - labelled);
    store(loss + lane, l);
    for (Size c = 0; c < classes; ++c) {
      T* s = sigma + lane + c * lanes;
      const Vec<T> p = load(s) / sum, one = broadcast(T(1));
      store(s, p - (label == broadcast(static_cast<T>(c)) ? one : Vec<T>{}));
    }
    for (Size i = 0; i < width<T> && lane + i < samples; ++i) correct += best[i] == label[i] && l[i] == l[i];
  }
  return correct;
}

// sum_j (p_j - y_j)^2 per sample; sigma = p - y. The mean, and the root of RMSE, are taken over the whole batch.
template <class T>
void squared_error(const T* output, const T* target, Size outputs, Size samples, T* sigma, T* loss) {
  for (Size lane = 0; lane < samples; lane += width<T>) {
    Vec<T> sum = {};
    for (Size j = 0; j < outputs; ++j) {
      const Vec<T> difference = load(output + j * lanes + lane) - load(target + j * lanes + lane);
      store(sigma + j * lanes + lane, difference);
      sum = fma(difference, difference, sum);
    }
    store(loss + lane, sum);
  }
}

}  // namespace fcnet::FCNET_ISA
