// SPDX-License-Identifier: MIT
// What becomes of panels of samples after a product, where that is no epilogue: functions whose derivative must be
// saved, and softmax, which needs all rows of a sample.
#pragma once

#include "fcnet/kernels/pointwise/activations.hpp"

namespace fcnet::FCNET_ISA {

// f(h, slope), vector by vector, for rows first..last of all panels.
template <class T, class F>
FCNET_INLINE void for_vectors_of(Panels<T> h, Panels<T> slope, Size first, Size last, F f) {
  for (Size p = 0; p * panel_width < h.samples; ++p)
    for (Size row = first; row < last; ++row)
      for (Size lane = 0; lane < used_width(h.samples, p); lane += width<T>)
        f(h.p + p * h.stride + row * panel_width + lane, slope.p + p * slope.stride + row * panel_width + lane);
}

// F(h_in) and F'(h_in), whether F has a formula for both or not.
template <class F, class V>
FCNET_INLINE V apply_and_slope(F f, V h_in, V& slope) {
  if constexpr (requires { f.apply_and_slope(h_in, slope); }) {
    return f.apply_and_slope(h_in, slope);
  } else {
    const V h_out = f.apply(h_in);
    slope = f.times_derivative(V{} + ElementOf<V>(1), h_out);
    return h_out;
  }
}

// F(h_in) in place, and F'(h_in).
template <class T>
void activate_and_save_derivative(Activation activation, Panels<T> h, Panels<T> slope, Size first, Size last) {
  with_any_activation(activation, [&](auto f) {
    for_vectors_of(h, slope, first, last, [&](T* value, T* saved) {
      Vec<T> derivative;
      store(value, apply_and_slope(f, load(value), derivative));
      store(saved, derivative);
    });
  });
}

// sigma o F'(h_in), in place, of these samples alone: others in the panel may be another thread's.
template <class T>
void derive(Activation activation, Panels<T> sigma, Panels<const T> h, Size first, Size last) {
  const auto each = [&](auto f) {
    for (Size p = 0; p * panel_width < sigma.samples; ++p)
      for (Size row = first; row < last; ++row)
        for (Size lane = 0; lane < used_width(sigma.samples, p); lane += width<T>) {
          T* const s = sigma.p + p * sigma.stride + row * panel_width + lane;
          store(s, f.times_derivative(load(s), load(h.p + p * h.stride + row * panel_width + lane)));
        }
  };
  activation.kind == Activation::saved_derivative ? each(SavedDerivative{}) : with_activation(activation, each);
}

// e = exp(z - max z) of one vector of samples and its sum over the classes, in ascending order.
template <class T>
FCNET_INLINE Vec<T> exp_and_sum(const T* z, Size classes, Vec<T> top, T* e) {
  Vec<T> sum = {};
  for (Size c = 0; c < classes; ++c) {
    const Vec<T> value = exp(load(z + c * panel_width) - top);
    store(e + c * panel_width, value);
    sum += value;
  }
  return sum;
}

// p_j = exp(z_j) / sum_i exp(z_i), in place, the maximum subtracted first.
template <class T>
void softmax(T* panel, Size classes, Size samples) {
  for (T* z = panel; z < panel + samples; z += width<T>) {
    Vec<T> top = load(z);
    for (Size c = 1; c < classes; ++c) top = max_or_first(top, load(z + c * panel_width));
    const Vec<T> sum = exp_and_sum(z, classes, top, z);
    for (Size c = 0; c < classes; ++c) store(z + c * panel_width, load(z + c * panel_width) / sum);
  }
}

// sigma_j <- p_j (sigma_j - sum_i sigma_i p_i): through softmax's whole Jacobian, in place.
template <class T>
void softmax_backward(T* sigma, const T* p, Size classes, Size samples) {
  for (Size lane = 0; lane < samples; lane += width<T>) {
    Vec<T> mean = {};
    for (Size c = 0; c < classes; ++c)
      mean = fma(load(sigma + c * panel_width + lane), load(p + c * panel_width + lane), mean);
    for (Size c = 0; c < classes; ++c) {
      T* const s = sigma + c * panel_width + lane;
      store(s, load(p + c * panel_width + lane) * (load(s) - mean));
    }
  }
}

}  // namespace fcnet::FCNET_ISA
