// SPDX-License-Identifier: MIT
// Every size by which the work is cut so that it fits the caches, in one place. The tile itself, which fits the
// registers, is each instruction set's own (vec.hpp). None of these numbers changes a bit of any result.
#pragma once

#include "fcnet/base/layout.hpp"

namespace fcnet {

struct Blocking {
  // Forward, backward-data and row-major products (gemm/cache_blocking.hpp): their sums are formed in slices of terms.
  // A block of some 32 rows of W by a slice stays in the L1 cache while all samples use it; a few blocks take turns
  // with a slice, so that its samples come from the L2 cache.
  Size slice_bytes = 24576;
  Size blocks_in_turn = 4;
  // Panels of samples that one thread takes through a layer together: what they need stays in its L2 cache.
  Size panels_at_once = 4;
  // Row-major products: rows of C whose sums wait in scratch together.
  Size product_rows = 256;

  // W, or the samples at once, up to this many bytes stay in the L2 cache: only beyond do tiles prefetch them.
  Size near_weight_bytes = Size{1} << 18;
  Size near_sample_bytes = Size{1} << 17;

  // Backward-data and update take a block of rows together (engine/forward_backward.hpp): its weights stay in the
  // last-level cache, its h in the L2 cache.
  Size backward_weight_bytes = Size{1} << 23;
  Size backward_sample_bytes = Size{1} << 18;

  // Parameters up to this many bytes stay in a shared cache from one step to the next (engine/plan.cpp).
  Size shared_cache_bytes = Size{16} << 20;
  // Samples of a chunk at most: bounds the memory of a step.
  Size chunk_samples = 2048;
};

constexpr Blocking blocking;

}  // namespace fcnet
