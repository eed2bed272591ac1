// SPDX-License-Identifier: MIT
// Where the gradients of a pass go, block by block, while the block's weights are still in the cache: a trainer updates
// them at once, others add up.
#pragma once

#include "fcnet/engine/forward.hpp"
#include "fcnet/kernels/pointwise/batch_loss.hpp"
#include "fcnet/model/parameters.hpp"

namespace fcnet {

// A chunk of a batch, whether it is the first or the last one, and the loss of the batch up to its end.
struct ChunkResult {
  Chunk chunk;
  bool first, last;
  LossSum loss;
};

// A block of the weights of a layer and the two factors of its gradient: what comes into the layer, h or where
// `is_sparse` the nonzeros of sparse rows, and sigma^T from the block's first panel on. None of them where the sums
// over the samples are all there is.
template <class T>
struct WeightProduct {
  Size layer;
  Block block;
  Panels<const T> h{};
  SparsePanels<T> nonzeros{};
  bool is_sparse = false;
  Panels<const T> sigma_t{};

  // The sums into those of the whole layer, panels like it, or onto them.
  void sum(const LayerView<T>& layer_view, T* sums, bool add) const {
    const LayerView<T> view = layer_view.panels(block.first_panel, block.last_panel);
    T* const to = sums + block.first_panel * view.stride;
    if (is_sparse)
      kernels<T>().update_nonzeros(view, nonzeros, sigma_t, nullptr, {.new_w = to, .sums = add ? to : nullptr},
                                   block.first_row, block.last_row);
    else
      kernels<T>().backward_weights(view, h, sigma_t, to, add, block.first_row, block.last_row);
  }
};

// Every thread calls it for its share of the parameters, as soon as the pass needs them no more.
template <class T>
class GradientSink {
 public:
  virtual void product(const ChunkResult& result, const WeightProduct<T>& weights) = 0;
  // Of a block that does not learn by the weight product: its sums over the samples of the chunk, or the statistics of
  // the batch.
  virtual void sums(const ChunkResult& result, const ParameterBlock& block, const T* values) = 0;

 protected:
  ~GradientSink() = default;
};

// The sums of a chunk into a row of parameters, or onto it where the chunk is not the first.
template <class T>
void add_sums(ParameterRow<T> to, const T* sums, Size columns, bool first) {
  for (Size j = 0; j < columns; ++j) to[j] = (first ? T(0) : to[j]) + sums[j];
}

}  // namespace fcnet
