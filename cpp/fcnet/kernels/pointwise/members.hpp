// SPDX-License-Identifier: MIT
// Members of an ensemble (Gorishniy et al. 2025, "TabM"): every row of x is so many samples side by side, one for each
// member, so that lane i of a panel belongs to member i % members. What a member has of its own lies as [row][members].
// The number of members divides the width of a panel. Sums are formed by member, over the rows in their order.
#pragma once

#include "fcnet/base/operands.hpp"
#include "fcnet/simd/vec.hpp"

namespace fcnet::FCNET_ISA {

// Rows in the first lanes of a panel become samples: each as many times as there are members.
template <class T>
void repeat_lanes(T* panel, Size columns, Size members) {
  if (members == 1) return;
  for (T* row = panel; row < panel + columns * panel_width; row += panel_width)
    for (Size lane = panel_width; lane-- > 0;) row[lane] = row[lane / members];
}

// Of a vector of lanes the numbers of their members.
template <class T>
FCNET_INLINE Vec<T> of_members(const T* numbers, Size members, Size lane) {
  if (members % width<T> == 0) return load(numbers + lane % members);
  T repeated[width<T>];
  for (Size i = 0; i < width<T>; ++i) repeated[i] = numbers[(lane + i) % members];
  return load(repeated);
}

// f(element, numbers of the members) for all vectors of rows first..last of panels, by whose members' numbers `of`.
template <class T, class F>
FCNET_INLINE void each_by_member(const T* of, Size members, Size samples, Size first, Size last, F f) {
  for (Size p = 0; p * panel_width < samples; ++p)
    for (Size row = first; row < last; ++row)
      for (Size lane = 0; lane < used_width(samples, p); lane += width<T>)
        f(p, row * panel_width + lane, of_members(of + row * members, members, lane));
}

// R: the inputs of a layer, or on the way back sigma, times the members' numbers; `to` may be `from`.
template <class T>
void scale_by_member(const T* r, Size members, Panels<const T> from, Panels<T> to, Size first, Size last) {
  each_by_member(r, members, from.samples, first, last, [&](Size p, Size at, Vec<T> of) FCNET_INLINED {
    store(to.p + p * to.stride + at, load(from.p + p * from.stride + at) * of);
  });
}

// S and B: h o S + B in place of h, which is kept in `product` unless that is null.
template <class T>
void adapt(const T* s, const T* b, Size members, Panels<T> h, Panels<T> product, Size first, Size last) {
  each_by_member(s, members, h.samples, first, last, [&](Size p, Size at, Vec<T> of) FCNET_INLINED {
    T* const here = h.p + p * h.stride + at;
    const Vec<T> z = load(here);
    if (product.p != nullptr) store(product.p + p * product.stride + at, z);
    store(here, fma(z, of, of_members(b + at / panel_width * members, members, at % panel_width)));
  });
}

// sigma o S in place of sigma, which is kept in `before`.
template <class T>
void adapt_backward(const T* s, Size members, Panels<T> sigma, Panels<T> before, Size first, Size last) {
  each_by_member(s, members, sigma.samples, first, last, [&](Size p, Size at, Vec<T> of) FCNET_INLINED {
    T* const here = sigma.p + p * sigma.stride + at;
    store(before.p + p * before.stride + at, load(here));
    store(here, load(here) * of);
  });
}

// A vector from `p`, or the one number there.
template <class V, class T>
FCNET_INLINE V load_from(const T* p) {
  if constexpr (sizeof(V) == sizeof(T))
    return *p;
  else
    return load(p);
}

// For every member the sum over the rows: sums[m] = add(sums[m], panel, lane), rows ascending.
template <class T, class Add>
FCNET_INLINE void sum_rows(Size samples, Size members, T* sums, Add add) {
  const auto sum = [&]<class V>(V zero, Size m) FCNET_INLINED {
    V total = zero;
    for (Size at = m; at < samples; at += members) total = add(total, at / panel_width, at % panel_width);
    if constexpr (sizeof(V) == sizeof(T))
      sums[m] = total;
    else
      store(sums + m, total);
  };
  if (members % width<T> == 0)
    for (Size m = 0; m < members; m += width<T>) sum(Vec<T>{}, m);
  else
    for (Size m = 0; m < members; ++m) sum(T(0), m);
}

// The same of sigma o h for rows first..last, (rows, members); of sigma itself where h is null.
template <class T>
void sums_by_member(Panels<const T> sigma, Panels<const T> h, Size members, T* sums, Size first, Size last) {
  for (Size row = first; row < last; ++row)
    sum_rows(sigma.samples, members, sums + row * members, [&]<class V>(V sum, Size p, Size lane) FCNET_INLINED {
      const Size at = row * panel_width + lane;
      const V s = load_from<V>(sigma.p + p * sigma.stride + at);
      if (h.p == nullptr) return V(sum + s);
      return fma(load_from<V>(h.p + p * h.stride + at), s, sum);
    });
}

// The heads: of every member a layer of its own. Outputs first..last.
template <class T>
void heads(const HeadsView<T>& view, Panels<const T> h, Panels<T> z, Size first, Size last) {
  const Size members = view.members;
  each_by_member(view.b, members, h.samples, first, last, [&](Size p, Size at, Vec<T> sum) FCNET_INLINED {
    const Size output = at / panel_width, lane = at % panel_width;
    const T* w = view.w + output * members;
    const T* in = h.p + p * h.stride + lane;
    for (Size k = 0; k < view.in; ++k, w += view.out * members, in += panel_width)
      sum = fma(load(in), of_members(w, members, lane), sum);
    store(z.p + p * z.stride + at, sum);
  });
}

// Sigma back through them, for inputs first..last.
template <class T>
void heads_backward(const HeadsView<T>& view, Panels<const T> sigma, Panels<T> to, Size first, Size last) {
  const Size members = view.members;
  for (Size p = 0; p * panel_width < sigma.samples; ++p)
    for (Size k = first; k < last; ++k)
      for (Size lane = 0; lane < used_width(sigma.samples, p); lane += width<T>) {
        const T* w = view.w + k * view.out * members;
        const T* s = sigma.p + p * sigma.stride + lane;
        Vec<T> sum = {};
        for (Size j = 0; j < view.out; ++j, w += members, s += panel_width)
          sum = fma(of_members(w, members, lane), load(s), sum);
        store(to.p + p * to.stride + k * panel_width + lane, sum);
      }
}

// dL/dW of inputs first..last; with the first one dL/dB.
template <class T>
void heads_sums(const HeadsView<T>& view, Panels<const T> h, Panels<const T> sigma, T* of_w, T* of_b, Size first,
                Size last) {
  const Size members = view.members;
  if (first == 0) sums_by_member(sigma, {nullptr, 0, 0}, members, of_b, 0, view.out);
  for (Size k = first; k < last; ++k)
    for (Size j = 0; j < view.out; ++j)
      sum_rows(sigma.samples, members, of_w + (k * view.out + j) * members,
               [&]<class V>(V sum, Size p, Size lane) FCNET_INLINED {
                 return fma(load_from<V>(h.p + p * h.stride + k * panel_width + lane),
                            load_from<V>(sigma.p + p * sigma.stride + j * panel_width + lane), sum);
               });
}

// The members' means of a panel, row-major: of halves, quarters ..., so that no instruction set adds in another order.
template <class T>
void mean_of_members(const T* panel, Size columns, Size samples, Size members, T* out) {
  for (Size lane = 0; lane < samples; lane += members)
    for (Size j = 0; j < columns; ++j) {
      T sums[panel_width];
      __builtin_memcpy(sums, panel + j * panel_width + lane, members * sizeof(T));
      for (Size half = members / 2; half > 0; half /= 2)
        for (Size i = 0; i < half; ++i) sums[i] += sums[i + half];
      out[lane / members * columns + j] = sums[0] / static_cast<T>(members);
    }
}

}  // namespace fcnet::FCNET_ISA
