// SPDX-License-Identifier: MIT
// How a block of parameters learns beside the others: factors of what the optimizer does.
#pragma once

#include <optional>

namespace fcnet {

// A block p is multiplier * q, and what the optimizer changes is q: its gradient is multiplier * dL/dp, and the size of
// its steps and its decay are those of q. The neural tangent parametrisation multiplies W by 1 / sqrt(inputs) (Jacot et
// al. 2018).
struct Factors {
  double rate = 1;                // of the learning rate
  std::optional<double> decay{};  // of weight decay and penalties; without one it is as the optimizer says for the role
  double multiplier = 1;

  bool operator==(const Factors&) const = default;
};

}  // namespace fcnet
