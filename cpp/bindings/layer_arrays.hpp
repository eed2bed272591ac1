// SPDX-License-Identifier: MIT
// The parameters of a model's layers, block by block or flat, out of NumPy arrays and into them; and their change, in
// one step, to others.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model.hpp"

namespace fcnet::bindings {

using Layers = std::vector<std::vector<py::object>>;  // of each the blocks, in order; those of the columns come last

// Of a block as Python has it.
inline Dimensions dimensions_of(const Shape& shape, const ParameterBlock& block) {
  const Columns& columns = shape.columns;
  switch (block.role) {
    case Role::embedding_weights:
      if (columns.shared || columns.bins() > 0) return {dim(block.rows), dim(block.columns)};
      return {dim(columns.numbers), dim(columns.waves()), dim(columns.size)};
    case Role::embedding_bias:
      if (columns.shared) return {dim(block.columns)};
      return {dim(block.rows), dim(block.columns)};
    case Role::member_weights:
      return {dim(shape.sizes[block.layer]), dim(shape.sizes[block.layer + 1]), dim(block.columns)};
    case Role::weights:
    case Role::member_bias:
    case Role::member_r:
    case Role::member_s:
    case Role::frequencies:
    case Role::phases:
    case Role::slopes:
    case Role::tables:
      return {dim(block.rows), dim(block.columns)};
    case Role::bias:
    case Role::gamma:
    case Role::beta:
    case Role::product_bias:
    case Role::mix:
    case Role::scale:
    case Role::running_mean:
    case Role::running_variance:
      return {dim(block.columns)};
  }
  return {};
}

inline ParameterBlock block_named(const Shape& shape, Size layer, const std::string& name) {
  if (layer >= shape.owners())
    throw py::index_error("layer " + std::to_string(layer) + " of a network of " + std::to_string(shape.layers()));
  for (const ParameterBlock& block : LayerBlocks(shape, layer))
    if (name == traits(block.role).name) return block;
  value_error("layer " + std::to_string(layer) + " has no " + name);
}

template <class T>
class GivenBlock {
 public:
  // As given by a user; ValueError unless of the right shape.
  GivenBlock(const Shape& shape, const ParameterBlock& block, py::object value)
      : block_(block), values_(std::move(value), traits(block.role).name) {
    const Dimensions expected = dimensions_of(shape, block);
    values_.expect(expected, tuple_text(expected).c_str());
  }

  [[nodiscard]] Status write(Parameters<T>& parameters, Cancellation& cancellation) const {
    return parameters.write(block_, values_.data(), cancellation);
  }

 private:
  ParameterBlock block_;
  Input<T> values_;
};

// Those of all layers.
template <class T>
class GivenLayers {
 public:
  GivenLayers(const Shape& shape, const Layers& given) {
    if (given.size() != shape.owners()) value_error("parameters has not one entry for each layer");
    for (Size l = 0; l < given.size(); ++l) {
      const LayerBlocks blocks(shape, l);
      if (given[l].size() != blocks.size()) value_error("parameters has not one entry for each part of a layer");
      auto value = given[l].begin();
      for (const ParameterBlock& block : blocks) blocks_.emplace_back(shape, block, *value++);
    }
  }

  [[nodiscard]] Status write(Parameters<T>& parameters, Cancellation& cancellation) const {
    for (const GivenBlock<T>& block : blocks_)
      if (const Status s = block.write(parameters, cancellation); s != Status::ok) return s;
    return Status::ok;
  }

 private:
  std::vector<GivenBlock<T>> blocks_;
};

// A block as a fresh array.
template <class T>
py::array array_of_block(const Parameters<T>& parameters, const ParameterBlock& block) {
  py::array_t<T> a(dimensions_of(parameters.shape(), block));
  T* const to = a.mutable_data();
  run_or_raise([&](Cancellation& cancellation) { return parameters.read(block, to, cancellation); });
  return a;
}

template <class T>
py::list arrays_of_layers(const Parameters<T>& parameters) {
  py::list layers;
  for (Size l = 0; l < parameters.shape().owners(); ++l) {
    py::list parts;
    for (const ParameterBlock& block : parameters.blocks(l)) parts.append(array_of_block(parameters, block));
    layers.append(py::tuple(parts));
  }
  return layers;
}

// Calls f(block, where it begins) for what the optimizer may change, in order; returns how many numbers it is.
template <class F>
Size each_flat_block(const Shape& shape, F f) {
  Size at = 0;
  for (Size l = 0; l < shape.owners(); ++l)
    for (const ParameterBlock& block : LayerBlocks(shape, l))
      if (block.optimized) {
        f(block, at);
        at += block.rows * block.columns;
      }
  return at;
}

// All of that in one fresh array.
template <class T>
py::array flat_array(const Parameters<T>& parameters) {
  const Shape& shape = parameters.shape();
  py::array_t<T> flat(dim(each_flat_block(shape, [](const ParameterBlock&, Size) {})));
  T* const to = flat.mutable_data();
  run_or_raise([&](Cancellation& cancellation) {
    Status status = Status::ok;
    each_flat_block(shape, [&](const ParameterBlock& block, Size at) {
      if (status == Status::ok) status = parameters.read(block, to + at, cancellation);
    });
    return status;
  });
  return flat;
}

inline constexpr const char* parameters_are_taken = "this network is being fitted: its parameters cannot be set";

// Publishes parameters with what is given, in one step.
template <class T, class Given>
void change(const std::shared_ptr<Model<T>>& model, const Given& given) {
  const typename Model<T>::Claim claim(model, parameters_are_taken);
  const auto before = model->published();
  const auto next = shared<Parameters<T>>();
  run_or_raise([&](Cancellation& cancellation) {
    const Status s = next->copy(*before, cancellation);
    return s == Status::ok ? given.write(*next, cancellation) : s;
  });
  model->exchange_average(nullptr);
  model->publish(next);
}

}  // namespace fcnet::bindings
