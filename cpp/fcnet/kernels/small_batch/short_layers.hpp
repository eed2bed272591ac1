// SPDX-License-Identifier: MIT
// Layers of a few neurons, such as the article's: a step of such a network takes less than a tenth of a microsecond,
// and what counts is how long each result takes to reach the next operation. So a layer's outputs are one short vector,
// and no weight is moved: backward-data forms each of its sums in all lanes at once and keeps one of them.
#pragma once

#include "fcnet/kernels/pointwise/activations.hpp"
#include "fcnet/kernels/pointwise/optimizers.hpp"
#include "fcnet/kernels/small_batch/row_training.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
struct ShortLayers {
  using V = ShortVec<T>;
  static constexpr Size most = sizeof(V) / sizeof(T);

  static bool fit(const RowTraining<T>& t) {
    bool fit = t.layers[0].view.in <= most;
    for (Size l = 0; l < t.count; ++l) fit = fit && t.layers[l].view.out <= most;
    return fit;
  }

  static FCNET_INLINE V at(const T* p) { return load_vector<V>(p); }

  static FCNET_INLINE void forward(const LayerView<T>& layer, Rows<T> h, Size n, Rows<T> result) {
    for (Size s = 0; s < n; ++s) {
      const T* const from = h.p + s * h.stride;
      T* const to = result.p + s * result.stride;
      V sum = at(layer.w + layer.in * panel_width);
      for (Size k = 0; k < layer.in; ++k) sum = fma(broadcast_as<V>(from[k]), at(layer.w + k * panel_width), sum);
      with_epilogue(layer.activation, [&](auto f) { store_vector(to, f.apply(sum)); });
    }
    if (!is_simple(layer.activation)) activate_block(layer.activation, result.p, result.stride, n, width<T>);
  }

  // As softmax_of in row_losses.hpp.
  template <class F>
  static FCNET_INLINE T softmax_of(const T* z, Size classes, T top, T* p, F last) {
    const V e = exp(at(z) - top);
    V sum = broadcast_as<V>(e[0]);
    FCNET_UNROLL
    for (Size c = 1; c < most; ++c)
      if (c < classes) sum = sum + broadcast_as<V>(e[c]);
    store_vector(p, lane_numbers<T, V>() < static_cast<T>(classes) ? last(e / sum, 0) : V{});
    return sum[0];
  }

  template <class O>
  static FCNET_INLINE void backward(const O& optimizer, const RowTraining<T>& t, Size l, Size n) {
    const auto& layer = t.layers[l];
    if (l > 0) backward_data(layer, t.layers[l - 1].view.activation, t.layers[l - 1].sigma, n);
    const UpdateTarget<T> target = t.target(l);
    for (Size i = 0; i <= layer.view.in; ++i) {
      const bool bias = i == layer.view.in;
      V sum = {};
      for (Size s = 0; s < n; ++s) {
        const T h = bias ? T(1) : layer.h.p[s * layer.h.stride + i];
        sum = fma(broadcast_as<V>(h), at(layer.sigma.p + s * layer.sigma.stride), sum);
      }
      optimizer.apply(target, i * panel_width, sum, bias);
    }
  }

 private:
  static FCNET_INLINE void backward_data(const typename RowTraining<T>::Layer& layer, Activation previous,
                                         Rows<T> result, Size n) {
    for (Size s = 0; s < n; ++s) {
      const T* const sigma = layer.sigma.p + s * layer.sigma.stride;
      V sums = {};
      for (Size i = 0; i < layer.view.in; ++i) {
        V sum = {};
        for (Size j = 0; j < layer.view.out; ++j)
          sum = fma(broadcast_as<V>(sigma[j]), broadcast_as<V>(layer.view.w[i * panel_width + j]), sum);
        sums = lane_numbers<T, V>() == static_cast<T>(i) ? sum : sums;
      }
      T* const to = result.p + s * result.stride;
      with_epilogue(previous,
                    [&](auto f) { store_vector(to, f.times_derivative(sums, at(layer.h.p + s * layer.h.stride))); });
    }
    if (!is_simple(previous)) derive_block(previous, result.p, result.stride, layer.h.p, layer.h.stride, n, width<T>);
  }
};

}  // namespace fcnet::FCNET_ISA
