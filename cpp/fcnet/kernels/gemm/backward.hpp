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
  const bool far = is_far<T>(layer.in, layer.out);
  const bool far_samples = is_far_for_samples<T>(at_once(sigma.samples), layer.out);
  with_derivative(previous, [&](auto f) {
    for_tiles<T, block_rows>(
        first, last, sigma.samples, panels, slice,
        [=](auto rows, Size row, Size p, Size lane, WeightBlock here, Ahead ahead) FCNET_INLINED {
          const T* const s = sigma.p + p * sigma.stride + lane;
          const T* const h_out = h.p + p * h.stride + row * panel_width + lane;
          T* const out = result.p + p * result.stride + row * panel_width + lane;
          const auto at = [](int r, int v) { return r * panel_width + v * width<T>; };
          Tile<T, rows.count> tile;
          if (here.begin == 0)
            tile.fill([](int, int) { return Vec<T>{}; });
          else
            tile.fill([&](int r, int v) { return load(out + at(r, v)); });
          const auto a = [=](Size q) {
            return Broadcast<T>{layer.w + q * layer.stride + row * panel_width, 1, panel_width};
          };
          const auto b = [=](Size q) { return Stream<T>{s + q * panel_width * panel_width, panel_width}; };
          Prefetch<T> prefetch{layer.w, nullptr, 0, 0, panel_width + 1};  // none
          Size stride = 0;
          if (far) {
            const WeightBlock next = ahead.weights;
            if (next.row < last) {
              const Size next_rows = next.row + block_rows < last ? block_rows : last - next.row;
              const Size mine = ahead.of_weights.begin<T>(next_rows * panel_width);
              prefetch.weights = layer.w + next.begin * layer.stride + next.row * panel_width + mine;
              prefetch.weights_step = line_elements<T>;
              stride = layer.stride;
            }
            prefetch.interval = ahead.interval<T>();
            if (far_samples) ahead.prefetch_samples(prefetch, s - lane, panel_width * panel_width);
          }
          for (Size q = here.begin; q < here.end; ++q) {
            const T* const in_panel = prefetch.weights;
            tile.accumulate(a(q), b(q), used_width(layer.out, q), prefetch);
            prefetch.weights = in_panel + stride;
          }
          if (here.end == panels)
            tile.each([&](int r, int v, Vec<T>& sum) { sum = f.times_derivative(sum, load(h_out + at(r, v))); });
          tile.each([&](int r, int v, Vec<T> sum) { store(out + at(r, v), sum); });
          if (here.end == panels && !is_simple(previous))
            derive_block(previous, out, panel_width, h_out, panel_width, rows.count, tile_width<T>);
        });
  });
}

}  // namespace fcnet::FCNET_ISA
