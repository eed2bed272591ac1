// SPDX-License-Identifier: MIT
// Between layouts: rows of a data set into panels (converted on the way, sparse ones filled up), panels back into rows,
// and the one transposition of a step, sigma. No read past the last element of a row.
#pragma once

#include "fcnet/simd/dtype.hpp"

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
  const Source* row[panel_width];
  for (Size i = 0; i < samples; ++i) row[i] = row_of<Source>(rows, first + i);
  const Size used = ceil_div(samples, w) * w, squares = rows.column_step == 1 ? rows.columns / w * w : 0;
  for (Size i = 0; i < used; i += w)
    for (Size j = 0; j < squares; j += w) {
      Vec<T> square[w];
      for (Size r = 0; r < w; ++r) square[r] = i + r < samples ? load_as<T>(row[i + r] + j) : Vec<T>{};
      transpose_square<T>(square);
      FCNET_UNROLL
      for (Size r = 0; r < w; ++r) store(panel + (j + r) * panel_width + i, square[r]);
    }
  for (Size j = squares; j < rows.columns; ++j) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(j) * rows.column_step;
    for (Size i = 0; i < used; ++i) panel[j * panel_width + i] = i < samples ? number_as<T>(row[i][at]) : T(0);
  }
}

// Whether offsets are subtracted in double; never where T is double itself.
template <class T>
FCNET_INLINE bool is_exact(const RowSource<T>& rows) {
  return sizeof(T) == 4 && rows.exact != nullptr;
}

// Columns first..first + n of row i.
template <class T>
[[gnu::noinline]] void convert_row(const RowSource<T>& rows, Size i, Size first, Size n, T* to) {
  with_dtype(rows.dtype, [&](auto source) {
    const auto* const x = row_of<decltype(source)>(rows, i) + static_cast<std::ptrdiff_t>(first) * rows.column_step;
    Size j = 0;
    if (rows.column_step == 1)
      for (; j + width<T> <= n; j += width<T>) store(to + j, load_as<T>(x + j));
    for (; j < n; ++j) to[j] = number_as<T>(x[static_cast<std::ptrdiff_t>(j) * rows.column_step]);
  });
}

// The same without the offsets, which are exact: each difference is rounded once.
[[gnu::noinline]] inline void subtract_offsets(const RowSource<float>& rows, Size i, Size first, Size n, float* to) {
  const RowSource<double> of_double{.x = rows.x,
                                    .dtype = rows.dtype,
                                    .columns = rows.columns,
                                    .row_step = rows.row_step,
                                    .column_step = rows.column_step,
                                    .order = rows.order};
  constexpr Size most = 64;
  double x[most];
  for (Size done = 0; done < n; done += most) {
    const Size count = n - done < most ? n - done : most;
    convert_row(of_double, i, first + done, count, x);
    for (Size j = 0; j < count; ++j) to[done + j] = static_cast<float>(x[j] - rows.exact[first + done + j]);
  }
}

template <class T>
void gather(const RowSource<T>& rows, Size first, Size samples, T* panel);

// By way of a block of rows: few columns at once where they are not side by side, as their cache sets may be the same.
[[gnu::noinline]] inline void gather_differences(const RowSource<float>& rows, Size first, Size samples, float* panel) {
  constexpr Size most = 64;
  float block[panel_width * most];
  const Size at_once = rows.column_step == 1 ? most : 8;
  for (Size j = 0; j < rows.columns; j += at_once) {
    const Size n = rows.columns - j < at_once ? rows.columns - j : at_once;
    for (Size i = 0; i < samples; ++i) subtract_offsets(rows, first + i, j, n, block + i * most);
    const RowSource<float> differences{.x = block, .dtype = DType::float32, .columns = n, .row_step = most};
    gather(differences, 0, samples, panel + j * panel_width);
  }
}

// f(column, number) for what sparse row i holds, as numbers of T.
template <class T, class Rows, class F>
FCNET_INLINE void each_number(const Rows& rows, Size i, F f) {
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
  rows.dtype == DType::float64 ? with(static_cast<const double*>(rows.x)) : with(static_cast<const float*>(rows.x));
}

// Column j's offset, or 0 where the gathered numbers are without it.
template <class T>
FCNET_INLINE T left_to_subtract(const RowSource<T>& rows, Size j) {
  return is_exact(rows) ? T(0) : rows.offset[j];
}

// What a sparse row holds in column j where it holds no number.
template <class T>
FCNET_INLINE T empty_place(const RowSource<T>& rows, Size j) {
  return is_exact(rows) ? static_cast<T>(0.0 - rows.exact[j]) : T(0);
}

// Adds a sparse row's numbers to its empty places, which makes -0 a 0 as in a dense array; column j is at to[j * step].
template <class T>
FCNET_INLINE void add_sparse_row(const RowSource<T>& rows, Size i, T* to, Size step) {
  if (is_exact(rows))
    each_number<double>(rows, i, [&](Size j, double x) { to[j * step] = static_cast<T>(0.0 + x - rows.exact[j]); });
  else
    each_number<T>(rows, i, [&](Size j, T x) { to[j * step] += x; });
}

template <class T>
void gather_sparse(const RowSource<T>& rows, Size first, Size samples, T* panel) {
  for (Size j = 0; j < rows.columns; ++j)
    for (T* lane = panel + j * panel_width; lane < panel + j * panel_width + samples; lane += width<T>)
      store(lane, Vec<T>{} + empty_place(rows, j));
  for (Size i = 0; i < samples; ++i) add_sparse_row(rows, first + i, panel + i, panel_width);
}

template <class T>
FCNET_INLINE void gather_dense(const RowSource<T>& rows, Size first, Size samples, T* panel) {
  if constexpr (sizeof(T) == 4)
    if (is_exact(rows)) return gather_differences(rows, first, samples, panel);
  with_dtype(rows.dtype, [&](auto source) { gather_from<decltype(source)>(rows, first, samples, panel); });
}

template <class T>
void gather(const RowSource<T>& rows, Size first, Size samples, T* panel) {
  rows.starts != nullptr ? gather_sparse(rows, first, samples, panel) : gather_dense(rows, first, samples, panel);
  if (rows.scale == nullptr) return;
  for (Size j = 0; j < rows.columns; ++j) {
    const T offset = left_to_subtract(rows, j);
    for (T* lane = panel + j * panel_width; lane < panel + j * panel_width + samples; lane += width<T>)
      store(lane, (load(lane) - offset) * rows.scale[j]);
  }
}

// put(row, lane, vector) for the transposed of the 32 x 32 block at `from` (row stride 32), of which `rows` rows and
// `columns` columns are in use; rows beyond those in use count as 0.
template <class T, class Put>
FCNET_INLINE void transpose_squares(const T* from, Size rows, Size columns, Put put) {
  constexpr Size w = width<T>;
  for (Size i = 0; i < panel_width; i += w)
    for (Size j = 0; j < columns; j += w) {
      Vec<T> square[w];
      FCNET_UNROLL
      for (Size r = 0; r < w; ++r) square[r] = i + r < rows ? load(from + (i + r) * panel_width + j) : Vec<T>{};
      transpose_square<T>(square);
      FCNET_UNROLL
      for (Size r = 0; r < w; ++r) put(j + r, i, square[r]);
    }
}

// The same, to the block at `to`.
template <class T>
FCNET_INLINE void transpose_block(const T* from, Size rows, Size columns, T* to) {
  transpose_squares(from, rows, columns,
                    [=](Size row, Size lane, Vec<T> v) { store(to + row * panel_width + lane, v); });
}

template <class T>
void scatter(const T* panel, Size columns, Size samples, T* out) {
  T block[panel_width * panel_width];
  for (Size j = 0; j < columns; j += panel_width) {
    const Size used = used_width(columns, j / panel_width);
    transpose_block(panel + j * panel_width, used, samples, block);
    for (Size i = 0; i < samples; ++i)
      __builtin_memcpy(out + i * columns + j, block + i * panel_width, used * sizeof(T));
  }
}

template <class T>
void transpose(const T* sigma, Size out, Size first_panel, Size last_panel, Size samples, T* sigma_t, Size stride) {
  for (Size q = first_panel; q < last_panel; ++q)
    transpose_block(sigma + q * panel_width * panel_width, used_width(out, q), samples, sigma_t + q * stride);
}

}  // namespace fcnet::FCNET_ISA
