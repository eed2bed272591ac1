// SPDX-License-Identifier: MIT
// Prediction: every thread takes its panels of samples through all layers in a workspace of its own, of constant size
// whatever the number of rows, and meets nobody; only where rows are few do the threads share each layer.
#pragma once

#include "fcnet/data.hpp"
#include "fcnet/threads.hpp"
#include "fcnet/watch.hpp"

namespace fcnet {

// The network's output for every row of x (probabilities where the loss is cross-entropy) into out (samples, outputs).
template <class T>
Status predict(const Parameters<T>& parameters, const Data<T>& data, T* out, Watch& watch);

// The loss over all rows, and how many are classified correctly.
template <class T>
LossResult evaluate(const Parameters<T>& parameters, const Data<T>& data, Watch& watch);

}  // namespace fcnet
