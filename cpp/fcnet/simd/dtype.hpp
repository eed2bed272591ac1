// SPDX-License-Identifier: MIT
// Numbers of every type that the rows of a data set may have, read as numbers of T: one of them, or as many neighbours
// as a vector holds. A conversion rounds as NumPy's astype does; those of the short floats are exact.
#pragma once

#include "fcnet/base/operands.hpp"
#include "fcnet/simd/vec.hpp"

namespace fcnet::FCNET_ISA {

// Their bits; every such number is one of float too.
struct Float16 {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

template <class Source>
constexpr bool is_short = false;
template <>
constexpr bool is_short<Float16> = true;
template <>
constexpr bool is_short<BFloat16> = true;

template <Size n>
struct Words {
  typedef std::uint16_t Narrow __attribute__((vector_size(2 * n)));
  typedef Narrow Unaligned __attribute__((aligned(2), may_alias));
  typedef std::uint32_t Wide __attribute__((vector_size(4 * n)));
  typedef std::int32_t Signed __attribute__((vector_size(4 * n)));
  typedef float Floats __attribute__((vector_size(4 * n)));
};

// The numbers whose bits are the lower halves of `bits`.
template <Size n>
FCNET_INLINE typename Words<n>::Floats widened(BFloat16, typename Words<n>::Wide bits) {
  return (typename Words<n>::Floats)(bits << 16);
}

// Those below the smallest normal float16 are counted in integers: as bits of a float they would be subnormal, and
// read as 0 (denormals.hpp).
template <Size n>
FCNET_INLINE typename Words<n>::Floats widened(Float16, typename Words<n>::Wide bits) {
  using Wide = typename Words<n>::Wide;
  using Floats = typename Words<n>::Floats;
  const Wide size = bits & 0x7FFF;
  const Floats small = __builtin_convertvector((typename Words<n>::Signed)size, Floats) * 0x1p-24F;
  const Wide rebias =
      size < 0x7C00 ? Wide{} + (112U << 23) : Wide{} + (224U << 23);  // 127 - 15; infinity, NaN: 255 - 31
  return (Floats)((size < 0x400 ? (Wide)small : (size << 13) + rebias) | (bits & 0x8000) << 16);
}

template <class T, class Source>
FCNET_INLINE Vec<T> load_as(const Source* p) {
  if constexpr (is_short<Source>) {
    using Of = Words<width<T>>;
    const auto bits = *reinterpret_cast<const typename Of::Unaligned*>(p);
    return __builtin_convertvector(widened<width<T>>(Source{}, __builtin_convertvector(bits, typename Of::Wide)),
                                   Vec<T>);
  } else if constexpr (sizeof(Source) == sizeof(T) && Source(0.5) == T(0.5)) {
    return load(p);
  } else {
    typedef Source Narrow __attribute__((vector_size(sizeof(Source) * width<T>)));
    typedef Narrow Unaligned __attribute__((aligned(alignof(Source)), may_alias));
    return __builtin_convertvector(*reinterpret_cast<const Unaligned*>(p), Vec<T>);
  }
}

template <class T, class Source>
FCNET_INLINE T number_as(Source x) {
  if constexpr (is_short<Source>) {
    const Source one[width<T>] = {x};
    return load_as<T>(one)[0];
  } else {
    return static_cast<T>(x);
  }
}

// Calls f with a value of the type that `dtype` names.
template <class F>
FCNET_INLINE void with_dtype(DType dtype, F f) {
  switch (dtype) {
    case DType::float32:
      return f(float{});
    case DType::float64:
      return f(double{});
    case DType::float16:
      return f(Float16{});
    case DType::bfloat16:
      return f(BFloat16{});
    case DType::int8:
      return f(std::int8_t{});
    case DType::int16:
      return f(std::int16_t{});
    case DType::int32:
      return f(std::int32_t{});
    case DType::int64:
      return f(std::int64_t{});
    case DType::uint8:
      return f(std::uint8_t{});
    case DType::uint16:
      return f(std::uint16_t{});
    case DType::uint32:
      return f(std::uint32_t{});
    case DType::uint64:
      return f(std::uint64_t{});
  }
}

}  // namespace fcnet::FCNET_ISA
