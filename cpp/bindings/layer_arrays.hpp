// SPDX-License-Identifier: MIT
// W and B of a model's layers, out of NumPy arrays and into them.
#pragma once

#include <utility>
#include <vector>

#include "model.hpp"

namespace fcnet::bindings {

using Layers = std::vector<std::pair<py::object, py::object>>;  // W and B of each

// A layer's W or B as given by a user, of the right shape.
template <class T>
Input<T> parameters_given(const Shape& shape, Size layer, py::object value, bool bias) {
  const Size in = shape.sizes[layer], out = shape.sizes[layer + 1];
  Input<T> a(value, bias ? "B" : "W");
  bias ? a.expect({dim(out)}, sizes({out}).c_str()) : a.expect({dim(in), dim(out)}, sizes({in, out}).c_str());
  return a;
}

// Those of all layers.
template <class T>
class GivenLayers {
 public:
  GivenLayers(const Shape& shape, const Layers& given) {
    if (given.size() != shape.layers()) value_error("parameters has not one entry for each layer");
    for (Size l = 0; l < given.size(); ++l) {
      parts_.push_back(parameters_given<T>(shape, l, given[l].first, false));
      parts_.push_back(parameters_given<T>(shape, l, given[l].second, true));
    }
  }

  [[nodiscard]] Status write(Parameters<T>& parameters, Watch& watch) const {
    for (Size l = 0; l < parameters.shape().layers(); ++l) {
      const Size in = parameters.shape().sizes[l];
      Status s = parameters.write(l, 0, in, parts_[2 * l].data(), watch);
      if (s == Status::ok) s = parameters.write(l, in, 1, parts_[2 * l + 1].data(), watch);
      if (s != Status::ok) return s;
    }
    return Status::ok;
  }

 private:
  std::vector<Input<T>> parts_;
};

// W or B of a layer as a fresh read-only array.
template <class T>
py::array array_of_layer(const Parameters<T>& parameters, Size layer, bool bias) {
  const Size in = parameters.shape().sizes[layer], out = parameters.shape().sizes[layer + 1];
  py::array_t<T> a(bias ? Dimensions{dim(out)} : Dimensions{dim(in), dim(out)});
  T* const to = a.mutable_data();
  raise_unless_ok(
      Attention().run([&](Watch& watch) { return parameters.read(layer, bias ? in : 0, bias ? 1 : in, to, watch); }));
  a.attr("setflags")("write"_a = false);
  return a;
}

template <class T>
py::list arrays_of_layers(const Parameters<T>& parameters) {
  py::list layers;
  for (Size l = 0; l < parameters.shape().layers(); ++l)
    layers.append(py::make_tuple(array_of_layer(parameters, l, false), array_of_layer(parameters, l, true)));
  return layers;
}

}  // namespace fcnet::bindings
