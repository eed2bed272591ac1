// SPDX-License-Identifier: MIT
// A gradient that a user gives, in arrays that need no conversion.
#pragma once

#include <vector>

#include "layer_arrays.hpp"
#include "plain.hpp"

namespace fcnet::bindings {

// A gradient in plain arrays (plain.hpp) of T: those of all layers, [(dW, dB, ...), ...], or one flat one. Keeps the
// arrays alive: while work runs without the GIL, others may change the list that they were in.
template <class T>
class PlainGradient {
 public:
  PlainGradient(const Shape& shape, const py::object& given) {
    if (PyList_CheckExact(given.ptr()) != 0)
      read_layers(shape, given);
    else
      read_flat(shape, given);
  }
  // Whether that is what was given.
  bool complete() const { return complete_; }
  template <class F>
  void each(F f) const {
    for (const Part& part : parts_) f(part.block, part.values);
  }

 private:
  struct Part {
    ParameterBlock block;
    const T* values;
    py::object array;  // that has them
  };

  static bool learns(const ParameterBlock& block) { return traits(block.role).learns != Learns::from_statistics; }

  void read_layers(const Shape& shape, const py::object& layers) {
    if (static_cast<Size>(PyList_GET_SIZE(layers.ptr())) != shape.owners()) return;
    for (Size l = 0; l < shape.owners(); ++l) {
      PyObject* const parts = PyList_GET_ITEM(layers.ptr(), dim(l));
      if (PyTuple_CheckExact(parts) == 0) return;
      py::ssize_t i = 0;
      for (const ParameterBlock& block : LayerBlocks(shape, l)) {
        if (!learns(block)) continue;
        if (i == PyTuple_GET_SIZE(parts)) return;
        const Dimensions dimensions = dimensions_of(shape, block);
        const auto array = py::reinterpret_borrow<py::object>(PyTuple_GET_ITEM(parts, i++));
        const PlainArray<T> part(array, static_cast<int>(dimensions.size()));
        if (part.data == nullptr || !std::equal(dimensions.begin(), dimensions.end(), part.shape)) return;
        if (block.optimized) parts_.push_back({block, part.data, array});
      }
      if (i != PyTuple_GET_SIZE(parts)) return;
    }
    complete_ = true;
  }

  void read_flat(const Shape& shape, const py::object& flat) {
    const PlainArray<T> given(flat, 1);
    Size at = 0;
    if (given.data == nullptr) return;
    for (Size l = 0; l < shape.owners(); ++l)
      for (const ParameterBlock& block : LayerBlocks(shape, l)) {
        if (!block.optimized) continue;
        parts_.push_back({block, given.data + at, flat});
        at += block.rows * block.columns;
      }
    complete_ = given.has({at});
  }

  std::vector<Part> parts_;
  bool complete_ = false;
};

}  // namespace fcnet::bindings
