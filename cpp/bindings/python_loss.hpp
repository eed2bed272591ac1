// SPDX-License-Identifier: MIT
// A loss that is a Python function: function(outputs (n, m), rows (n,) or None) gives the mean loss and its derivative
// by the outputs, an array like them. It knows the targets; Python checks what a user's function returns.
#pragma once

#include <pybind11/numpy.h>

#include <algorithm>

#include "arrays.hpp"
#include "errors.hpp"
#include "fcnet/model/data.hpp"
#include "unlocked.hpp"

namespace fcnet::bindings {

template <class T>
class PythonLoss final : public CustomLoss<T> {
 public:
  PythonLoss(py::object function, Size outputs) : function_(std::move(function)), outputs_(outputs) {}

  bool operator()(const std::int64_t* order, Size first, Size n, T* outputs, double& mean) override {
    Unlocked::before_locking();
    const py::gil_scoped_acquire locked;
    const FloatControl callers(control_);
    try {
      py::array_t<T> given({dim(n), dim(outputs_)});
      std::copy_n(outputs, n * outputs_, given.mutable_data());
      py::array_t<std::int64_t> rows(dim(n));
      for (Size i = 0; i < n; ++i) rows.mutable_data()[i] = row_at(order, first + i);
      const auto result = py::cast<std::pair<double, py::array_t<T, py::array::c_style>>>(function_(given, rows));
      if (result.second.size() != given.size()) value_error("the derivative has not the size of the outputs");
      std::copy_n(result.second.data(), n * outputs_, outputs);
      mean = result.first;
      return true;
    } catch (...) {
      set_python_error();
    }
    return false;
  }

 private:
  py::object function_;
  Size outputs_;
  std::uint64_t control_ = float_control();  // of the caller, which the function runs under too
};

}  // namespace fcnet::bindings
