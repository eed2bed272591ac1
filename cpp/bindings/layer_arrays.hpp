// SPDX-License-Identifier: MIT
// The parameters of a model's layers, part by part, out of NumPy arrays and into them.
#pragma once

#include <string>
#include <vector>

#include "model.hpp"

namespace fcnet::bindings {

using Layers = std::vector<std::vector<py::object>>;  // of each the parts, in order

// W or one of the rows behind it.
struct LayerPart {
  const char* name;
  Size first_row;
  bool matrix = false;
};

inline std::vector<LayerPart> parts_of(const Shape& shape, Size layer) {
  const Size in = shape.sizes[layer];
  std::vector<LayerPart> parts{{"W", 0, true}, {"B", shape.bias_row(layer)}};
  if (shape.normalizes(layer)) parts.push_back({"gamma", in + gamma_row});
  if (shape.normalization(layer) == Normalization::batch) {
    parts.push_back({"mean", in + mean_row});
    parts.push_back({"variance", in + variance_row});
  }
  return parts;
}

inline LayerPart part_named(const Shape& shape, Size layer, const std::string& name) {
  if (layer >= shape.layers())
    throw py::index_error("layer " + std::to_string(layer) + " of a network of " + std::to_string(shape.layers()));
  for (const LayerPart& part : parts_of(shape, layer))
    if (name == part.name) return part;
  value_error("layer " + std::to_string(layer) + " has no " + name);
}

template <class T>
class GivenPart {
 public:
  // As given by a user; ValueError unless of the right shape.
  GivenPart(const Shape& shape, Size layer, const LayerPart& part, py::object value)
      : layer_(layer), part_(part), rows_(part.matrix ? shape.sizes[layer] : 1), values_(std::move(value), part.name) {
    const Size in = shape.sizes[layer], out = shape.sizes[layer + 1];
    part.matrix ? values_.expect({dim(in), dim(out)}, sizes({in, out}).c_str())
                : values_.expect({dim(out)}, sizes({out}).c_str());
  }

  [[nodiscard]] Status write(Parameters<T>& parameters, Cancellation& cancellation) const {
    return parameters.write(layer_, part_.first_row, rows_, values_.data(), cancellation);
  }

 private:
  Size layer_;
  LayerPart part_;
  Size rows_;
  Input<T> values_;
};

// Those of all layers.
template <class T>
class GivenLayers {
 public:
  GivenLayers(const Shape& shape, const Layers& given) {
    if (given.size() != shape.layers()) value_error("parameters has not one entry for each layer");
    for (Size l = 0; l < given.size(); ++l) {
      const auto parts = parts_of(shape, l);
      if (given[l].size() != parts.size()) value_error("parameters has not one entry for each part of a layer");
      for (Size i = 0; i < parts.size(); ++i) parts_.emplace_back(shape, l, parts[i], given[l][i]);
    }
  }

  [[nodiscard]] Status write(Parameters<T>& parameters, Cancellation& cancellation) const {
    for (const GivenPart<T>& part : parts_)
      if (const Status s = part.write(parameters, cancellation); s != Status::ok) return s;
    return Status::ok;
  }

 private:
  std::vector<GivenPart<T>> parts_;
};

// A part of a layer as a fresh array.
template <class T>
py::array array_of_part(const Parameters<T>& parameters, Size layer, const LayerPart& part) {
  const Size in = part.matrix ? parameters.shape().sizes[layer] : 1, out = parameters.shape().sizes[layer + 1];
  py::array_t<T> a(part.matrix ? Dimensions{dim(in), dim(out)} : Dimensions{dim(out)});
  T* const to = a.mutable_data();
  run_or_raise(
      [&](Cancellation& cancellation) { return parameters.read(layer, part.first_row, in, to, cancellation); });
  return a;
}

template <class T>
py::list arrays_of_layers(const Parameters<T>& parameters) {
  py::list layers;
  for (Size l = 0; l < parameters.shape().layers(); ++l) {
    py::list parts;
    for (const LayerPart& part : parts_of(parameters.shape(), l)) parts.append(array_of_part(parameters, l, part));
    layers.append(py::tuple(parts));
  }
  return layers;
}

}  // namespace fcnet::bindings
