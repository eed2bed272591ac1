// SPDX-License-Identifier: MIT
// The only code that inspects a NumPy array, and the wording of what is wrong with one. Everything behind it may trust
// pointers and sizes. Legend: n samples, k inputs, m outputs of a layer.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cmath>
#include <string>
#include <vector>

#include "fcnet/base/checked_size.hpp"
#include "fcnet/base/layout.hpp"

namespace fcnet::bindings {

namespace py = pybind11;
using namespace pybind11::literals;  // NOLINT(google-build-using-namespace): "axis"_a
using Dimensions = std::vector<py::ssize_t>;

inline py::ssize_t dim(Size n) { return static_cast<py::ssize_t>(n); }

inline std::string text(py::handle object) { return py::cast<std::string>(py::str(object)); }

inline std::string shape_text(const py::array& a) { return text(a.attr("shape")); }

[[noreturn]] inline void type_error(const std::string& message) { throw py::type_error(message); }
[[noreturn]] inline void value_error(const std::string& message) { throw py::value_error(message); }

template <class T>
const char* dtype_name() {
  return sizeof(T) == 4 ? "float32" : "float64";
}

inline bool is_plain_array(py::handle object) {
  return Py_TYPE(object.ptr()) == py::detail::npy_api::get().PyArray_Type_;
}

// The array's elements as they are, without a conversion. Masked arrays would lose their mask and are refused.
inline py::array as_array(py::handle object, const char* name) {
  if (is_plain_array(object)) return py::reinterpret_borrow<py::array>(object);
  if (py::hasattr(object, "mask") && py::hasattr(object, "filled"))
    type_error(std::string(name) + " is a masked array: expected a plain one, see its method filled()");
  py::array a = py::array::ensure(object);
  if (!a) {
    PyErr_Clear();
    type_error(std::string(name) + " is a " + text(py::type::of(object)) + ": expected an array");
  }
  return a;
}

[[noreturn]] inline void refuse_dtype(const py::array& a, const char* name, const char* expected) {
  type_error(std::string(name) + " has dtype " + text(a.dtype()) + ": expected " + expected);
}

// 4 or 8 for float32 and float64 in any byte order, else a TypeError.
inline py::ssize_t float_bytes(const py::array& a, const char* name) {
  const py::ssize_t bytes = a.itemsize();
  if (a.dtype().kind() != 'f' || (bytes != 4 && bytes != 8)) refuse_dtype(a, name, "float32 or float64");
  return bytes;
}

inline bool native_order(const py::array& a) { return a.dtype().byteorder() != '>'; }  // on such machines only

// An input: read only, C-contiguous, aligned, of type T; copied only where it is not so already.
template <class T>
class Input {
 public:
  Input(py::handle object, const char* name) : name_(name) {
    array_ = as_array(object, name);
    if (float_bytes(array_, name) != static_cast<py::ssize_t>(sizeof(T))) refuse_dtype(array_, name, dtype_name<T>());
    check_size(array_, name);
    constexpr int aligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    array_ = py::array_t<T, py::array::c_style | py::array::forcecast | aligned>(array_);
  }

  const T* data() const { return static_cast<const T*>(array_.data()); }
  Size size(int axis) const { return static_cast<Size>(array_.shape(axis)); }
  Size size() const { return static_cast<Size>(array_.size()); }
  const py::array& array() const { return array_; }

  // expected: e.g. "(n_samples, 784)"; -1 matches any size
  Input& expect(const Dimensions& shape, const char* expected) {
    bool right = array_.ndim() == static_cast<py::ssize_t>(shape.size());
    for (std::size_t i = 0; right && i < shape.size(); ++i)
      right = shape[i] == -1 || shape[i] == array_.shape(static_cast<py::ssize_t>(i));
    if (!right) value_error(std::string(name_) + " has shape " + shape_text(array_) + ": expected " + expected);
    return *this;
  }

  // A broadcast view can be larger than memory: refuse it before it is copied.
  static void check_size(const py::array& a, const char* name) {
    CheckedSize bytes = sizeof(T);
    for (py::ssize_t i = 0; i < a.ndim(); ++i) bytes = bytes * static_cast<std::size_t>(a.shape(i));
    if (!bytes.ok()) {
      PyErr_SetString(PyExc_OverflowError, (std::string(name) + " has shape " + shape_text(a) + ": too large").c_str());
      throw py::error_already_set();
    }
  }

 private:
  const char* name_;
  py::array array_;
};

template <class Shape>
std::string tuple_text(const Shape& shape) {
  std::string s = "(";
  for (const auto n : shape) s += (s.size() > 1 ? ", " : "") + std::to_string(n);
  return s + (shape.size() == 1 ? ",)" : ")");
}

inline std::string sizes(std::initializer_list<Size> shape) { return tuple_text(shape); }

// Whether the memory of two arrays may meet; the strides of `b` are all used (it is C-contiguous).
inline bool overlap(const py::array& a, const py::array& b) {
  return py::cast<bool>(py::module_::import("numpy").attr("may_share_memory")(a, b));
}

// An array that is written in place: exactly the shape and type, writable, C-contiguous, clear of every input.
template <class T>
T* writable(py::handle object, const char* name, const Dimensions& shape, std::initializer_list<py::handle> inputs) {
  if (!py::isinstance<py::array>(object))
    type_error(std::string(name) + " is a " + text(py::type::of(object)) + ": expected a NumPy array to write to");
  py::array a = py::reinterpret_borrow<py::array>(object);
  if (a.dtype().kind() != 'f' || a.itemsize() != static_cast<py::ssize_t>(sizeof(T)))
    refuse_dtype(a, name, dtype_name<T>());
  if (Dimensions(a.shape(), a.shape() + a.ndim()) != shape)
    value_error(std::string(name) + " has shape " + shape_text(a) + ": expected " + tuple_text(shape));
  if (!native_order(a)) value_error(std::string(name) + " is byte-swapped: it is written in place");
  if (!a.writeable()) value_error(std::string(name) + " is read-only: it is written in place");
  if (!(a.flags() & py::array::c_style))
    value_error(std::string(name) + " is not C-contiguous: it is written in place");
  if (reinterpret_cast<std::uintptr_t>(a.data()) % alignof(T) != 0)
    value_error(std::string(name) + " is misaligned: it is written in place");
  for (const py::handle input : inputs)
    if (py::isinstance<py::array>(input) && overlap(py::reinterpret_borrow<py::array>(input), a))
      value_error(std::string(name) + " shares memory with another argument: it is written in place");
  return static_cast<T*>(a.mutable_data());
}

// `out` where one was given, else a new array.
template <class T>
py::array_t<T> output(py::object& out, const Dimensions& shape, std::initializer_list<py::handle> inputs) {
  if (out.is_none()) return py::array_t<T>(shape);
  writable<T>(out, "out", shape, inputs);
  return py::reinterpret_borrow<py::array_t<T>>(out);
}

// Calls f.template operator()<T>() with the type of a floating-point array.
template <class F>
auto with_float(py::handle object, const char* name, F f) {
  return float_bytes(as_array(object, name), name) == 4 ? f.template operator()<float>()
                                                        : f.template operator()<double>();
}

// Class labels as int32 (n,): integers in [0, m), or one-hot rows (n, m) of any real type.
inline py::array_t<std::int32_t> labels(py::handle object, Size n, Size m) {
  const py::module_ np = py::module_::import("numpy");
  py::array y = as_array(object, "y");
  const char kind = y.dtype().kind();
  if (y.ndim() == 2) {
    if (kind != 'f' && kind != 'i' && kind != 'u' && kind != 'b')
      refuse_dtype(y, "y", "integer labels or one-hot rows");
    if (static_cast<Size>(y.shape(0)) != n || static_cast<Size>(y.shape(1)) != m)
      value_error("y has shape " + shape_text(y) + ": expected one-hot rows " + sizes({n, m}) + " or labels " +
                  sizes({n}));
    const py::object hot = np.attr("equal")(y, 1), cold = np.attr("equal")(y, 0);
    const py::object plain = np.attr("all")(np.attr("logical_or")(hot, cold));
    const py::object single = np.attr("all")(np.attr("equal")(np.attr("sum")(hot, "axis"_a = 1), 1));
    if (!py::cast<bool>(plain) || !py::cast<bool>(single))
      value_error("y is not one-hot: expected exactly one 1 and else 0 in every row");
    return np.attr("argmax")(hot, "axis"_a = 1).attr("astype")("int32");
  }
  if (kind != 'i' && kind != 'u' && kind != 'b') refuse_dtype(y, "y", "integer labels or one-hot rows");
  if (y.ndim() != 1 || static_cast<Size>(y.shape(0)) != n)
    value_error("y has shape " + shape_text(y) + ": expected labels " + sizes({n}) + " or one-hot rows " +
                sizes({n, m}));
  if (n > 0) {
    for (const char* end : {"min", "max"}) {
      const py::object value = y.attr(end)();
      if (value < py::int_(0) || value >= py::int_(m))
        value_error("y contains the label " + text(value) + ": expected 0 <= y < " + std::to_string(m));
    }
  }
  return y.attr("astype")("int32");
}

// A finite real number.
inline double real_number(py::handle object, const char* name) {
  const double value = PyFloat_AsDouble(object.ptr());
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    type_error(std::string(name) + " is " + text(py::repr(object)) + ": expected a number");
  }
  if (!std::isfinite(value))
    value_error(std::string(name) + " is " + text(py::repr(object)) + ": expected a finite number");
  return value;
}

}  // namespace fcnet::bindings
