// SPDX-License-Identifier: MIT
// A network's shape, and its parameters in panels. Hidden layers are ReLU; the last one is affine, its softmax belongs
// to the loss and to prediction.
#pragma once

#include <vector>

#include "fcnet/buffer.hpp"
#include "fcnet/isa/dispatch.hpp"

namespace fcnet {

struct Shape {
  std::vector<Size> sizes;  // inputs, hidden layers ..., outputs
  Loss loss = Loss::cross_entropy;

  Size layers() const { return sizes.size() - 1; }
  Size inputs() const { return sizes.front(); }
  Size outputs() const { return sizes.back(); }
  Activation activation(Size layer) const { return layer + 1 < layers() ? Activation::relu : Activation::identity; }

  // Multiplications and additions of all layers for one sample, forward only.
  double flops() const {
    double sum = 0;
    for (Size l = 0; l < layers(); ++l) sum += 2.0 * static_cast<double>(sizes[l]) * static_cast<double>(sizes[l + 1]);
    return sum;
  }
};

template <class T>
class Parameters {
 public:
  [[nodiscard]] Status allocate(const Shape& shape) {
    shape_ = shape;
    offset_.clear();
    Checked total = 0;
    for (Size l = 0; l < shape.layers(); ++l) {
      const Checked rows = Checked(shape.sizes[l]) + 1;
      if (!(rows * (lanes * sizeof(T)) + 8192).ok() || !total.ok()) return Status::too_large;
      offset_.push_back(total.value());
      total = total + Checked(groups(shape.sizes[l + 1], lanes)) * stride(l);
    }
    return panels_.allocate(total);
  }

  [[nodiscard]] Status copy(const Parameters& other) {
    if (const Status s = allocate(other.shape_); s != Status::ok) return s;
    std::memcpy(panels_.data(), other.panels_.data(), panels_.size() * sizeof(T));
    return Status::ok;
  }

  LayerView<T> layer(Size l) const {
    return {const_cast<T*>(panels_.data()) + offset_[l], stride(l), shape_.sizes[l], shape_.sizes[l + 1],
            shape_.activation(l)};
  }
  const Shape& shape() const { return shape_; }
  Buffer<T>& panels() { return panels_; }
  const Buffer<T>& panels() const { return panels_; }

  // Rows first..first + count of layer l, row-major (count, out); row `in` is the bias.
  void read(Size l, Size first, Size count, T* rows) const { move(l, first, count, rows, false); }
  void write(Size l, Size first, Size count, const T* rows) { move(l, first, count, const_cast<T*>(rows), true); }

  bool finite() const {
    for (Size i = 0; i < panels_.size(); ++i)
      if (!__builtin_isfinite(panels_[i])) return false;
    return true;
  }

 private:
  Size stride(Size l) const { return panel_stride(shape_.sizes[l] + 1, sizeof(T)); }

  void move(Size l, Size first, Size count, T* rows, bool into_panels) const {
    const LayerView<T> layer = this->layer(l);
    for (Size q = 0; q * lanes < layer.out; ++q)
      for (Size i = 0; i < count; ++i) {
        T* const panel_row = layer.w + q * layer.stride + (first + i) * lanes;
        T* const row = rows + i * layer.out + q * lanes;
        const Size bytes = used_lanes(layer.out, q) * sizeof(T);
        into_panels ? std::memcpy(panel_row, row, bytes) : std::memcpy(row, panel_row, bytes);
      }
  }

  Shape shape_;
  std::vector<Size> offset_;  // where the panels of a layer begin
  Buffer<T> panels_;
};

// He et al. 2015, equation 10: weights normal with variance 2 / in, biases 0.
template <class T>
[[nodiscard]] Status initialize(Parameters<T>& parameters, std::uint64_t seed) {
  const Shape& shape = parameters.shape();
  for (Size l = 0; l < shape.layers(); ++l) {
    const Size in = shape.sizes[l], out = shape.sizes[l + 1];
    Buffer<T> row;
    if (const Status s = row.allocate(out); s != Status::ok) return s;
    for (Size k = 0; k < in; ++k) {
      kernels<T>().normal(seed, static_cast<std::uint32_t>(l), k * out, out,
                          __builtin_sqrt(2.0 / static_cast<double>(in)), row.data());
      parameters.write(l, k, 1, row.data());
    }
  }
  return Status::ok;
}

}  // namespace fcnet
