// SPDX-License-Identifier: MIT
// h_out = F(h_prev W + B), layer by layer of panels: rows of a tile are output neurons, lanes are samples. The sums
// start at the bias; F is applied while the tile is in registers.
#pragma once

#include "fcnet/kernels/gemm/slices.hpp"
#include "fcnet/kernels/pointwise/activations.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
void forward(const LayerView<T>& layer, Panels<const T> h, Panels<T> result, Size first, Size last) {
  const bool far = is_far<T>(layer.in, layer.out), far_samples = is_far_for_samples<T>(at_once(h.samples), layer.in);
  const auto weights = [=](Size row, Size k) { return layer.w + row / lanes * layer.stride + k * lanes; };
  with_epilogue(layer.activation, [&](auto f) {
    for_tiles<T, lanes>(first, last, h.samples, layer.in, slice_terms<T>,
                        [=](auto rows, Size row, Size p, Size lane, WeightPart here, Ahead ahead) FCNET_INLINED {
                          T* const out = result.p + p * result.stride + row * lanes + lane;
                          const auto at = [=](int r, int s) { return out + r * lanes + s * width<T>; };
                          const Size k = here.begin, terms = here.end - k;
                          const T* const w = weights(row, k) + row % lanes;
                          Tile<T, rows.count> tile;
                          if (k == 0) {
                            const T* const bias = weights(row, layer.in) + row % lanes;
                            tile.fill([&](int r, int) { return broadcast(bias[r]); });
                          } else {
                            tile.fill([&](int r, int s) { return load(at(r, s)); });
                          }
                          const Broadcast<T> a{w, lanes, 1};
                          const Stream<T> b{h.p + p * h.stride + k * lanes + lane, lanes};
                          Calls<T> calls{w, nullptr, 0, 0, terms + 1};  // none
                          if (far) {
                            const WeightPart next = ahead.weights;
                            if (next.row < last) {
                              calls.first = weights(next.row, next.begin) + ahead.of_weights.begin<T>(terms * lanes);
                              calls.first_step = line_elements<T>;
                            }
                            calls.every = ahead.every<T>();
                            if (far_samples) ahead.call_for_samples(calls, h.p + p * h.stride, lanes);
                          }
                          tile.accumulate(a, b, terms, calls);
                          if (here.end == layer.in) tile.each([&](int, int, Vec<T>& h_in) { h_in = f.apply(h_in); });
                          tile.each([&](int r, int s, Vec<T> h_out) { store(at(r, s), h_out); });
                          if (here.end == layer.in && !is_simple(layer.activation))
                            activate_block(layer.activation, out, lanes, rows.count, tile_lanes<T>);
                        });
  });
}

}  // namespace fcnet::FCNET_ISA
