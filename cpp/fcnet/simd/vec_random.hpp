// SPDX-License-Identifier: MIT
// The random numbers of random.hpp, several at once.
#pragma once

#include "fcnet/base/random.hpp"
#include "fcnet/simd/vec.hpp"

namespace fcnet::FCNET_ISA {

// philox(key, purpose, index, position) for as many positions as there are lanes.
FCNET_INLINE void philox(std::uint64_t key, Purpose purpose, std::uint32_t index, Wide position, Wide (&word)[4]) {
  constexpr std::uint64_t low = 0xFFFFFFFF;
  std::uint32_t key0 = static_cast<std::uint32_t>(key), key1 = static_cast<std::uint32_t>(key >> 32);
  word[0] = position & low, word[1] = position >> 32;
  word[2] = Wide{} + index, word[3] = Wide{} + static_cast<std::uint32_t>(purpose);
  for (int round = 0; round < 10; ++round) {
    const Wide a = low_product(word[0], Wide{} + philox_factor0), b = low_product(word[2], Wide{} + philox_factor1);
    word[0] = (b >> 32) ^ word[1] ^ key0, word[1] = b & low;
    word[2] = (a >> 32) ^ word[3] ^ key1, word[3] = a & low;
    key0 += philox_step0, key1 += philox_step1;
  }
}

// low64 of the blocks of a shuffle at positions first..first + count, where there is room for whole vectors.
inline void shuffle_words(std::uint64_t seed, std::uint32_t epoch, std::uint64_t first, Size count,
                          std::uint64_t* words) {
  constexpr Size w = width<double>;
  const Wide lane = numbers<Wide>(typename CountTo<w>::type{});
  for (Size i = 0; i < count; i += w) {
    Wide word[4];
    philox(seed, Purpose::shuffle, epoch, lane + (first + i), word);
    const Wide low = word[0] | word[1] << 32;
    __builtin_memcpy(words + i, &low, sizeof(low));
  }
}

}  // namespace fcnet::FCNET_ISA
