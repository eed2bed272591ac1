// SPDX-License-Identifier: MIT
// Parameters that move towards others, as those of a target network do.
#pragma once

#include "fcnet/model/parameters.hpp"
#include "fcnet/runtime/denormals.hpp"

namespace fcnet {

// to = from + weight (towards - from), element by element; all have the same panels.
template <class T>
[[nodiscard]] Status blend(const Parameters<T>& from, const Parameters<T>& towards, T weight, Parameters<T>& to,
                           Cancellation& cancellation) {
  const T *const a = from.panels().data(), *const b = towards.panels().data();
  T* const result = to.panels().data();
  return in_parallel(from.panels().size(), block_elements, cancellation, [&](Size begin, Size end) {
    const FlushDenormals flush;
    constexpr Size at_once = Size{1} << 11;  // stay in the L1 cache between the two
    for (Size i = begin; i < end; i += at_once) {
      const Size count = std::min(at_once, end - i);
      std::copy_n(a + i, count, result + i);
      kernels<T>().average(result + i, b + i, count, weight);
    }
  });
}

}  // namespace fcnet
