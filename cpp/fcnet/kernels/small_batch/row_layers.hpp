// SPDX-License-Identifier: MIT
// The three products of a layer for few samples: they would not fill the lanes of a panel, so here a sample is a row,
// and lanes run along the neurons: the outputs in forward and update, where panels of W lie right already; in
// backward-data the inputs, for which 32 rows of W are transposed in the cache, just before they are updated. Each sum
// is formed in the order of the other path, so the bits are the same.
#pragma once

#include "fcnet/kernels/gemm/pack.hpp"
#include "fcnet/kernels/pointwise/activations.hpp"
#include "fcnet/kernels/pointwise/optimizers.hpp"
#include "fcnet/kernels/small_batch/row_training.hpp"
#include "fcnet/simd/tile.hpp"

namespace fcnet::FCNET_ISA {

// Rows of a tile: samples of a batch, or rows of W in an update. Few, as each height is a function of its own.
constexpr int most_rows = 4;

template <int N>
struct Vectors {
  static constexpr int count = N;
};

// Walks the first `used` lanes of a panel in tiles for R rows: f(Vectors<N>{}, first lane). One row alone takes as many
// vectors as there are, since each of them is a chain of additions that waits for itself.
template <class T, int R, class F>
FCNET_INLINE void for_vectors(Size used, F f) {
  constexpr int most = R == 1 ? panel_width / width<T> : tile_vectors;
  if (used <= static_cast<Size>(width<T>)) return f(Vectors<1>{}, Size{0});
  for (Size lane = 0; lane < used; lane += most * width<T>) {
    if (most > 2 && used - lane <= 2 * static_cast<Size>(width<T>))
      f(Vectors<2>{}, lane);
    else
      f(Vectors<most>{}, lane);
  }
}

// Whole panels that one row takes at once: each vector is a chain of additions, and the weights come faster than eight
// of them wait for each other.
template <class T>
constexpr int panels_of_row = 8 * width<T> > static_cast<int>(panel_width)
                                  ? 8 * width<T> / static_cast<int>(panel_width)
                                  : 1;

// h_out = F(h W + B) before its F where that is not simple, for one sample and as many panels from q on.
template <class T, class F>
FCNET_INLINE void forward_row(const LayerView<T>& layer, const T* h, T* result, Size q, F f) {
  const T* w = layer.w + q * layer.stride;
  const auto at = [&](int panel, int s) FCNET_INLINED { return w + panel * layer.stride + s * width<T>; };
  Tile<T, panels_of_row<T>, panel_width / width<T>> tile;
  tile.fill([&](int panel, int s) FCNET_INLINED { return load(at(panel, s) + layer.in * panel_width); });
  for (Size k = 0; k < layer.in; ++k, w += panel_width) {
    const Vec<T> x = broadcast(h[k]);
    tile.each([&](int panel, int s, Vec<T>& sum) FCNET_INLINED { sum = fma(x, load(at(panel, s)), sum); });
  }
  T* const out = result + q * panel_width;
  tile.each([&](int panel, int s, Vec<T> h_in) { store(out + panel * panel_width + s * width<T>, f.apply(h_in)); });
}

// h_out = F(h W + B) for n samples and the outputs of panels first..last.
template <class T>
void forward_rows(const LayerView<T>& layer, Rows<const T> h, Size n, Rows<T> result, Size first, Size last) {
  with_epilogue(layer.activation, [&](auto f) {
    Size q = first;
    constexpr Size at_once = panels_of_row<T>;
    for (; n == 1 && q + at_once <= last && (q + at_once) * panel_width <= layer.out; q += at_once) {
      forward_row(layer, h.p, result.p, q, f);
      if (!is_simple(layer.activation))
        activate_block(layer.activation, result.p + q * panel_width, 0, 1, at_once * panel_width);
    }
    for (; q < last; ++q)
      for_row_blocks<most_rows>(0, n, [&](auto rows, Size row) {
        for_vectors<T, rows.count>(used_width(layer.out, q), [&](auto vectors, Size lane) {
          const T* w = layer.w + q * layer.stride + lane;
          Tile<T, rows.count, vectors.count> tile;
          tile.fill([&](int, int s) { return load(w + layer.in * panel_width + s * width<T>); });
          tile.accumulate({h.p + row * h.stride, 1, h.stride}, {w, panel_width}, layer.in);
          T* out = result.p + row * result.stride + q * panel_width + lane;
          tile.each([&](int r, int s, Vec<T> h_in) { store(out + r * result.stride + s * width<T>, f.apply(h_in)); });
          if (!is_simple(layer.activation))
            activate_block(layer.activation, out, result.stride, rows.count, vectors.count * width<T>);
        });
      });
  });
}

// Rows i..i + 32 of W, transposed: scratch[out][32].
template <class T>
void transpose_rows(const LayerView<T>& layer, Size i, T* scratch) {
  const Size rows = layer.in - i < panel_width ? layer.in - i : panel_width;
  for (Size q = 0; q * panel_width < layer.out; ++q)
    transpose_block(layer.w + q * layer.stride + i * panel_width, rows, used_width(layer.out, q),
                    scratch + q * panel_width * panel_width);
}

// sigma_prev = (sigma W^T) o F'(h) for n samples and inputs i..i + 32.
template <class T>
void backward_data_rows(const LayerView<T>& layer, Rows<const T> sigma, Rows<const T> h, Activation previous, Size n,
                        Size i, Rows<T> result, T* scratch) {
  transpose_rows(layer, i, scratch);
  const Size used = layer.in - i < panel_width ? layer.in - i : panel_width;
  with_epilogue(previous, [&](auto f) {
    for_row_blocks<most_rows>(0, n, [&](auto rows, Size row) {
      for_vectors<T, rows.count>(used, [&](auto vectors, Size lane) {
        Tile<T, rows.count, vectors.count> tile;
        tile.fill([](int, int) { return Vec<T>{}; });
        tile.accumulate({sigma.p + row * sigma.stride, 1, sigma.stride}, {scratch + lane, panel_width}, layer.out);
        tile.each([&](int r, int s, Vec<T> sum) {
          const Size at = i + lane + s * width<T>;
          store(result.p + (row + r) * result.stride + at,
                f.times_derivative(sum, load(h.p + (row + r) * h.stride + at)));
        });
        if (!is_simple(previous)) {
          T* const out = result.p + row * result.stride + i + lane;
          derive_block(previous, out, result.stride, h.p + row * h.stride + i + lane, h.stride, rows.count,
                       vectors.count * width<T>);
        }
      });
    });
  });
}

// The optimizer's step on rows first..last of W (row `in`: the bias) from n samples.
template <class T, class O>
void update_rows(const O& optimizer, const LayerView<T>& layer, const UpdateTarget<T>& target, Rows<const T> h,
                 Rows<const T> sigma, Size n, Size first, Size last) {
  for_row_blocks<most_rows>(first, last, [&](auto rows, Size row) {
    for (Size q = 0; q * panel_width < layer.out; ++q)
      for_vectors<T, rows.count>(used_width(layer.out, q), [&](auto vectors, Size lane) {
        Tile<T, rows.count, vectors.count> tile;
        tile.fill([](int, int) { return Vec<T>{}; });
        tile.accumulate({h.p + row, h.stride, 1}, {sigma.p + q * panel_width + lane, sigma.stride}, n);
        optimizer.apply(target, q * layer.stride + row * panel_width + lane, tile, layer.in - row);
      });
  });
}

// Any layers, in tiles.
template <class T>
struct TiledRows {
  static void forward(const LayerView<T>& layer, Rows<T> h, Size n, Rows<T> result) {
    for (Size i = 0; i < n; ++i) h.p[i * h.stride + layer.in] = T(1);  // multiplies the bias
    forward_rows<T>(layer, {h.p, h.stride}, n, result, 0, ceil_div(layer.out, panel_width));
  }

  // sigma of the layer before, where there is one, from 32 rows of W that are updated right after.
  template <class O>
  static void backward(const O& optimizer, const RowTraining<T>& t, Size l, Size n) {
    const auto& layer = t.layers[l];
    const Rows<const T> h{layer.h.p, layer.h.stride}, sigma{layer.sigma.p, layer.sigma.stride};
    for (Size i = 0; i < layer.view.in; i += panel_width) {
      if (l > 0) {
        const auto& before = t.layers[l - 1];
        backward_data_rows<T>(layer.view, sigma, h, before.view.activation, n, i, before.sigma, t.scratch);
      }
      const Size last = i + panel_width >= layer.view.in ? layer.view.in + 1 : i + panel_width;
      update_rows<T>(optimizer, layer.view, t.target(l), h, sigma, n, i, last);
    }
  }
};

}  // namespace fcnet::FCNET_ISA
