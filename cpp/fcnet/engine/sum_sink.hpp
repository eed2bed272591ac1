// SPDX-License-Identifier: MIT
// The sums of the gradients over the samples, for those who look at them.
#pragma once

#include "fcnet/engine/gradient_sink.hpp"

namespace fcnet {

// Into `gradient`, panels like the parameters'.
template <class T>
class SumSink final : public GradientSink<T> {
 public:
  explicit SumSink(Parameters<T>& gradient) : gradient_(gradient) {}

  void product(const ChunkResult& result, const WeightProduct<T>& weights) override {
    const LayerView<T> layer = gradient_.layer(weights.layer);
    weights.sum(layer, layer.w, !result.first);
  }
  void sums(const ChunkResult& result, const ParameterBlock& block, const T* values) override {
    if (block.optimized) add_sums(gradient_.row(block), values, block.columns, result.first);
  }

 private:
  Parameters<T>& gradient_;
};

// Where nobody wants them.
template <class T>
class NoSink final : public GradientSink<T> {
 public:
  void product(const ChunkResult&, const WeightProduct<T>&) override {}
  void sums(const ChunkResult&, const ParameterBlock&, const T*) override {}
};

}  // namespace fcnet
