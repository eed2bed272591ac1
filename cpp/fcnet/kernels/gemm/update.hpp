// SPDX-License-Identifier: MIT
// dL/dW = h^T sigma and what becomes of it: rows of a tile are the layer's inputs (the last one the bias, whose h is
// 1), lanes are its outputs, the sum runs over the samples in order. Either the optimizer takes the tile from the
// registers (update), or it is stored for a later call to go on with (backward_weights): the same bits.
#pragma once

#include "fcnet/kernels/gemm/prefetch.hpp"
#include "fcnet/kernels/pointwise/optimizers.hpp"

namespace fcnet::FCNET_ISA {

// Tiles of R rows, of which first..last are a multiple. start(at) gives the first value of a tile's sums,
// finish(row, corner, tile) takes them, ahead(at, rows) prefetches what a later finish will read; `at` and `corner`,
// that of the tile's first sum, count elements from w. Every tile prefetches the next one's h. `fine`: also its
// share of the next panel of sigma^T, and what finish reads a few rows at a time; and outputs that fill one vector
// at most get tiles of one.
template <bool fine, int R, class T, class Start, class Finish, class Ahead>
FCNET_INLINE void weight_tiles(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, Size first,
                               Size last, Start start, Finish finish, Ahead ahead) {
  if (first == last) return;
  const Size panels = ceil_div(h.samples, panel_width);   // none where the sums are all there is
  const Size tiles = ceil_div(last - first, R) * panels;  // that go over one panel of sigma^T
  const Size ahead_in_sigma = are_far<T>(h.samples, layer.out) ? elements_per_tile<T>(h.samples, tiles) : 0;
  for (Size q = 0; q * panel_width < layer.out; ++q) {
    const T* const sigma = sigma_t.p + q * sigma_t.stride;
    const T* next_sigma = sigma + sigma_t.stride;
    const Size used = used_width(layer.out, q);
    for (Size row = first; row < last; row += R) {
      const bool ends = row + R == last, is_last = ends && (q + 1) * panel_width >= layer.out;
      const Size next_row = ends ? first : row + R,
                 next_corner = (ends ? q + 1 : q) * layer.stride + next_row * panel_width;
      if (!fine && !is_last) ahead(next_corner, R);
      const auto tile_of = [&]<int N>(Size lane) FCNET_INLINED {
        const Size corner = q * layer.stride + row * panel_width + lane;
        Tile<T, R, N> tile;
        tile.fill([&](int r, int s) { return start(corner + r * panel_width + s * width<T>); });
        const T* const s = sigma + lane;
        for (Size p = 0; p * panel_width < h.samples; ++p) {
          if (fine && lane == 0) {
            if (!is_last) prefetch_next_rows<R>(p, panels, next_corner, ahead);
            prefetch_lines(next_sigma, ahead_in_sigma);
          }
          const T* const mine = h.p + p * h.stride + row * panel_width;
          const Size then = lane + tile_width<T> < used ? row : next_row;
          const T* const next = (p + 1) * panel_width < h.samples ? mine + h.stride : h.p + then * panel_width;
          tile.accumulate({mine, 1, panel_width}, {s + p * panel_width * panel_width, panel_width},
                          used_width(h.samples, p), next);
        }
        finish(row, corner, tile);
      };
      for (Size lane = 0; lane < used; lane += tile_width<T>) {
        if constexpr (fine)
          if (used - lane <= width<T>) {
            tile_of.template operator()<1>(lane);
            continue;
          }
        tile_of.template operator()<tile_vectors>(lane);
      }
    }
  }
}

// The first of the rows that are left over by whole tiles.
constexpr Size rest_of_rows(Size first, Size last) { return first + (last - first) / tile_rows * tile_rows; }

template <class T>
void update(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, const OptimizerStep<T>& step,
            const UpdateTarget<T>& target, Size first, Size last) {
  const Size rest = rest_of_rows(first, last);
  const auto start = [&](Size at) { return target.sums != nullptr ? load(target.sums + at) : Vec<T>{}; };
  const auto finish_by = [&](const auto& optimizer) {
    return [&](Size row, Size corner, auto& tile) {
      optimizer.apply(target, corner, tile, row < layer.in ? layer.in - row : 0);
    };
  };
  const auto ahead_by = [&](const auto& optimizer) {
    return [&](Size at, Size rows) { prefetch_target(target, optimizer.slots, at, rows); };
  };
  with_optimizer(step, [&](auto optimizer) {
    weight_tiles<true, tile_rows>(layer, h, sigma_t, first, rest, start, finish_by(optimizer), ahead_by(optimizer));
  });
  if (rest == last) return;
  const FromCache<T> optimizer{step, static_cast<int>(state_slots(step.optimizer))};  // for any number of rows
  with_rows<tile_rows - 1>(last - rest, [&](auto rows) {
    weight_tiles<false, rows.count>(layer, h, sigma_t, rest, last, start, finish_by(optimizer), ahead_by(optimizer));
  });
}

template <class T>
void backward_weights(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, T* gradient, bool add,
                      Size first, Size last) {
  const Size rest = rest_of_rows(first, last);
  const auto tiles = [&]<int R>(RowCount<R>, Size begin, Size end) {
    weight_tiles<false, R>(
        layer, h, sigma_t, begin, end, [&](Size at) { return add ? load(gradient + at) : Vec<T>{}; },
        [&](Size, Size corner, auto& tile) {
          tile.each([&](int r, int s, Vec<T> sum) { store(gradient + corner + r * panel_width + s * width<T>, sum); });
        },
        [&](Size at, Size rows) { prefetch_rows<true>(gradient + at, rows); });
  };
  tiles(RowCount<tile_rows>{}, first, rest);
  if (rest < last) with_rows<tile_rows - 1>(last - rest, [&](auto rows) { tiles(rows, rest, last); });
}

}  // namespace fcnet::FCNET_ISA
