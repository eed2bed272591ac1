// SPDX-License-Identifier: MIT
// The micro-kernel: R rows by N vectors of accumulators, all in registers. Every product of a training step is
//   c[r][.] += sum over k of a[k, r] * b[k][.]
// with `a` broadcast (never packed) and `b` streamed. Promises: one fused multiply-add per term, k ascending; so
// neither the tile's size, nor the instruction set, nor the number of threads changes a bit.
#pragma once

#include "fcnet/simd/vec.hpp"

namespace fcnet::FCNET_ISA {

// DType (k, r) is at p[k * k_step + r * r_step].
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

// Prefetches `count` rows of 32; where they will be changed, other threads give up theirs meanwhile.
template <bool change, class T>
FCNET_INLINE void prefetch_rows(const T* rows, Size count) {
  for (const T* p = rows; p < rows + count * panel_width; p += line_elements<T>) __builtin_prefetch(p, change);
}

// What a tile prefetches for later ones, of two streams, the second perhaps null: a line of each before every
// `interval` terms, from a place that then moves on by `..._step` elements.
template <class T>
struct Prefetch {
  const T *weights, *samples;
  Size weights_step, samples_step, interval;
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

  // Prefetches lines into the L2 cache.
  FCNET_INLINE void accumulate(Broadcast<T> a, Stream<T> b, Size k, Prefetch<T>& prefetch) {
    for (; k >= prefetch.interval; k -= prefetch.interval) {
      __builtin_prefetch(prefetch.weights, 0, 2);
      if (prefetch.samples != nullptr) __builtin_prefetch(prefetch.samples, 0, 2);
      prefetch.weights += prefetch.weights_step, prefetch.samples += prefetch.samples_step;
      accumulate(a, b, prefetch.interval);
      a.p += prefetch.interval * a.k_step, b.p += prefetch.interval * b.k_step;
    }
    accumulate(a, b, k);
  }
  // Prefetches a line before every term, from `ahead` on, into the L1 cache.
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

// Lanes that one tile covers; a panel of 32 is walked in 32 / tile_width steps.
template <class T>
constexpr Size tile_width = tile_vectors * width<T>;
static_assert(panel_width % tile_width<float> == 0 && panel_width % tile_width<double> == 0);

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
  const Size blocks = ceil_div(last - first, most), least = (last - first) / blocks, rest = (last - first) % blocks;
  for (Size row = first, owed = 0, count; row < last; row += count) {
    owed += rest;
    const bool one_more = owed >= blocks;
    count = least + one_more;
    owed -= one_more ? blocks : 0;
    with_rows<most>(count, [&](auto rows) FCNET_INLINED { f(rows, row); });
  }
}

}  // namespace fcnet::FCNET_ISA
