// SPDX-License-Identifier: MIT
// The order in which forward and backward-data walk their tiles. The result has rows first..last in panels of samples.
// Its sums are formed in slices of their terms. A slice's block of W (some 32 rows of the result) stays in the L1 cache
// while all samples use it; a few blocks take turns with a slice, so that its h or sigma comes from the L2 cache.
// Between slices the sums wait in the result: the bits are the same. Every tile prefetches its share of the block of W
// that is next, and of the next slice of its samples.
#pragma once

#include "fcnet/base/blocking.hpp"
#include "fcnet/kernels/gemm/prefetch.hpp"
#include "fcnet/simd/tile.hpp"

namespace fcnet::FCNET_ISA {

// Terms of a sum in one slice: as many rows of 32 fit.
template <class T>
constexpr Size slice_depth = blocking.slice_bytes / (panel_width * sizeof(T));

// Calls f(RowCount<rows>{}, row, panel, lane, block, upcoming) for the samples of panels p0..p_end.
template <class T, Size block_rows, class F>
FCNET_INLINE void for_tiles_of(Size p0, Size p_end, Size first, Size last, Size samples, Size depth, Size slice, F f) {
  constexpr Size blocks_in_turn = blocking.blocks_in_turn, tiles_of_panel = panel_width / tile_width<T>;
  const Size slices = ceil_div(depth, slice);
  const auto block_of = [=](Size row, Size i) {
    return WeightBlock{row, split_begin(depth, slices, i), split_begin(depth, slices, i + 1)};
  };
  const Size most = (p_end - p0) * panel_width, left = samples - p0 * panel_width;
  const Size tiles_of_rows = ceil_div(left < most ? left : most, tile_width<T>);
  for (Size from = first / block_rows * block_rows, to; from < last; from = to) {
    to = from + blocks_in_turn * block_rows < last ? from + blocks_in_turn * block_rows : last;
    for (Size i = 0; i < slices; ++i)
      for (Size row = from; row < to; row += block_rows) {
        const Size begin = row < first ? first : row, end = row + block_rows < to ? row + block_rows : to;
        const WeightBlock here = block_of(begin, i);
        const Size again = from < first ? first : from;
        const WeightBlock next = end < to         ? block_of(end, i)
                                 : i + 1 < slices ? block_of(again, i + 1)
                                                  : block_of(to, 0);
        const Size row_blocks = ceil_div(block_rows, tile_rows), then = i + 1 < slices ? i + 1 : 0;
        Size row_block = (row - from) / block_rows * row_blocks;
        Upcoming upcoming{next,
                          {0, ceil_div(end - begin, tile_rows) * tiles_of_rows},
                          split_begin(depth, slices, then),
                          split_begin(depth, slices, then + 1),
                          {0, blocks_in_turn * row_blocks * tiles_of_panel}};
        for_row_blocks(begin, end, [&](auto rows, Size tile_row) FCNET_INLINED {
          for (Size p = p0; p < p_end; ++p)
            for (Size lane = 0; lane < used_width(samples, p); lane += tile_width<T>, ++upcoming.of_weights.tile) {
              upcoming.of_samples.tile = row_block * tiles_of_panel + lane / tile_width<T>;
              f(rows, tile_row, p, lane, here, upcoming);
            }
          ++row_block;
        });
      }
  }
}

// The same for all samples, as many at once as stay in the L2 cache: better to read W once more from further away.
template <class T, Size block_rows, class F>
FCNET_INLINE void for_tiles(Size first, Size last, Size samples, Size depth, Size slice, F f) {
  const Size panels = ceil_div(samples, panel_width);
  for (Size p0 = 0; p0 < panels; p0 += blocking.panels_at_once)
    for_tiles_of<T, block_rows>(p0, p0 + blocking.panels_at_once < panels ? p0 + blocking.panels_at_once : panels,
                                first, last, samples, depth, slice, f);
}

}  // namespace fcnet::FCNET_ISA
