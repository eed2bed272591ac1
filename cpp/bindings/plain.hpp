// SPDX-License-Identifier: MIT
// Arrays that need no conversion and no check but of their numbers, looked at without a call into Python: steps and
// predictions of microseconds take them first, and leave all others, and the wording of errors, to the checks in
// Python.
#pragma once

#include <cstdint>
#include <vector>

#include "arrays.hpp"
#include "fcnet/isa/dispatch.hpp"

namespace fcnet::bindings {

// The one descriptor of a type in native byte order. Lives as long as the process.
template <class T>
PyObject* descriptor_of() {
  static PyObject* const descriptor = py::dtype::of<T>().release().ptr();
  return descriptor;
}

// The dimensions of an array, and its elements where it is an exact, aligned and C-contiguous ndarray of T with so many
// dimensions; else null.
template <class T>
struct PlainArray {
  const T* data = nullptr;
  const py::ssize_t* shape = nullptr;

  PlainArray(py::handle object, int dimensions) {
    if (!is_plain_array(object)) return;
    const auto* const array = py::detail::array_proxy(object.ptr());
    constexpr int wanted =
        py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | static_cast<int>(py::detail::npy_api::NPY_ARRAY_ALIGNED_);
    if (array->nd != dimensions || (array->flags & wanted) != wanted || array->descr != descriptor_of<T>()) return;
    shape = array->dimensions;
    data = reinterpret_cast<const T*>(array->data);
  }
  bool has(std::initializer_list<Size> sizes) const {
    if (data == nullptr) return false;
    const py::ssize_t* n = shape;
    for (const Size size : sizes)
      if (static_cast<Size>(*n++) != size) return false;
    return true;
  }
};

// The elements of an array (n, columns), or (n,) where there is one column; null unless it is plain.
template <class T>
const T* plain_rows_of(py::handle object, Size n, Size columns) {
  if (const PlainArray<T> rows(object, 2); rows.has({n, columns})) return rows.data;
  const PlainArray<T> column(object, 1);
  return columns == 1 && column.has({n}) ? column.data : nullptr;
}

// Whole numbers (n,), each in [0, end); whether the array was a plain one of such numbers.
inline bool plain_numbers(py::handle object, Size n, Size end, std::vector<std::int32_t>& numbers) {
  const auto take = [&](const auto* from) {
    numbers.resize(n);
    for (Size i = 0; i < n; ++i) {
      if (from[i] < 0 || static_cast<std::uint64_t>(from[i]) >= end) return false;
      numbers[i] = static_cast<std::int32_t>(from[i]);
    }
    return true;
  };
  if (const PlainArray<std::int64_t> longs(object, 1); longs.has({n})) return take(longs.data);
  const PlainArray<std::int32_t> ints(object, 1);
  return ints.has({n}) && take(ints.data);
}

}  // namespace fcnet::bindings
