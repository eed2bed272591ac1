// SPDX-License-Identifier: MIT
// exp, log and what follows from them on vectors, of our own so that every CPU and C library gives the same bits.
// Error, with and without fused multiply-add: exp at most 1 ulp, log at most 1 ulp; for |x| <= 2^13 sin at most 2.5
// ulp, cos at most 2.5 ulp (tests/test_math_ulp.py); for the others see tests/test_activations.py. Special values as in
// C: exp(-inf) = 0, log(0) = -inf, log(negative) = NaN, sin and cos of infinity are NaN, NaN stays NaN.
#pragma once

#include "fcnet/simd/vec.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
struct FloatFormat;
template <>
struct FloatFormat<float> {
  static constexpr int mantissa_bits = 23, bias = 127;
  static constexpr float magic = 0x1.8p23f;  // x + magic - magic rounds x to a whole number
  static constexpr float exp_above = 0x1.62e42ep6f, exp_below = -0x1.a0p6f;  // beyond: inf, and 0
  static constexpr float ln2_high = 0x1.62ep-1f, ln2_low = 0x1.0bfbe8p-15f;  // k * ln2_high is exact
  // pi / 2 in parts, of which k times each but the last is exact for |k| < 2^13
  static constexpr float half_pi[] = {0x1.92p0f, 0x1.fb4p-12f, 0x1.444p-24f, 0x1.68c234p-39f};
  static constexpr int exp_terms = 8, log_terms = 6, tanh_terms = 6, sin_terms = 4, cos_terms = 5;
};
template <>
struct FloatFormat<double> {
  static constexpr int mantissa_bits = 52, bias = 1023;
  static constexpr double magic = 0x1.8p52;
  static constexpr double exp_above = 0x1.62e42fefa39efp9, exp_below = -0x1.75p9;
  static constexpr double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
  static constexpr double half_pi[] = {0x1.921fb54442p0, 0x1.a308d31318p-41, 0x1.8a2e03707344ap-81};
  static constexpr int exp_terms = 14, log_terms = 12, tanh_terms = 10, sin_terms = 8, cos_terms = 8;
};

template <class V>
using ElementOf = decltype(V{}[0] + V{}[0]);

// e^x = 2^k e^r with k = round(x / ln 2) and |r| <= ln 2 / 2; e^r = 1 + (r + r^2 (1/2! + r/3! + ...)), Horner.
// 2^k is applied in two halves, so that subnormal results are rounded once.
template <class V>
FCNET_INLINE V exp(V x) {
  using T = ElementOf<V>;
  using F = FloatFormat<T>;
  constexpr T log2_e = T(0x1.71547652b82fep0);
  const V shifted = fma(x, V{} + log2_e, V{} + F::magic);
  const V k = shifted - F::magic;
  const V r = fma(k, V{} - F::ln2_low, fma(k, V{} - F::ln2_high, x));
  T coefficient[F::exp_terms + 1] = {1};
  FCNET_UNROLL
  for (int i = 1; i <= F::exp_terms; ++i) coefficient[i] = coefficient[i - 1] / T(i);
  V p = V{} + coefficient[F::exp_terms];
  FCNET_UNROLL
  for (int i = F::exp_terms - 1; i >= 2; --i) p = fma(p, r, V{} + coefficient[i]);
  p = fma(r * r, p, r) + T(1);
  using U = typename UnsignedBits<V>::Vector;
  const U whole = (U)shifted - (U)(V{} + F::magic);
  const U half = ((whole + 4 * F::bias) >> 1) - 2 * F::bias;
  const V scale1 = (V)((half + F::bias) << F::mantissa_bits);
  const V scale2 = (V)((whole - half + F::bias) << F::mantissa_bits);
  const V y = p * scale1 * scale2;
  return x > F::exp_above ? V{} + T(__builtin_inf()) : (x < F::exp_below ? V{} : y);
}

// ln x = e ln 2 + ln m with m in [sqrt(1/2), sqrt(2)); f = m - 1, s = f / (2 + f), and
// ln m = 2 atanh s = f - f^2/2 + s (f^2/2 + 2 s^2 (1/3 + s^2/5 + ...)), which loses nothing for small f.
template <class V>
FCNET_INLINE V log(V x) {
  using T = ElementOf<V>;
  using F = FloatFormat<T>;
  using I = Bits<V>;
  using U = typename UnsignedBits<V>::Vector;
  constexpr T smallest_normal = sizeof(T) == 4 ? T(0x1p-126) : T(0x1p-1022);
  constexpr T lift = T(std::uint64_t{1} << F::mantissa_bits);
  const auto subnormal = x < smallest_normal;
  const V lifted = subnormal ? x * lift : x;
  const U bits = (U)lifted;
  const U root_half = (U)(V{} + T(0x1.6a09e667f3bcdp-1));
  const I exponent = (I)(bits - root_half) >> F::mantissa_bits;
  const V f = (V)(bits - ((U)exponent << F::mantissa_bits)) - T(1);
  const V s = f / (f + T(2));
  const V s2 = s * s;
  V p = V{} + T(1) / T(2 * F::log_terms + 1);
  FCNET_UNROLL
  for (int i = F::log_terms - 1; i >= 1; --i) p = fma(p, s2, V{} + T(1) / T(2 * i + 1));
  const V half_square = T(0.5) * f * f;
  const V e = __builtin_convertvector(exponent, V) - (subnormal ? V{} + T(F::mantissa_bits) : V{});
  const V tail = fma(e, V{} + F::ln2_low, s * fma(s2 + s2, p, half_square));
  const V y = fma(e, V{} + F::ln2_high, f - (half_square - tail));
  const V edge = x == V{} ? V{} - T(__builtin_inf()) : V{} + T(__builtin_nan(""));
  return x > V{} ? (x == T(__builtin_inf()) ? x : y) : edge;
}

template <class V>
struct SinCos {
  V sin, cos;
};

// x = k pi / 2 + r with k = round(x / (pi / 2)) and |r| <= pi / 4. Where parts of x and k pi / 2 cancel, their
// differences are exact. sin r = r + r^3 (-1/3! + r^2 / 5! - ...) and cos r = 1 + r^2 (-1/2! + r^2 / 4! - ...), Horner;
// k mod 4 says which of them, with which sign, are those of x.
template <class V>
FCNET_INLINE SinCos<V> sincos(V x) {
  using T = ElementOf<V>;
  using F = FloatFormat<T>;
  using U = typename UnsignedBits<V>::Vector;
  constexpr T two_over_pi = T(0x1.45f306dc9c883p-1);
  constexpr int to_sign_bit = 8 * sizeof(T) - 2;
  const V shifted = fma(x, V{} + two_over_pi, V{} + F::magic);
  const V k = shifted - F::magic;
  V r = x;
  FCNET_UNROLL
  for (Size i = 0; i < sizeof(F::half_pi) / sizeof(T); ++i) r = fma(k, V{} - F::half_pi[i], r);
  const V square = r * r;
  T of_sin[F::sin_terms + 1] = {1}, of_cos[F::cos_terms + 1] = {1};
  FCNET_UNROLL
  for (int i = 1; i <= F::sin_terms; ++i) of_sin[i] = -of_sin[i - 1] / T(2 * i * (2 * i + 1));
  FCNET_UNROLL
  for (int i = 1; i <= F::cos_terms; ++i) of_cos[i] = -of_cos[i - 1] / T(2 * i * (2 * i - 1));
  V p = V{} + of_sin[F::sin_terms], q = V{} + of_cos[F::cos_terms];
  FCNET_UNROLL
  for (int i = F::sin_terms - 1; i >= 1; --i) p = fma(p, square, V{} + of_sin[i]);
  FCNET_UNROLL
  for (int i = F::cos_terms - 1; i >= 1; --i) q = fma(q, square, V{} + of_cos[i]);
  const V sin_r = fma(r * square, p, r), cos_r = fma(q, square, V{} + T(1));
  const U quarter = (U)shifted - (U)(V{} + F::magic);
  const auto odd = (quarter & 1) != 0;
  const U sin_bits = (U)(odd ? cos_r : sin_r), cos_bits = (U)(odd ? sin_r : cos_r);
  return {(V)(sin_bits ^ ((quarter & 2) << to_sign_bit)), (V)(cos_bits ^ (((quarter + 1) & 2) << to_sign_bit))};
}

// tanh x = over / under for |x| < 0.6: Lambert's continued fraction x / (1 + x^2 / (3 + x^2 / (5 + ...))).
template <class V>
struct Fraction {
  V over, under;
};
template <class V>
FCNET_INLINE Fraction<V> small_tanh(V x) {
  using T = ElementOf<V>;
  constexpr int terms = FloatFormat<T>::tanh_terms;
  const V square = x * x;
  V above = V{} + T(2 * terms + 1), below = V{} + T(1);
  FCNET_UNROLL
  for (int k = terms - 1; k >= 0; --k) {
    const V next = fma(square, below, above * T(2 * k + 1));
    below = above, above = next;
  }
  return {x * below, above};
}

// Beyond that 1 - 2 / (e^2|x| + 1), with the sign of x.
template <class V>
FCNET_INLINE V tanh(V x) {
  using T = ElementOf<V>;
  const V size = x < V{} ? -x : x;
  const V large = T(1) - T(2) / (exp(size + size) + T(1));
  const Fraction<V> small = small_tanh(x);
  return size < T(0.6) ? small.over / small.under : (x < V{} ? -large : large);
}

// e^x - 1 = 2 t / (1 - t) with t = tanh(x / 2) near 0.
template <class V>
FCNET_INLINE V expm1(V x) {
  using T = ElementOf<V>;
  const V size = x < V{} ? -x : x;
  const Fraction<V> t = small_tanh(x * T(0.5));
  return size < T(0.7) ? (t.over + t.over) / (t.under - t.over) : exp(x) - T(1);
}

// ln(1 + x) for x >= 0: what 1 + x has lost is put right to first order.
template <class V>
FCNET_INLINE V log1p(V x) {
  using T = ElementOf<V>;
  const V u = x + T(1);
  return log(u) + (x - (u - T(1))) / u;
}

// (c[0] x^n + ... + c[n]), Horner.
template <class V, Size n>
FCNET_INLINE V polynomial(V x, const double (&c)[n]) {
  V p = V{} + static_cast<ElementOf<V>>(c[0]);
  FCNET_UNROLL
  for (Size i = 1; i < n; ++i) p = fma(p, x, V{} + static_cast<ElementOf<V>>(c[i]));
  return p;
}

// The normal distribution function, erfc(-x / sqrt 2) / 2: the rational approximations of Cody (1969) to erf up to
// 0.47, and to e^(t^2) erfc(t) up to 4 and beyond. e^(-x^2 / 2) from x rounded to sixteenths, whose square is exact,
// and the rest. Where it lies below the smallest normal number it may be 0.
template <class V>
FCNET_INLINE V normal_cdf(V x) {
  using T = ElementOf<V>;
  using F = FloatFormat<T>;
  const V size = x < V{} ? -x : x, s = size < T(40) ? size : V{} + T(40);
  const V t = s * T(0.70710678118654752440), square = t * t;
  const V erf = t *
                polynomial(square, {1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2,
                                    3.77485237685302021e2, 3.20937758913846947e3}) /
                polynomial(square, {1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
                                    2.84423683343917062e3});
  const V middle =
      polynomial(t, {2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
                     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
                     1.23033935479799725e3}) /
      polynomial(t, {1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
                     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3});
  const V inverse = T(1) / square;
  const V far = (T(0.56418958354775628695) -
                 inverse *
                     polynomial(inverse, {1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
                                          1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4}) /
                     polynomial(inverse, {1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1,
                                          6.05183413124413191e-2, 2.33520497626869185e-3})) /
                t;
  const V rounded = (s + F::magic / T(16)) - F::magic / T(16), rest = (s - rounded) * (s + rounded);
  const V tail = T(0.5) * (t < T(4) ? middle : far) * (exp(T(-0.5) * (rounded * rounded)) * exp(T(-0.5) * rest));
  const V upper = x < V{} ? tail : T(1) - tail, near = T(0.5) + T(0.5) * (x < V{} ? -erf : erf);
  return x == x ? (t < T(0.46875) ? near : upper) : x;
}

}  // namespace fcnet::FCNET_ISA
