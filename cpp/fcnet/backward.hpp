// SPDX-License-Identifier: MIT
// sigma_prev = (sigma W^T) o F'(h_in), F' read off h_out: rows of a tile are the layer's inputs, lanes are samples.
// Long sums are formed in slices of outputs whose sigma stays in the first cache while all rows use it; between slices
// they wait in the result, so the bits are the same.
#pragma once

#include "fcnet/activations.hpp"
#include "fcnet/tile.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
void back_data(const LayerView<T>& layer, Panels<const T> sigma, Panels<const T> h, Activation previous,
               Panels<T> result, Size first, Size last) {
  constexpr Size slice = slice_bytes / (lanes * lanes * sizeof(T));  // panels of outputs
  const Size panels = groups(layer.out, lanes), slices = groups(panels, slice);
  with_activation(previous, [&](auto f) {
    for (Size p = 0; p * lanes < sigma.samples; ++p)
      for (Size i = 0; i < slices; ++i) {
        const Size q_begin = part_begin(panels, slices, i), q_end = part_begin(panels, slices, i + 1);
        const bool starts = i == 0, ends = i + 1 == slices;
        for_row_blocks(first, last, [&](auto rows, Size row) {
          if (p == 0)  // the next slice's weights of these rows
            for (Size q = q_end; q < panels && q < q_end + slice; ++q)
              prefetch_rows(layer.w + q * layer.stride + row * lanes, rows.count);
          for (Size lane = 0; lane < used_lanes(sigma.samples, p); lane += tile_lanes<T>) {
            const T* const s = sigma.p + p * sigma.stride + lane;
            const T* const h_out = h.p + p * h.stride + row * lanes + lane;
            T* const out = result.p + p * result.stride + row * lanes + lane;
            const auto at = [](int r, int v) { return r * lanes + v * width<T>; };
            Tile<T, rows.count> tile;
            if (starts)
              tile.fill([](int, int) { return Vec<T>{}; });
            else
              tile.fill([&](int r, int v) { return load(out + at(r, v)); });
            for (Size q = q_begin; q < q_end; ++q)
              tile.accumulate({layer.w + q * layer.stride + row * lanes, 1, lanes}, {s + q * lanes * lanes, lanes},
                              used_lanes(layer.out, q));
            if (ends)
              tile.each([&](int r, int v, Vec<T> sum) {
                store(out + at(r, v), f.times_derivative(sum, load(h_out + at(r, v))));
              });
            else
              tile.each([&](int r, int v, Vec<T> sum) { store(out + at(r, v), sum); });
          }
        });
      }
  });
}

}  // namespace fcnet::FCNET_ISA
