// SPDX-License-Identifier: MIT
// Prediction: every thread takes its panels of samples through all layers in a workspace of its own, of constant size
// whatever the number of rows, and without synchronisation; only where rows are few do the threads share each layer.
#pragma once

#include <optional>

#include "fcnet/model/data.hpp"
#include "fcnet/model/parameters.hpp"
#include "fcnet/runtime/cancellation.hpp"
#include "fcnet/runtime/threads.hpp"

namespace fcnet {

// What is asked of a prediction beside the outputs of its rows.
template <class T>
struct Wanted {
  bool logits = false;                             // the last layer's h_in in place of its h_out
  T* const* layers = nullptr;                      // where every layer's h_out goes, (samples, neurons); or null
  std::optional<std::uint64_t> dropout_seed = {};  // drop hidden outputs, as a training step does
};

// The network's output for every row of x (probabilities where the loss is cross-entropy) into out (samples, outputs),
// which is not written where all layers are wanted.
template <class T>
Status predict(const Parameters<T>& parameters, const Data<T>& data, T* out, Cancellation& cancellation,
               const Wanted<T>& wanted = {});

// The loss over all rows, and how many are classified correctly.
template <class T>
LossResult evaluate(const Parameters<T>& parameters, const Data<T>& data, Cancellation& cancellation);

}  // namespace fcnet
