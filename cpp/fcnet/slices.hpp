// SPDX-License-Identifier: MIT
// The order in which forward and back-data walk their tiles. The result has rows first..last in panels of samples; its
// sums are formed in slices, whose part of W (32 rows of the result) stays in the first cache while all samples use it;
// some such parts take turns with a slice, so that its h or sigma comes from the second cache. Between slices the sums
// wait in the result: the bits are the same. Every tile calls for its share of the part of W that is next.
#pragma once

#include "fcnet/tile.hpp"

namespace fcnet::FCNET_ISA {

constexpr Size slice_bytes = 24576;

// Terms of a sum in one slice: as many rows of 32 lanes fit.
template <class T>
constexpr Size slice_terms = slice_bytes / (lanes * sizeof(T));

// A part of W: some 32 rows of the result from `row` on (`last` or more: none), for terms begin..end of their sums.
struct WeightPart {
  Size row, begin, end;
};

// Of the tiles of one part, which together call for all of the next one, each for its share of the lines.
struct Share {
  Size tile, tiles;

  Size begin(Size lines) const { return lines * tile / tiles; }
  // Terms of a tile after which it calls for a line, where a row of 32 lanes takes one term.
  template <class T>
  Size terms_per_call() const {
    constexpr Size lines = lanes / line_elements<T>;
    return tiles < lines ? 1 : tiles / lines;
  }
};

// Whether W is larger than what the second cache keeps: only then the next part is called for.
template <class T>
constexpr bool is_far(Size in, Size out) {
  return in * out * sizeof(T) > Size{1} << 18;
}

// Calls f(RowCount<rows>{}, row, panel, lane, part, next part, share of calls) for the samples of panels p0..p_end.
template <class T, Size part_rows, class F>
FCNET_INLINE void for_tiles_of(Size p0, Size p_end, Size first, Size last, Size samples, Size terms, Size slice, F f) {
  constexpr Size parts_at_once = 4;
  const Size slices = groups(terms, slice);
  const auto part = [=](Size row, Size i) {
    return WeightPart{row, part_begin(terms, slices, i), part_begin(terms, slices, i + 1)};
  };
  const Size most = (p_end - p0) * lanes, left = samples - p0 * lanes;
  const Size tiles_of_rows = groups(left < most ? left : most, tile_lanes<T>);
  for (Size from = first / part_rows * part_rows, to; from < last; from = to) {
    to = from + parts_at_once * part_rows < last ? from + parts_at_once * part_rows : last;
    for (Size i = 0; i < slices; ++i)
      for (Size row = from; row < to; row += part_rows) {
        const Size begin = row < first ? first : row, end = row + part_rows < to ? row + part_rows : to;
        const WeightPart here = part(begin, i);
        const Size again = from < first ? first : from;
        const WeightPart next = end < to ? part(end, i) : i + 1 < slices ? part(again, i + 1) : part(to, 0);
        Share share{0, groups(end - begin, tile_rows) * tiles_of_rows};
        for_row_blocks(begin, end, [&](auto rows, Size tile_row) FCNET_INLINED {
          for (Size p = p0; p < p_end; ++p)
            for (Size lane = 0; lane < used_lanes(samples, p); lane += tile_lanes<T>, ++share.tile)
              f(rows, tile_row, p, lane, here, next, share);
        });
      }
  }
}

// The same for all samples, as many at once as stay in the second cache: better W once more from further away.
template <class T, Size part_rows, class F>
FCNET_INLINE void for_tiles(Size first, Size last, Size samples, Size terms, Size slice, F f) {
  const Size panels = groups(samples, lanes);
  for (Size p0 = 0; p0 < panels; p0 += panels_at_once)
    for_tiles_of<T, part_rows>(p0, p0 + panels_at_once < panels ? p0 + panels_at_once : panels, first, last, samples,
                               terms, slice, f);
}

}  // namespace fcnet::FCNET_ISA
