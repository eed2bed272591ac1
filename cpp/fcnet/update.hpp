// SPDX-License-Identifier: MIT
// dL/dW = h^T sigma and what becomes of it: rows of a tile are the layer's inputs (the last one the bias, whose h is
// 1), lanes are its outputs, the sum runs over the samples in order. Either the optimiser takes the tile from the
// registers (update), or it is stored for a later call to go on with (accumulate): the same bits.
#pragma once

#include "fcnet/optimizers.hpp"
#include "fcnet/tile.hpp"

namespace fcnet::FCNET_ISA {

// start(at) gives the first value of a tile's sums, finish(row, corner, tile) takes them, ahead(at, rows) calls for
// what a later finish will read; `at` and `corner`, that of the tile's first sum, count elements from w.
template <class T, class Start, class Finish, class Call>
FCNET_INLINE void weight_product(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, Size first,
                                 Size last, Start start, Finish finish, Call ahead) {
  for (Size q = 0; q * lanes < layer.out; ++q)
    for_whole_blocks(first, last, [&](auto rows, Size row) {
      // As many rows from where the next tile begins; never any beyond `last`, which other threads may be changing.
      const Size below = row + rows.count, next_row = below >= last ? first : below;
      const bool ends = below >= last, is_last = ends && (q + 1) * lanes >= layer.out;
      const Size call = next_row + rows.count <= last ? next_row : last - rows.count;
      if (!is_last) ahead((ends ? q + 1 : q) * layer.stride + call * lanes, rows.count);
      for (Size lane = 0; lane < used_lanes(layer.out, q); lane += tile_lanes<T>) {
        const Size corner = q * layer.stride + row * lanes + lane;
        Tile<T, rows.count> tile;
        tile.fill([&](int r, int s) { return start(corner + r * lanes + s * width<T>); });
        const T* const s = sigma_t.p + q * sigma_t.stride + lane;
        for (Size p = 0; p * lanes < h.samples; ++p) {
          const T* const mine = h.p + p * h.stride + row * lanes;
          const Size then = lane + tile_lanes<T> < used_lanes(layer.out, q) ? row : next_row;
          const T* const next = (p + 1) * lanes < h.samples ? mine + h.stride : h.p + then * lanes;
          tile.template accumulate<true>({mine, 1, lanes}, {s + p * lanes * lanes, lanes}, used_lanes(h.samples, p),
                                         next, 1);
        }
        finish(row, corner, tile);
      }
    });
}

template <class T>
void update(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, const OptimizerStep<T>& step,
            const UpdateTarget<T>& target, Size first, Size last) {
  const FromCache<T> rest{step, static_cast<int>(state_slots(step.optimizer))};
  with_optimizer(step, [&](auto optimizer) {
    weight_product(
        layer, h, sigma_t, first, last,
        [&](Size at) { return target.sums != nullptr ? load(target.sums + at) : Vec<T>{}; },
        [&]<int R, int N>(Size row, Size corner, Tile<T, R, N>& tile) {
          const Size bias = row < layer.in ? layer.in - row : 0;
          if constexpr (R == tile_rows)
            optimizer.apply(target, corner, tile, bias);
          else  // the few rows that are left: compiled once, not for each of their numbers
            rest.apply(target, corner, tile, bias);
        },
        [&](Size at, Size rows) {
          prefetch_rows<true>(target.new_w + at, rows);
          for (int i = 0; i < optimizer.slots; ++i) prefetch_rows<true>(target.new_state + i * target.slot + at, rows);
          if (target.new_w == target.w) return;
          prefetch_rows<false>(target.w + at, rows);
          for (int i = 0; i < optimizer.slots; ++i) prefetch_rows<false>(target.state + i * target.slot + at, rows);
        });
  });
}

template <class T>
void accumulate(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, T* gradient, bool add,
                Size first, Size last) {
  weight_product(
      layer, h, sigma_t, first, last, [&](Size at) { return add ? load(gradient + at) : Vec<T>{}; },
      [&](Size, Size corner, auto& tile) {
        tile.each([&](int r, int s, Vec<T> sum) { store(gradient + corner + r * lanes + s * width<T>, sum); });
      },
      [&](Size at, Size rows) { prefetch_rows<true>(gradient + at, rows); });
}

}  // namespace fcnet::FCNET_ISA
