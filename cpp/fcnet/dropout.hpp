// SPDX-License-Identifier: MIT
// Dropout (Srivastava et al. 2014), the kept outputs scaled up while training: h and its kept slope times 0 or
// 1 / (1 - p). The random number of neuron j and sample s is word j % 4 of the Philox block (random.hpp) at position s
// and index j / 4, so that whoever computes what, the same outputs are dropped.
#pragma once

#include "fcnet/random.hpp"
#include "fcnet/vec.hpp"

namespace fcnet::FCNET_ISA {

// philox(key, Purpose::dropout, index, position) for consecutive positions.
FCNET_INLINE void philox(std::uint64_t key, std::uint32_t index, Wide position, Wide (&word)[4]) {
  constexpr std::uint64_t low = 0xFFFFFFFF;
  std::uint32_t key0 = static_cast<std::uint32_t>(key), key1 = static_cast<std::uint32_t>(key >> 32);
  word[0] = position & low, word[1] = position >> 32;
  word[2] = Wide{} + index, word[3] = Wide{} + static_cast<std::uint32_t>(Purpose::dropout);
  for (int round = 0; round < 10; ++round) {
    const Wide a = low_product(word[0], Wide{} + philox_factor0), b = low_product(word[2], Wide{} + philox_factor1);
    word[0] = (b >> 32) ^ word[1] ^ key0, word[1] = b & low;
    word[2] = (a >> 32) ^ word[3] ^ key1, word[3] = a & low;
    key0 += philox_step0, key1 += philox_step1;
  }
}

template <class T>
void drop(const Dropout<T>& dropout, Panels<T> h, Panels<T> slope, Size first, Size last) {
  constexpr Size w = width<double>;
  Wide count;
  for (Size i = 0; i < w; ++i) count[i] = i;
  for (Size p = 0; p * lanes < h.samples; ++p)
    for (Size j = first / 4 * 4; j < last; j += 4) {
      T factor[4][lanes];
      for (Size lane = 0; lane < lanes; lane += w) {
        Wide word[4];
        philox(dropout.key, static_cast<std::uint32_t>(j / 4), count + (dropout.first + p * lanes + lane), word);
        for (Size i = 0; i < 4; ++i)
          for (Size s = 0; s < w; ++s) factor[i][lane + s] = word[i][s] < dropout.below ? T(0) : dropout.factor;
      }
      for (Size i = 0; i < 4; ++i) {
        const Size row = j + i;
        if (row < first || row >= last) continue;
        for (Size lane = 0; lane < used_lanes(h.samples, p); lane += width<T>) {
          const Vec<T> by = load(factor[i] + lane);
          T *const value = h.p + p * h.stride + row * lanes + lane, *const kept =
                                                                        slope.p + p * slope.stride + row * lanes + lane;
          store(value, by * load(value));
          store(kept, by * load(kept));
        }
      }
    }
}

}  // namespace fcnet::FCNET_ISA
