// SPDX-License-Identifier: MIT
// sigma_prev = (sigma W^T) o F'(h_in), F' computed from h_out: rows of a tile are the layer's inputs, lanes are
// samples.
#pragma once

#include "fcnet/kernels/gemm/cache_blocking.hpp"
#include "fcnet/kernels/pointwise/activations.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
void backward_data(const LayerView<T>& layer, Panels<const T> sigma, Panels<const T> h, Activation previous,
                   Panels<T> result, Size first, Size last) {
  constexpr Size slice = slice_depth<T> / panel_width, block_rows = panel_width / tile_rows * tile_rows;
  const Size panels = ceil_div(layer.out, panel_width);  // what the sums are sliced by
  const FarOperands far = far_operands<T>(layer.in, layer.out, sigma.samples, layer.out);
  with_derivative(previous, [&](auto f) {
    const auto tile_of = [=](auto rows, Size row, Size p, Size lane, WeightBlock block,
                             Upcoming upcoming) FCNET_INLINED {
      const T* const sigma_panel = sigma.p + p * sigma.stride;
      const T* const h_out = h.p + p * h.stride + row * panel_width + lane;
      T* const out = result.p + p * result.stride + row * panel_width + lane;
      const auto at = [](int r, int v) { return r * panel_width + v * width<T>; };
      Tile<T, rows.count> tile;
      if (block.begin == 0)
        tile.fill([](int, int) { return Vec<T>{}; });
      else
        tile.fill([&](int r, int v) { return load(out + at(r, v)); });
      auto [prefetch, stride] = backward_prefetch<T, block_rows>(layer, far, sigma_panel, last, upcoming);
      for (Size q = block.begin; q < block.end; ++q) {
        const T* const in_panel = prefetch.weights;
        tile.accumulate({layer.w + q * layer.stride + row * panel_width, 1, panel_width},
                        {sigma_panel + lane + q * panel_width * panel_width, panel_width}, used_width(layer.out, q),
                        prefetch);
        prefetch.weights = in_panel + stride;
      }
      if (block.end == panels)
        tile.each([&](int r, int v, Vec<T>& sum) { sum = f.times_derivative(sum, load(h_out + at(r, v))); });
      tile.each([&](int r, int v, Vec<T> sum) { store(out + at(r, v), sum); });
      if (block.end == panels && !is_simple(previous))
        derive_block(previous, out, panel_width, h_out, panel_width, rows.count, tile_width<T>);
    };
    for_tiles<T, block_rows>(first, last, sigma.samples, panels, slice, tile_of);
  });
}

}  // namespace fcnet::FCNET_ISA
