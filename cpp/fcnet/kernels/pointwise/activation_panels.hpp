// SPDX-License-Identifier: MIT
// What becomes of panels of samples after a product, where that is no epilogue: functions whose derivative must be
// kept, and softmax, which needs all rows of a sample.
#pragma once

#include "fcnet/kernels/pointwise/activations.hpp"

namespace fcnet::FCNET_ISA {

// f(h, slope), vector by vector, for rows first..last of all panels.
template <class T, class F>
FCNET_INLINE void for_vectors_of(Panels<T> h, Panels<T> slope, Size first, Size last, F f) {
  for (Size p = 0; p * lanes < h.samples; ++p)
    for (Size row = first; row < last; ++row)
      for (Size lane = 0; lane < used_lanes(h.samples, p); lane += width<T>)
        f(h.p + p * h.stride + row * lanes + lane, slope.p + p * slope.stride + row * lanes + lane);
}

// F(h_in) in place, and F'(h_in).
template <class T>
void activate_keeping(Activation activation, Panels<T> h, Panels<T> slope, Size first, Size last) {
  with_any_activation(activation, [&](auto f) {
    for_vectors_of(h, slope, first, last, [&](T* value, T* kept) {
      const Vec<T> h_in = load(value);
      Vec<T> derivative;
      if constexpr (requires { f.keep(h_in, derivative); }) {
        store(value, f.keep(h_in, derivative));
      } else {
        const Vec<T> h_out = f.apply(h_in);
        derivative = f.times_derivative(broadcast(T(1)), h_out);
        store(value, h_out);
      }
      store(kept, derivative);
    });
  });
}

// sigma o F'(h_in), in place, of these samples alone: others in the panel may be another thread's.
template <class T>
void derive(Activation activation, Panels<T> sigma, Panels<const T> h, Size first, Size last) {
  const auto each = [&](auto f) {
    for (Size p = 0; p * lanes < sigma.samples; ++p)
      for (Size row = first; row < last; ++row)
        for (Size lane = 0; lane < used_lanes(sigma.samples, p); lane += width<T>) {
          T* const s = sigma.p + p * sigma.stride + row * lanes + lane;
          store(s, f.times_derivative(load(s), load(h.p + p * h.stride + row * lanes + lane)));
        }
  };
  activation == Activation::kept ? each(Kept{}) : with_activation(activation, each);
}

// e = exp(z - max z) of one vector of samples and its sum over the classes, in ascending order.
template <class T>
FCNET_INLINE Vec<T> exp_and_sum(const T* z, Size classes, Vec<T> top, T* e) {
  Vec<T> sum = {};
  for (Size c = 0; c < classes; ++c) {
    const Vec<T> value = exp(load(z + c * lanes) - top);
    store(e + c * lanes, value);
    sum += value;
  }
  return sum;
}

// p_j = exp(z_j) / sum_i exp(z_i), in place, the maximum subtracted first.
template <class T>
void softmax(T* panel, Size classes, Size samples) {
  for (T* z = panel; z < panel + samples; z += width<T>) {
    Vec<T> top = load(z);
    for (Size c = 1; c < classes; ++c) top = max_or_first(top, load(z + c * lanes));
    const Vec<T> sum = exp_and_sum(z, classes, top, z);
    for (Size c = 0; c < classes; ++c) store(z + c * lanes, load(z + c * lanes) / sum);
  }
}

// sigma_j <- p_j (sigma_j - sum_i sigma_i p_i): through softmax's whole Jacobian, in place.
template <class T>
void softmax_backward(T* sigma, const T* p, Size classes, Size samples) {
  for (Size lane = 0; lane < samples; lane += width<T>) {
    Vec<T> mean = {};
    for (Size c = 0; c < classes; ++c) mean = fma(load(sigma + c * lanes + lane), load(p + c * lanes + lane), mean);
    for (Size c = 0; c < classes; ++c) {
      T* const s = sigma + c * lanes + lane;
      store(s, load(p + c * lanes + lane) * (load(s) - mean));
    }
  }
}

}  // namespace fcnet::FCNET_ISA
