// SPDX-License-Identifier: MIT
// Columns of x become what goes into the first layer; lanes are samples. Of each number x its embedding: sum over the
// features a_k of a_k V_k + v, with arrays of its own unless they are shared, where a_k are
//   periodic          cos(2 pi x w_f + b_f), and x itself is kept (Holzmueller et al. 2024, "PBLD")
//   plr               cos(2 pi x w_f) of all f, then the sines (Gorishniy et al. 2022), often with ReLU of the result
//   piecewise linear  the share of each bin that lies below x (the same authors), perhaps with + x slope
// and of each code its row of a table.
// Legend: j number, f frequency, k feature, o output, i table. Sums over samples are formed in 32 lanes and then
// folded, those of a table in the order of the samples, so that no instruction set adds in another order.
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
  const Vec<T> phase = c.phase == nullptr ? Vec<T>{} : broadcast(c.phase[at]);
  return sincos(fma(broadcast(two_pi<T>), turns, phase));
}

// How many features number j has; which row of V is that of its first one.
template <class T>
FCNET_INLINE Size features_of(const ColumnsView<T>& c, Size j) {
  if (c.embedding == NumberEmbedding::piecewise_linear) return c.first_bin[j + 1] - c.first_bin[j];
  return c.embedding == NumberEmbedding::plr ? 2 * c.frequencies : c.frequencies;
}
template <class T>
FCNET_INLINE Size first_feature(const ColumnsView<T>& c, Size j) {
  if (c.embedding == NumberEmbedding::piecewise_linear) return c.first_bin[j];
  return c.shared ? 0 : j * features_of(c, j);
}
template <class T>
FCNET_INLINE Size bias_row(const ColumnsView<T>& c, Size j) {
  return c.shared ? 0 : j * c.size;
}

// Bin `at` of all, which is of number j: where it begins, 1 / its width, whether it is the first or the last one of j.
template <class T>
struct Bin {
  Vec<T> lower, inverse;
  bool first, last;
};
template <class T>
FCNET_INLINE Bin<T> bin(const ColumnsView<T>& c, Size j, Size at) {
  const double* const edge = c.edges + at + j;  // a number has an edge more than bins
  return {broadcast(static_cast<T>(edge[0])), broadcast(static_cast<T>(1 / (edge[1] - edge[0]))), at == c.first_bin[j],
          at + 1 == c.first_bin[j + 1]};
}
// The share of a bin that lies below x: cut to 0..1, but not below in the first bin nor above in the last one. NaN
// stays.
template <class T>
FCNET_INLINE Vec<T> share_below(const Bin<T>& of, Vec<T> x) {
  const Vec<T> share = (x - of.lower) * of.inverse, one = broadcast(T(1));
  const Vec<T> from_0 = of.first ? share : share < Vec<T>{} ? Vec<T>{} : share;
  return of.last ? from_0 : from_0 > one ? one : from_0;
}
template <class T>
FCNET_INLINE Vec<T> slope_of_share(const Bin<T>& of, Vec<T> x) {
  const Vec<T> share = (x - of.lower) * of.inverse;
  const Vec<T> from_0 = of.first ? of.inverse : share >= Vec<T>{} ? of.inverse : Vec<T>{};
  return of.last ? from_0 : share < broadcast(T(1)) ? from_0 : Vec<T>{};
}

// The features of number j.
template <class T>
FCNET_INLINE void features(const ColumnsView<T>& c, Size j, Vec<T> x, Vec<T>* a) {
  if (c.embedding == NumberEmbedding::piecewise_linear) {
    for (Size at = c.first_bin[j]; at < c.first_bin[j + 1]; ++at)
      a[at - c.first_bin[j]] = share_below(bin(c, j, at), x);
    return;
  }
  for (Size f = 0; f < c.frequencies; ++f) {
    const SinCos<Vec<T>> of = wave(c, j * c.frequencies + f, x);
    a[f] = of.cos;
    if (c.embedding == NumberEmbedding::plr) a[c.frequencies + f] = of.sin;
  }
}
// Their derivatives by x, times `along`.
template <class T>
FCNET_INLINE void feature_slopes(const ColumnsView<T>& c, Size j, Vec<T> x, Vec<T> along, Vec<T>* a) {
  if (c.embedding == NumberEmbedding::piecewise_linear) {
    for (Size at = c.first_bin[j]; at < c.first_bin[j + 1]; ++at)
      a[at - c.first_bin[j]] = slope_of_share(bin(c, j, at), x) * along;
    return;
  }
  for (Size f = 0; f < c.frequencies; ++f) {
    const Size at = j * c.frequencies + f;
    const SinCos<Vec<T>> of = wave(c, at, x);
    const Vec<T> by_x = broadcast(two_pi<T> * c.frequency[at]);
    a[f] = -(of.sin * by_x) * along;
    if (c.embedding == NumberEmbedding::plr) a[c.frequencies + f] = of.cos * by_x * along;
  }
}

// store(o, start(o) + sum over k of a_k V[k, o]), k ascending.
template <class T, class Start, class Store>
FCNET_INLINE void through_weights(const ColumnsView<T>& c, Size j, const Vec<T>* a, Start start, Store store) {
  const Size count = features_of(c, j);
  for_row_blocks<4>(0, c.size, [&](auto outputs, Size o) FCNET_INLINED {
    Vec<T> sum[outputs.count];
    for (int r = 0; r < outputs.count; ++r) sum[r] = start(o + r);
    const T* v = c.weights + first_feature(c, j) * c.size + o;
    for (Size k = 0; k < count; ++k, v += c.size)
      for (int r = 0; r < outputs.count; ++r) sum[r] = fma(a[k], broadcast(v[r]), sum[r]);
    for (int r = 0; r < outputs.count; ++r) store(o + r, sum[r]);
  });
}

// f(j, lane) for every vector of samples of every number that is embedded.
template <class T, class F>
FCNET_INLINE void each_number_of(const ColumnsView<T>& c, Size samples, F f) {
  if (c.embedding == NumberEmbedding::none) return;
  for (Size j = 0; j < c.numbers; ++j)
    for (Size lane = 0; lane < samples; lane += width<T>) f(j, lane);
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
    const Vec<T> number = load(x + j * panel_width + lane);
    features(c, j, number, a);
    const auto start = [&](Size o) FCNET_INLINED {
      const Vec<T> v = broadcast(c.bias[bias_row(c, j) + o]);
      return c.slope == nullptr ? v : fma(number, broadcast(c.slope[j * c.size + o]), v);
    };
    through_weights(c, j, a, start, [&](Size o, Vec<T> y) FCNET_INLINED {
      store(h + (j * c.size + o) * panel_width + lane, c.relu ? y < Vec<T>{} ? Vec<T>{} : y : y);
    });
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
void embed_along(const ColumnsView<T>& c, const T* x, const T* h, const T* tangents, T* to, Size samples) {
  each_number_of(c, samples, [&](Size j, Size lane) FCNET_INLINED {
    Vec<T> a[most_of_embedding];
    const Vec<T> along = load(tangents + j * panel_width + lane);
    feature_slopes(c, j, load(x + j * panel_width + lane), along, a);
    const auto start = [&](Size o) FCNET_INLINED {
      return c.slope == nullptr ? Vec<T>{} : along * broadcast(c.slope[j * c.size + o]);
    };
    through_weights(c, j, a, start, [&](Size o, Vec<T> y) FCNET_INLINED {
      const Size at = (j * c.size + o) * panel_width + lane;
      store(to + at, c.relu ? (load(h + at) > Vec<T>{} ? y : Vec<T>{}) : y);
    });
  });
  each_kept_vector(c, samples, [&](Size from, Size row) { store(to + row, load(tangents + from)); });
  for (Size row = c.before_tables(); row < c.before_tables() + c.tables * c.table_size; ++row)
    for (Size lane = 0; lane < samples; lane += width<T>) store(to + row * panel_width + lane, Vec<T>{});
}

// Nor has the loss one by them: 0.
template <class T>
void embed_backward(const ColumnsView<T>& c, const T* x, const T* h, T* sigma, T* dx, Size samples) {
  for (Size row = 0; c.relu && row < c.embedded(); ++row)
    for (Size lane = 0; lane < samples; lane += width<T>) {
      const Size at = row * panel_width + lane;
      store(sigma + at, load(h + at) > Vec<T>{} ? load(sigma + at) : Vec<T>{});
    }
  if (dx == nullptr) return;
  for (Size row = 0; row < c.first_code() + c.tables; ++row)
    for (Size lane = 0; lane < samples; lane += width<T>) store(dx + row * panel_width + lane, Vec<T>{});
  each_kept_vector(c, samples, [&](Size row, Size from) { store(dx + row, load(sigma + from)); });
  each_number_of(c, samples, [&](Size j, Size lane) FCNET_INLINED {
    Vec<T> a[most_of_embedding];
    feature_slopes(c, j, load(x + j * panel_width + lane), broadcast(T(1)), a);
    const auto g = [&](Size o) FCNET_INLINED { return load(sigma + (j * c.size + o) * panel_width + lane); };
    Vec<T> sum = load(dx + j * panel_width + lane);
    const T* v = c.weights + first_feature(c, j) * c.size;
    for (Size k = 0; k < features_of(c, j); ++k) {
      Vec<T> slope = {};
      for (Size o = 0; o < c.size; ++o, ++v) slope = fma(broadcast(*v), g(o), slope);
      sum = fma(a[k], slope, sum);
    }
    for (Size o = 0; c.slope != nullptr && o < c.size; ++o) sum = fma(broadcast(c.slope[j * c.size + o]), g(o), sum);
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

// Of all panels: sigma of output o of number j, and f(p, lane, lanes) for every vector of samples, where lanes(row) is
// what a row of a panel has there, 0 behind the last sample.
template <class T>
FCNET_INLINE const T* sigma_of(const ColumnsView<T>& c, Panels<const T> sigma, Size j, Size p, Size o) {
  return sigma.p + p * sigma.stride + (j * c.size + o) * panel_width;
}
template <class T, class F>
FCNET_INLINE void each_vector(Panels<const T> x, F f) {
  for (Size p = 0; p * panel_width < x.samples; ++p) {
    const Size used = used_width(x.samples, p);
    for (Size lane = 0; lane < used; lane += width<T>)
      f(p, lane, [=](const T* row) FCNET_INLINED { return first_lanes(load(row + lane), used - lane); });
  }
}

// The derivatives by v, and by the slope, of numbers first..last, which share them if they are several.
template <class T>
void bias_sums(const ColumnsView<T>& c, Panels<const T> x, Panels<const T> sigma, const ColumnsView<T>& to, Size first,
               Size last) {
  for (Size o = 0; o < c.size; ++o) {
    T sum = 0;
    for (Size j = first; j < last; ++j) {
      const T of_number = over_samples<T>(x.samples, [&](Size p, Size i) { return sigma_of(c, sigma, j, p, o)[i]; });
      sum = j == first ? of_number : sum + of_number;
    }
    to.bias[bias_row(c, first) + o] = sum;
    if (c.slope == nullptr) continue;
    T of_slope[panel_width] = {};
    each_vector(x, [&](Size p, Size lane, auto lanes) FCNET_INLINED {
      add_product(of_slope + lane, lanes(x.p + p * x.stride + first * panel_width),
                  lanes(sigma_of(c, sigma, first, p, o)));
    });
    to.slope[first * c.size + o] = fold(of_slope);
  }
}

constexpr Size outputs_at_once = 16;

// The derivatives by what belongs to frequency f of numbers first..last, which share V if they are several: of V by
// some outputs at a time.
template <class T>
void frequency_sums(const ColumnsView<T>& c, Panels<const T> x, Panels<const T> sigma, const ColumnsView<T>& to, Size f,
                    Size first, Size last) {
  const bool has_sines = c.embedding == NumberEmbedding::plr;
  const Size size = c.size, row = first_feature(c, first) + f;
  const T *const v = c.weights + row * size, *const v_sine = v + c.frequencies * size;
  for (Size begin = 0; begin < size; begin += outputs_at_once) {
    const Size end = begin + outputs_at_once < size ? begin + outputs_at_once : size;
    T of_cosine[outputs_at_once][panel_width] = {}, of_sine[outputs_at_once][panel_width] = {};
    for (Size j = first; j < last; ++j) {
      T of_phase[panel_width] = {}, of_frequency[panel_width] = {};
      const Size at = j * c.frequencies + f;
      each_vector(x, [&](Size p, Size lane, auto lanes) FCNET_INLINED {
        const Vec<T> number = lanes(x.p + p * x.stride + j * panel_width);
        const SinCos<Vec<T>> of = wave(c, at, number);
        const auto g = [&](Size o) FCNET_INLINED { return lanes(sigma_of(c, sigma, j, p, o)); };
        for (Size o = begin; o < end; ++o) add_product(of_cosine[o - begin] + lane, of.cos, g(o));
        for (Size o = begin; has_sines && o < end; ++o) add_product(of_sine[o - begin] + lane, of.sin, g(o));
        if (begin > 0) return;
        Vec<T> slope = {}, slope_sine = {};
        for (Size o = 0; o < size; ++o) slope = fma(broadcast(v[o]), g(o), slope);
        for (Size o = 0; has_sines && o < size; ++o) slope_sine = fma(broadcast(v_sine[o]), g(o), slope_sine);
        Vec<T> by_angle = -(of.sin * slope);
        if (has_sines) by_angle = fma(of.cos, slope_sine, by_angle);
        store(of_phase + lane, load(of_phase + lane) + by_angle);
        add_product(of_frequency + lane, number, by_angle);
      });
      if (begin > 0) continue;
      if (to.phase != nullptr) to.phase[at] = fold(of_phase);
      to.frequency[at] = two_pi<T> * fold(of_frequency);
    }
    for (Size o = begin; o < end; ++o) to.weights[row * size + o] = fold(of_cosine[o - begin]);
    for (Size o = begin; has_sines && o < end; ++o)
      to.weights[(row + c.frequencies) * size + o] = fold(of_sine[o - begin]);
  }
  if (f == 0) bias_sums(c, x, sigma, to, first, last);
}

// The derivatives by the row of V that belongs to bin `at`.
template <class T>
void bin_sums(const ColumnsView<T>& c, Panels<const T> x, Panels<const T> sigma, const ColumnsView<T>& to, Size at) {
  Size j = 0;
  while (c.first_bin[j + 1] <= at) ++j;
  const Bin<T> of = bin(c, j, at);
  for (Size begin = 0; begin < c.size; begin += outputs_at_once) {
    const Size end = begin + outputs_at_once < c.size ? begin + outputs_at_once : c.size;
    T of_weights[outputs_at_once][panel_width] = {};
    each_vector(x, [&](Size p, Size lane, auto lanes) FCNET_INLINED {
      const Vec<T> share = share_below(of, lanes(x.p + p * x.stride + j * panel_width));
      for (Size o = begin; o < end; ++o)
        add_product(of_weights[o - begin] + lane, share, lanes(sigma_of(c, sigma, j, p, o)));
    });
    for (Size o = begin; o < end; ++o) to.weights[at * c.size + o] = fold(of_weights[o - begin]);
  }
  if (at == c.first_bin[j]) bias_sums(c, x, sigma, to, j, j + 1);
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
  const bool has_bins = c.embedding == NumberEmbedding::piecewise_linear;
  const Size of_numbers = has_bins ? c.first_bin[c.numbers] : (c.shared ? 1 : c.numbers) * c.frequencies;
  for (Size part = first; part < last; ++part) {
    if (part >= of_numbers) {
      table_sums(c, x, sigma, to, part - of_numbers);
    } else if (has_bins) {
      bin_sums(c, x, sigma, to, part);
    } else {
      const Size j = part / c.frequencies;
      frequency_sums(c, x, sigma, to, part % c.frequencies, j, c.shared ? c.numbers : j + 1);
    }
  }
}

}  // namespace fcnet::FCNET_ISA
