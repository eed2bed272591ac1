// SPDX-License-Identifier: MIT
// Counter-based random numbers (Philox 4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
// A number is a function of (seed, purpose, position) alone: no state, so any thread may draw any position and a
// resumed run draws what the uninterrupted one would have.
#pragma once

#include <cstdint>

namespace fcnet {

enum class Purpose : std::uint32_t { shuffle = 1, weights = 2, dropout = 3 };

struct RandomBlock {
  std::uint32_t word[4];
};

static inline std::uint64_t low64(const RandomBlock& b) {
  return b.word[0] | static_cast<std::uint64_t>(b.word[1]) << 32;
}
static inline std::uint64_t high64(const RandomBlock& b) {
  return b.word[2] | static_cast<std::uint64_t>(b.word[3]) << 32;
}

constexpr std::uint32_t philox_factor0 = 0xD2511F53, philox_factor1 = 0xCD9E8D57;
constexpr std::uint32_t philox_step0 = 0x9E3779B9, philox_step1 = 0xBB67AE85;

// `index` is the epoch of a shuffle, or the layer (and the attempt, from bit 16) of a weight.
static inline RandomBlock philox(std::uint64_t seed, Purpose purpose, std::uint32_t index, std::uint64_t position) {
  std::uint32_t key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
  RandomBlock c{{static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32), index,
                 static_cast<std::uint32_t>(purpose)}};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{philox_factor0} * c.word[0];
    const std::uint64_t b = std::uint64_t{philox_factor1} * c.word[2];
    c = {{static_cast<std::uint32_t>(b >> 32) ^ c.word[1] ^ key0, static_cast<std::uint32_t>(b),
          static_cast<std::uint32_t>(a >> 32) ^ c.word[3] ^ key1, static_cast<std::uint32_t>(a)}};
    key0 += philox_step0;
    key1 += philox_step1;
  }
  return c;
}

}  // namespace fcnet
