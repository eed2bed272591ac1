// SPDX-License-Identifier: MIT
// What a chunk of samples needs between forward and update, allocated once: for every layer its h, sigma and sigma^T
// in panels of 32 samples (layout.hpp), and F' where it is kept. Layer l's input is h(l); the output is h(layers).
#pragma once

#include <algorithm>
#include <vector>

#include "fcnet/data.hpp"

namespace fcnet {

template <class T>
class Workspace {
 public:
  [[nodiscard]] Status allocate(const Shape& shape, Size panels) {
    panels_ = panels;
    const Size n = shape.sizes.size();
    h_.resize(n);
    slope_.resize(n);
    sigma_.resize(n);
    sigma_t_.resize(n);
    for (Size l = 0; l < n; ++l) {
      const Checked stride = panel_stride(shape.sizes[l] + 1, sizeof(T));
      if (const Status s = h_[l].allocate(stride * panels); s != Status::ok) return s;
      for (Size p = 0; p < panels; ++p)  // the row that multiplies the bias
        std::fill_n(h(l, p * lanes, lanes).p + shape.sizes[l] * lanes, lanes, T(1));
      if (l == 0) continue;
      if (shape.keeps(l - 1))
        if (const Status s = slope_[l].allocate(stride * panels); s != Status::ok) return s;
      if (const Status s = sigma_[l].allocate(stride * panels); s != Status::ok) return s;
      const Checked transposed = Checked(groups(shape.sizes[l], lanes)) * panels * (lanes * lanes);
      if (const Status s = sigma_t_[l].allocate(transposed); s != Status::ok) return s;
    }
    if (shape.loss == Loss::custom)
      if (const Status s = rows_.allocate(Checked(shape.outputs()) * lanes * panels); s != Status::ok) return s;
    if (const Status s = target_.allocate(Checked(shape.outputs()) * lanes * panels); s != Status::ok) return s;
    return losses_.allocate(Checked(panels) * (lanes / loss_group));
  }

  // From sample `first` on, which may lie inside a panel as long as all samples do.
  Panels<T> h(Size l, Size first, Size samples) { return view(h_[l], first, samples); }
  Panels<T> slope(Size l, Size first, Size samples) { return view(slope_[l], first, samples); }
  Panels<T> sigma(Size l, Size first, Size samples) { return view(sigma_[l], first, samples); }
  Panels<T> sigma_t(Size l) { return {sigma_t_[l].data(), panels_ * lanes * lanes, 0}; }
  T* target(Size first) { return view(target_, first, 0).p; }
  T* rows() { return rows_.data(); }  // of outputs, for a custom loss
  LossSum* losses(Size first) { return losses_.data() + first / loss_group; }

 private:
  Panels<T> view(Buffer<T>& buffer, Size first, Size samples) {
    const Size stride = buffer.size() / panels_;
    return {buffer.data() + first / lanes * stride + first % lanes, stride, samples};
  }

  Size panels_ = 1;
  std::vector<Buffer<T>> h_, slope_, sigma_, sigma_t_;
  Buffer<T> target_, rows_;
  Buffer<LossSum> losses_;
};

}  // namespace fcnet
