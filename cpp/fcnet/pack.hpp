// SPDX-License-Identifier: MIT
// Between layouts: rows of a data set into panels (converted on the way, sparse ones filled up), panels back into rows,
// and the one transposition of a step, sigma. No read past the last element of a row.
#pragma once

#include "fcnet/element.hpp"

namespace fcnet::FCNET_ISA {

template <class T>
FCNET_INLINE Size row_number(const RowSource<T>& rows, Size i) {
  return rows.order != nullptr ? static_cast<Size>(rows.order[i]) : i;
}

template <class Source, class T>
FCNET_INLINE const Source* row_of(const RowSource<T>& rows, Size i) {
  return static_cast<const Source*>(rows.x) + static_cast<std::ptrdiff_t>(row_number(rows, i)) * rows.row_step;
}

// Rows become lanes, a square of a vector's width at a time; what is left of the columns, and columns that are not
// side by side, element by element. Lanes are written in whole vectors, as far as there are samples.
template <class Source, class T>
inline void gather_from(const RowSource<T>& rows, Size first, Size samples, T* panel) {
  constexpr Size w = width<T>;
  const Source* row[lanes];
  for (Size i = 0; i < samples; ++i) row[i] = row_of<Source>(rows, first + i);
  const Size used = groups(samples, w) * w, squares = rows.column_step == 1 ? rows.columns / w * w : 0;
  for (Size i = 0; i < used; i += w)
    for (Size j = 0; j < squares; j += w) {
      Vec<T> square[w];
      for (Size r = 0; r < w; ++r) square[r] = i + r < samples ? load_as<T>(row[i + r] + j) : Vec<T>{};
      transpose_square<T>(square);
      FCNET_UNROLL
      for (Size r = 0; r < w; ++r) store(panel + (j + r) * lanes + i, square[r]);
    }
  for (Size j = squares; j < rows.columns; ++j) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(j) * rows.column_step;
    for (Size i = 0; i < used; ++i) panel[j * lanes + i] = i < samples ? number_as<T>(row[i][at]) : T(0);
  }
}

// f(column, number) for what sparse row i holds.
template <class T, class F>
FCNET_INLINE void each_number(const RowSource<T>& rows, Size i, F f) {
  const auto add = [&](auto* x, auto* indices) {
    const std::int64_t* const starts = rows.starts + row_number(rows, i);
    for (std::int64_t k = starts[0]; k < starts[1]; ++k) {
      const Size j = static_cast<Size>(indices[k]);
      if (j < rows.columns) f(j, static_cast<T>(x[k]));
    }
  };
  const auto with = [&](auto* x) {
    rows.long_indices ? add(x, static_cast<const std::int64_t*>(rows.indices))
                      : add(x, static_cast<const std::int32_t*>(rows.indices));
  };
  rows.element == Element::float64 ? with(static_cast<const double*>(rows.x)) : with(static_cast<const float*>(rows.x));
}

// Adds a sparse row's numbers to zeros, which makes -0 a 0 as in a dense array; column j is at to[j * step].
template <class T>
FCNET_INLINE void add_sparse_row(const RowSource<T>& rows, Size i, T* to, Size step) {
  each_number(rows, i, [&](Size j, T x) { to[j * step] += x; });
}

template <class T>
void gather_sparse(const RowSource<T>& rows, Size first, Size samples, T* panel) {
  for (Size j = 0; j < rows.columns; ++j)
    for (T* lane = panel + j * lanes; lane < panel + j * lanes + samples; lane += width<T>) store(lane, Vec<T>{});
  for (Size i = 0; i < samples; ++i) add_sparse_row(rows, first + i, panel + i, lanes);
}

template <class T>
void gather(const RowSource<T>& rows, Size first, Size samples, T* panel) {
  if (rows.starts != nullptr)
    gather_sparse(rows, first, samples, panel);
  else
    with_element(rows.element, [&](auto source) { gather_from<decltype(source)>(rows, first, samples, panel); });
  if (rows.scale == nullptr) return;
  for (Size j = 0; j < rows.columns; ++j)
    for (T* lane = panel + j * lanes; lane < panel + j * lanes + samples; lane += width<T>)
      store(lane, (load(lane) - rows.offset[j]) * rows.scale[j]);
}

// put(row, lane, vector) for the transposed of the 32 x 32 block at `from` (row stride 32), of which `rows` rows and
// `columns` columns are in use; rows beyond those in use count as 0.
template <class T, class Put>
FCNET_INLINE void transpose_squares(const T* from, Size rows, Size columns, Put put) {
  constexpr Size w = width<T>;
  for (Size i = 0; i < lanes; i += w)
    for (Size j = 0; j < columns; j += w) {
      Vec<T> square[w];
      FCNET_UNROLL
      for (Size r = 0; r < w; ++r) square[r] = i + r < rows ? load(from + (i + r) * lanes + j) : Vec<T>{};
      transpose_square<T>(square);
      FCNET_UNROLL
      for (Size r = 0; r < w; ++r) put(j + r, i, square[r]);
    }
}

// The same, to the block at `to`.
template <class T>
FCNET_INLINE void transpose_block(const T* from, Size rows, Size columns, T* to) {
  transpose_squares(from, rows, columns, [=](Size row, Size lane, Vec<T> v) { store(to + row * lanes + lane, v); });
}

template <class T>
void scatter(const T* panel, Size columns, Size samples, T* out) {
  T block[lanes * lanes];
  for (Size j = 0; j < columns; j += lanes) {
    const Size used = used_lanes(columns, j / lanes);
    transpose_block(panel + j * lanes, used, samples, block);
    for (Size i = 0; i < samples; ++i) __builtin_memcpy(out + i * columns + j, block + i * lanes, used * sizeof(T));
  }
}

template <class T>
void transpose(const T* sigma, Size out, Size first_panel, Size last_panel, Size samples, T* sigma_t, Size stride) {
  for (Size q = first_panel; q < last_panel; ++q)
    transpose_block(sigma + q * lanes * lanes, used_lanes(out, q), samples, sigma_t + q * stride);
}

}  // namespace fcnet::FCNET_ISA
