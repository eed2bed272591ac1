// SPDX-License-Identifier: MIT
// What a chunk of samples needs between forward and update, allocated once: for every group of stages (stages.hpp) its
// h, sigma and sigma^T in panels of 32 samples (layout.hpp), or sparse rows instead of the first h; and what its stages
// save for the way back. Group i ends in h(i), which goes into layer i.
#pragma once

#include <algorithm>
#include <vector>

#include "fcnet/base/buffer.hpp"
#include "fcnet/engine/sparse_workspace.hpp"
#include "fcnet/model/data.hpp"
#include "fcnet/model/stages.hpp"

namespace fcnet {

template <class T>
class Workspace {
 public:
  // `longest`: the numbers of a sparse row, or 0: rows are dense. `to_first`: with room for sigma(0), `to_inputs`: and
  // for the derivative by x.
  [[nodiscard]] Status allocate(const Stages& stages, Size panels, Size longest, bool to_first, bool to_inputs) {
    const Shape& shape = stages.shape();
    panels_ = panels;
    groups_.clear();
    groups_.resize(stages.groups().size());
    if (const Status s = sparse_.allocate(shape.inputs(), longest, panels); s != Status::ok) return s;
    for (Size i = longest != 0; i < groups_.size(); ++i) {
      const Size rows = stages.group(i).rows;
      const CheckedSize all = CheckedSize(panel_stride(rows + 1, sizeof(T))) * panels;
      if (const Status s = groups_[i].h.allocate(all); s != Status::ok) return s;
      for (const Stage& stage : stages.group(i).before_loss())
        if (const Status s = allocate(groups_[i], stage.saves, rows, all); s != Status::ok) return s;
      if (i == 0 && stages.embeds())
        if (const Status s = allocate_columns(stages, to_first, to_inputs); s != Status::ok) return s;
      if (stages.members() && i < shape.layers()) {
        const CheckedSize sums = CheckedSize(stages.blocks(i).lines()) * panel_width;
        if (const Status s = groups_[i].member_sums.allocate(sums); s != Status::ok) return s;
      }
      for (Size p = 0; p < panels; ++p)  // the row that multiplies the bias
        std::fill_n(input(i, p * panel_width, panel_width).p + rows * panel_width, panel_width, T(1));
      if (i > 0 || to_first)
        if (const Status s = groups_[i].sigma.allocate(all); s != Status::ok) return s;
      if (i == 0) continue;
      const CheckedSize transposed = CheckedSize(ceil_div(rows, panel_width)) * panels * (panel_width * panel_width);
      if (const Status s = groups_[i].sigma_t.allocate(transposed); s != Status::ok) return s;
    }
    if (shape.loss == Loss::custom)
      if (const Status s = rows_.allocate(CheckedSize(shape.outputs()) * panel_width * panels); s != Status::ok)
        return s;
    if (const Status s = target_.allocate(CheckedSize(shape.outputs()) * panel_width * panels); s != Status::ok)
      return s;
    return losses_.allocate(CheckedSize(panels) * (panel_width / loss_group));
  }

  // From sample `first` on, which may lie inside a panel as long as all samples do.
  Panels<T> h(Size i, Size first, Size samples) { return view(groups_[i].h, first, samples); }
  Panels<T> sigma(Size i, Size first, Size samples) { return view(groups_[i].sigma, first, samples); }
  Panels<T> sigma_t(Size i) { return {groups_[i].sigma_t.data(), panels_ * panel_width * panel_width, 0}; }
  Panels<T> saved_derivative(Size i, Size first, Size samples) { return view(groups_[i].derivative, first, samples); }
  // Of a parametric activation, elsewhere null: F(h) - h; the sums of groups of samples, from that of sample `first`
  // on; and what they are of, which only gradients of single samples need.
  Panels<T> excess(Size i, Size first, Size samples) { return view_or_none(groups_[i].excess, first, samples); }
  T* mix_sums(Size i, Size first, Size rows) { return groups_[i].mix_sums.data() + first / loss_group * rows; }
  Panels<T> mix_products(Size i, Size first, Size samples) {
    return view_or_none(groups_[i].mix_products, first, samples);
  }
  [[nodiscard]] Status keep_mix_products(Size i) {
    Buffer<T>& products = groups_[i].mix_products;
    return products.size() != 0 ? Status::ok : products.allocate_unset(groups_[i].sigma.size());
  }
  // What goes into the product: h, or the scaled h; and sigma of the latter, with sums over samples for every number.
  Panels<T> input(Size i, Size first, Size samples) {
    return view(groups_[i].scaled.size() != 0 ? groups_[i].scaled : groups_[i].h, first, samples);
  }
  Panels<T> scaled_sigma(Size i, Size first, Size samples) { return view(groups_[i].scaled_sigma, first, samples); }
  T* scale_sums(Size i) { return groups_[i].scale_sums.data(); }
  // What is to become of a layer's arrays of members: sums over samples, arranged like the arrays.
  T* member_sums(Size layer) { return groups_[layer].member_sums.data(); }
  // Where columns are embedded: x, the derivative by it, and the sums for the arrays of their embeddings.
  Panels<T> columns(Size first, Size samples) { return view(columns_, first, samples); }
  Panels<T> columns_sigma(Size first, Size samples) { return view(columns_sigma_, first, samples); }
  T* columns_sums() { return columns_sums_.data(); }
  // The normalised product; sigma before its way back through the normalisation.
  Panels<T> normalized(Size i, Size first, Size samples) { return view(groups_[i].normalized, first, samples); }
  Panels<T> before(Size i, Size first, Size samples) { return view(groups_[i].before, first, samples); }
  // The latter for batch normalisation too, which needs it for gradients of single samples alone.
  bool keeps_before(Size i) const { return groups_[i].before.size() != 0; }
  [[nodiscard]] Status keep_before(Size i) {
    return keeps_before(i) ? Status::ok : groups_[i].before.allocate_unset(groups_[i].sigma.size());
  }
  // Of every neuron: dL/d(gamma) and dL/d(beta), then mean and variance of the batch, or 1 / deviation of samples.
  T* statistics(Size i) { return groups_[i].statistics.data(); }
  SparseWorkspace<T>& sparse() { return sparse_; }
  T* target(Size first) { return view(target_, first, 0).p; }
  T* rows() { return rows_.data(); }  // of outputs, for a custom loss
  LossSum* losses(Size first) { return losses_.data() + first / loss_group; }

 private:
  Panels<T> view(Buffer<T>& buffer, Size first, Size samples) {
    const Size stride = buffer.size() / panels_;
    return {buffer.data() + first / panel_width * stride + first % panel_width, stride, samples};
  }

  Panels<T> view_or_none(Buffer<T>& buffer, Size first, Size samples) {
    return buffer.size() != 0 ? view(buffer, first, samples) : Panels<T>{nullptr, 0, samples};
  }

  // Of one group of stages.
  struct Buffers {
    Buffer<T> h, sigma, sigma_t, derivative, excess, mix_sums, mix_products, normalized, before, statistics, scaled,
        scaled_sigma, scale_sums, member_sums;
  };

  // What a stage saves.
  [[nodiscard]] Status allocate(Buffers& to, Saves saves, Size rows, CheckedSize all) {
    switch (saves) {
      case Saves::nothing:
        return Status::ok;
      case Saves::derivative:
        return to.derivative.allocate(all);
      case Saves::derivative_and_excess:
        if (const Status s = to.derivative.allocate(all); s != Status::ok) return s;
        if (const Status s = to.excess.allocate(all); s != Status::ok) return s;
        return to.mix_sums.allocate(CheckedSize(panels_) * (panel_width / loss_group) * rows);
      case Saves::batch_statistics:
        if (const Status s = to.normalized.allocate(all); s != Status::ok) return s;
        return to.statistics.allocate(CheckedSize(rows) * 4);
      case Saves::sample_statistics:
        if (const Status s = to.normalized.allocate(all); s != Status::ok) return s;
        if (const Status s = to.before.allocate(all); s != Status::ok) return s;
        return to.statistics.allocate(CheckedSize(panels_) * panel_width + rows * 2);
      case Saves::adapted:
        if (const Status s = to.normalized.allocate(all); s != Status::ok) return s;
        return to.before.allocate(all);
      case Saves::scaled:
        if (const Status s = to.scaled.allocate(all); s != Status::ok) return s;
        if (const Status s = to.scaled_sigma.allocate(all); s != Status::ok) return s;
        return to.scale_sums.allocate(CheckedSize(rows) * 2);
    }
    return Status::ok;
  }

  [[nodiscard]] Status allocate_columns(const Stages& stages, bool to_first, bool to_inputs) {
    const CheckedSize all = CheckedSize(panel_stride(stages.shape().inputs(), sizeof(T))) * panels_;
    if (const Status s = columns_.allocate(all); s != Status::ok) return s;
    if (to_inputs)
      if (const Status s = columns_sigma_.allocate(all); s != Status::ok) return s;
    return to_first ? columns_sums_.allocate(CheckedSize(stages.blocks(stages.columns()).lines()) * panel_width)
                    : Status::ok;
  }

  Size panels_ = 1;
  std::vector<Buffers> groups_;
  Buffer<T> columns_, columns_sigma_, columns_sums_;
  SparseWorkspace<T> sparse_;
  Buffer<T> target_, rows_;
  Buffer<LossSum> losses_;
};

}  // namespace fcnet
