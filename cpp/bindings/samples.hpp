// SPDX-License-Identifier: MIT
// x and y as the core takes them: where they lie, kept alive, their shapes and types checked.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

#include "arrays.hpp"
#include "fcnet/model/shape.hpp"
#include "plain.hpp"
#include "python_loss.hpp"
#include "shared.hpp"

namespace fcnet::bindings {

// What every input goes through first, (x - offset) * scale for each feature.
template <class T>
struct InputScale {
  std::vector<T> scale, offset;
  std::vector<double> exact;  // offsets; empty where T is double or they are all 0
  double most = 0;            // numbers up to this size are certainly finite after it

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
    double farthest = 0, factor = 1;
    for (Size j = 0; j < inputs; ++j) {
      farthest = std::max(farthest, std::fabs(from.data()[j]));
      factor = std::max(factor, std::fabs(by.data()[j]));
    }
    most = std::numeric_limits<T>::max() / 2 / factor - farthest;
  }

  // Whether all numbers are certainly finite after it.
  bool holds(const T* x, Size count) const {
    bool within = true;
    for (Size i = 0; i < count; ++i) within &= static_cast<double>(std::fabs(x[i])) <= most;
    return within;
  }
};

// Null: inputs enter as they are.
template <class T>
using AnyInputScale = std::shared_ptr<const InputScale<T>>;

template <class T>
bool same(const AnyInputScale<T>& one, const AnyInputScale<T>& other) {
  if (one == nullptr || other == nullptr) return one == other;
  return one->scale == other->scale && one->offset == other->offset && one->exact == other->exact;
}

template <class T>
AnyInputScale<T> input_scale(const py::object& scale, const py::object& offset, Size inputs) {
  return scale.is_none() ? nullptr : shared<const InputScale<T>>(scale, offset, inputs);
}

// Whether all codes in plain rows are those of categories, or 0.
template <class T>
bool codes_are_known(const Columns& columns, const RowSource<T>& rows, Size n) {
  const Size first = columns.numbers + columns.others;
  const auto are_known = [&](const auto* x) {
    for (Size i = 0; i < n; ++i, x += rows.columns)
      for (Size j = 0; j < columns.categories.size(); ++j) {
        const auto code = x[first + j];
        if (!(code >= 0 && code <= static_cast<double>(columns.categories[j])) || code != std::floor(code))
          return false;
      }
    return true;
  };
  return rows.dtype == DType::float64 ? are_known(static_cast<const double*>(rows.x))
                                      : are_known(static_cast<const float*>(rows.x));
}

// x: rows of real numbers in native byte order and aligned, with any steps between them; or fcnet.sparse.SparseRows.
// The samples are all of them, or those that `chosen` lists.
template <class T>
struct Samples {
  py::object array, indices, chosen;  // no py::array, which would make an empty one first
  std::vector<std::int64_t> starts;   // a copy: what they say of the other arrays stays true
  AnyInputScale<T> input;
  RowSource<T> rows{};
  Size n = 0;      // samples
  Size total = 0;  // rows

  Samples(py::object x, Size inputs, AnyInputScale<T> scaled_by, const py::object& numbers = py::none())
      : input(std::move(scaled_by)) {
    rows.columns = inputs;
    const bool sparse = !is_plain_array(x) && py::hasattr(x, "starts");
    sparse ? read_sparse(x) : read_dense(as_array(x, "x"));
    n = total;
    if (!numbers.is_none()) choose(numbers);
    scale_rows();
  }
  // Of a plain array of float or double, see plain.hpp; as it is, or only if it is one of T and all of it is certainly
  // finite, also when it is scaled.
  static std::optional<Samples> plain(const py::object& x, Size inputs, AnyInputScale<T> scaled_by) {
    using Other = std::conditional_t<sizeof(T) == sizeof(float), double, float>;
    Samples samples(std::move(scaled_by));
    if (!samples.take(PlainArray<T>(x, 2), inputs) && !samples.take(PlainArray<Other>(x, 2), inputs)) return {};
    samples.array = x;
    return samples;
  }
  static std::optional<Samples> plain_and_finite(const py::object& x, Size inputs, AnyInputScale<T> scaled_by) {
    Samples samples(std::move(scaled_by));
    const PlainArray<T> given(x, 2);
    if (!samples.take(given, inputs)) return {};
    const Size count = samples.n * inputs;
    const bool holds =
        samples.input == nullptr ? kernels<T>().finite(given.data, count) : samples.input->holds(given.data, count);
    if (!holds) return {};
    samples.array = x;
    return samples;
  }
  Samples(const Samples&) = delete;  // rows point into it
  Samples& operator=(const Samples&) = delete;
  Samples(Samples&&) = default;
  Samples& operator=(Samples&&) = default;

 private:
  explicit Samples(AnyInputScale<T> scaled_by) : input(std::move(scaled_by)) {}

  template <class U>
  bool take(const PlainArray<U>& given, Size inputs) {
    if (given.data == nullptr || static_cast<Size>(given.shape[1]) != inputs) return false;
    n = total = static_cast<Size>(given.shape[0]);
    rows.x = given.data;
    rows.dtype = sizeof(U) == sizeof(float) ? DType::float32 : DType::float64;
    rows.columns = inputs;
    rows.row_step = static_cast<std::ptrdiff_t>(inputs);
    scale_rows();
    return true;
  }

  void scale_rows() {
    if (input == nullptr) return;
    rows.scale = input->scale.data();
    rows.offset = input->offset.data();
    if (!input->exact.empty() && is_rounded(rows.dtype)) rows.exact = input->exact.data();
  }

  // Whether float holds not all numbers of this kind.
  static bool is_rounded(DType dtype) {
    return dtype == DType::float64 || dtype == DType::int32 || dtype == DType::int64 || dtype == DType::uint32 ||
           dtype == DType::uint64;
  }

  void choose(const py::object& numbers) {
    const py::array_t<std::int64_t, py::array::c_style> order(numbers);  // nobody else writes to it
    n = static_cast<Size>(order.size());
    const auto outside = [&](std::int64_t row) { return row < 0 || static_cast<Size>(row) >= total; };
    if (std::any_of(order.data(), order.data() + n, outside)) value_error("rows has numbers that x has no rows for");
    rows.order = order.data();
    chosen = order;
  }

  void read_dense(py::array x) {
    const py::ssize_t bytes = x.itemsize();
    rows.dtype = dtype_of(x, bytes);
    if (x.ndim() != 2 || static_cast<Size>(x.shape(1)) != rows.columns)
      value_error("x has shape " + shape_text(x) + ": expected (n_samples, " + std::to_string(rows.columns) + ")");
    if (!(x.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_)) value_error("x is not aligned");
    const auto step = [&](int axis) {  // where there is one alone NumPy's may be anything
      const py::ssize_t stride = x.shape(axis) > 1 ? x.strides(axis) : bytes;
      if (stride % bytes != 0) value_error("x has strides of half an element");
      return stride / bytes;
    };
    total = static_cast<Size>(x.shape(0));
    rows.x = x.data();
    rows.row_step = step(0);
    rows.column_step = step(1);
    array = std::move(x);
  }

  void read_sparse(const py::object& x) {
    const py::array data = part(x, "data", 'f', 4), columns = part(x, "indices", 'i', 4);
    const py::array given = part(x, "starts", 'i', 8);
    const auto* const first = static_cast<const std::int64_t*>(given.data());
    starts.assign(first, first + given.size());
    if (starts.empty() || starts.front() < 0 || !std::is_sorted(starts.begin(), starts.end()) ||
        starts.back() > std::min(data.size(), columns.size()))
      value_error("x has starts that are not in its data");
    total = starts.size() - 1;
    rows.dtype = data.itemsize() == 4 ? DType::float32 : DType::float64;
    rows.x = data.data();
    rows.starts = starts.data();
    rows.indices = columns.data();
    rows.long_indices = columns.itemsize() == 8;
    array = data;
    indices = columns;
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

  static DType dtype_of(const py::array& x, py::ssize_t bytes) {
    const char kind = x.dtype().kind();
    if (native_order(x)) {
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
    refuse_dtype(x, "x", "floats or whole numbers of up to 64 bits");
  }
};

// y beside them: int32 labels for cross-entropy, else targets of the model's type, or whatever a loss in Python takes;
// and the samples' weights. `picks`: the output of each sample that the loss is of, y has one column; or None.
template <class T>
class Targets {
 public:
  Targets(py::object y, py::object weights, const Shape& shape, Size n, const py::object& picks = py::none()) {
    if (!picks.is_none()) {
      const bool sums = shape.loss != Loss::custom && shape.loss != Loss::cross_entropy && shape.quantiles.empty();
      if (!sums || !plain_numbers(picks, n, shape.outputs(), numbers_))
        value_error("outputs are not one for each row, or the loss is not a sum over them");
      data_.picks = numbers_.data();
    }
    if (shape.loss == Loss::custom) {
      custom_ = std::make_unique<PythonLoss<T>>(std::move(y), shape.outputs());
    } else if (shape.loss == Loss::cross_entropy && as_array(y, "y").dtype().kind() != 'f') {
      const py::array_t<std::int32_t> of_rows = labels(y, n, shape.outputs());
      data_.labels = of_rows.data();
      targets_ = of_rows;
    } else {
      const Size columns = data_.outputs_in_loss(shape.outputs());
      const Input<T> a = Input<T>(y, "y").expect({dim(n), dim(columns)}, sizes({n, columns}).c_str());
      data_.targets = a.data();
      targets_ = a.array();
    }
    if (weights.is_none()) return;
    const Input<T> w = Input<T>(weights, "weights").expect({dim(n)}, sizes({n}).c_str());
    data_.weights = w.data();
    weights_ = w.array();
  }

  // Of plain arrays, see plain.hpp, whose numbers need no check but that they are finite, or labels: for the losses
  // that most take.
  static std::optional<Targets> plain(const py::object& y, const py::object& picks, const Shape& shape, Size n) {
    Targets targets;
    if (!targets.take(y, picks, shape, n)) return {};
    return targets;
  }

  Data<T> data(const Samples<T>& samples) const {
    Data<T> data = data_;
    data.x = samples.rows, data.samples = samples.n, data.custom = custom_.get();
    return data;
  }

 private:
  Targets() = default;

  bool take(const py::object& y, const py::object& picks, const Shape& shape, Size n) {
    switch (shape.loss) {
      case Loss::cross_entropy:
        if (!picks.is_none() || shape.parameter != 0 || !plain_numbers(y, n, shape.outputs(), numbers_)) return false;
        data_.labels = numbers_.data();
        return true;
      case Loss::mse:
      case Loss::rmse:
      case Loss::mae:
      case Loss::huber:
        break;
      case Loss::binary_cross_entropy:
      case Loss::poisson:
      case Loss::quantile:
      case Loss::custom:
      case Loss::cotangent:
        return false;
    }
    if (!picks.is_none()) {
      if (!plain_numbers(picks, n, shape.outputs(), numbers_)) return false;
      data_.picks = numbers_.data();
    }
    const Size columns = data_.outputs_in_loss(shape.outputs());
    data_.targets = plain_rows_of<T>(y, n, columns);
    if (data_.targets == nullptr || !kernels<T>().finite(data_.targets, n * columns)) return false;
    targets_ = y;
    return true;
  }

  Data<T> data_{};
  std::vector<std::int32_t> numbers_;  // labels of a plain array, or picks
  py::object targets_, weights_;
  std::unique_ptr<PythonLoss<T>> custom_;
};

}  // namespace fcnet::bindings
