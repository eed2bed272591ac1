// SPDX-License-Identifier: MIT
// sigma_prev = (sigma W^T) o F'(h_in), F' read off h_out: rows of a tile are the layer's inputs, lanes are samples.
#pragma once

#include "fcnet/kernels/gemm/slices.hpp"
#include "fcnet/kernels/pointwise/activations.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
void back_data(const LayerView<T>& layer, Panels<const T> sigma, Panels<const T> h, Activation previous,
               Panels<T> result, Size first, Size last) {
  constexpr Size slice = slice_terms<T> / lanes, part_rows = lanes / tile_rows * tile_rows;
  const Size panels = groups(layer.out, lanes);  // what the sums are sliced by
  const bool far = is_far<T>(layer.in, layer.out);
  const bool far_samples = is_far_for_samples<T>(at_once(sigma.samples), layer.out);
  with_derivative(previous, [&](auto f) {
    for_tiles<T, part_rows>(
        first, last, sigma.samples, panels, slice,
        [=](auto rows, Size row, Size p, Size lane, WeightPart here, Ahead ahead) FCNET_INLINED {
          const T* const s = sigma.p + p * sigma.stride + lane;
          const T* const h_out = h.p + p * h.stride + row * lanes + lane;
          T* const out = result.p + p * result.stride + row * lanes + lane;
          const auto at = [](int r, int v) { return r * lanes + v * width<T>; };
          Tile<T, rows.count> tile;
          if (here.begin == 0)
            tile.fill([](int, int) { return Vec<T>{}; });
          else
            tile.fill([&](int r, int v) { return load(out + at(r, v)); });
          const auto a = [=](Size q) { return Broadcast<T>{layer.w + q * layer.stride + row * lanes, 1, lanes}; };
          const auto b = [=](Size q) { return Stream<T>{s + q * lanes * lanes, lanes}; };
          Calls<T> calls{layer.w, nullptr, 0, 0, lanes + 1};  // none
          Size stride = 0;
          if (far) {
            const WeightPart next = ahead.weights;
            if (next.row < last) {
              const Size next_rows = next.row + part_rows < last ? part_rows : last - next.row;
              const Size mine = ahead.of_weights.begin<T>(next_rows * lanes);
              calls.first = layer.w + next.begin * layer.stride + next.row * lanes + mine;
              calls.first_step = line_elements<T>;
              stride = layer.stride;
            }
            calls.every = ahead.every<T>();
            if (far_samples) ahead.call_for_samples(calls, s - lane, lanes * lanes);
          }
          for (Size q = here.begin; q < here.end; ++q) {
            const T* const in_panel = calls.first;
            tile.accumulate(a(q), b(q), used_lanes(layer.out, q), calls);
            calls.first = in_panel + stride;
          }
          if (here.end == panels)
            tile.each([&](int r, int v, Vec<T>& sum) { sum = f.times_derivative(sum, load(h_out + at(r, v))); });
          tile.each([&](int r, int v, Vec<T> sum) { store(out + at(r, v), sum); });
          if (here.end == panels && !is_simple(previous))
            derive_block(previous, out, lanes, h_out, lanes, rows.count, tile_lanes<T>);
        });
  });
}

}  // namespace fcnet::FCNET_ISA
