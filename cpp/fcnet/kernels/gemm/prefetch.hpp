// SPDX-License-Identifier: MIT
// What a tile of each product prefetches for the tiles after it, while its own sums are formed. Forward and
// backward-data prefetch the next block of W and the next slice of the samples (cache_blocking.hpp), each tile its
// share of the lines; the update the rows of W and of the optimizer's state that are next, and the next panel of
// sigma^T. Only speed depends on any of it.
#pragma once

#include "fcnet/base/blocking.hpp"
#include "fcnet/base/operands.hpp"
#include "fcnet/simd/tile.hpp"

namespace fcnet::FCNET_ISA {

// A block of W: some 32 rows of the result from `row` on (`last` or more: none), for terms begin..end of their sums.
struct WeightBlock {
  Size row, begin, end;
};

// One of the tiles that together prefetch something.
struct TileShare {
  Size tile, tiles;

  // Where its share of so many elements begins.
  template <class T>
  Size begin(Size elements) const {
    return elements / line_elements<T> * tile / tiles * line_elements<T>;
  }
};

// What comes after a tile: the next block of W, and of its samples the next slice, terms begin..end.
struct Upcoming {
  WeightBlock weights;
  TileShare of_weights;
  Size begin, end;
  TileShare of_samples;

  // After how many terms a tile prefetches again, where a row of 32 of W takes one term.
  template <class T>
  Size interval() const {
    constexpr Size lines = panel_width / line_elements<T>;
    return of_weights.tiles < lines ? 1 : of_weights.tiles / lines;
  }
  // In a panel of samples, of which so many elements are a term of W's block.
  template <class T>
  void prefetch_samples(Prefetch<T>& prefetch, const T* panel, Size elements) const {
    prefetch.samples = panel + begin * elements + of_samples.begin<T>((end - begin) * elements);
    prefetch.samples_step = ceil_div(prefetch.interval * panel_width, of_samples.tiles);
  }
};

// Which operands are larger than what the L2 cache keeps of them: only these are prefetched, the samples only with W.
struct FarOperands {
  bool weights, samples;
};
template <class T>
constexpr bool are_far(Size samples, Size neurons) {
  return samples * neurons * sizeof(T) > blocking.near_sample_bytes;
}
// Of a product whose sums have `depth` terms, one for each neuron.
template <class T>
constexpr FarOperands far_operands(Size in, Size out, Size samples, Size depth) {
  constexpr Size most = blocking.panels_at_once * panel_width;
  return {in * out * sizeof(T) > blocking.near_weight_bytes, are_far<T>(samples < most ? samples : most, depth)};
}

// What a tile of forward prefetches, whose sums have `depth` terms in this slice; `w` is any valid place.
template <class T>
FCNET_INLINE Prefetch<T> forward_prefetch(const LayerView<T>& layer, FarOperands far, const T* w, const T* h_panel,
                                          Size depth, Size last, const Upcoming& upcoming) {
  Prefetch<T> prefetch{w, nullptr, 0, 0, depth + 1};  // none
  if (!far.weights) return prefetch;
  const WeightBlock next = upcoming.weights;
  if (next.row < last) {
    prefetch.weights = layer.w + next.row / panel_width * layer.stride + next.begin * panel_width +
                       upcoming.of_weights.begin<T>(depth * panel_width);
    prefetch.weights_step = line_elements<T>;
  }
  prefetch.interval = upcoming.interval<T>();
  if (far.samples) upcoming.prefetch_samples(prefetch, h_panel, panel_width);
  return prefetch;
}

// What a tile of backward-data prefetches, anew in each panel of W that it goes through, `stride` elements further on.
template <class T>
struct PanelPrefetch {
  Prefetch<T> prefetch;
  Size stride;
};
template <class T, Size block_rows>
FCNET_INLINE PanelPrefetch<T> backward_prefetch(const LayerView<T>& layer, FarOperands far, const T* sigma_panel,
                                                Size last, const Upcoming& upcoming) {
  Prefetch<T> prefetch{layer.w, nullptr, 0, 0, panel_width + 1};  // none
  Size stride = 0;
  if (!far.weights) return {prefetch, stride};
  const WeightBlock next = upcoming.weights;
  if (next.row < last) {
    const Size next_rows = next.row + block_rows < last ? block_rows : last - next.row;
    prefetch.weights = layer.w + next.begin * layer.stride + next.row * panel_width +
                       upcoming.of_weights.begin<T>(next_rows * panel_width);
    prefetch.weights_step = line_elements<T>;
    stride = layer.stride;
  }
  prefetch.interval = upcoming.interval<T>();
  if (far.samples) upcoming.prefetch_samples(prefetch, sigma_panel, panel_width * panel_width);
  return {prefetch, stride};
}

// The rows of weights, and of the optimizer's state for them, that a later tile changes.
template <class T>
FCNET_INLINE void prefetch_target(const UpdateTarget<T>& target, int slots, Size at, Size rows) {
  prefetch_rows<true>(target.new_w + at, rows);
  for (int i = 0; i < slots; ++i) prefetch_rows<true>(target.new_state + i * target.slot + at, rows);
  if (target.new_w == target.w) return;
  prefetch_rows<false>(target.w + at, rows);
  for (int i = 0; i < slots; ++i) prefetch_rows<false>(target.state + i * target.slot + at, rows);
}

// The next tile's rows, some at a time: those for panel p of `panels` of samples, with the last one all that are left.
// ahead(at, rows) prefetches rows from element `at` on.
template <int R, class Ahead>
FCNET_INLINE void prefetch_next_rows(Size p, Size panels, Size next_corner, Ahead ahead) {
  constexpr Size some = R < 4 ? R : 4;
  for (Size at = p * some; at < R && (at < (p + 1) * some || p + 1 == panels); at += some)
    ahead(next_corner + (at < R - some ? at : R - some) * panel_width, some);
}

// How much of the next panel of sigma^T a tile prefetches with each panel of samples, where so many tiles go over one.
template <class T>
FCNET_INLINE Size elements_per_tile(Size samples, Size tiles) {
  return ceil_div(samples * panel_width / line_elements<T>, tiles) * line_elements<T>;
}
// From `next` on, which moves on.
template <class T>
FCNET_INLINE void prefetch_lines(const T*& next, Size elements) {
  for (const T* end = next + elements; next < end; next += line_elements<T>) __builtin_prefetch(next, 0, 2);
}

}  // namespace fcnet::FCNET_ISA
