// SPDX-License-Identifier: MIT
// The products on plain row-major arrays, for the published kernels: the same tile, with rows of C as its rows and 32
// columns of C as its lanes. A panel of the streamed operand is copied together, unless few rows use it, and walked in
// slices as in cache_blocking.hpp; between them the sums wait in scratch. A last panel of fewer columns goes through
// padded rows.
#pragma once

#include "fcnet/kernels/gemm/cache_blocking.hpp"
#include "fcnet/kernels/gemm/pack.hpp"
#include "fcnet/kernels/pointwise/activations.hpp"
#include "fcnet/kernels/pointwise/optimizers.hpp"

namespace fcnet::FCNET_ISA {

// Rows of 32 of panel q of the streamed operand for so many rows of C: in place, or copied to scratch.
template <class T>
inline Stream<T> stream_of(const RowMajorProduct<T>& g, Size q, Size rows, T* scratch) {
  const Size used = used_width(g.columns, q);
  if (g.b_transposed) {
    const auto step = static_cast<std::ptrdiff_t>(g.depth);
    gather_from<T, T>({.x = g.b, .columns = g.depth, .row_step = step}, q * panel_width, used, scratch);
  } else if (used == panel_width && rows <= 2 * tile_rows) {
    return {g.b + q * panel_width, g.columns};
  } else {
    for (Size k = 0; k < g.depth; ++k) {
      const T* const from = g.b + k * g.columns + q * panel_width;
      if (used == panel_width)
        __builtin_memcpy(scratch + k * panel_width, from, panel_width * sizeof(T));
      else
        __builtin_memcpy(scratch + k * panel_width, from, used * sizeof(T));
    }
  }
  return {scratch, panel_width};
}

// What becomes of the sums of one vector of C, c and mask being 32 wide rows.
template <class T>
FCNET_INLINE void finish(const RowMajorProduct<T>& g, T* c, const T* mask, Vec<T> sum) {
  if (g.update != nullptr) {
    store(c, Sgd<T>{*g.update}(load(c), nullptr, g.update->scale * sum));
  } else {
    store(c, mask != nullptr ? Relu::times_derivative(sum, load(mask)) : sum);
  }
}

// Rows first..last of panel q of C from the terms begin..end of their sums; `sums` holds those of the first row on.
template <class T>
FCNET_INLINE void block_of_product(const RowMajorProduct<T>& g, Size q, Size first, Size last, Size begin, Size end,
                                   Stream<T> b, const T* bias, T* sums) {
  const Size used = used_width(g.columns, q);
  const bool starts = begin == 0, ends = end == g.depth, partial = used < panel_width;
  for_row_blocks(first, last, [&](auto rows, Size row) {
    T padded[rows.count * panel_width],
        padded_mask[rows.count * panel_width];  // their lanes beyond `used` come to nothing
    T* const c = g.c + row * g.columns + q * panel_width;
    const T* const mask = g.mask != nullptr ? g.mask + row * g.columns + q * panel_width : nullptr;
    for (Size r = 0; partial && ends && r < rows.count; ++r) {
      if (g.update != nullptr) __builtin_memcpy(padded + r * panel_width, c + r * g.columns, used * sizeof(T));
      if (mask != nullptr) __builtin_memcpy(padded_mask + r * panel_width, mask + r * g.columns, used * sizeof(T));
    }
    T* const to = partial ? padded : c;
    const T* const masked = mask == nullptr ? nullptr : partial ? padded_mask : mask;
    const Size stride = partial ? panel_width : g.columns;
    for (Size lane = 0; lane < used; lane += tile_width<T>) {
      T* const waiting = sums + (row - first) * panel_width + lane;
      Tile<T, rows.count> tile;
      if (starts)
        tile.fill([&](int, int s) { return load(bias + lane + s * width<T>); });
      else
        tile.fill([&](int r, int s) { return load(waiting + r * panel_width + s * width<T>); });
      tile.accumulate({g.a + row * g.a_r + begin * g.a_k, g.a_k, g.a_r}, {b.p + begin * b.k_step + lane, b.k_step},
                      end - begin);
      tile.each([&](int r, int s, Vec<T> sum) {
        const Size at = r * stride + lane + s * width<T>;
        if (ends)
          finish(g, to + at, masked != nullptr ? masked + at : nullptr, sum);
        else
          store(waiting + r * panel_width + s * width<T>, sum);
      });
    }
    for (Size r = 0; partial && ends && r < rows.count; ++r)
      __builtin_memcpy(c + r * g.columns, padded + r * panel_width, used * sizeof(T));
  });
}

template <class T>
void product(const RowMajorProduct<T>& g, const Block& block, T* scratch) {
  T* const sums = scratch + g.depth * panel_width;
  const Size slices = g.depth == 0 ? 1 : ceil_div(g.depth, slice_depth<T>);
  for (Size q = block.first_panel; q < block.last_panel; ++q) {
    const Stream<T> b = stream_of(g, q, block.last_row - block.first_row, scratch);
    T bias[panel_width] = {};
    if (g.bias != nullptr) __builtin_memcpy(bias, g.bias + q * panel_width, used_width(g.columns, q) * sizeof(T));
    for (Size first = block.first_row, last; first < block.last_row; first = last) {
      last = first + blocking.product_rows < block.last_row ? first + blocking.product_rows : block.last_row;
      for (Size i = 0; i < slices; ++i)
        block_of_product(g, q, first, last, split_begin(g.depth, slices, i), split_begin(g.depth, slices, i + 1), b,
                         bias, sums);
    }
  }
}

}  // namespace fcnet::FCNET_ISA
