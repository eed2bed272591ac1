// SPDX-License-Identifier: MIT
// Few samples at a time: they would not fill the lanes of a panel, so here a sample is a row, and lanes run along the
// neurons: the outputs in forward and update, where panels of W lie right already; in back-data the inputs, for which
// 32 rows of W are transposed in the cache, just before they are updated. One thread, no allocation. Each sum is formed
// in the order of the other path, so the bits are the same.
#pragma once

#include "fcnet/activations.hpp"
#include "fcnet/optimizers.hpp"
#include "fcnet/pack.hpp"
#include "fcnet/row_training.hpp"
#include "fcnet/tile.hpp"
#include "fcnet/vec_math.hpp"

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
  constexpr int most = R == 1 ? lanes / width<T> : tile_vectors;
  if (used <= static_cast<Size>(width<T>)) return f(Vectors<1>{}, Size{0});
  for (Size lane = 0; lane < used; lane += most * width<T>) {
    if (most > 2 && used - lane <= 2 * static_cast<Size>(width<T>))
      f(Vectors<2>{}, lane);
    else
      f(Vectors<most>{}, lane);
  }
}

// h_out = F(h W + B) for n samples and the outputs of panels first..last.
template <class T>
void forward_rows(const LayerView<T>& layer, Rows<const T> h, Size n, Rows<T> result, Size first, Size last) {
  with_activation(layer.activation, [&](auto f) {
    for (Size q = first; q < last; ++q)
      for_row_blocks<most_rows>(0, n, [&](auto rows, Size row) {
        for_vectors<T, rows.count>(used_lanes(layer.out, q), [&](auto vectors, Size lane) {
          const T* w = layer.w + q * layer.stride + lane;
          Tile<T, rows.count, vectors.count> tile;
          tile.fill([&](int, int s) { return load(w + layer.in * lanes + s * width<T>); });
          tile.accumulate({h.p + row * h.stride, 1, h.stride}, {w, lanes}, layer.in);
          T* out = result.p + row * result.stride + q * lanes + lane;
          tile.each([&](int r, int s, Vec<T> h_in) { store(out + r * result.stride + s * width<T>, f.apply(h_in)); });
        });
      });
  });
}

// Rows i..i + 32 of W, transposed: scratch[out][32].
template <class T>
void transpose_rows(const LayerView<T>& layer, Size i, T* scratch) {
  const Size rows = layer.in - i < lanes ? layer.in - i : lanes;
  for (Size q = 0; q * lanes < layer.out; ++q)
    transpose_block(layer.w + q * layer.stride + i * lanes, rows, used_lanes(layer.out, q),
                    scratch + q * lanes * lanes);
}

// sigma_prev = (sigma W^T) o F'(h) for n samples and inputs i..i + 32.
template <class T>
void back_data_rows(const LayerView<T>& layer, Rows<const T> sigma, Rows<const T> h, Activation previous, Size n,
                    Size i, Rows<T> result, T* scratch) {
  transpose_rows(layer, i, scratch);
  const Size used = layer.in - i < lanes ? layer.in - i : lanes;
  with_activation(previous, [&](auto f) {
    for_row_blocks<most_rows>(0, n, [&](auto rows, Size row) {
      for_vectors<T, rows.count>(used, [&](auto vectors, Size lane) {
        Tile<T, rows.count, vectors.count> tile;
        tile.fill([](int, int) { return Vec<T>{}; });
        tile.accumulate({sigma.p + row * sigma.stride, 1, sigma.stride}, {scratch + lane, lanes}, layer.out);
        tile.each([&](int r, int s, Vec<T> sum) {
          const Size at = i + lane + s * width<T>;
          store(result.p + (row + r) * result.stride + at,
                f.times_derivative(sum, load(h.p + (row + r) * h.stride + at)));
        });
      });
    });
  });
}

// The optimiser's step on rows first..last of W (row `in`: the bias) from n samples.
template <class T, class O>
void update_rows(const O& optimizer, const LayerView<T>& layer, const UpdateTarget<T>& target, Rows<const T> h,
                 Rows<const T> sigma, Size n, Size first, Size last) {
  for_row_blocks<most_rows>(first, last, [&](auto rows, Size row) {
    for (Size q = 0; q * lanes < layer.out; ++q)
      for_vectors<T, rows.count>(used_lanes(layer.out, q), [&](auto vectors, Size lane) {
        Tile<T, rows.count, vectors.count> tile;
        tile.fill([](int, int) { return Vec<T>{}; });
        tile.accumulate({h.p + row, h.stride, 1}, {sigma.p + q * lanes + lane, sigma.stride}, n);
        tile.each([&](int r, int s, Vec<T> sum) {
          apply(optimizer, target, q * layer.stride + (row + r) * lanes + lane + s * width<T>, sum,
                row + r == layer.in);
        });
      });
  });
}

// exp(z - max z) of one row and its sum in ascending order; the lanes beyond the classes are left at 0.
template <class T>
FCNET_INLINE T exp_row(const T* z, Size classes, T top, T* e) {
  for (Size c = 0; c < classes; c += width<T>) store(e + c, exp(load(z + c) - top));
  T sum = 0;
  for (Size c = 0; c < classes; ++c) sum += e[c];
  for (Size c = classes; c % width<T> != 0; ++c) e[c] = 0;
  return sum;
}

template <class T>
FCNET_INLINE T top_of_row(const T* z, Size classes, Size& best) {
  T top = z[0];
  best = 0;
  for (Size c = 1; c < classes; ++c)
    if (top < z[c]) top = z[c], best = c;
  return top;
}

template <class T>
FCNET_INLINE void softmax_row(T* z, Size classes) {
  Size best;
  const T sum = exp_row(z, classes, top_of_row(z, classes, best), z);
  for (Size c = 0; c < classes; c += width<T>) store(z + c, load(z + c) / sum);
}

// As cross_entropy and squared_error of losses.hpp.
template <class T>
FCNET_INLINE LossSum cross_entropy_row(const T* z, Size classes, Size label, T* sigma) {
  Size best;
  const T top = top_of_row(z, classes, best);
  const T sum = exp_row(z, classes, top, sigma);
  for (Size c = 0; c < classes; c += width<T>) store(sigma + c, load(sigma + c) / sum);
  sigma[label] -= T(1);
  return {static_cast<double>(log(broadcast(sum))[0] + (top - z[label])), best == label};
}

template <class T>
FCNET_INLINE LossSum squared_error_row(const T* output, const T* target, Size outputs, T* sigma) {
  T sum = 0;
  for (Size j = 0; j < outputs; ++j) {
    sigma[j] = output[j] - target[j];
    sum = fma(sigma[j], sigma[j], sum);
  }
  return {static_cast<double>(sum), 0};
}

template <class Source, class T>
void gather_row(const RowSource<T>& rows, Size i, T* h) {
  const Source* const x = row_of<Source>(rows, i);
  Size j = 0;
  if (rows.column_step == 1)
    for (; j + width<T> <= rows.columns; j += width<T>) store(h + j, load_as<Source, T>(x + j));
  for (; j < rows.columns; ++j) h[j] = static_cast<T>(x[static_cast<std::ptrdiff_t>(j) * rows.column_step]);
  if (rows.scale == nullptr) return;
  for (j = 0; j < rows.columns; ++j) h[j] = (h[j] - rows.offset[j]) * rows.scale[j];
}

template <class T>
void gather_rows(const RowSource<T>& rows, Size first, Size n, Rows<T> h) {
  with_element(rows.element, [&](auto source) {
    for (Size i = 0; i < n; ++i) gather_row<decltype(source)>(rows, first + i, h.p + i * h.stride);
  });
}

// One step on the samples first..first + n of the order.
template <class T>
void step_rows(const RowTraining<T>& t, Size first, Size n, RowProgress& progress) {
  const auto ones = [&](Rows<T> h, Size features) {
    for (Size i = 0; i < n; ++i) h.p[i * h.stride + features] = T(1);
  };
  const auto& last = t.layers[t.count - 1];
  gather_rows(t.x, first, n, t.layers[0].h);
  for (Size l = 0; l < t.count; ++l) {
    const auto& layer = t.layers[l];
    ones(layer.h, layer.view.in);
    const Rows<T> result = l + 1 < t.count ? t.layers[l + 1].h : t.output;
    forward_rows<T>(layer.view, {layer.h.p, layer.h.stride}, n, result, 0, groups(layer.view.out, lanes));
  }
  const Size outputs = last.view.out;
  LossSum loss;
  for (Size i = 0; i < n; ++i) {
    const Size row = t.x.order != nullptr ? static_cast<Size>(t.x.order[first + i]) : first + i;
    const T* z = t.output.p + i * t.output.stride;
    T* sigma = last.sigma.p + i * last.sigma.stride;
    loss.add(t.loss == Loss::cross_entropy ? cross_entropy_row(z, outputs, static_cast<Size>(t.labels[row]), sigma)
                                           : squared_error_row(z, t.targets + row * outputs, outputs, sigma));
  }
  const double scale = gradient_scale(t.loss, outputs, loss.sum, n);
  const OptimizerStep<T> step = optimizer_step<T>(*t.chosen, progress.powers, scale);
  with_optimizer(step, [&](auto optimizer) {
    for (Size l = t.count; l-- > 0;) {
      const auto& layer = t.layers[l];
      const Rows<const T> h{layer.h.p, layer.h.stride}, sigma{layer.sigma.p, layer.sigma.stride};
      T* const state = t.state + layer.offset;
      const UpdateTarget<T> target{layer.view.w, state, layer.view.w, state, t.slot, nullptr};
      for (Size i = 0; i < layer.view.in; i += lanes) {
        const bool end = i + lanes >= layer.view.in;
        if (l > 0)
          back_data_rows<T>(layer.view, sigma, h, t.layers[l - 1].view.activation, n, i, t.layers[l - 1].sigma,
                            t.scratch);
        update_rows<T>(optimizer, layer.view, target, h, sigma, n, i, end ? layer.view.in + 1 : i + lanes);
      }
    }
  });
  progress.powers.advance(*t.chosen);
  progress.total.sum += mean_loss(t.loss, outputs, loss.sum, n) * static_cast<double>(n);
  progress.total.correct += loss.correct;
}

// Steps of `batch` samples each on the samples first..last of the order.
template <class T>
void train_rows(const RowTraining<T>& t, Size first, Size last, Size batch, RowProgress& progress) {
  for (; first < last; first += batch) step_rows(t, first, last - first < batch ? last - first : batch, progress);
}

template <class T>
void softmax_rows(Rows<T> z, Size n, Size classes) {
  for (Size i = 0; i < n; ++i) softmax_row(z.p + i * z.stride, classes);
}

}  // namespace fcnet::FCNET_ISA
