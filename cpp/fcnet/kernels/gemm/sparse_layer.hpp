// SPDX-License-Identifier: MIT
// The two products of a first layer whose inputs are sparse rows, over their terms alone: a sum is that of the dense
// products without what is x = 0 times a finite number, so in the same order, and the same but for the sign of a zero.
// Sums wait in the first cache: 32 samples by 32 outputs there, 32 columns by 32 outputs back.
#pragma once

#include "fcnet/kernels/gemm/pack.hpp"
#include "fcnet/kernels/pointwise/activations.hpp"
#include "fcnet/kernels/pointwise/optimizers.hpp"

namespace fcnet::FCNET_ISA {

// `samples` rows from `first` on as terms of one panel. Whatever becomes of the indices meanwhile, a block gets as many
// as there is room for: those that are missing count as 0.
template <class T>
void gather_terms(const RowSource<T>& rows, Size first, Size samples, const SparsePanels<T>& to) {
  Size *const starts = to.starts, *const ends = starts + to.blocks + 1;
  for (Size b = 0; b <= to.blocks; ++b) ends[b] = 0;
  for (Size i = 0; i < samples; ++i) each_number<T>(rows, first + i, [&](Size j, T) { ++ends[j / lanes]; });
  for (Size b = 0, sum = 0; b <= to.blocks; ++b) {
    const Size count = ends[b];
    starts[b] = ends[b] = sum;
    sum += count;
  }
  for (Size i = 0; i < samples; ++i)
    each_number<T>(rows, first + i, [&](Size j, T x) {
      Size& end = ends[j / lanes];
      if (end < starts[j / lanes + 1])
        to.terms[end++] = {T(0) + x, static_cast<std::uint32_t>(j), static_cast<std::uint32_t>(i)};
    });
  for (Size b = 0; b < to.blocks; ++b)
    while (ends[b] < starts[b + 1]) to.terms[ends[b]++] = {T(0), static_cast<std::uint32_t>(b * lanes), 0};
}

// Rows of 32.
struct Places {
  Size source, sum;
};

// Onto rows of 32 sums, for each term x times a row of `from`; which ones places(term) says.
template <class T, class F>
FCNET_INLINE void add_terms(const Term<T>* term, const Term<T>* end, const T* from, T* sums, F places) {
  for (; term != end; ++term) {
    const auto [source, sum] = places(*term);
    const T* const b = from + source * lanes;
    T* const c = sums + sum * lanes;
    const Vec<T> x = broadcast(term->x);
    FCNET_UNROLL
    for (Size v = 0; v < lanes; v += width<T>) store(c + v, fma(x, load(b + v), load(c + v)));
  }
}

// h_out = F(x W + B), as forward.hpp, for rows first..last of the result.
template <class T>
void forward_terms(const LayerView<T>& layer, const SparsePanels<T>& x, Panels<T> result, Size first, Size last) {
  alignas(vector_bytes) T sums[lanes * lanes];
  for (Size q = first / lanes; q * lanes < last; ++q) {
    const Size begin = first < q * lanes ? 0 : first - q * lanes, end = used_lanes(last, q);
    const T *const w = layer.w + q * layer.stride, *const bias = w + layer.in * lanes;
    for (Size p = 0; p * lanes < x.samples; ++p) {
      const SparsePanels<T> panel = x.from(p);
      for (Size i = 0; i < lanes * lanes; i += width<T>) store(sums + i, load(bias + i % lanes) + Vec<T>{});
      add_terms(panel.terms, panel.terms + panel.starts[panel.blocks], w, sums,
                [](const Term<T>& term) FCNET_INLINED { return Places{term.column, term.sample}; });
      T* const out = result.p + p * result.stride + q * lanes * lanes;
      transpose_squares(sums, used_lanes(x.samples, p), end, [&](Size row, Size lane, Vec<T> h_in) {
        if (begin <= row && row < end) store(out + row * lanes + lane, h_in);
      });
      activate_block(layer.activation, out + begin * lanes, lanes, end - begin, lanes);
    }
  }
}

// dL/dW = x^T sigma, as update.hpp, for rows first..last of W, and what becomes of it: the optimiser's step, or where
// that is null the sums themselves in place of target.new_w. Plain gradient descent leaves alone what no term touches.
template <class T>
void update_terms(const LayerView<T>& layer, const SparsePanels<T>& x, Panels<const T> sigma_t,
                  const OptimizerStep<T>* step, const UpdateTarget<T>& target, Size first, Size last) {
  const bool all = step == nullptr || step->optimizer != Optimizer::sgd || step->keep != T(1) || step->l2 != T(0) ||
                   target.sums != nullptr || target.new_w != target.w;
  const Size panels = groups(x.samples, lanes);
  alignas(vector_bytes) T sums[lanes * lanes];
  for (Size block = first / lanes; block * lanes < last; ++block) {
    const Size row = block * lanes, begin = first < row ? 0 : first - row, end = used_lanes(last, block);
    const bool with_bias = row <= layer.in && layer.in < row + end;
    const auto each_panel = [&](auto f) {
      for (Size p = 0; block < x.blocks && p < panels; ++p) {
        const SparsePanels<T> panel = x.from(p);
        f(p, panel.terms + panel.starts[block], panel.terms + panel.starts[block + 1]);
      }
    };
    std::uint32_t touched = all ? ~std::uint32_t{0} : with_bias ? std::uint32_t{1} << (layer.in - row) : 0;
    if (!all)
      each_panel([&](Size, const Term<T>* term, const Term<T>* last_term) {
        for (; term != last_term; ++term) touched |= std::uint32_t{1} << term->column % lanes;
      });
    if (touched == 0) continue;
    for (Size q = 0; q * lanes < layer.out; ++q) {
      const Size at = q * layer.stride + row * lanes;
      for (Size i = 0; i < lanes * lanes; i += width<T>) {
        const bool goes_on = target.sums != nullptr && begin * lanes <= i && i < end * lanes;
        store(sums + i, goes_on ? load(target.sums + at + i) : Vec<T>{});
      }
      const T* const sigma = sigma_t.p + q * sigma_t.stride;
      each_panel([&](Size p, const Term<T>* term, const Term<T>* last_term) {
        add_terms(term, last_term, sigma + p * lanes * lanes, sums,
                  [](const Term<T>& t) FCNET_INLINED { return Places{t.sample, t.column % lanes}; });
      });
      for (Size i = 0; with_bias && i < x.samples * lanes; i += width<T>) {
        T* const sum = sums + (layer.in - row) * lanes + i % lanes;
        store(sum, load(sum) + load(sigma + i));
      }
      for (Size r = begin, next; r < end; r = next) {
        const bool changes = touched >> r & 1;
        for (next = r + 1; next < end && (touched >> next & 1) == changes; ++next) {
        }
        const Size corner = at + r * lanes;
        if (!changes) continue;
        if (step != nullptr)
          apply_block(*step, target, corner, sums + r * lanes, next - r, lanes,
                      layer.in > row + r ? layer.in - row - r : 0);
        else
          for (Size i = 0; i < (next - r) * lanes; i += width<T>)
            store(target.new_w + corner + i, load(sums + r * lanes + i));
      }
    }
  }
}

}  // namespace fcnet::FCNET_ISA
