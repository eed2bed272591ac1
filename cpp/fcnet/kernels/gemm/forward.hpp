// SPDX-License-Identifier: MIT
// h_out = F(h_prev W + B), layer by layer of panels: rows of a tile are output neurons, lanes are samples. The sums
// start at the bias; F is applied while the tile is in registers.
#pragma once

#include "fcnet/kernels/gemm/cache_blocking.hpp"
#include "fcnet/kernels/pointwise/activations.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
void forward(const LayerView<T>& layer, Panels<const T> h, Panels<T> result, Size first, Size last) {
  const bool far = is_far<T>(layer.in, layer.out), far_samples = is_far_for_samples<T>(at_once(h.samples), layer.in);
  const auto weights = [=](Size row, Size k) { return layer.w + row / panel_width * layer.stride + k * panel_width; };
  with_epilogue(layer.activation, [&](auto f) {
    for_tiles<T, panel_width>(first, last, h.samples, layer.in, slice_depth<T>,
                              [=](auto rows, Size row, Size p, Size lane, WeightBlock here, Ahead ahead) FCNET_INLINED {
                                T* const out = result.p + p * result.stride + row * panel_width + lane;
                                const auto at = [=](int r, int s) { return out + r * panel_width + s * width<T>; };
                                const Size k = here.begin, depth = here.end - k;
                                const T* const w = weights(row, k) + row % panel_width;
                                Tile<T, rows.count> tile;
                                if (k == 0) {
                                  const T* const bias = weights(row, layer.in) + row % panel_width;
                                  tile.fill([&](int r, int) { return broadcast(bias[r]); });
                                } else {
                                  tile.fill([&](int r, int s) { return load(at(r, s)); });
                                }
                                const Broadcast<T> a{w, panel_width, 1};
                                const Stream<T> b{h.p + p * h.stride + k * panel_width + lane, panel_width};
                                Prefetch<T> prefetch{w, nullptr, 0, 0, depth + 1};  // none
                                if (far) {
                                  const WeightBlock next = ahead.weights;
                                  if (next.row < last) {
                                    prefetch.weights =
                                        weights(next.row, next.begin) + ahead.of_weights.begin<T>(depth * panel_width);
                                    prefetch.weights_step = line_elements<T>;
                                  }
                                  prefetch.interval = ahead.interval<T>();
                                  if (far_samples) ahead.prefetch_samples(prefetch, h.p + p * h.stride, panel_width);
                                }
                                tile.accumulate(a, b, depth, prefetch);
                                if (here.end == layer.in)
                                  tile.each([&](int, int, Vec<T>& h_in) { h_in = f.apply(h_in); });
                                tile.each([&](int r, int s, Vec<T> h_out) { store(at(r, s), h_out); });
                                if (here.end == layer.in && !is_simple(layer.activation))
                                  activate_block(layer.activation, out, panel_width, rows.count, tile_width<T>);
                              });
  });
}

}  // namespace fcnet::FCNET_ISA
