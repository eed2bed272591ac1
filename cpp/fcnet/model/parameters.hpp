// SPDX-License-Identifier: MIT
// A network's parameters in panels.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "fcnet/base/buffer.hpp"
#include "fcnet/isa/dispatch.hpp"
#include "fcnet/model/stages.hpp"
#include "fcnet/runtime/parallel.hpp"

namespace fcnet {

template <class T>
class Parameters {
 public:
  // All zero.
  [[nodiscard]] Status allocate(const Shape& shape, Cancellation& cancellation) {
    if (const Status s = allocate(shape); s != Status::ok) return s;
    return prefault(panels_, cancellation);
  }

  // The same for the network of others.
  [[nodiscard]] Status allocate_like(const Parameters& other, Cancellation& cancellation) {
    if (const Status s = share(other); s != Status::ok) return s;
    return prefault(panels_, cancellation);
  }

  // Incomplete where it is interrupted.
  [[nodiscard]] Status copy(const Parameters& other, Cancellation& cancellation) {
    if (panels_.size() != other.panels_.size() || shape().sizes != other.shape().sizes)
      if (const Status s = share(other); s != Status::ok) return s;
    return copy_all(other.panels_, panels_, cancellation);
  }

  // Where the panels of a layer begin, or the arrays of the columns.
  Size offset(Size l) const { return offset_[l]; }
  LayerView<T> layer(Size l, Activation epilogue = Activation::identity) const {
    const Shape& s = shape();
    return {const_cast<T*>(panels_.data()) + offset_[l], stride(l), s.sizes[l], s.sizes[l + 1], epilogue, !s.has_s(l)};
  }
  // The same for derivatives of the inputs, which the bias has no part in.
  LayerView<T> linear_layer(Size l) const {
    LayerView<T> view = layer(l);
    view.biased = false;
    return view;
  }
  // The first row of a block; of an array apart all of it is one.
  ParameterRow<T> row(const ParameterBlock& block) const {
    if (!block.apart()) return layer(block.layer).row(block.first_row);
    const Size begin = offset_[block.layer] + panels_of(block.layer);
    return {const_cast<T*>(panels_.data()) + begin + block.first_row * panel_width, panel_width};
  }
  ColumnsView<T> columns() const { return columns_at(panels_.data() + offset_[shape().layers()]); }
  // The same of arrays that lie like those of the columns, from `begin` on.
  ColumnsView<T> columns_at(const T* begin) const {
    const Columns& of = shape().columns;
    const LayerBlocks& arrays = blocks(shape().layers());
    const auto at = [&](Role role) {
      const ParameterBlock* const block = arrays.find(role);
      return block == nullptr ? nullptr : const_cast<T*>(begin) + block->first_row * panel_width;
    };
    return {.embedding = of.embedding,
            .numbers = of.numbers,
            .others = of.others,
            .tables = of.categories.size(),
            .frequencies = of.frequencies,
            .size = of.size,
            .relu = of.relu,
            .shared = of.shared,
            .table_size = of.table_size,
            .edges = of.edges.data(),
            .first_bin = of.first_bin.data(),
            .categories = of.categories.data(),
            .frequency = at(Role::frequencies),
            .phase = at(Role::phases),
            .weights = at(Role::embedding_weights),
            .bias = at(Role::embedding_bias),
            .slope = at(Role::slopes),
            .table = at(Role::tables)};
  }
  // The array of a block apart, of layer l, in members' role.
  T* of_members(Size l, Role role) const { return row(*blocks(l).find(role)).p; }
  HeadsView<T> heads(Size l) const {
    return {of_members(l, Role::member_weights), of_members(l, Role::member_bias), shape().sizes[l],
            shape().sizes[l + 1], shape().members};
  }
  NormalizationRows<T> normalization(Size l) const {
    const auto row_of = [&](Role role) {
      const ParameterBlock* const block = blocks(l).find(role);
      return block == nullptr ? ParameterRow<T>{} : row(*block);
    };
    return {row_of(Role::gamma), row_of(Role::beta), row_of(Role::running_mean), row_of(Role::running_variance),
            shape().sizes[l + 1]};
  }
  const Stages& stages() const { return *stages_; }
  const Shape& shape() const { return stages_->shape(); }
  const LayerBlocks& blocks(Size l) const { return stages_->blocks(l); }
  Buffer<T>& panels() { return panels_; }
  const Buffer<T>& panels() const { return panels_; }

  // A block, row-major (rows, columns).
  [[nodiscard]] Status read(const ParameterBlock& block, T* values, Cancellation& cancellation) const {
    return move(block, values, false, cancellation);
  }
  [[nodiscard]] Status write(const ParameterBlock& block, const T* values, Cancellation& cancellation) {
    return move(block, const_cast<T*>(values), true, cancellation);
  }
  void write_row(const ParameterBlock& block, Size row, const T* values) {
    move_row(block, row, const_cast<T*>(values), true);
  }

  // Never stops on the way: it takes some milliseconds for 100 MB.
  bool finite() const {
    std::atomic<bool> all{true};
    Cancellation never;
    const Status done = in_parallel(panels_.size(), block_elements, never, [&](Size begin, Size end) {
      if (!kernels<T>().finite(panels_.data() + begin, end - begin)) all = false;
    });
    return done == Status::ok && all;
  }

 private:
  [[nodiscard]] Status allocate(const Shape& shape) {
    stages_ = std::make_shared<const Stages>(shape);
    offset_.clear();
    CheckedSize total = 0;
    for (Size l = 0; l < shape.owners(); ++l) {
      constexpr Size most_rows_behind = 6;
      const CheckedSize rows = l < shape.layers() ? CheckedSize(shape.sizes[l]) + most_rows_behind : 0;
      if (!(rows * (panel_width * sizeof(T)) + 8192).ok() || !total.ok()) return Status::too_large;
      offset_.push_back(total.value());
      if (l < shape.layers()) total = total + CheckedSize(ceil_div(shape.sizes[l + 1], panel_width)) * stride(l);
      total = total + CheckedSize(blocks(l).lines()) * panel_width;
    }
    return panels_.allocate(total);
  }

  [[nodiscard]] Status share(const Parameters& other) {
    if (const Status s = panels_.allocate(other.panels_.size()); s != Status::ok) return s;
    stages_ = other.stages_;
    offset_ = other.offset_;
    return Status::ok;
  }

  Size stride(Size l) const { return panel_stride(blocks(l).rows(), sizeof(T)); }
  // Elements in the panels of a layer; the columns have none.
  Size panels_of(Size l) const {
    return l < shape().layers() ? ceil_div(shape().sizes[l + 1], panel_width) * stride(l) : 0;
  }

  Status move(const ParameterBlock& block, T* rows, bool into_panels, Cancellation& cancellation) const {
    const Size at_once = std::max(block_elements / block.columns, Size{1});
    return in_parallel(block.rows, at_once, cancellation, [&](Size begin, Size end) {
      for (Size i = begin; i < end; ++i) move_row(block, i, rows + i * block.columns, into_panels);
    });
  }

  void move_row(const ParameterBlock& block, Size i, T* row, bool into_panels) const {
    const ParameterRow<T> first = this->row(block);
    if (block.apart()) {
      T* const here = first.p + i * block.columns;
      into_panels ? std::memcpy(here, row, block.columns * sizeof(T))
                  : std::memcpy(row, here, block.columns * sizeof(T));
      return;
    }
    for (Size q = 0; q * panel_width < block.columns; ++q) {
      T* const in_panel = first.p + q * first.stride + i * panel_width;
      const Size bytes = used_width(block.columns, q) * sizeof(T);
      into_panels ? std::memcpy(in_panel, row + q * panel_width, bytes)
                  : std::memcpy(row + q * panel_width, in_panel, bytes);
    }
  }

  std::shared_ptr<const Stages> stages_;  // shared by all parameters of a network
  std::vector<Size> offset_;
  Buffer<T> panels_;
};

}  // namespace fcnet
