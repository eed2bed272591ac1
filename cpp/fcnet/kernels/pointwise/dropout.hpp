// SPDX-License-Identifier: MIT
// Dropout (Srivastava et al. 2014), the outputs that stay scaled up while training: h and what is saved beside it, the
// derivative and a parametric activation's excess, unless they are null, times 0 or 1 / (1 - p). The random number of
// neuron j and sample s is word j % 4 of the Philox block (random.hpp) at position s and index j / 4, so that whoever
// computes what, the same outputs are dropped.
#pragma once

#include "fcnet/base/operands.hpp"
#include "fcnet/simd/vec_random.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
void drop(const Dropout<T>& dropout, Panels<T> h, Panels<T> slope, Panels<T> excess, Size first, Size last) {
  constexpr Size w = width<double>;
  using Factors [[gnu::vector_size(w * sizeof(T))]] = T;  // as many as there are lanes of Wide
  const Factors kept = Factors{} + dropout.factor;
  const Wide count = numbers<Wide>(typename CountTo<w>::type{}), below = Wide{} + dropout.below;
  for (Size p = 0; p * panel_width < h.samples; ++p)
    for (Size j = first / 4 * 4; j < last; j += 4) {
      T factor[4][panel_width];
      for (Size lane = 0; lane < panel_width; lane += w) {
        Wide word[4];
        philox(dropout.key, Purpose::dropout, static_cast<std::uint32_t>(j / 4),
               count + (dropout.first + p * panel_width + lane), word);
        for (Size i = 0; i < 4; ++i) {
          const Factors by = __builtin_convertvector(word[i] < below, decltype(kept < kept)) ? Factors{} : kept;
          __builtin_memcpy(&factor[i][lane], &by, sizeof(by));
        }
      }
      for (Size i = 0; i < 4; ++i) {
        const Size row = j + i;
        if (row < first || row >= last) continue;
        for (Size lane = 0; lane < used_width(h.samples, p); lane += width<T>) {
          const Vec<T> by = load(factor[i] + lane);
          const auto multiply = [&](const Panels<T>& panels) {
            if (panels.p == nullptr) return;
            T* const value = panels.p + p * panels.stride + row * panel_width + lane;
            store(value, by * load(value));
          };
          multiply(h), multiply(slope), multiply(excess);
        }
      }
    }
}

}  // namespace fcnet::FCNET_ISA
