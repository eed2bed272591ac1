// SPDX-License-Identifier: MIT
// The micro-kernel: R rows by N vectors of accumulators, all in registers. Every product of a training step is
//   c[r][.] += sum over k of a[k, r] * b[k][.]
// with `a` broadcast (never packed) and `b` streamed. Promises: one fused multiply-add per term, k ascending; so
// neither the tile's size, nor the instruction set, nor the number of threads changes a bit.
#pragma once

#include "fcnet/simd/vec.hpp"

namespace fcnet::FCNET_ISA {

// Element (k, r) is at p[k * k_step + r * r_step].
template <class T>
struct Broadcast {
  const T* p;
  Size k_step, r_step;
};

// Row k is at p[k * k_step .. + width * N).
template <class T>
struct Stream {
  const T* p;
  Size k_step;
};

template <class T>
constexpr Size line_elements = 64 / sizeof(T);

// Calls for `count` rows of 32 lanes; where they will be changed, other threads give up theirs meanwhile.
template <bool change, class T>
FCNET_INLINE void prefetch_rows(const T* rows, Size count) {
  for (const T* p = rows; p < rows + count * lanes; p += line_elements<T>) __builtin_prefetch(p, change);
}

// Lines of two streams, the second perhaps null, that later tiles will read: before every so many steps each is called
// for at its place, which then moves on by so many elements.
template <class T>
struct Calls {
  const T *first, *second;
  Size first_step, second_step, every;
};

template <class T, int R, int N = tile_vectors>
struct Tile {
  Vec<T> c[R][N];

  // c[r][s] = value(r, s)
  template <class F>
  FCNET_INLINE void fill(F value) {
    FCNET_UNROLL
    for (int r = 0; r < R; ++r) {
      FCNET_UNROLL
      for (int s = 0; s < N; ++s) c[r][s] = value(r, s);
    }
  }

  // Calls for lines into the second cache.
  FCNET_INLINE void accumulate(Broadcast<T> a, Stream<T> b, Size k, Calls<T>& calls) {
    for (; k >= calls.every; k -= calls.every) {
      __builtin_prefetch(calls.first, 0, 2);
      if (calls.second != nullptr) __builtin_prefetch(calls.second, 0, 2);
      calls.first += calls.first_step, calls.second += calls.second_step;
      accumulate(a, b, calls.every);
      a.p += calls.every * a.k_step, b.p += calls.every * b.k_step;
    }
    accumulate(a, b, k);
  }
  // Every step calls for a line, from `ahead` on, into the first cache.
  FCNET_INLINE void accumulate(Broadcast<T> a, Stream<T> b, Size k, const T* ahead) {
    for (; k != 0; --k, a.p += a.k_step, b.p += b.k_step, ahead += line_elements<T>) {
      __builtin_prefetch(ahead, 0, 3);
      add(a, b);
    }
  }
  FCNET_INLINE void accumulate(Broadcast<T> a, Stream<T> b, Size k) {
    FCNET_UNROLL_TWICE
    for (; k != 0; --k, a.p += a.k_step, b.p += b.k_step) add(a, b);
  }

  // One term of every sum.
  FCNET_INLINE void add(Broadcast<T> a, Stream<T> b) {
    Vec<T> x[N];
    FCNET_UNROLL
    for (int s = 0; s < N; ++s) x[s] = load(b.p + s * width<T>);
    FCNET_UNROLL
    for (int r = 0; r < R; ++r) {
      const Vec<T> y = broadcast(a.p[r * a.r_step]);
      FCNET_UNROLL
      for (int s = 0; s < N; ++s) c[r][s] = fma(y, x[s], c[r][s]);
    }
  }

  // use(r, s, c[r][s]): the epilogue, while the tile is in registers
  template <class F>
  FCNET_INLINE void each(F use) {
    FCNET_UNROLL
    for (int r = 0; r < R; ++r) {
      FCNET_UNROLL
      for (int s = 0; s < N; ++s) use(r, s, c[r][s]);
    }
  }
};

// Lanes that one tile covers; a panel of 32 is walked in 32 / tile_lanes steps.
template <class T>
constexpr Size tile_lanes = tile_vectors * width<T>;
static_assert(lanes % tile_lanes<float> == 0 && lanes % tile_lanes<double> == 0);

template <int R>
struct RowCount {
  static constexpr int count = R;
};

// Calls f(RowCount<rows>{}): the number of rows becomes a constant.
template <int R = tile_rows, class F>
FCNET_INLINE void with_rows(Size rows, F f) {
  if constexpr (R == 1) {
    f(RowCount<1>{});
  } else if (rows == R) {
    f(RowCount<R>{});
  } else {
    with_rows<R - 1>(rows, f);
  }
}

// Walks rows first..last in nearly equal blocks of at most `most`: f(RowCount<count>{}, first row of the block).
template <int most = tile_rows, class F>
FCNET_INLINE void for_row_blocks(Size first, Size last, F f) {
  if (first >= last) return;
  const Size blocks = groups(last - first, most), least = (last - first) / blocks, rest = (last - first) % blocks;
  for (Size row = first, owed = 0, count; row < last; row += count) {
    owed += rest;
    const bool one_more = owed >= blocks;
    count = least + one_more;
    owed -= one_more ? blocks : 0;
    with_rows<most>(count, [&](auto rows) FCNET_INLINED { f(rows, row); });
  }
}

}  // namespace fcnet::FCNET_ISA
