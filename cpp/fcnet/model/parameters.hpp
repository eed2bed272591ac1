// SPDX-License-Identifier: MIT
// A network's parameters in panels.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "fcnet/base/buffer.hpp"
#include "fcnet/isa/dispatch.hpp"
#include "fcnet/model/shape.hpp"
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

  // Incomplete where it is interrupted.
  [[nodiscard]] Status copy(const Parameters& other, Cancellation& cancellation) {
    if (panels_.size() != other.panels_.size() || shape_.sizes != other.shape_.sizes)
      if (const Status s = allocate(other.shape_); s != Status::ok) return s;
    return copy_all(other.panels_, panels_, cancellation);
  }

  // Where the panels of a layer begin.
  Size offset(Size l) const { return offset_[l]; }
  LayerView<T> layer(Size l) const {
    return {const_cast<T*>(panels_.data()) + offset_[l], stride(l), shape_.sizes[l], shape_.sizes[l + 1],
            shape_.activation(l)};
  }
  const Shape& shape() const { return shape_; }
  Buffer<T>& panels() { return panels_; }
  const Buffer<T>& panels() const { return panels_; }

  // Rows first..first + count of layer l, row-major (count, out); row `in` is the bias.
  [[nodiscard]] Status read(Size l, Size first, Size count, T* rows, Cancellation& cancellation) const {
    return move(l, first, count, rows, false, cancellation);
  }
  [[nodiscard]] Status write(Size l, Size first, Size count, const T* rows, Cancellation& cancellation) {
    return move(l, first, count, const_cast<T*>(rows), true, cancellation);
  }
  void write_row(Size l, Size row, const T* values) { move_row(l, row, const_cast<T*>(values), true); }
  // One number for every neuron.
  void fill_row(Size l, Size row, T value) {
    const LayerView<T> layer = this->layer(l);
    for (Size j = 0; j < layer.out; ++j) layer.at(row, j) = value;
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
    shape_ = shape;
    offset_.clear();
    CheckedSize total = 0;
    for (Size l = 0; l < shape.layers(); ++l) {
      const CheckedSize rows = CheckedSize(shape.sizes[l]) + (1 + variance_row);
      if (!(rows * (panel_width * sizeof(T)) + 8192).ok() || !total.ok()) return Status::too_large;
      offset_.push_back(total.value());
      total = total + CheckedSize(ceil_div(shape.sizes[l + 1], panel_width)) * stride(l);
    }
    return panels_.allocate(total);
  }

  Size stride(Size l) const { return panel_stride(shape_.rows(l), sizeof(T)); }

  Status move(Size l, Size first, Size count, T* rows, bool into_panels, Cancellation& cancellation) const {
    const Size out = shape_.sizes[l + 1];
    return in_parallel(count, std::max(block_elements / out, Size{1}), cancellation, [&](Size begin, Size end) {
      for (Size i = begin; i < end; ++i) move_row(l, first + i, rows + i * out, into_panels);
    });
  }

  void move_row(Size l, Size i, T* row, bool into_panels) const {
    const LayerView<T> layer = this->layer(l);
    for (Size q = 0; q * panel_width < layer.out; ++q) {
      T* const in_panel = layer.w + q * layer.stride + i * panel_width;
      const Size bytes = used_width(layer.out, q) * sizeof(T);
      into_panels ? std::memcpy(in_panel, row + q * panel_width, bytes)
                  : std::memcpy(row + q * panel_width, in_panel, bytes);
    }
  }

  Shape shape_;
  std::vector<Size> offset_;
  Buffer<T> panels_;
};

}  // namespace fcnet
