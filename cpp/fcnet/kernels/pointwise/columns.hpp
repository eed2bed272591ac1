// SPDX-License-Identifier: MIT
// Columns of x become what goes into the first layer; lanes are samples.
//   periodic  (Holzmueller et al. 2024, "PBLD"; Gorishniy et al. 2022): of each number x, with arrays of its own,
//             sum over f of cos(2 pi x w_f + b_f) V_f + v, and x itself
//   table     of each code its row of the table
// Legend: j number, f frequency, o output, i table. Sums over samples are formed in 32 lanes and then folded, those of
// a table in the order of the samples, so that no instruction set adds in another order.
#pragma once

#include "fcnet/kernels/pointwise/normalization.hpp"
#include "fcnet/simd/tile.hpp"
#include "fcnet/simd/vec_math.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
constexpr T two_pi = T(0x1.921fb54442d18p2);

// x without its nearest whole number; 0 where x is so large that rounding has left no fraction.
template <class V>
FCNET_INLINE V fraction(V x) {
  using T = ElementOf<V>;
  using F = FloatFormat<T>;
  const V size = x < V{} ? -x : x, whole = (x + F::magic) - F::magic;
  return size < F::magic / T(3) ? x - whole : x - x;
}

// Sine and cosine of 2 pi x w + b, of frequency `at` of all numbers.
template <class T>
FCNET_INLINE SinCos<Vec<T>> wave(const ColumnsView<T>& c, Size at, Vec<T> x) {
  const Vec<T> turns = fraction(x * broadcast(c.frequency[at]));
  return sincos(fma(broadcast(two_pi<T>), turns, broadcast(c.phase[at])));
}

// a_f = cos(2 pi x w_f + b_f) of number j, or its derivative by x times `along`.
template <class T>
FCNET_INLINE void cosines(const ColumnsView<T>& c, Size j, Vec<T> x, Vec<T>* a) {
  for (Size f = 0; f < c.frequencies; ++f) a[f] = wave(c, j * c.frequencies + f, x).cos;
}
template <class T>
FCNET_INLINE void cosine_slopes(const ColumnsView<T>& c, Size j, Vec<T> x, Vec<T> along, Vec<T>* a) {
  for (Size f = 0; f < c.frequencies; ++f) {
    const Size at = j * c.frequencies + f;
    a[f] = -(wave(c, at, x).sin * broadcast(two_pi<T> * c.frequency[at])) * along;
  }
}

// store(o, start(o) + sum over f of a_f V[j, f, o]), f ascending.
template <class T, class Start, class Store>
FCNET_INLINE void through_weights(const ColumnsView<T>& c, Size j, const Vec<T>* a, Start start, Store store) {
  for_row_blocks<4>(0, c.size, [&](auto outputs, Size o) FCNET_INLINED {
    Vec<T> sum[outputs.count];
    for (int r = 0; r < outputs.count; ++r) sum[r] = start(o + r);
    const T* v = c.weights + j * c.frequencies * c.size + o;
    for (Size f = 0; f < c.frequencies; ++f, v += c.size)
      for (int r = 0; r < outputs.count; ++r) sum[r] = fma(a[f], broadcast(v[r]), sum[r]);
    for (int r = 0; r < outputs.count; ++r) store(o + r, sum[r]);
  });
}

// f(j, lane) for every vector of samples of every number that is embedded.
template <class T, class F>
FCNET_INLINE void each_number_of(const ColumnsView<T>& c, Size samples, F f) {
  switch (c.embedding) {
    case NumberEmbedding::none:
      return;
    case NumberEmbedding::periodic:
      for (Size j = 0; j < c.numbers; ++j)
        for (Size lane = 0; lane < samples; lane += width<T>) f(j, lane);
  }
}

// Columns that enter as they are: f(row in x, row behind the embeddings).
template <class T, class F>
FCNET_INLINE void each_kept_vector(const ColumnsView<T>& c, Size samples, F f) {
  for (Size k = 0; k < c.kept(); ++k)
    for (Size lane = 0; lane < samples; lane += width<T>)
      f((c.first_kept() + k) * panel_width + lane, (c.embedded() + k) * panel_width + lane);
}

// Whatever x is by now, a row of the table.
template <class T>
FCNET_INLINE Size code_of(T x, Size categories) {
  return x >= T(1) && x <= static_cast<T>(categories) ? static_cast<Size>(x) : 0;
}

template <class T>
void embed(const ColumnsView<T>& c, const T* x, T* h, Size samples) {
  each_number_of(c, samples, [&](Size j, Size lane) FCNET_INLINED {
    Vec<T> a[most_of_embedding];
    cosines(c, j, load(x + j * panel_width + lane), a);
    through_weights(
        c, j, a, [&](Size o) { return broadcast(c.bias[j * c.size + o]); },
        [&](Size o, Vec<T> y) { store(h + (j * c.size + o) * panel_width + lane, y); });
  });
  each_kept_vector(c, samples, [&](Size from, Size to) { store(h + to, load(x + from)); });
  const T* codes = x + c.first_code() * panel_width;
  T* to = h + c.before_tables() * panel_width;
  const T* table = c.table;
  for (Size i = 0; i < c.tables; ++i, codes += panel_width, to += c.table_size * panel_width) {
    for (Size lane = 0; lane < samples; ++lane) {
      const T* const row = table + code_of(codes[lane], c.categories[i]) * c.table_size;
      for (Size o = 0; o < c.table_size; ++o) to[o * panel_width + lane] = row[o];
    }
    table += (c.categories[i] + 1) * c.table_size;
  }
}

// Codes have no derivative: what comes of them does not change.
template <class T>
void embed_along(const ColumnsView<T>& c, const T* x, const T* tangents, T* to, Size samples) {
  each_number_of(c, samples, [&](Size j, Size lane) FCNET_INLINED {
    Vec<T> a[most_of_embedding];
    cosine_slopes(c, j, load(x + j * panel_width + lane), load(tangents + j * panel_width + lane), a);
    through_weights(
        c, j, a, [&](Size) { return Vec<T>{}; },
        [&](Size o, Vec<T> y) { store(to + (j * c.size + o) * panel_width + lane, y); });
  });
  each_kept_vector(c, samples, [&](Size from, Size row) { store(to + row, load(tangents + from)); });
  for (Size row = c.before_tables(); row < c.before_tables() + c.tables * c.table_size; ++row)
    for (Size lane = 0; lane < samples; lane += width<T>) store(to + row * panel_width + lane, Vec<T>{});
}

// Nor has the loss one by them: 0.
template <class T>
void embed_backward(const ColumnsView<T>& c, const T* x, const T* sigma, T* dx, Size samples) {
  for (Size row = 0; row < c.first_code() + c.tables; ++row)
    for (Size lane = 0; lane < samples; lane += width<T>) store(dx + row * panel_width + lane, Vec<T>{});
  each_kept_vector(c, samples, [&](Size row, Size from) { store(dx + row, load(sigma + from)); });
  each_number_of(c, samples, [&](Size j, Size lane) FCNET_INLINED {
    Vec<T> a[most_of_embedding];
    cosine_slopes(c, j, load(x + j * panel_width + lane), broadcast(T(1)), a);
    Vec<T> sum = load(dx + j * panel_width + lane);
    const T* v = c.weights + j * c.frequencies * c.size;
    for (Size f = 0; f < c.frequencies; ++f) {
      Vec<T> slope = {};
      for (Size o = 0; o < c.size; ++o, ++v)
        slope = fma(broadcast(*v), load(sigma + (j * c.size + o) * panel_width + lane), slope);
      sum = fma(a[f], slope, sum);
    }
    store(dx + j * panel_width + lane, sum);
  });
}

// v in the first `count` lanes, and 0.
template <class V>
FCNET_INLINE V first_lanes(V v, Size count) {
  using T = ElementOf<V>;
  return count < sizeof(V) / sizeof(T) ? (lane_numbers<T>() < static_cast<T>(count) ? v : V{}) : v;
}

// Onto 32 sums.
template <class T>
FCNET_INLINE void add_product(T* sums, Vec<T> a, Vec<T> b) {
  store(sums, fma(a, b, load(sums)));
}

// The derivatives by what belongs to one frequency of one number, of V by some outputs at a time; with its first one
// those by the bias.
template <class T>
void frequency_sums(const ColumnsView<T>& c, Panels<const T> x, Panels<const T> sigma, const ColumnsView<T>& to,
                    Size at) {
  constexpr Size at_once = 16;
  const Size j = at / c.frequencies, size = c.size;
  const T* const v = c.weights + at * size;
  const auto g = [&](Size p, Size o) { return sigma.p + p * sigma.stride + (j * size + o) * panel_width; };
  for (Size first = 0; first < size; first += at_once) {
    const Size last = first + at_once < size ? first + at_once : size;
    T of_weights[at_once][panel_width] = {}, of_phase[panel_width] = {}, of_frequency[panel_width] = {};
    for (Size p = 0; p * panel_width < x.samples; ++p) {
      const Size used = used_width(x.samples, p);
      for (Size lane = 0; lane < used; lane += width<T>) {
        const auto lanes = [&](const T* row) FCNET_INLINED { return first_lanes(load(row + lane), used - lane); };
        const Vec<T> number = lanes(x.p + p * x.stride + j * panel_width);
        const SinCos<Vec<T>> of = wave(c, at, number);
        for (Size o = first; o < last; ++o) add_product(of_weights[o - first] + lane, of.cos, lanes(g(p, o)));
        if (first > 0) continue;
        Vec<T> slope = {};
        for (Size o = 0; o < size; ++o) slope = fma(broadcast(v[o]), lanes(g(p, o)), slope);
        const Vec<T> by_angle = -(of.sin * slope);
        store(of_phase + lane, load(of_phase + lane) + by_angle);
        add_product(of_frequency + lane, number, by_angle);
      }
    }
    for (Size o = first; o < last; ++o) to.weights[at * size + o] = fold(of_weights[o - first]);
    if (first > 0) continue;
    to.phase[at] = fold(of_phase);
    to.frequency[at] = two_pi<T> * fold(of_frequency);
  }
  for (Size o = 0; at % c.frequencies == 0 && o < size; ++o)
    to.bias[j * size + o] = over_samples<T>(x.samples, [&](Size p, Size i) { return g(p, o)[i]; });
}

template <class T>
void table_sums(const ColumnsView<T>& c, Panels<const T> x, Panels<const T> sigma, const ColumnsView<T>& to, Size i) {
  Size before = 0;
  for (Size k = 0; k < i; ++k) before += c.categories[k] + 1;
  T* const table = to.table + before * c.table_size;
  for (Size k = 0; k < (c.categories[i] + 1) * c.table_size; ++k) table[k] = 0;
  for (Size p = 0; p * panel_width < x.samples; ++p) {
    const T* const codes = x.p + p * x.stride + (c.first_code() + i) * panel_width;
    const T* const s = sigma.p + p * sigma.stride + (c.before_tables() + i * c.table_size) * panel_width;
    for (Size lane = 0; lane < used_width(x.samples, p); ++lane) {
      T* const row = table + code_of(codes[lane], c.categories[i]) * c.table_size;
      for (Size o = 0; o < c.table_size; ++o) row[o] += s[o * panel_width + lane];
    }
  }
}

template <class T>
void embed_sums(const ColumnsView<T>& c, Panels<const T> x, Panels<const T> sigma, const ColumnsView<T>& to, Size first,
                Size last) {
  const Size of_numbers = c.numbers * c.frequencies;
  for (Size part = first; part < last; ++part)
    part < of_numbers ? frequency_sums(c, x, sigma, to, part) : table_sums(c, x, sigma, to, part - of_numbers);
}

}  // namespace fcnet::FCNET_ISA
