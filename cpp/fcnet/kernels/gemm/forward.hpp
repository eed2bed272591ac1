// SPDX-License-Identifier: MIT
// h_out = F(h_prev W + B), layer by layer of panels: rows of a tile are output neurons, lanes are samples. The sums
// start at the bias, where there is one; F is applied while the tile is in registers.
#pragma once

#include "fcnet/kernels/gemm/cache_blocking.hpp"
#include "fcnet/kernels/pointwise/activations.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
void forward(const LayerView<T>& layer, Panels<const T> h, Panels<T> result, Size first, Size last) {
  const FarOperands far = far_operands<T>(layer.in, layer.out, h.samples, layer.in);
  const auto weights = [=](Size row, Size k) {
    return layer.w + row / panel_width * layer.stride + k * panel_width + row % panel_width;
  };
  with_epilogue(layer.activation, [&](auto f) {
    const auto tile_of = [=](auto rows, Size row, Size p, Size lane, WeightBlock block,
                             Upcoming upcoming) FCNET_INLINED {
      const T* const h_panel = h.p + p * h.stride;
      T* const out = result.p + p * result.stride + row * panel_width + lane;
      const auto at = [=](int r, int s) { return out + r * panel_width + s * width<T>; };
      const Size k = block.begin, depth = block.end - k;
      const T* const w = weights(row, k);
      Tile<T, rows.count> tile;
      if (k == 0) {
        const T* const bias = weights(row, layer.in);
        tile.fill([&](int r, int) { return layer.biased ? broadcast(bias[r]) : Vec<T>{}; });
      } else {
        tile.fill([&](int r, int s) { return load(at(r, s)); });
      }
      Prefetch<T> prefetch = forward_prefetch(layer, far, w, h_panel, depth, last, upcoming);
      tile.accumulate({w, panel_width, 1}, {h_panel + k * panel_width + lane, panel_width}, depth, prefetch);
      if (block.end == layer.in) tile.each([&](int, int, Vec<T>& h_in) { h_in = f.apply(h_in); });
      tile.each([&](int r, int s, Vec<T> h_out) { store(at(r, s), h_out); });
      if (block.end == layer.in && !is_simple(layer.activation))
        activate_block(layer.activation, out, panel_width, rows.count, tile_width<T>);
    };
    for_tiles<T, panel_width>(first, last, h.samples, layer.in, slice_depth<T>, tile_of);
  });
}

}  // namespace fcnet::FCNET_ISA
