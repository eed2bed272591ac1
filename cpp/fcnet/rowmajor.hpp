// SPDX-License-Identifier: MIT
// The products on plain row-major arrays, for the published kernels: the same tile, with rows of C as its rows and 32
// columns of C as its lanes. A last panel of fewer columns goes through padded scratch rows.
#pragma once

#include "fcnet/activations.hpp"
#include "fcnet/optimizers.hpp"
#include "fcnet/pack.hpp"
#include "fcnet/tile.hpp"

namespace fcnet::FCNET_ISA {

// Rows of 32 of panel q of the streamed operand: in place where that can be, else copied to scratch.
template <class T>
inline Stream<T> stream_of(const RowMajorProduct<T>& g, Size q, T* scratch) {
  const Size used = used_lanes(g.columns, q);
  if (!g.b_transposed && used == lanes) return {g.b + q * lanes, g.columns};
  for (Size k = 0; k < g.depth; ++k)
    for (Size j = 0; j < lanes; ++j) {
      const Size column = q * lanes + j;
      scratch[k * lanes + j] = j >= used        ? T(0)
                               : g.b_transposed ? g.b[column * g.depth + k]
                                                : g.b[k * g.columns + column];
    }
  return {scratch, lanes};
}

// What becomes of the sums of one vector of C, c and mask being 32 wide rows.
template <class T>
FCNET_INLINE void finish(const RowMajorProduct<T>& g, T* c, const T* mask, Vec<T> sum) {
  if (g.update != nullptr) {
    store(c, Sgd<T>{*g.update}(load(c), nullptr, sum, false));
  } else {
    store(c, mask != nullptr ? Relu::times_derivative(sum, load(mask)) : sum);
  }
}

template <class T>
void product(const RowMajorProduct<T>& g, const Part& part, T* scratch) {
  for (Size q = part.first_panel; q < part.last_panel; ++q) {
    const Stream<T> b = stream_of(g, q, scratch);
    const Size used = used_lanes(g.columns, q);
    T bias[lanes] = {};
    if (g.bias != nullptr) __builtin_memcpy(bias, g.bias + q * lanes, used * sizeof(T));
    for_row_blocks(part.first_row, part.last_row, [&](auto rows, Size row) {
      T padded[rows.count * lanes] = {}, padded_mask[rows.count * lanes] = {};
      T* c = g.c + row * g.columns + q * lanes;
      const T* mask = g.mask != nullptr ? g.mask + row * g.columns + q * lanes : nullptr;
      const bool partial = used < lanes;
      for (Size r = 0; partial && r < rows.count; ++r) {
        if (g.update != nullptr) __builtin_memcpy(padded + r * lanes, c + r * g.columns, used * sizeof(T));
        if (mask != nullptr) __builtin_memcpy(padded_mask + r * lanes, mask + r * g.columns, used * sizeof(T));
      }
      T* const to = partial ? padded : c;
      const T* const masked = mask == nullptr ? nullptr : partial ? padded_mask : mask;
      const Size stride = partial ? lanes : g.columns;
      for (Size lane = 0; lane < lanes; lane += tile_lanes<T>) {
        Tile<T, rows.count> tile;
        tile.fill([&](int, int s) { return load(bias + lane + s * width<T>); });
        tile.accumulate({g.a + row * g.a_r, g.a_k, g.a_r}, {b.p + lane, b.k_step}, g.depth);
        tile.each([&](int r, int s, Vec<T> sum) {
          const Size at = r * stride + lane + s * width<T>;
          finish(g, to + at, masked != nullptr ? masked + at : nullptr, sum);
        });
      }
      for (Size r = 0; partial && r < rows.count; ++r)
        __builtin_memcpy(c + r * g.columns, padded + r * lanes, used * sizeof(T));
    });
  }
}

}  // namespace fcnet::FCNET_ISA
