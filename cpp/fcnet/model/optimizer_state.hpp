// SPDX-License-Identifier: MIT
// The optimizer state, which goes on from one step to the next, and from one fit to the next.
#pragma once

#include "fcnet/kernels/pointwise/hyperparameters.hpp"
#include "fcnet/runtime/parallel.hpp"

namespace fcnet {

template <class T>
struct OptimizerState {
  Optimizer optimizer = Optimizer::sgd;
  Powers powers;
  Buffer<T> slots;  // slot after slot, each like the panels of the parameters

  // At its start, for that many parameters.
  [[nodiscard]] Status begin(Optimizer chosen, Size parameters, Cancellation& cancellation) {
    optimizer = chosen;
    powers = {};
    const Status s = slots.allocate(CheckedSize(parameters) * state_slots(chosen));
    return s == Status::ok ? prefault(slots, cancellation) : s;
  }

  [[nodiscard]] Status copy(const OptimizerState& other, Cancellation& cancellation) {
    optimizer = other.optimizer;
    powers = other.powers;
    if (const Status s = slots.allocate(other.slots.size()); s != Status::ok) return s;
    return copy_all(other.slots, slots, cancellation);
  }

  // Whether it means the same to that optimizer; momentum does to Nesterov's.
  bool suits(Optimizer chosen) const {
    const auto kind = [](Optimizer o) { return o == Optimizer::nesterov ? Optimizer::momentum : o; };
    return kind(optimizer) == kind(chosen);
  }
};

}  // namespace fcnet
