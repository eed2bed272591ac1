// SPDX-License-Identifier: MIT
// Standard normal numbers by Marsaglia's polar method, one pair drawn per position: u sqrt(-2 ln(s) / s) with (u, v)
// uniform in the unit disc and s = u^2 + v^2. Computed in float64 whatever the result's type.
#pragma once

#include "fcnet/base/random.hpp"
#include "fcnet/simd/vec_math.hpp"

namespace fcnet::FCNET_ISA {

// Uniform in [-1, 1), 53 bits.
FCNET_INLINE double symmetric_uniform(std::uint64_t bits) {
  return 2.0 * (static_cast<double>(bits >> 11) * 0x1p-53) - 1.0;
}

template <class T>
void gaussian_init(std::uint64_t seed, std::uint32_t layer, std::uint64_t first, Size count, double spread, T* out) {
  for (Size begin = 0; begin < count; begin += panel_width) {
    const Size used = used_width(count, begin / panel_width);
    double u[panel_width] = {}, s[panel_width];
    for (Size i = 0; i < panel_width; ++i) s[i] = 1.0;
    for (Size i = 0; i < used; ++i)
      for (std::uint32_t attempt = 0;; ++attempt) {
        const RandomBlock block = philox(seed, Purpose::weights, layer | attempt << 16, first + begin + i);
        const double a = symmetric_uniform(low64(block)), b = symmetric_uniform(high64(block));
        u[i] = a;
        s[i] = a * a + b * b;
        if (0.0 < s[i] && s[i] < 1.0) break;
      }
    for (Size i = 0; i < panel_width; i += width<double>) {
      const Vec<double> v = load(s + i);
      store(u + i, spread * (load(u + i) * sqrt(-2.0 * log(v) / v)));
    }
    for (Size i = 0; i < used; ++i) out[begin + i] = static_cast<T>(u[i]);
  }
}

}  // namespace fcnet::FCNET_ISA
