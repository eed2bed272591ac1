// SPDX-License-Identifier: MIT
// h_out = F(h_prev W + B), layer by layer of panels: rows of a tile are output neurons, lanes are samples. The sums
// start at the bias; F is applied while the tile is in registers. Long sums are formed in slices of inputs whose W
// stays in the first cache while all samples use it; between slices the sums wait in the result, so the bits are the
// same.
#pragma once

#include "fcnet/activations.hpp"
#include "fcnet/tile.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
void forward(const LayerView<T>& layer, Panels<const T> h, Panels<T> result, Size first, Size last) {
  constexpr Size slice = slice_bytes / (lanes * sizeof(T));
  const Size slices = groups(layer.in, slice);
  with_activation(layer.activation, [&](auto f) {
    for (Size q = first / lanes; q * lanes < last; ++q) {
      const T* const w = layer.w + q * layer.stride;
      const T* const bias = w + layer.in * lanes;
      const Size begin = q * lanes < first ? first - q * lanes : 0;
      const Size end = (q + 1) * lanes < last ? lanes : last - q * lanes;
      for (Size i = 0; i < slices; ++i) {
        const Size k = part_begin(layer.in, slices, i), k_end = part_begin(layer.in, slices, i + 1);
        const bool starts = i == 0, ends = i + 1 == slices;
        // two tiles call for the next slice, or the next panel's first one: two lines for each k
        const T* next = ends ? w + layer.stride : w + k_end * lanes;
        int calls = ends && (q + 1) * lanes >= last ? 0 : 2;
        for (Size p0 = 0; p0 * lanes < h.samples; p0 += panels_at_once)
          for_row_blocks(begin, end, [&](auto rows, Size row) {
            for (Size p = p0; p < p0 + panels_at_once && p * lanes < h.samples; ++p)
              for (Size lane = 0; lane < used_lanes(h.samples, p); lane += tile_lanes<T>) {
                Tile<T, rows.count> tile;
                T* const out = result.p + p * result.stride + (q * lanes + row) * lanes + lane;
                const auto at = [&](int r, int s) { return out + r * lanes + s * width<T>; };
                if (starts)
                  tile.fill([&](int r, int) { return broadcast(bias[row + r]); });
                else
                  tile.fill([&](int r, int s) { return load(at(r, s)); });
                const Broadcast<T> a{w + k * lanes + row, lanes, 1};
                const Stream<T> b{h.p + p * h.stride + k * lanes + lane, lanes};
                if (calls == 0) {
                  tile.accumulate(a, b, k_end - k);
                } else {
                  tile.accumulate(a, b, k_end - k, next);
                  next += (k_end - k) * line_elements<T>, --calls;
                }
                if (ends)
                  tile.each([&](int r, int s, Vec<T> h_in) { store(at(r, s), f.apply(h_in)); });
                else
                  tile.each([&](int r, int s, Vec<T> sum) { store(at(r, s), sum); });
              }
          });
      }
    }
  });
}

}  // namespace fcnet::FCNET_ISA
