// SPDX-License-Identifier: MIT
// The SIMD type of this instruction set, on the compilers' vector extensions: arithmetic reads like mathematics.
// Intrinsics appear here only, for what the extensions cannot say: fused multiply-add and square root.
// Every operation is IEEE-exact, so AVX-512, AVX2 and NEON give the same bits; portable rounds a * b + c twice.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include <cstdint>

#include "fcnet/base/layout.hpp"

#if defined(__clang__)
#define FCNET_UNROLL _Pragma("clang loop unroll(full)")
#define FCNET_UNROLL_TWICE _Pragma("clang loop unroll_count(2)")
#define FCNET_ONCE __attribute__((noinline))
#else
#define FCNET_UNROLL _Pragma("GCC unroll 32")
#define FCNET_UNROLL_TWICE _Pragma("GCC unroll 2")
#define FCNET_ONCE __attribute__((noinline, noclone))  // in the object
#endif
#define FCNET_INLINE inline __attribute__((always_inline))
#define FCNET_INLINED __attribute__((always_inline))  // of a lambda

namespace fcnet::FCNET_ISA {

// The register file: bytes of a vector, and the largest tile (rows x vectors) whose accumulators, one row of the
// streamed operand and one broadcast stay in registers.
#if defined(__AVX512F__)
constexpr Size vector_bytes = 64;
constexpr int tile_rows = 14, tile_vectors = 2;
#elif defined(__AVX2__)
constexpr Size vector_bytes = 32;
constexpr int tile_rows = 6, tile_vectors = 2;
#elif defined(__aarch64__)
constexpr Size vector_bytes = 16;
constexpr int tile_rows = 6, tile_vectors = 4;
#else
constexpr Size vector_bytes = 16;
constexpr int tile_rows = 6, tile_vectors = 2;
#endif

template <class T, Size bytes = vector_bytes>
struct VectorTypes {
  static constexpr int width = bytes / sizeof(T);
  typedef T Vector __attribute__((vector_size(bytes)));
  typedef T Unaligned __attribute__((vector_size(bytes), aligned(alignof(T)), may_alias));
};

template <class T>
using Vec = typename VectorTypes<T>::Vector;
template <class T>
constexpr int width = VectorTypes<T>::width;
// The shortest that every instruction set has: where a few lanes do, its results come sooner.
template <class T>
using ShortVec = typename VectorTypes<T, 16>::Vector;

// The integers of a vector's size: its bits, its comparisons.
template <class V>
using Bits = decltype(V{} < V{});

// The same, unsigned: arithmetic wraps where the bits of a number out of range would overflow.
template <class V, Size element_bytes = sizeof(V{}[0])>
struct UnsignedBits {
  typedef std::uint32_t Vector __attribute__((vector_size(sizeof(V))));
};
template <class V>
struct UnsignedBits<V, 8> {
  typedef std::uint64_t Vector __attribute__((vector_size(sizeof(V))));
};

template <class V, class T>
FCNET_INLINE V load_vector(const T* p) {
  return static_cast<V>(*reinterpret_cast<const typename VectorTypes<T, sizeof(V)>::Unaligned*>(p));
}
template <class V, class T>
FCNET_INLINE void store_vector(T* p, V v) {
  *reinterpret_cast<typename VectorTypes<T, sizeof(V)>::Unaligned*>(p) = v;
}
template <class T>
FCNET_INLINE Vec<T> load(const T* p) {
  return (Vec<T>)*reinterpret_cast<const typename VectorTypes<T>::Unaligned*>(p);
}
template <class T>
FCNET_INLINE void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename VectorTypes<T>::Unaligned*>(p) = v;
}
// The value in every lane; value - 0 is value, where 0 + value would be computed, as it changes -0.
template <class V, class T>
FCNET_INLINE V broadcast_as(T value) {
  return value - V{};
}
template <class T>
FCNET_INLINE Vec<T> broadcast(T value) {
  return broadcast_as<Vec<T>>(value);
}

// a * b + c: one rounding (two in the portable build).
#if defined(__AVX512F__)
FCNET_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm512_fmadd_ps(a, b, c); }
FCNET_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm512_fmadd_pd(a, b, c); }
FCNET_INLINE Vec<float> sqrt(Vec<float> a) { return _mm512_maskz_sqrt_ps(0xFFFF, a); }
FCNET_INLINE Vec<double> sqrt(Vec<double> a) { return _mm512_maskz_sqrt_pd(0xFF, a); }
#elif defined(__AVX2__)
FCNET_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm256_fmadd_ps(a, b, c); }
FCNET_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm256_fmadd_pd(a, b, c); }
FCNET_INLINE Vec<float> sqrt(Vec<float> a) { return _mm256_sqrt_ps(a); }
FCNET_INLINE Vec<double> sqrt(Vec<double> a) { return _mm256_sqrt_pd(a); }
#elif defined(__aarch64__)
FCNET_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return vfmaq_f32(c, a, b); }
FCNET_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return vfmaq_f64(c, a, b); }
FCNET_INLINE Vec<float> sqrt(Vec<float> a) { return vsqrtq_f32(a); }
FCNET_INLINE Vec<double> sqrt(Vec<double> a) { return vsqrtq_f64(a); }
#else
FCNET_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return a * b + c; }
FCNET_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return a * b + c; }
FCNET_INLINE float sqrt1(float a) { return __builtin_sqrtf(a); }
FCNET_INLINE double sqrt1(double a) { return __builtin_sqrt(a); }
template <class V>
FCNET_INLINE V sqrt(V a) {
  for (Size i = 0; i < sizeof(V) / sizeof(a[0]); ++i) a[i] = sqrt1(a[i]);
  return a;
}
#endif

#if defined(__AVX2__)
FCNET_INLINE ShortVec<float> fma(ShortVec<float> a, ShortVec<float> b, ShortVec<float> c) {
  return _mm_fmadd_ps(a, b, c);
}
FCNET_INLINE ShortVec<double> fma(ShortVec<double> a, ShortVec<double> b, ShortVec<double> c) {
  return _mm_fmadd_pd(a, b, c);
}
FCNET_INLINE ShortVec<float> sqrt(ShortVec<float> a) { return _mm_sqrt_ps(a); }
FCNET_INLINE ShortVec<double> sqrt(ShortVec<double> a) { return _mm_sqrt_pd(a); }
#endif

// The same of single numbers.
FCNET_INLINE float fma(float a, float b, float c) { return fma(broadcast(a), broadcast(b), broadcast(c))[0]; }
FCNET_INLINE double fma(double a, double b, double c) { return fma(broadcast(a), broadcast(b), broadcast(c))[0]; }

// The products of numbers below 2^32, in lanes of 64 bits.
using Wide = typename UnsignedBits<Vec<double>>::Vector;
#if defined(__AVX512F__)
FCNET_INLINE Wide low_product(Wide a, Wide b) { return (Wide)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)b); }
#elif defined(__AVX2__)
FCNET_INLINE Wide low_product(Wide a, Wide b) { return (Wide)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
#else
FCNET_INLINE Wide low_product(Wide a, Wide b) { return a * b; }
#endif

// The larger of a and b; a where either is NaN.
template <class V>
FCNET_INLINE V max_or_first(V a, V b) {
  return a < b ? b : a;
}

// Lists 0, 1, ..., N - 1 as a parameter pack (std::index_sequence without std).
template <int... I>
struct Indices {};
template <int N, int... I>
struct CountTo : CountTo<N - 1, N - 1, I...> {};
template <int... I>
struct CountTo<0, I...> {
  using type = Indices<I...>;
};

template <class V, int... I>
FCNET_INLINE V numbers(Indices<I...>) {
  return V{I...};
}
// 0, 1, ..., lanes - 1
template <class T, class V = Vec<T>>
FCNET_INLINE V lane_numbers() {
  return numbers<V>(typename CountTo<sizeof(V) / sizeof(T)>::type{});
}

// a[h], b[h], a[h + 1], b[h + 1], ... where h is 0 (first half) or width / 2 (second half).
template <bool second_half, class V, int... I>
FCNET_INLINE V interleave(V a, V b, Indices<I...>) {
  constexpr int n = sizeof...(I), h = second_half ? n / 2 : 0;
#if defined(__clang__)
  return __builtin_shufflevector(a, b, (h + I / 2 + I % 2 * n)...);
#else
  return __builtin_shuffle(a, b, Bits<V>{(h + I / 2 + I % 2 * n)...});
#endif
}

// Transposes the square of vectors r: log2(width) rounds of interleaving row i with row i + width / 2.
template <class T>
FCNET_INLINE void transpose_square(Vec<T> (&r)[width<T>]) {
  constexpr int n = width<T>;
  constexpr typename CountTo<n>::type order{};
  FCNET_UNROLL
  for (int round = 1; round < n; round *= 2) {
    Vec<T> next[n];
    FCNET_UNROLL
    for (int i = 0; i < n / 2; ++i) {
      next[2 * i] = interleave<false>(r[i], r[i + n / 2], order);
      next[2 * i + 1] = interleave<true>(r[i], r[i + n / 2], order);
    }
    FCNET_UNROLL
    for (int i = 0; i < n; ++i) r[i] = next[i];
  }
}

}  // namespace fcnet::FCNET_ISA
