// SPDX-License-Identifier: MIT
// Layers that fit one vector, such as the article's: a step of such a network takes less than a microsecond, and what
// counts is how long each result takes to reach the next operation. So a layer's outputs are one accumulator, and no
// weight is moved: back-data forms each of its sums in all lanes at once and keeps one of them.
#pragma once

#include "fcnet/activations.hpp"
#include "fcnet/optimizers.hpp"
#include "fcnet/row_training.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
struct OneVectorRows {
  static bool fits(const RowTraining<T>& t) {
    bool fits = t.layers[0].view.in <= width<T>;
    for (Size l = 0; l < t.count; ++l) fits = fits && t.layers[l].view.out <= width<T>;
    return fits;
  }

  static FCNET_INLINE void forward(const LayerView<T>& layer, Rows<T> h, Size n, Rows<T> result) {
    with_activation(layer.activation, [&](auto f) {
      for (Size s = 0; s < n; ++s) {
        const T* const from = h.p + s * h.stride;
        Vec<T> sum = load(layer.w + layer.in * lanes);
        for (Size k = 0; k < layer.in; ++k) sum = fma(broadcast(from[k]), load(layer.w + k * lanes), sum);
        store(result.p + s * result.stride, f.apply(sum));
      }
    });
  }

  template <class O>
  static FCNET_INLINE void backward(const O& optimizer, const RowTraining<T>& t, Size l, Size n) {
    const auto& layer = t.layers[l];
    if (l > 0) back_data(layer, t.layers[l - 1].view.activation, t.layers[l - 1].sigma, n);
    const UpdateTarget<T> target = t.target(l);
    for (Size i = 0; i <= layer.view.in; ++i) {
      Tile<T, 1, 1> tile = {};
      Vec<T>& sum = tile.c[0][0];
      for (Size s = 0; s < n; ++s) {
        const T h = i == layer.view.in ? T(1) : layer.h.p[s * layer.h.stride + i];
        sum = fma(broadcast(h), load(layer.sigma.p + s * layer.sigma.stride), sum);
      }
      optimizer.apply(target, i * lanes, tile, layer.view.in - i);
    }
  }

 private:
  static FCNET_INLINE void back_data(const typename RowTraining<T>::Layer& layer, Activation previous, Rows<T> result,
                                     Size n) {
    with_activation(previous, [&](auto f) {
      for (Size s = 0; s < n; ++s) {
        const T* const sigma = layer.sigma.p + s * layer.sigma.stride;
        Vec<T> sums = {};
        for (Size i = 0; i < layer.view.in; ++i) {
          Vec<T> sum = {};
          for (Size j = 0; j < layer.view.out; ++j)
            sum = fma(broadcast(sigma[j]), broadcast(layer.view.w[i * lanes + j]), sum);
          sums = lane_numbers<T>() == static_cast<T>(i) ? sum : sums;
        }
        store(result.p + s * result.stride, f.times_derivative(sums, load(layer.h.p + s * layer.h.stride)));
      }
    });
  }
};

}  // namespace fcnet::FCNET_ISA
