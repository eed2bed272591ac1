// SPDX-License-Identifier: MIT
// Activations of jets: a value z with its derivatives z_k along some directions and, where they have weights c_k, the
// weighted sum z_L of its second derivatives along them, which is the Laplacian where all are 1. By the chain rule
//
//     h = F(z)      h_k = F' z_k                h_L = F'' sum_k c_k z_k^2 + F' z_L
//     back          z_L <- F' s_L               z_k <- F' s_k + 2 c_k F'' z_k s_L
//                   z <- F' s + F'' (sum_k z_k s_k + z_L s_L) + F''' s_L sum_k c_k z_k^2
//
// with s the derivatives by h, h_k and h_L. Activations are those that act on one number.
#pragma once

#include "fcnet/kernels/pointwise/activations.hpp"

namespace fcnet::FCNET_ISA {

// F and its first three derivatives, for a row of lanes.
template <class T>
struct Curve {
  alignas(64) T f[panel_width];
  alignas(64) T first[panel_width];
  alignas(64) T second[panel_width];
  alignas(64) T third[panel_width];
};

// s = sigmoid(u) and what its derivatives by u are.
template <class V>
struct SigmoidCurve {
  V s, first, second, third;
  explicit FCNET_INLINE SigmoidCurve(V u) : s(gate(u)) {
    using T = ElementOf<V>;
    first = s * gate(-u);
    second = first * (T(1) - (s + s));
    third = first * (T(1) - T(6) * first);
  }
};

template <class V>
FCNET_INLINE void derive_thrice(Activation activation, V z, V& first, V& second, V& third) {
  using T = ElementOf<V>;
  const V one = V{} + T(1);
  first = one, second = third = V{};
  switch (activation.kind) {
    case Activation::identity:
    case Activation::saved_derivative:
    case Activation::softmax:
      return;
    case Activation::relu:
      first = z > V{} ? one : V{};
      return;
    case Activation::leaky_relu:
      first = z > V{} ? one : V{} + T(activation.constant);
      return;
    case Activation::elu:
      second = third = z > V{} ? V{} : T(activation.constant) * exp(z);
      first = z > V{} ? one : second;
      return;
    case Activation::selu:
      second = third = z > V{} ? V{} : Selu::lambda_alpha<V> * exp(z);
      first = z > V{} ? V{} + Selu::lambda<V> : second;
      return;
    case Activation::sigmoid: {
      const SigmoidCurve<V> curve(z);
      first = curve.first, second = curve.second, third = curve.third;
      return;
    }
    case Activation::tanh: {
      const V t = tanh(z);
      first = one - t * t;
      second = T(-2) * t * first;
      third = first * (T(6) * t * t - T(2));
      return;
    }
    case Activation::softplus: {
      const SigmoidCurve<V> curve(z);
      first = curve.s, second = curve.first, third = curve.second;
      return;
    }
    case Activation::exp:
      first = second = third = exp(z);
      return;
    case Activation::gelu: {
      const V density = T(0.39894228040143267794) * exp(T(-0.5) * z * z);
      first = fma(z, density, normal_cdf(z));
      second = density * (T(2) - z * z);
      third = density * z * (z * z - T(4));
      return;
    }
    case Activation::gelu_tanh: {  // z s(u) with u = a (z + b z^3)
      const V a = V{} + GeluTanh::factor<V>, square = T(0.044715) * z * z;
      const SigmoidCurve<V> curve(GeluTanh::twice_u(z));
      const V u1 = a * (one + T(3) * square), u2 = a * (T(6 * 0.044715) * z), u3 = a * T(6 * 0.044715);
      const V s1 = curve.first * u1, s2 = curve.second * u1 * u1 + curve.first * u2;
      const V s3 = curve.third * u1 * u1 * u1 + T(3) * curve.second * u1 * u2 + curve.first * u3;
      first = fma(z, s1, curve.s), second = fma(z, s2, s1 + s1), third = fma(z, s3, T(3) * s2);
      return;
    }
    case Activation::silu: {
      const SigmoidCurve<V> curve(z);
      first = fma(z, curve.first, curve.s);
      second = fma(z, curve.second, curve.first + curve.first);
      third = fma(z, curve.third, T(3) * curve.second);
      return;
    }
    case Activation::mish: {  // z t with t' = (1 - t^2) s
      const auto linear = z > Mish::linear_above<V>;
      const V h = linear ? V{} : z, e = exp(h), n = fma(e, e, e + e), t = n / (n + T(2)), rest = one - t * t;
      const SigmoidCurve<V> curve(h);
      const V t1 = rest * curve.s, t2 = rest * curve.first - T(2) * t * t1 * curve.s;
      const V t3 = rest * curve.second - T(4) * t * t1 * curve.first - T(2) * fma(t, t2, t1 * t1) * curve.s;
      first = linear ? one : fma(h, t1, t);
      second = linear ? V{} : fma(h, t2, t1 + t1);
      third = linear ? V{} : fma(h, t3, T(3) * t2);
      return;
    }
    case Activation::relu6:
      first = z > V{} ? (z < V{} + T(6) ? one : V{}) : V{};
      return;
    case Activation::hard_swish:
      HardSwish::apply_and_slope(z, first);
      second = z > -HardSwish::bound<V> ? (z < V{} + HardSwish::bound<V> ? V{} + T(1.0 / 3) : V{}) : V{};
      return;
  }
}

template <class T>
FCNET_ONCE void curve_of(Activation activation, const T* z, Size lanes, Curve<T>& curve) {
  with_any_activation(activation, [&](auto f) {
    for (Size lane = 0; lane < lanes; lane += width<T>) store(curve.f + lane, f.apply(load(z + lane)));
  });
  for (Size lane = 0; lane < lanes; lane += width<T>) {
    Vec<T> first, second, third;
    derive_thrice(activation, load(z + lane), first, second, third);
    store(curve.first + lane, first), store(curve.second + lane, second), store(curve.third + lane, third);
  }
}

// f(curve, place in z, place in the other panels, lane) for vectors of rows first..last of all panels.
template <class T, class F>
FCNET_INLINE void for_vectors_of_jets(Activation activation, Panels<const T> z, Size other_stride, Size first,
                                      Size last, F f) {
  Curve<T> curve;
  for (Size p = 0; p * panel_width < z.samples; ++p)
    for (Size row = first; row < last; ++row) {
      const Size lanes = used_width(z.samples, p), at = row * panel_width;
      curve_of(activation, z.p + p * z.stride + at, lanes, curve);
      for (Size lane = 0; lane < lanes; lane += width<T>)
        f(curve, z.p + p * z.stride + at + lane, p * other_stride + at + lane, lane);
    }
}

// From z to h; the parts of a jet lie `step` apart, in this order: value, derivatives, Laplacian.
template <class T>
void activate_jets(Activation activation, const Jet<T>& jet, Size step, Panels<const T> z, Panels<T> h, Size first,
                   Size last) {
  for_vectors_of_jets(activation, z, h.stride, first, last, [&](const Curve<T>& c, const T* in, Size at, Size lane) {
    T* const out = h.p + at;
    const Vec<T> slope = load(c.first + lane);
    Vec<T> squares = {};
    store(out, load(c.f + lane));
    for (Size k = 1; k <= jet.directions; ++k) {
      const Vec<T> along = load(in + k * step);
      store(out + k * step, slope * along);
      if (jet.weights != nullptr) squares = fma(jet.weights[k - 1] * along, along, squares);
    }
    const Size end = (jet.directions + 1) * step;
    if (jet.weights != nullptr) store(out + end, fma(load(c.second + lane), squares, slope * load(in + end)));
  });
}

// Sigma of h becomes that of z, in place.
template <class T>
void derive_jets(Activation activation, const Jet<T>& jet, Size step, Panels<const T> z, Panels<T> sigma, Size first,
                 Size last) {
  for_vectors_of_jets(activation, z, sigma.stride, first, last,
                      [&](const Curve<T>& c, const T* in, Size at, Size lane) {
                        T* const s = sigma.p + at;
                        const Vec<T> slope = load(c.first + lane), second = load(c.second + lane);
                        const Size end = (jet.directions + 1) * step;
                        const Vec<T> of_laplacian = jet.weights != nullptr ? load(s + end) : Vec<T>{};
                        Vec<T> squares = {}, sum = {};
                        for (Size k = 1; k <= jet.directions; ++k) {
                          const Vec<T> along = load(in + k * step), sigma_k = load(s + k * step);
                          const Vec<T> weighted = jet.weights != nullptr ? jet.weights[k - 1] * along : Vec<T>{};
                          squares = fma(weighted, along, squares);
                          sum = fma(along, sigma_k, sum);
                          store(s + k * step, fma((second + second) * weighted, of_laplacian, slope * sigma_k));
                        }
                        if (jet.weights != nullptr) {
                          sum = fma(load(in + end), of_laplacian, sum);
                          store(s + end, slope * of_laplacian);
                        }
                        Vec<T> result = fma(second, sum, slope * load(s));
                        if (jet.weights != nullptr) result = fma(load(c.third + lane) * squares, of_laplacian, result);
                        store(s, result);
                      });
}

}  // namespace fcnet::FCNET_ISA
