// SPDX-License-Identifier: MIT
// A parametric activation (Holzmueller et al. 2024, RealMLP), y = h + a o (F(h) - h) with a trainable number a for
// every neuron; computed as a F(h) + (1 - a) h, which is F(h) itself where a is 1. The derivative of a neuron's a is
// the sum of dL/dy (F(h) - h) over the samples, in groups of 8 and then group by group, so that it does not depend on
// who computes what.
#pragma once

#include "fcnet/kernels/pointwise/activation_panels.hpp"

namespace fcnet::FCNET_ISA {

// Rows first..last of h become y. Into `excess` goes F(h) - h and into `slope` dy/dh, unless both are null.
template <class T>
void mix(Activation activation, ParameterRow<T> a, Panels<T> h, Panels<T> excess, Panels<T> slope, Size first,
         Size last) {
  with_any_activation(activation, [&](auto f) {
    for (Size p = 0; p * panel_width < h.samples; ++p)
      for (Size row = first; row < last; ++row) {
        const Vec<T> by = broadcast(a[row]), rest = T(1) - by;
        for (Size at = row * panel_width; at < row * panel_width + used_width(h.samples, p); at += width<T>) {
          T* const value = h.p + p * h.stride + at;
          const Vec<T> h_in = load(value);
          if (excess.p == nullptr) {
            store(value, fma(by, f.apply(h_in), rest * h_in));
            continue;
          }
          Vec<T> derivative;
          const Vec<T> h_out = apply_and_slope(f, h_in, derivative);
          store(value, fma(by, h_out, rest * h_in));
          store(excess.p + p * excess.stride + at, h_out - h_in);
          store(slope.p + p * slope.stride + at, fma(by, derivative, rest));
        }
      }
  });
}

// sigma = dL/dy becomes dL/dh. dL/dy (F(h) - h) goes into `sums`, (groups of samples, rows), and as it is into
// `products`, unless these are null.
template <class T>
void mix_backward(Panels<T> sigma, Panels<const T> excess, Panels<const T> slope, T* sums, Size rows,
                  Panels<T> products, Size first, Size last) {
  for (Size p = 0; p * panel_width < sigma.samples; ++p) {
    const Size used = used_width(sigma.samples, p), groups = ceil_div(used, loss_group);
    for (Size row = first; row < last; ++row) {
      T of_samples[panel_width];
      for (Size lane = 0; lane < used; lane += width<T>) {
        const Size at = row * panel_width + lane;
        T* const s = sigma.p + p * sigma.stride + at;
        store(of_samples + lane, load(s) * load(excess.p + p * excess.stride + at));
        store(s, load(s) * load(slope.p + p * slope.stride + at));
        if (products.p != nullptr) store(products.p + p * products.stride + at, load(of_samples + lane));
      }
      for (Size lane = used; lane < groups * loss_group; ++lane) of_samples[lane] = 0;
      for (Size g = 0; g < groups; ++g) {
        T* const group = of_samples + g * loss_group;
        FCNET_UNROLL
        for (Size half = loss_group / 2; half > 0; half /= 2)
          for (Size i = 0; i < half; ++i) group[i] += group[i + half];
        sums[(p * (panel_width / loss_group) + g) * rows + row] = group[0];
      }
    }
  }
}

}  // namespace fcnet::FCNET_ISA
