// SPDX-License-Identifier: MIT
// What the norm of a gradient is made of: sums of squares in float64, one for each of the 32 lanes of a panel and then
// over the lanes, so that no instruction set adds them up in another order.
#pragma once

#include "fcnet/simd/vec.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
double sum_of_squares(const T* rows, Size count, Size used) {
  double sums[panel_width] = {};
  for (const T* row = rows; row < rows + count * panel_width; row += panel_width)
    for (Size i = 0; i < panel_width; ++i) {
      const double x = static_cast<double>(row[i]);
      sums[i] += x * x;
    }
  double sum = 0;
  for (Size i = 0; i < used; ++i) sum += sums[i];
  return sum;
}

}  // namespace fcnet::FCNET_ISA
