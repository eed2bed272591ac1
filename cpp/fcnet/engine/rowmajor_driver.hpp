// SPDX-License-Identifier: MIT
// The row-major kernels on all threads: which thread takes which share of the result.
#pragma once

#include "fcnet/base/status.hpp"
#include "fcnet/isa/dispatch.hpp"

namespace fcnet {

template <class T>
[[nodiscard]] Status multiply(const RowMajorProduct<T>& product);

// Softmax of every row of h (n, m) into p.
template <class T>
[[nodiscard]] Status softmax_rows(const T* h, Size n, Size m, T* p);

// Loss (n,) and sigma = softmax(h) - y (n, m) of every row of h (n, m).
template <class T>
[[nodiscard]] Status cross_entropy_rows(const T* h, const std::int32_t* labels, Size n, Size m, T* loss, T* sigma);

}  // namespace fcnet
