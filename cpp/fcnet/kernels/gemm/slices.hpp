// SPDX-License-Identifier: MIT
// The order in which forward and back-data walk their tiles. The result has rows first..last in panels of samples; its
// sums are formed in slices, whose part of W (32 rows of the result) stays in the first cache while all samples use it;
// some such parts take turns with a slice, so that its h or sigma comes from the second cache. Between slices the sums
// wait in the result: the bits are the same. Every tile calls for its share of the part of W that is next, and of the
// next slice of its samples.
#pragma once

#include "fcnet/simd/tile.hpp"

namespace fcnet::FCNET_ISA {

constexpr Size slice_bytes = 24576;

// Terms of a sum in one slice: as many rows of 32 lanes fit.
template <class T>
constexpr Size slice_terms = slice_bytes / (lanes * sizeof(T));

// A part of W: some 32 rows of the result from `row` on (`last` or more: none), for terms begin..end of their sums.
struct WeightPart {
  Size row, begin, end;
};

// Of some tiles that together call for something, each for its share of the lines.
struct Share {
  Size tile, tiles;

  // Where that of so many elements begins.
  template <class T>
  Size begin(Size elements) const {
    return elements / line_elements<T> * tile / tiles * line_elements<T>;
  }
};

// What a tile calls for: of the next part of W, and of the samples' next slice, terms begin..end.
struct Ahead {
  WeightPart weights;
  Share of_weights;
  Size begin, end;
  Share of_samples;

  // Terms of a tile after which it calls, where a row of 32 lanes of W takes one term.
  template <class T>
  Size every() const {
    constexpr Size lines = lanes / line_elements<T>;
    return of_weights.tiles < lines ? 1 : of_weights.tiles / lines;
  }
  // In a panel of samples, of which so many elements are a term of W's part.
  template <class T>
  void call_for_samples(Calls<T>& calls, const T* panel, Size elements) const {
    calls.second = panel + begin * elements + of_samples.begin<T>((end - begin) * elements);
    calls.second_step = groups(calls.every * lanes, of_samples.tiles);
  }
};

// Whether W, or h or sigma, is larger than what the second cache keeps of it: only then tiles call.
template <class T>
constexpr bool is_far(Size in, Size out) {
  return in * out * sizeof(T) > Size{1} << 18;
}
// Samples whose h or sigma takes part in a slice.
constexpr Size at_once(Size samples) { return samples < panels_at_once * lanes ? samples : panels_at_once * lanes; }
template <class T>
constexpr bool is_far_for_samples(Size samples, Size neurons) {
  return samples * neurons * sizeof(T) > Size{1} << 17;
}

// Calls f(RowCount<rows>{}, row, panel, lane, part, ahead) for the samples of panels p0..p_end.
template <class T, Size part_rows, class F>
FCNET_INLINE void for_tiles_of(Size p0, Size p_end, Size first, Size last, Size samples, Size terms, Size slice, F f) {
  constexpr Size parts_at_once = 4, tiles_of_panel = lanes / tile_lanes<T>;
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
        const Size blocks = groups(part_rows, tile_rows), then = i + 1 < slices ? i + 1 : 0;
        Size block = (row - from) / part_rows * blocks;
        Ahead ahead{next,
                    {0, groups(end - begin, tile_rows) * tiles_of_rows},
                    part_begin(terms, slices, then),
                    part_begin(terms, slices, then + 1),
                    {0, parts_at_once * blocks * tiles_of_panel}};
        for_row_blocks(begin, end, [&](auto rows, Size tile_row) FCNET_INLINED {
          for (Size p = p0; p < p_end; ++p)
            for (Size lane = 0; lane < used_lanes(samples, p); lane += tile_lanes<T>, ++ahead.of_weights.tile) {
              ahead.of_samples.tile = block * tiles_of_panel + lane / tile_lanes<T>;
              f(rows, tile_row, p, lane, here, ahead);
            }
          ++block;
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
