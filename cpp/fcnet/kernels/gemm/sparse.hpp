// SPDX-License-Identifier: MIT
// The two products of a first layer whose inputs are sparse rows, over their nonzeros alone: a sum is that of the dense
// products without what is x = 0 times a finite number, so in the same order, and the same but for the sign of a zero.
// Sums wait in the L1 cache: 32 samples by 32 outputs there, 32 columns by 32 outputs back.
#pragma once

#include "fcnet/kernels/gemm/pack.hpp"
#include "fcnet/kernels/pointwise/activations.hpp"
#include "fcnet/kernels/pointwise/optimizers.hpp"

namespace fcnet::FCNET_ISA {

// `samples` rows from `first` on as the nonzeros of one panel. Whatever becomes of the indices meanwhile, a block gets
// as many as there is room for: those that are missing count as 0.
template <class T>
void gather_nonzeros(const RowSource<T>& rows, Size first, Size samples, const SparsePanels<T>& to) {
  Size *const starts = to.starts, *const ends = starts + to.blocks + 1;
  for (Size b = 0; b <= to.blocks; ++b) ends[b] = 0;
  for (Size i = 0; i < samples; ++i) each_number<T>(rows, first + i, [&](Size j, T) { ++ends[j / panel_width]; });
  for (Size b = 0, sum = 0; b <= to.blocks; ++b) {
    const Size count = ends[b];
    starts[b] = ends[b] = sum;
    sum += count;
  }
  for (Size i = 0; i < samples; ++i)
    each_number<T>(rows, first + i, [&](Size j, T x) {
      Size& end = ends[j / panel_width];
      if (end < starts[j / panel_width + 1])
        to.nonzeros[end++] = {T(0) + x, static_cast<std::uint32_t>(j), static_cast<std::uint32_t>(i)};
    });
  for (Size b = 0; b < to.blocks; ++b)
    while (ends[b] < starts[b + 1]) to.nonzeros[ends[b]++] = {T(0), static_cast<std::uint32_t>(b * panel_width), 0};
}

// Rows of 32.
struct Places {
  Size source, sum;
};

// Onto rows of 32 sums, for each nonzero x times a row of `from`; which ones places(nonzero) says.
template <class T, class F>
FCNET_INLINE void add_nonzeros(const Nonzero<T>* nonzero, const Nonzero<T>* end, const T* from, T* sums, F places) {
  for (; nonzero != end; ++nonzero) {
    const auto [source, sum] = places(*nonzero);
    const T* const b = from + source * panel_width;
    T* const c = sums + sum * panel_width;
    const Vec<T> x = broadcast(nonzero->x);
    FCNET_UNROLL
    for (Size v = 0; v < panel_width; v += width<T>) store(c + v, fma(x, load(b + v), load(c + v)));
  }
}

// h_out = F(x W + B), as forward.hpp, for rows first..last of the result.
template <class T>
void forward_nonzeros(const LayerView<T>& layer, const SparsePanels<T>& x, Panels<T> result, Size first, Size last) {
  alignas(vector_bytes) T sums[panel_width * panel_width];
  for (Size q = first / panel_width; q * panel_width < last; ++q) {
    const Size begin = first < q * panel_width ? 0 : first - q * panel_width, end = used_width(last, q);
    const T *const w = layer.w + q * layer.stride, *const bias = w + layer.in * panel_width;
    for (Size p = 0; p * panel_width < x.samples; ++p) {
      const SparsePanels<T> panel = x.from(p);
      for (Size i = 0; i < panel_width * panel_width; i += width<T>)
        store(sums + i, load(bias + i % panel_width) + Vec<T>{});
      add_nonzeros(panel.nonzeros, panel.nonzeros + panel.starts[panel.blocks], w, sums,
                   [](const Nonzero<T>& x) FCNET_INLINED { return Places{x.column, x.sample}; });
      T* const out = result.p + p * result.stride + q * panel_width * panel_width;
      transpose_squares(sums, used_width(x.samples, p), end, [&](Size row, Size lane, Vec<T> h_in) {
        if (begin <= row && row < end) store(out + row * panel_width + lane, h_in);
      });
      activate_block(layer.activation, out + begin * panel_width, panel_width, end - begin, panel_width);
    }
  }
}

// dL/dW = x^T sigma, as update.hpp, for rows first..last of W, and what becomes of it: the optimizer's step, or where
// that is null the sums themselves in place of target.new_w. Plain gradient descent leaves alone what no nonzero
// touches.
template <class T>
void update_nonzeros(const LayerView<T>& layer, const SparsePanels<T>& x, Panels<const T> sigma_t,
                     const OptimizerStep<T>* step, const UpdateTarget<T>& target, Size first, Size last) {
  const bool all = step == nullptr || step->optimizer != Optimizer::sgd || step->decay_factor != T(1) ||
                   step->l2 != T(0) || target.sums != nullptr || target.new_w != target.w;
  const Size panels = ceil_div(x.samples, panel_width);
  alignas(vector_bytes) T sums[panel_width * panel_width];
  for (Size block = first / panel_width; block * panel_width < last; ++block) {
    const Size row = block * panel_width, begin = first < row ? 0 : first - row, end = used_width(last, block);
    const bool with_bias = row <= layer.in && layer.in < row + end;
    const auto each_panel = [&](auto f) {
      for (Size p = 0; block < x.blocks && p < panels; ++p) {
        const SparsePanels<T> panel = x.from(p);
        f(p, panel.nonzeros + panel.starts[block], panel.nonzeros + panel.starts[block + 1]);
      }
    };
    std::uint32_t touched = all ? ~std::uint32_t{0} : with_bias ? std::uint32_t{1} << (layer.in - row) : 0;
    if (!all)
      each_panel([&](Size, const Nonzero<T>* nonzero, const Nonzero<T>* last_nonzero) {
        for (; nonzero != last_nonzero; ++nonzero) touched |= std::uint32_t{1} << nonzero->column % panel_width;
      });
    if (touched == 0) continue;
    for (Size q = 0; q * panel_width < layer.out; ++q) {
      const Size at = q * layer.stride + row * panel_width;
      for (Size i = 0; i < panel_width * panel_width; i += width<T>) {
        const bool goes_on = target.sums != nullptr && begin * panel_width <= i && i < end * panel_width;
        store(sums + i, goes_on ? load(target.sums + at + i) : Vec<T>{});
      }
      const T* const sigma = sigma_t.p + q * sigma_t.stride;
      each_panel([&](Size p, const Nonzero<T>* nonzero, const Nonzero<T>* last_nonzero) {
        add_nonzeros(nonzero, last_nonzero, sigma + p * panel_width * panel_width, sums,
                     [](const Nonzero<T>& x) FCNET_INLINED { return Places{x.sample, x.column % panel_width}; });
      });
      for (Size i = 0; with_bias && i < x.samples * panel_width; i += width<T>) {
        T* const sum = sums + (layer.in - row) * panel_width + i % panel_width;
        store(sum, load(sum) + load(sigma + i));
      }
      for (Size r = begin, next; r < end; r = next) {
        const bool changes = touched >> r & 1;
        for (next = r + 1; next < end && (touched >> next & 1) == changes; ++next) {
        }
        const Size corner = at + r * panel_width;
        if (!changes) continue;
        if (step != nullptr)
          apply_block(*step, target, corner, sums + r * panel_width, next - r, panel_width,
                      layer.in > row + r ? layer.in - row - r : 0);
        else
          for (Size i = 0; i < (next - r) * panel_width; i += width<T>)
            store(target.new_w + corner + i, load(sums + r * panel_width + i));
      }
    }
  }
}

}  // namespace fcnet::FCNET_ISA
