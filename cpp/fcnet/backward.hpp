// SPDX-License-Identifier: MIT
// sigma_prev = (sigma W^T) o F'(h_in), F' read off h_out: rows of a tile are the layer's inputs, lanes are samples.
#pragma once

#include "fcnet/activations.hpp"
#include "fcnet/tile.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
void back_data(const LayerView<T>& layer, Panels<const T> sigma, Panels<const T> h, Activation previous,
               Panels<T> result, Size first, Size last) {
  with_activation(previous, [&](auto f) {
    for_row_blocks(first, last, [&](auto rows, Size row) {
      for (Size p = 0; p * lanes < sigma.samples; ++p)
        for (Size lane = 0; lane < used_lanes(sigma.samples, p); lane += tile_lanes<T>) {
          Tile<T, rows.count> tile;
          tile.fill([](int, int) { return Vec<T>{}; });
          const T* s = sigma.p + p * sigma.stride + lane;
          for (Size q = 0; q * lanes < layer.out; ++q) {
            if (p == 0 && lane == 0 && (q + panels_ahead) * lanes < layer.out)
              prefetch_rows(layer.w + (q + panels_ahead) * layer.stride + row * lanes, rows.count);
            tile.accumulate({layer.w + q * layer.stride + row * lanes, 1, lanes}, {s + q * lanes * lanes, lanes},
                            used_lanes(layer.out, q));
          }
          const T* h_out = h.p + p * h.stride + row * lanes + lane;
          T* out = result.p + p * result.stride + row * lanes + lane;
          tile.each([&](int r, int v, Vec<T> sum) {
            const Size at = r * lanes + v * width<T>;
            store(out + at, f.times_derivative(sum, load(h_out + at)));
          });
        }
    });
  });
}

}  // namespace fcnet::FCNET_ISA
