// SPDX-License-Identifier: MIT
// What the training of few samples at a time (small_batch.hpp) works on: activations as rows, a sample after the other.
#pragma once

#include "fcnet/kernels/pointwise/batch_loss.hpp"
#include "fcnet/kernels/pointwise/hyperparameters.hpp"

namespace fcnet {

// Row i is at p + i * stride; stride is a multiple of 32, with room for one more feature, the 1 of the bias.
template <class T>
struct Rows {
  T* p;
  Size stride;
};

template <class T>
struct RowTraining {
  // of layer l: its parameters, where they are in the optimizer's state, its input h and the sigma of its output
  struct Layer {
    LayerView<T> view;
    Size offset;
    Rows<T> h, sigma;
  };
  const Layer* layers = nullptr;
  Size count = 0;
  Rows<T> output;    // of the last layer
  LossTask<T> loss;  // of the sample in row 0 of the data
  RowSource<T> x;
  const Hyperparameters* chosen = nullptr;
  T* state = nullptr;
  Size slot = 0;
  T* scratch = nullptr;  // 32 rows of a transposed weight matrix: widest padded output * 32 elements
  T* average = nullptr;  // of the parameters over the steps, in panels like them, or null

  [[gnu::always_inline]] UpdateTarget<T> target(Size l) const {
    T *const w = layers[l].view.w, *const of_layer = state + layers[l].offset;
    return {.w = w, .state = of_layer, .new_w = w, .new_state = of_layer, .slot = slot};
  }
};

// What the steps of an epoch have come to so far.
struct RowProgress {
  Powers powers;
  const double* rates;  // of the next steps, or null: the optimizer's own
  LossSum total;        // losses weighted by the samples of their batch
  double averaged;      // steps in the average
};

}  // namespace fcnet
