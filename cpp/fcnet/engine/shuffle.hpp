// SPDX-License-Identifier: MIT
// The order of an epoch's samples.
#pragma once

#include <algorithm>

#include "fcnet/isa/dispatch.hpp"

namespace fcnet {

// Fisher-Yates: order[0..n) becomes the permutation of 0..n-1 that belongs to (seed, epoch); false, and incomplete,
// where go_on(), asked every millisecond, says no.
template <class GoOn>
bool permutation(std::uint64_t seed, std::uint32_t epoch, std::int64_t* order, std::uint64_t n, GoOn go_on) {
  constexpr std::uint64_t block = 1 << 16;
  for (std::uint64_t i = 0; i < n; ++i) {
    if (i % block == 0 && !go_on()) return false;
    order[i] = static_cast<std::int64_t>(i);
  }
  constexpr std::uint64_t at_once = 256;
  std::uint64_t words[at_once];
  for (std::uint64_t end = n, left = 0; end > 1; --left) {
    if (left == 0 && !go_on()) return false;
    if (left == 0) left = 128;
    const std::uint64_t first = end - std::min(end, at_once);
    isa().shuffle_words(seed, epoch, first, end - first, words);
    for (std::uint64_t i = end; i-- > std::max<std::uint64_t>(first, 1);) {
      const unsigned __int128 product = static_cast<unsigned __int128>(words[i - first]) * (i + 1);
      std::swap(order[i], order[static_cast<std::uint64_t>(product >> 64)]);
    }
    end = first;
  }
  return true;
}

}  // namespace fcnet
