// SPDX-License-Identifier: MIT
// Where every number lies (docs/design.md, section 1). Panels are 32 wide for every type and instruction set:
//   weights      W[out / 32][in + 1][32]   32 output neurons side by side; row `in` is the bias
//   activations  H[batch / 32][features + 1][32]   32 samples side by side; row `features` is all ones, so that
//                the bias is one more row of the weight product; sigma has the same shape without that row
//   sigma^T      [out / 32][batch][32]   what the weight update streams
// Where a layer has more numbers for every neuron, as normalised ones do, they are more rows of its weights' panels,
// see model/parameter_blocks.hpp.
//
// Three words for pieces of work, here and everywhere: a chunk is some samples of a batch that go through the layers
// together; a block is some rows, of all or of some panels, of a matrix; a share is what one thread gets, a multiple of
// the granularity.
//
// Everything is static: an object file of an instruction set must export no shared inline function.
#pragma once

#include <cstddef>

// No a * b + c is contracted into an fma, in any file that knows this layout: equal bits on every machine. Clang obeys
// this whatever its flags; GCC has the flag alone.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

namespace fcnet {

using Size = std::size_t;

constexpr Size panel_width = 32;  // of samples or of neurons

// Losses are added up in groups of so many samples, then group by group, whoever computes them.
constexpr Size loss_group = 8;

// How many times `unit` is needed to cover n.
static constexpr Size ceil_div(Size n, Size unit) { return n / unit + (n % unit != 0); }

// How many of the 32 columns of panel i of n are in use.
static constexpr Size used_width(Size n, Size i) {
  return n - i * panel_width < panel_width ? n - i * panel_width : panel_width;
}

// Where share i of `shares` nearly equal, contiguous shares of n begins.
static constexpr Size split_begin(Size n, Size shares, Size i) { return n / shares * i + (n % shares) * i / shares; }

// Elements from one panel of `rows` rows to the next. Panels that are a multiple of 4 KiB apart would compete for
// the same few cache sets, so such a stride is moved on by an odd number of lines.
static constexpr Size panel_stride(Size rows, Size element_bytes) {
  const Size bytes = rows * panel_width * element_bytes;
  const Size past_page = bytes % 4096;
  return (past_page < 256 ? bytes + 4096 + 256 - past_page : bytes) / element_bytes;
}

}  // namespace fcnet
