// SPDX-License-Identifier: MIT
// What a chunk of samples needs between forward and update, allocated once: for every layer its h, sigma and sigma^T
// in panels of 32 samples (layout.hpp), or sparse rows instead of the first h; F' where it is saved, and what
// normalisation needs on the way back. Layer l's input is h(l); the output is h(layers).
#pragma once

#include <algorithm>
#include <vector>

#include "fcnet/base/buffer.hpp"
#include "fcnet/engine/sparse_workspace.hpp"
#include "fcnet/model/data.hpp"

namespace fcnet {

template <class T>
class Workspace {
 public:
  // `longest`: the numbers of a sparse row, or 0: rows are dense.
  [[nodiscard]] Status allocate(const Shape& shape, Size panels, Size longest) {
    panels_ = panels;
    const Size n = shape.sizes.size();
    h_.resize(n);
    saved_derivative_.resize(n);
    sigma_.resize(n);
    sigma_t_.resize(n);
    normalized_.resize(n);
    before_.resize(n);
    statistics_.resize(n);
    if (const Status s = sparse_.allocate(shape.inputs(), longest, panels); s != Status::ok) return s;
    for (Size l = longest != 0; l < n; ++l) {
      const CheckedSize stride = panel_stride(shape.sizes[l] + 1, sizeof(T));
      if (const Status s = h_[l].allocate(stride * panels); s != Status::ok) return s;
      for (Size p = 0; p < panels; ++p)  // the row that multiplies the bias
        std::fill_n(h(l, p * panel_width, panel_width).p + shape.sizes[l] * panel_width, panel_width, T(1));
      if (l == 0) continue;
      if (shape.saves_derivative(l - 1))
        if (const Status s = saved_derivative_[l].allocate(stride * panels); s != Status::ok) return s;
      if (shape.normalizes(l - 1)) {
        const bool of_batch = shape.normalization(l - 1) == Normalization::batch;
        const CheckedSize statistics =
            of_batch ? CheckedSize(shape.sizes[l]) * 4 : CheckedSize(panels) * panel_width + shape.sizes[l] * 2;
        if (const Status s = normalized_[l].allocate(stride * panels); s != Status::ok) return s;
        if (const Status s = before_[l].allocate(of_batch ? CheckedSize(0) : stride * panels); s != Status::ok)
          return s;
        if (const Status s = statistics_[l].allocate(statistics); s != Status::ok) return s;
      }
      if (const Status s = sigma_[l].allocate(stride * panels); s != Status::ok) return s;
      const CheckedSize transposed =
          CheckedSize(ceil_div(shape.sizes[l], panel_width)) * panels * (panel_width * panel_width);
      if (const Status s = sigma_t_[l].allocate(transposed); s != Status::ok) return s;
    }
    if (shape.loss == Loss::custom)
      if (const Status s = rows_.allocate(CheckedSize(shape.outputs()) * panel_width * panels); s != Status::ok)
        return s;
    if (const Status s = target_.allocate(CheckedSize(shape.outputs()) * panel_width * panels); s != Status::ok)
      return s;
    return losses_.allocate(CheckedSize(panels) * (panel_width / loss_group));
  }

  // From sample `first` on, which may lie inside a panel as long as all samples do.
  Panels<T> h(Size l, Size first, Size samples) { return view(h_[l], first, samples); }
  Panels<T> saved_derivative(Size l, Size first, Size samples) { return view(saved_derivative_[l], first, samples); }
  Panels<T> sigma(Size l, Size first, Size samples) { return view(sigma_[l], first, samples); }
  Panels<T> sigma_t(Size l) { return {sigma_t_[l].data(), panels_ * panel_width * panel_width, 0}; }
  // The normalised product; sigma before its way back through layer normalisation.
  Panels<T> normalized(Size l, Size first, Size samples) { return view(normalized_[l], first, samples); }
  Panels<T> before(Size l, Size first, Size samples) { return view(before_[l], first, samples); }
  // Of layer l's `neurons`: dL/d(gamma) and dL/d(beta), then mean and variance of the batch, or 1 / deviation of
  // samples.
  T* statistics(Size l) { return statistics_[l].data(); }
  SparseWorkspace<T>& sparse() { return sparse_; }
  T* target(Size first) { return view(target_, first, 0).p; }
  T* rows() { return rows_.data(); }  // of outputs, for a custom loss
  LossSum* losses(Size first) { return losses_.data() + first / loss_group; }

 private:
  Panels<T> view(Buffer<T>& buffer, Size first, Size samples) {
    const Size stride = buffer.size() / panels_;
    return {buffer.data() + first / panel_width * stride + first % panel_width, stride, samples};
  }

  Size panels_ = 1;
  std::vector<Buffer<T>> h_, saved_derivative_, sigma_, sigma_t_, normalized_, before_, statistics_;
  SparseWorkspace<T> sparse_;
  Buffer<T> target_, rows_;
  Buffer<LossSum> losses_;
};

}  // namespace fcnet
