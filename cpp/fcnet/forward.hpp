// SPDX-License-Identifier: MIT
// h_out = F(h_prev W + B), layer by layer of panels: rows of a tile are output neurons, lanes are samples. The sums
// start at the bias; F is applied while the tile is in registers.
#pragma once

#include "fcnet/activations.hpp"
#include "fcnet/tile.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
void forward(const LayerView<T>& layer, Panels<const T> h, Panels<T> result, Size first, Size last) {
  with_activation(layer.activation, [&](auto f) {
    for (Size q = first / lanes; q * lanes < last; ++q) {
      const T* w = layer.w + q * layer.stride;
      const T* bias = w + layer.in * lanes;
      const Size begin = q * lanes < first ? first - q * lanes : 0;
      const Size end = (q + 1) * lanes < last ? lanes : last - q * lanes;
      for_row_blocks(begin, end, [&](auto rows, Size row) {
        for (Size p = 0; p * lanes < h.samples; ++p)
          for (Size lane = 0; lane < used_lanes(h.samples, p); lane += tile_lanes<T>) {
            Tile<T, rows.count> tile;
            tile.fill([&](int r, int) { return broadcast(bias[row + r]); });
            tile.accumulate({w + row, lanes, 1}, {h.p + p * h.stride + lane, lanes}, layer.in);
            T* out = result.p + p * result.stride + (q * lanes + row) * lanes + lane;
            tile.each([&](int r, int s, Vec<T> h_in) { store(out + r * lanes + s * width<T>, f.apply(h_in)); });
          }
      });
    }
  });
}

}  // namespace fcnet::FCNET_ISA
