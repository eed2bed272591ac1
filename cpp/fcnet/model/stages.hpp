// SPDX-License-Identifier: MIT
// The network as a list of stages, made once from its layers: training walks it forward and back, predictions forward.
// Switches over the kinds have no default, so that a kind without an entry does not compile.
#pragma once

#include <span>
#include <vector>

#include "fcnet/model/parameter_blocks.hpp"

namespace fcnet {

enum class StageKind {
  gather,
  embed,
  scale,  // also by R of members
  product,
  heads,  // of members, in place of the last product
  adapt,  // by S and B of members
  batch_norm,
  layer_norm,
  activation,
  parametric,
  softmax,
  dropout,
  loss
};

// What a stage keeps of the forward pass for the way back, beside h.
enum class Saves { nothing, derivative, derivative_and_excess, batch_statistics, sample_statistics, scaled, adapted };

// What must be there before a stage can run: the rows that it works on, all rows of a sample, or the whole batch.
enum class Grain { rows, sample, batch };

struct Stage {
  StageKind kind;
  Size layer;  // whose options and parameters it has
  Activation activation = Activation::identity;
  Grain grain = Grain::rows;
  Saves saves = Saves::nothing;
  double flops = 0;              // multiplications and additions for one sample; only those of products count
  bool follows_product = false;  // of an activation: nothing comes between the two, so that it can be an epilogue

  bool rides() const { return follows_product && saves == Saves::nothing; }  // in training; else in predictions only
};

// The stages from one product to the next. Group i ends in h(i), what goes into layer i; group 0 gathers the inputs.
// Forward, its stages run in blocks of rows up to the first that needs all rows of a sample, and from there on panel by
// panel of samples; backward likewise, from the other end.
class Group {
 public:
  Size rows = 0;  // features of h(i)
  // When a network is trained: F in the epilogue of the product that the group begins with, and what multiplies sigma
  // on its way back through F.
  Activation epilogue = Activation::identity, derivative = Activation::identity;

  void add(const Stage& stage) {
    if (!has_loss_) end_ = stages_.size() + (stage.kind != StageKind::loss);
    has_loss_ = has_loss_ || stage.kind == StageKind::loss;
    stages_.push_back(stage);
    const auto needs_all_rows = [](const Stage& s) { return s.grain == Grain::sample; };
    const std::span<const Stage> trained = before_loss();
    by_samples_ = static_cast<Size>(std::find_if(trained.begin(), trained.end(), needs_all_rows) - trained.begin());
    back_by_rows_ = static_cast<Size>(trained.rend() - std::find_if(trained.rbegin(), trained.rend(), needs_all_rows));
  }

  // Of the last group, the loss and perhaps the F of the outputs are left: the loss takes h_in.
  std::span<const Stage> before_loss() const { return all().first(end_); }
  std::span<const Stage> after_loss() const { return all().subspan(end_); }
  std::span<const Stage> all() const { return stages_; }
  std::span<const Stage> by_rows() const { return all().first(by_samples_); }
  std::span<const Stage> by_samples() const { return before_loss().subspan(by_samples_); }
  // Both in the order of forward.
  std::span<const Stage> back_by_rows() const { return before_loss().subspan(back_by_rows_); }
  std::span<const Stage> back_by_samples() const { return all().first(back_by_rows_); }

  bool has_loss() const { return has_loss_; }
  // Whether it ends with a scale: what goes into the next product is not h, but the scaled h.
  bool scales() const { return stages_.back().kind == StageKind::scale; }
  // What sigma is multiplied by in the epilogue of the product that it comes back through: nothing where the last
  // stages form sums of it as it is.
  Activation back_epilogue() const {
    return scales() || has(StageKind::parametric) ? Activation::identity : derivative;
  }
  bool has(StageKind kind) const {
    return std::any_of(stages_.begin(), stages_.end(), [&](const Stage& s) { return s.kind == kind; });
  }
  bool has(Grain grain) const {
    return std::any_of(stages_.begin(), stages_.end(), [&](const Stage& s) { return s.grain == grain; });
  }

 private:
  std::vector<Stage> stages_;
  bool has_loss_ = false;
  Size end_ = 0, by_samples_ = 0, back_by_rows_ = 0;
};

class Stages {
 public:
  Stages() = default;
  explicit Stages(const Shape& shape) : shape_(shape), groups_(shape.layers() + 1) {
    groups_[0].rows = shape.sizes[0];
    groups_[0].add({.kind = StageKind::gather, .layer = 0, .grain = Grain::sample});
    if (embeds()) groups_[0].add({.kind = StageKind::embed, .layer = 0, .grain = Grain::sample});
    for (Size l = 0; l < shape.layers(); ++l) {
      if (shape.kind(l).scale || shape.has_r(l))
        groups_[l].add({.kind = StageKind::scale, .layer = l, .saves = Saves::scaled});
      add_layer(l, groups_[l + 1]);
    }
    for (Size l = 0; l < shape.owners(); ++l) blocks_.emplace_back(shape, l);
    for (const Group& group : groups_) {
      whole_batches_ = whole_batches_ || group.has(Grain::batch);
      for (const Stage& stage : group.all()) flops_ += stage.flops;
    }
  }

  const Shape& shape() const { return shape_; }
  // As many as layers, and one.
  const std::vector<Group>& groups() const { return groups_; }
  const Group& group(Size i) const { return groups_[i]; }
  const LayerBlocks& blocks(Size layer) const { return blocks_[layer]; }
  // Whether samples are members of an ensemble: then a panel is never shared.
  bool members() const { return shape_.members != 0; }
  // Whether x becomes what goes into the first layer by an embedding of its columns, and where the blocks of those are.
  bool embeds() const { return shape_.columns.any(); }
  Size columns() const { return shape_.layers(); }

  double flops() const { return flops_; }
  // Whether what becomes of a sample depends on the batch: then a chunk of samples is a whole batch.
  bool whole_batches() const { return whole_batches_; }
  // Whether some parameters learn by sums over the samples.
  bool sums() const {
    const auto learns = [](const ParameterBlock& block) { return traits(block.role).learns == Learns::by_sums; };
    return std::any_of(blocks_.begin(), blocks_.end(),
                       [&](const LayerBlocks& layer) { return std::any_of(layer.begin(), layer.end(), learns); });
  }
  // Whether a step consists of nothing but the three products and their epilogues, the same for all parameters, and a
  // loss that takes h_in.
  bool plain() const {
    bool plain = shape_.linked() && !whole_batches_ && !embeds();
    for (Size l = 0; l < shape_.layers(); ++l) {
      plain = plain && shape_.kind(l).bias && !shape_.kind(l).scale && !blocks_[l].have_factors();
      for (const Stage& stage : groups_[l + 1].before_loss())
        plain = plain && (stage.kind == StageKind::product || stage.rides());
    }
    return plain;
  }

 private:
  void add_layer(Size l, Group& group) {
    const LayerKind kind = shape_.kind(l);
    const Size in = shape_.sizes[l], out = shape_.sizes[l + 1];
    group.rows = out;
    group.add({.kind = shape_.is_heads(l) ? StageKind::heads : StageKind::product,
               .layer = l,
               .flops = 2.0 * static_cast<double>(in) * static_cast<double>(out)});
    if (shape_.has_s(l)) group.add({.kind = StageKind::adapt, .layer = l, .saves = Saves::adapted});
    switch (kind.normalization) {
      case Normalization::none:
        break;
      case Normalization::batch:
        group.add({.kind = StageKind::batch_norm, .layer = l, .grain = Grain::batch, .saves = Saves::batch_statistics});
        break;
      case Normalization::layer:
        group.add(
            {.kind = StageKind::layer_norm, .layer = l, .grain = Grain::sample, .saves = Saves::sample_statistics});
        break;
    }
    const bool last = l + 1 == shape_.layers(), linked = last && shape_.linked();
    if (linked) add_loss(group);
    add_activation(l, group);
    if (kind.dropout > 0) group.add({.kind = StageKind::dropout, .layer = l});
    if (last && !linked) add_loss(group);
  }

  void add_loss(Group& group) {
    const Grain grain = shape_.loss == Loss::custom ? Grain::batch : Grain::sample;
    group.add({.kind = StageKind::loss, .layer = shape_.layers() - 1, .grain = grain});
  }

  void add_activation(Size l, Group& group) {
    const LayerKind kind = shape_.kind(l);
    if (kind.activation == Activation::softmax)
      return group.add({.kind = StageKind::softmax, .layer = l, .activation = kind.activation, .grain = Grain::sample});
    if (kind.parametric) {
      group.derivative = Activation::saved_derivative;
      return group.add({.kind = StageKind::parametric,
                        .layer = l,
                        .activation = kind.activation,
                        .saves = Saves::derivative_and_excess});
    }
    // Whether F does not come straight from a product, in whose epilogue it could be; heads have none.
    const bool heads = shape_.is_heads(l) && kind.activation != Activation::identity;
    const bool apart = kind.normalization != Normalization::none || shape_.has_s(l) || heads;
    const bool saves = needs_saved_derivative(kind.activation) || kind.dropout > 0 || apart;
    if (kind.activation == Activation::identity && !saves) return;
    group.add({.kind = StageKind::activation,
               .layer = l,
               .activation = kind.activation,
               .saves = saves ? Saves::derivative : Saves::nothing,
               .follows_product = !apart});
    group.derivative = saves ? Activation::saved_derivative : kind.activation;
    if (group.all().back().rides() && !group.has_loss()) group.epilogue = kind.activation;
  }

  Shape shape_;
  std::vector<Group> groups_;
  std::vector<LayerBlocks> blocks_;
  double flops_ = 0;
  bool whole_batches_ = false;
};

}  // namespace fcnet
