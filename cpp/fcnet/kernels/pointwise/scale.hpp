// SPDX-License-Identifier: MIT
// A trainable scale per feature, y = x o s, before a layer's product; back, sigma is multiplied by it in the same way.
#pragma once

#include "fcnet/base/operands.hpp"
#include "fcnet/simd/vec.hpp"

namespace fcnet::FCNET_ISA {

// Rows first..last of panels, each times its number of `by`; `to` may be `from`.
template <class T>
void scale(ParameterRow<T> by, Panels<const T> from, Panels<T> to, Size first, Size last) {
  for (Size p = 0; p * panel_width < from.samples; ++p)
    for (Size row = first; row < last; ++row)
      for (Size lane = 0; lane < used_width(from.samples, p); lane += width<T>)
        store(to.p + p * to.stride + row * panel_width + lane,
              load(from.p + p * from.stride + row * panel_width + lane) * by[row]);
}

}  // namespace fcnet::FCNET_ISA
