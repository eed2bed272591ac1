// SPDX-License-Identifier: MIT
// x and y as the core takes them: where they lie, kept alive, their shapes and types checked.
#pragma once

#include <algorithm>

#include "arrays.hpp"
#include "fcnet/model/shape.hpp"
#include "python_loss.hpp"
#include "shared.hpp"

namespace fcnet::bindings {

// What every input goes through first, (x - offset) * scale for each feature.
template <class T>
struct InputScale {
  std::vector<T> scale, offset;
  std::vector<double> exact;  // offsets; empty where T is double or they are all 0

  InputScale(const py::object& factors, const py::object& offsets, Size inputs) {
    const auto read = [&](const py::object& given, const char* name) {
      return Input<double>(given, name).expect({dim(inputs)}, sizes({inputs}).c_str());
    };
    const Input<double> by = read(factors, "scale"), from = read(offsets, "offset");
    const auto is_zero = [](double each) { return each == 0; };
    for (Size j = 0; j < inputs; ++j) {
      scale.push_back(static_cast<T>(by.data()[j]));
      offset.push_back(static_cast<T>(from.data()[j]));
    }
    if (sizeof(T) == sizeof(float) && !std::all_of(from.data(), from.data() + inputs, is_zero))
      exact.assign(from.data(), from.data() + inputs);
  }
};

// Null: inputs enter as they are.
template <class T>
using AnyInputScale = std::shared_ptr<const InputScale<T>>;

template <class T>
AnyInputScale<T> input_scale(const py::object& scale, const py::object& offset, Size inputs) {
  return scale.is_none() ? nullptr : shared<const InputScale<T>>(scale, offset, inputs);
}

// x: rows of real numbers in native byte order and aligned, with any steps between them; or fcnet.sparse.SparseRows.
// The samples are all of them, or those that `chosen` lists.
template <class T>
struct Samples {
  py::array array, indices;
  std::vector<std::int64_t> starts;  // a copy: what they say of the other arrays stays true
  py::array_t<std::int64_t> chosen;
  AnyInputScale<T> input;
  RowSource<T> rows{};
  Size n;      // samples
  Size total;  // rows

  Samples(py::object x, Size inputs, AnyInputScale<T> scaled_by, const py::object& numbers = py::none())
      : input(std::move(scaled_by)) {
    rows.columns = inputs;
    const bool sparse = !is_plain_array(x) && py::hasattr(x, "starts");
    sparse ? read_sparse(x) : read_dense(as_array(x, "x"));
    n = total;
    if (!numbers.is_none()) choose(numbers);
    if (input == nullptr) return;
    rows.scale = input->scale.data();
    rows.offset = input->offset.data();
    if (!input->exact.empty() && is_rounded(rows.dtype)) rows.exact = input->exact.data();
  }
  Samples(const Samples&) = delete;  // rows point into it
  Samples& operator=(const Samples&) = delete;
  Samples(Samples&&) = default;
  Samples& operator=(Samples&&) = default;

 private:
  // Whether float holds not all numbers of this kind.
  static bool is_rounded(DType dtype) {
    return dtype == DType::float64 || dtype == DType::int32 || dtype == DType::int64 || dtype == DType::uint32 ||
           dtype == DType::uint64;
  }

  void choose(const py::object& numbers) {
    chosen = py::array_t<std::int64_t, py::array::c_style>(numbers);  // nobody else writes to it
    n = static_cast<Size>(chosen.size());
    const auto outside = [&](std::int64_t row) { return row < 0 || static_cast<Size>(row) >= total; };
    if (std::any_of(chosen.data(), chosen.data() + n, outside)) value_error("rows has numbers that x has no rows for");
    rows.order = chosen.data();
  }

  void read_dense(py::array x) {
    array = std::move(x);
    const py::ssize_t bytes = array.itemsize();
    rows.dtype = dtype_of(array.dtype().kind(), bytes);
    if (array.ndim() != 2 || static_cast<Size>(array.shape(1)) != rows.columns)
      value_error("x has shape " + shape_text(array) + ": expected (n_samples, " + std::to_string(rows.columns) + ")");
    if (!(array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_)) value_error("x is not aligned");
    const auto step = [&](int axis) {  // where there is one alone NumPy's may be anything
      const py::ssize_t stride = array.shape(axis) > 1 ? array.strides(axis) : bytes;
      if (stride % bytes != 0) value_error("x has strides of half an element");
      return stride / bytes;
    };
    total = static_cast<Size>(array.shape(0));
    rows.x = array.data();
    rows.row_step = step(0);
    rows.column_step = step(1);
  }

  void read_sparse(const py::object& x) {
    array = part(x, "data", 'f', 4);
    indices = part(x, "indices", 'i', 4);
    const py::array given = part(x, "starts", 'i', 8);
    const auto* const first = static_cast<const std::int64_t*>(given.data());
    starts.assign(first, first + given.size());
    if (starts.empty() || starts.front() < 0 || !std::is_sorted(starts.begin(), starts.end()) ||
        starts.back() > std::min(array.size(), indices.size()))
      value_error("x has starts that are not in its data");
    total = starts.size() - 1;
    rows.dtype = array.itemsize() == 4 ? DType::float32 : DType::float64;
    rows.x = array.data();
    rows.starts = starts.data();
    rows.indices = indices.data();
    rows.long_indices = indices.itemsize() == 8;
  }

  // One of its arrays, of numbers of this kind with at least so many bytes.
  static py::array part(const py::object& x, const char* name, char kind, py::ssize_t least) {
    py::array a = as_array(x.attr(name), name);
    if (a.dtype().kind() != kind || a.itemsize() < least || a.itemsize() > 8 || !native_order(a))
      refuse_dtype(a, name, "one of the dtypes of fcnet.sparse.SparseRows");
    const bool aligned = a.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    if (a.ndim() != 1 || !aligned || !(a.flags() & py::array::c_style))
      value_error(std::string(name) + " has shape " + shape_text(a) + ": expected one aligned dimension without steps");
    return a;
  }

  DType dtype_of(char kind, py::ssize_t bytes) const {
    if (native_order(array)) {
      if (kind == 'f' && bytes == 2) return DType::float16;
      if (kind == 'f' && bytes == 4) return DType::float32;
      if (kind == 'f' && bytes == 8) return DType::float64;
      const bool is_signed = kind == 'i', whole = is_signed || kind == 'u' || kind == 'b';
      if (whole && bytes == 1) return is_signed ? DType::int8 : DType::uint8;
      if (whole && bytes == 2) return is_signed ? DType::int16 : DType::uint16;
      if (whole && bytes == 4) return is_signed ? DType::int32 : DType::uint32;
      if (whole && bytes == 8) return is_signed ? DType::int64 : DType::uint64;
    }
    if (kind == 'V' && bytes == 2) return DType::bfloat16;  // fcnet.tensors: NumPy has no type for it
    refuse_dtype(array, "x", "floats or whole numbers of up to 64 bits");
  }
};

// y beside them: int32 labels for cross-entropy, else targets of the model's type, or whatever a loss in Python takes;
// and the samples' weights.
template <class T>
class Targets {
 public:
  Targets(py::object y, py::object weights, const Shape& shape, Size n) {
    if (shape.loss == Loss::custom) {
      custom_ = std::make_unique<PythonLoss<T>>(std::move(y), shape.outputs());
    } else if (shape.loss == Loss::cross_entropy && as_array(y, "y").dtype().kind() != 'f') {
      labels_ = labels(y, n, shape.outputs());
      data_.labels = labels_.data();
    } else {
      const Input<T> a = Input<T>(y, "y").expect({dim(n), dim(shape.outputs())}, sizes({n, shape.outputs()}).c_str());
      data_.targets = a.data();
      targets_ = a.array();
    }
    if (weights.is_none()) return;
    const Input<T> w = Input<T>(weights, "weights").expect({dim(n)}, sizes({n}).c_str());
    data_.weights = w.data();
    weights_ = w.array();
  }

  Data<T> data(const Samples<T>& samples) const {
    Data<T> data = data_;
    data.x = samples.rows, data.samples = samples.n, data.custom = custom_.get();
    return data;
  }

 private:
  Data<T> data_{};
  py::array_t<std::int32_t> labels_;
  py::object targets_, weights_;
  std::unique_ptr<PythonLoss<T>> custom_;
};

}  // namespace fcnet::bindings
