// SPDX-License-Identifier: MIT
// The products on plain row-major arrays, for the published kernels: the same tile, with rows of C as its rows and 32
// columns of C as its lanes. A panel of the streamed operand is copied together, unless few rows use it, and walked in
// slices as in slices.hpp; between them the sums wait in scratch. A last panel of fewer columns goes through padded
// rows.
#pragma once

#include "fcnet/kernels/gemm/pack.hpp"
#include "fcnet/kernels/gemm/slices.hpp"
#include "fcnet/kernels/pointwise/activations.hpp"
#include "fcnet/kernels/pointwise/optimizers.hpp"

namespace fcnet::FCNET_ISA {

// Rows of 32 of panel q of the streamed operand for so many rows of C: in place, or copied to scratch.
template <class T>
inline Stream<T> stream_of(const RowMajorProduct<T>& g, Size q, Size rows, T* scratch) {
  const Size used = used_lanes(g.columns, q);
  if (g.b_transposed) {
    const auto step = static_cast<std::ptrdiff_t>(g.depth);
    gather_from<T, T>({g.b, Element{}, g.depth, step, 1, nullptr, nullptr, nullptr}, q * lanes, used, scratch);
  } else if (used == lanes && rows <= 2 * tile_rows) {
    return {g.b + q * lanes, g.columns};
  } else {
    for (Size k = 0; k < g.depth; ++k) {
      const T* const from = g.b + k * g.columns + q * lanes;
      if (used == lanes)
        __builtin_memcpy(scratch + k * lanes, from, lanes * sizeof(T));
      else
        __builtin_memcpy(scratch + k * lanes, from, used * sizeof(T));
    }
  }
  return {scratch, lanes};
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
FCNET_INLINE void part_of_product(const RowMajorProduct<T>& g, Size q, Size first, Size last, Size begin, Size end,
                                  Stream<T> b, const T* bias, T* sums) {
  const Size used = used_lanes(g.columns, q);
  const bool starts = begin == 0, ends = end == g.depth, partial = used < lanes;
  for_row_blocks(first, last, [&](auto rows, Size row) {
    T padded[rows.count * lanes], padded_mask[rows.count * lanes];  // their lanes beyond `used` come to nothing
    T* const c = g.c + row * g.columns + q * lanes;
    const T* const mask = g.mask != nullptr ? g.mask + row * g.columns + q * lanes : nullptr;
    for (Size r = 0; partial && ends && r < rows.count; ++r) {
      if (g.update != nullptr) __builtin_memcpy(padded + r * lanes, c + r * g.columns, used * sizeof(T));
      if (mask != nullptr) __builtin_memcpy(padded_mask + r * lanes, mask + r * g.columns, used * sizeof(T));
    }
    T* const to = partial ? padded : c;
    const T* const masked = mask == nullptr ? nullptr : partial ? padded_mask : mask;
    const Size stride = partial ? lanes : g.columns;
    for (Size lane = 0; lane < used; lane += tile_lanes<T>) {
      T* const waiting = sums + (row - first) * lanes + lane;
      Tile<T, rows.count> tile;
      if (starts)
        tile.fill([&](int, int s) { return load(bias + lane + s * width<T>); });
      else
        tile.fill([&](int r, int s) { return load(waiting + r * lanes + s * width<T>); });
      tile.accumulate({g.a + row * g.a_r + begin * g.a_k, g.a_k, g.a_r}, {b.p + begin * b.k_step + lane, b.k_step},
                      end - begin);
      tile.each([&](int r, int s, Vec<T> sum) {
        const Size at = r * stride + lane + s * width<T>;
        if (ends)
          finish(g, to + at, masked != nullptr ? masked + at : nullptr, sum);
        else
          store(waiting + r * lanes + s * width<T>, sum);
      });
    }
    for (Size r = 0; partial && ends && r < rows.count; ++r)
      __builtin_memcpy(c + r * g.columns, padded + r * lanes, used * sizeof(T));
  });
}

template <class T>
void product(const RowMajorProduct<T>& g, const Part& part, T* scratch) {
  T* const sums = scratch + g.depth * lanes;
  const Size slices = g.depth == 0 ? 1 : groups(g.depth, slice_terms<T>);
  for (Size q = part.first_panel; q < part.last_panel; ++q) {
    const Stream<T> b = stream_of(g, q, part.last_row - part.first_row, scratch);
    T bias[lanes] = {};
    if (g.bias != nullptr) __builtin_memcpy(bias, g.bias + q * lanes, used_lanes(g.columns, q) * sizeof(T));
    for (Size first = part.first_row, last; first < part.last_row; first = last) {
      last = first + product_rows < part.last_row ? first + product_rows : part.last_row;
      for (Size i = 0; i < slices; ++i)
        part_of_product(g, q, first, last, part_begin(g.depth, slices, i), part_begin(g.depth, slices, i + 1), b, bias,
                        sums);
    }
  }
}

}  // namespace fcnet::FCNET_ISA
