// SPDX-License-Identifier: MIT
// Gradients for those who look at them: nothing is trained.
#pragma once

#include "fcnet/model/data.hpp"
#include "fcnet/model/parameters.hpp"
#include "fcnet/runtime/cancellation.hpp"

namespace fcnet {

// The loss and dL/d(parameters) of the whole data as one batch, into `gradient` (panels like the parameters').
template <class T>
LossResult gradients(const Parameters<T>& parameters, const Data<T>& data, Parameters<T>& gradient,
                     Cancellation& cancellation);

}  // namespace fcnet
