// SPDX-License-Identifier: MIT
// dL/dW = h^T sigma and what becomes of it: rows of a tile are the layer's inputs (the last one the bias, whose h is
// 1), lanes are its outputs, the sum runs over the samples in order. Either the optimiser takes the tile from the
// registers (update), or it is stored for a later call to go on with (accumulate): the same bits.
#pragma once

#include "fcnet/optimizers.hpp"
#include "fcnet/slices.hpp"

namespace fcnet::FCNET_ISA {

// start(at) gives the first value of a tile's sums, finish(row, corner, tile) takes them, ahead(at, rows) calls for
// what a later finish will read; `at` and `corner`, that of the tile's first sum, count elements from w. Every tile
// calls for the next one's h, and for its share of the next panel of sigma^T.
template <class T, class Start, class Finish, class Call>
FCNET_INLINE void weight_product(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, Size first,
                                 Size last, Start start, Finish finish, Call ahead) {
  const Size panels = groups(h.samples, lanes), turns = groups(last - first, tile_rows) * panels;
  const Size share = groups(h.samples * lanes / line_elements<T>, turns) * line_elements<T>;  // of a panel of sigma^T
  const Size lines_at_once = is_far_for_samples<T>(h.samples, layer.out) ? share : 0;
  for (Size q = 0; q * lanes < layer.out; ++q) {
    const T* const sigma = sigma_t.p + q * sigma_t.stride;
    const T* next_sigma = sigma + sigma_t.stride;
    for_whole_blocks(first, last, [&](auto rows, Size row) {
      // As many rows from where the next tile begins; never any beyond `last`, which other threads may be changing.
      const Size below = row + rows.count, next_row = below >= last ? first : below;
      const bool ends = below >= last, is_last = ends && (q + 1) * lanes >= layer.out;
      const Size call = next_row + rows.count <= last ? next_row : last - rows.count;
      const Size next_corner = (ends ? q + 1 : q) * layer.stride + call * lanes;
      for (Size lane = 0; lane < used_lanes(layer.out, q); lane += tile_lanes<T>) {
        const Size corner = q * layer.stride + row * lanes + lane;
        Tile<T, rows.count> tile;
        tile.fill([&](int r, int s) { return start(corner + r * lanes + s * width<T>); });
        const T* const s = sigma + lane;
        for (Size p = 0; p * lanes < h.samples; ++p) {
          if (lane == 0) {
            constexpr Size most = rows.count,
                           some = most < 4 ? most : 4;  // rows at once, and all that are left at last
            for (Size from = p * some; from < most && !is_last && (from < (p + 1) * some || p + 1 == panels);
                 from += some)
              ahead(next_corner + (from < most - some ? from : most - some) * lanes, some);
            for (const T* end = next_sigma + lines_at_once; next_sigma < end; next_sigma += line_elements<T>)
              __builtin_prefetch(next_sigma, 0, 2);
          }
          const T* const mine = h.p + p * h.stride + row * lanes;
          const Size then = lane + tile_lanes<T> < used_lanes(layer.out, q) ? row : next_row;
          const T* const next = (p + 1) * lanes < h.samples ? mine + h.stride : h.p + then * lanes;
          tile.accumulate({mine, 1, lanes}, {s + p * lanes * lanes, lanes}, used_lanes(h.samples, p), next);
        }
        finish(row, corner, tile);
      }
    });
  }
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
