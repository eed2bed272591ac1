// SPDX-License-Identifier: MIT
// dL/dW = h^T sigma and what becomes of it: rows of a tile are the layer's inputs (the last one the bias, whose h is
// 1), lanes are its outputs, the sum runs over the samples in order. Either the optimiser takes the tile from the
// registers (update), or it is stored (accumulate) and an element-wise pass applies it (apply): the same bits.
#pragma once

#include "fcnet/optimizers.hpp"
#include "fcnet/tile.hpp"

namespace fcnet::FCNET_ISA {

// start(r, s, at) gives the first value of a tile's sums, finish(at, sum) takes them; `at` counts elements from w.
template <class T, class Start, class Finish>
FCNET_INLINE void weight_product(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, Size samples,
                                 Size first, Size last, Start start, Finish finish) {
  for_row_blocks(first, last, [&](auto rows, Size row) {
    for (Size q = 0; q * lanes < layer.out; ++q)
      for (Size lane = 0; lane < lanes; lane += tile_lanes<T>) {
        const Size corner = q * layer.stride + row * lanes + lane;
        Tile<T, rows.count> tile;
        tile.fill([&](int r, int s) { return start(corner + r * lanes + s * width<T>); });
        const T* s = sigma_t.p + q * sigma_t.stride + lane;
        for (Size p = 0; p * lanes < samples; ++p)
          tile.accumulate({h.p + p * h.stride + row * lanes, 1, lanes}, {s + p * lanes * lanes, lanes},
                          used_lanes(samples, p));
        tile.each([&](int r, int v, Vec<T> sum) { finish(corner + r * lanes + v * width<T>, sum); });
      }
  });
}

template <class T>
void update(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, Size samples,
            const OptimizerStep<T>& step, Size first, Size last) {
  const Sgd<T> optimizer(step);
  weight_product(
      layer, h, sigma_t, samples, first, last, [](Size) { return Vec<T>{}; },
      [&](Size at, Vec<T> sum) { optimizer(layer.w + at, sum); });
}

template <class T>
void accumulate(const LayerView<T>& layer, Panels<const T> h, Panels<const T> sigma_t, Size samples, T* gradient,
                bool add, Size first, Size last) {
  weight_product(
      layer, h, sigma_t, samples, first, last, [&](Size at) { return add ? load(gradient + at) : Vec<T>{}; },
      [&](Size at, Vec<T> sum) { store(gradient + at, sum); });
}

template <class T>
void apply(T* w, const T* gradient, Size count, const OptimizerStep<T>& step) {
  const Sgd<T> optimizer(step);
  for (Size i = 0; i < count; i += width<T>) optimizer(w + i, load(gradient + i));
}

}  // namespace fcnet::FCNET_ISA
