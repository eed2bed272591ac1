// SPDX-License-Identifier: MIT
// Parameter blocks: pieces of a layer's parameters, or of those of the columns of x, with a role. The role says what
// becomes of a block: its first values, whether a fit trains it, where its gradient comes from, whether weight decay
// and penalties apply.
#pragma once

#include <algorithm>

#include "fcnet/model/shape.hpp"

namespace fcnet {

enum class Role {
  weights,
  bias,
  gamma,
  beta,
  product_bias,
  mix,
  scale,
  running_mean,
  running_variance,
  // of members
  member_weights,
  member_bias,
  member_r,
  member_s,
  // of the columns
  frequencies,
  phases,
  embedding_weights,
  embedding_bias,
  slopes,
  tables
};

// What moves the values of a block in a step: the optimizer, with a gradient from the weight product or from sums over
// the samples that a stage forms; or no gradient, but the statistics of the batch.
enum class Learns { by_weight_product, by_sums, from_statistics };

struct RoleTraits {
  const char* name;  // in Python
  Learns learns;
  bool decays;  // weight decay and penalties, also where the optimizer has `decay_biases` off
  double initial;
  bool apart = false;  // an array of its own, contiguous, behind the panels of its layer
};

static constexpr RoleTraits traits(Role role) {
  switch (role) {
    case Role::weights:  // drawn, see initialization.hpp
      return {.name = "W", .learns = Learns::by_weight_product, .decays = true, .initial = 0};
    case Role::bias:
      return {.name = "B", .learns = Learns::by_weight_product, .decays = false, .initial = 0};
    case Role::gamma:
      return {.name = "gamma", .learns = Learns::by_sums, .decays = false, .initial = 1};
    case Role::beta:  // the bias of a normalised layer
      return {.name = "B", .learns = Learns::by_sums, .decays = false, .initial = 0};
    case Role::product_bias:  // before a normalisation
      return {.name = "product_bias", .learns = Learns::by_weight_product, .decays = false, .initial = 0};
    case Role::mix:  // a of a parametric activation
      return {.name = "mix", .learns = Learns::by_sums, .decays = false, .initial = 1};
    case Role::scale:
      return {.name = "scale", .learns = Learns::by_sums, .decays = false, .initial = 1, .apart = true};
    case Role::running_mean:
      return {.name = "mean", .learns = Learns::from_statistics, .decays = false, .initial = 0};
    case Role::running_variance:
      return {.name = "variance", .learns = Learns::from_statistics, .decays = false, .initial = 1};
    case Role::member_weights:  // drawn by Python
      return {.name = "W", .learns = Learns::by_sums, .decays = true, .initial = 0, .apart = true};
    case Role::member_bias:
      return {.name = "B", .learns = Learns::by_sums, .decays = false, .initial = 0, .apart = true};
    case Role::member_r:
      return {.name = "R", .learns = Learns::by_sums, .decays = false, .initial = 1, .apart = true};
    case Role::member_s:
      return {.name = "S", .learns = Learns::by_sums, .decays = false, .initial = 1, .apart = true};
    case Role::frequencies:  // drawn by Python, as all of the columns
      return {.name = "frequencies", .learns = Learns::by_sums, .decays = false, .initial = 0, .apart = true};
    case Role::phases:
      return {.name = "phases", .learns = Learns::by_sums, .decays = false, .initial = 0, .apart = true};
    case Role::embedding_weights:
      return {.name = "W", .learns = Learns::by_sums, .decays = false, .initial = 0, .apart = true};
    case Role::embedding_bias:
      return {.name = "B", .learns = Learns::by_sums, .decays = false, .initial = 0, .apart = true};
    case Role::slopes:
      return {.name = "slopes", .learns = Learns::by_sums, .decays = false, .initial = 0, .apart = true};
    case Role::tables:
      return {.name = "tables", .learns = Learns::by_sums, .decays = true, .initial = 0, .apart = true};
  }
  return {};
}

// Rows first_row..first_row + rows of the panels of a layer; or an array apart (RoleTraits), row-major from number
// 32 first_row behind the panels on. `layer` may be that of the columns, behind all layers: Shape::owners.
struct ParameterBlock {
  Role role;
  Size layer, first_row, rows, columns;
  bool optimized;  // changed by the optimizer: no running statistics, no bias of a layer without one
  Factors factors{};

  Size last_row() const { return first_row + rows; }
  bool apart() const { return traits(role).apart; }
  // Of an array apart, rows first..last of the 32 numbers each that it takes in memory, as one row.
  ParameterBlock lines(Size first, Size last) const {
    return {role, layer, first_row + first, 1, (last - first) * panel_width, optimized, factors};
  }
  Size lines() const { return ceil_div(rows * columns, panel_width); }
};

// The blocks of one layer, or of the columns, in the order in which Python knows them. Where the layer is normalised,
// row `in` is that of the product's bias, zero where it has none, and gamma and beta follow; mix is the next row,
// before the running statistics.
class LayerBlocks {
 public:
  LayerBlocks(const Shape& shape, Size layer) : layer_(layer) {
    layer < shape.layers() ? add_layer(shape) : add_columns(shape.columns);
    have_factors_ = std::any_of(begin(), end(), [](const ParameterBlock& block) { return block.factors != Factors{}; });
  }

  const ParameterBlock* begin() const { return blocks_; }
  const ParameterBlock* end() const { return blocks_ + count_; }
  Size size() const { return count_; }
  // Null where the layer has none.
  const ParameterBlock* find(Role role) const {
    const ParameterBlock* const found = std::find_if(begin(), end(), [&](const auto& b) { return b.role == role; });
    return found == end() ? nullptr : found;
  }

  // Whether the optimizer does not treat all of them alike.
  bool have_factors() const { return have_factors_; }

  // Of the layer's panels; up to where the optimizer changes them, where the weight product has the gradient.
  Size rows() const {
    return last_row([](const ParameterBlock&) { return true; });
  }
  Size optimized_rows() const {
    return last_row([](const ParameterBlock& block) { return block.optimized; });
  }
  Size product_rows() const {
    return last_row([](const ParameterBlock& block) {
      return block.optimized && traits(block.role).learns == Learns::by_weight_product;
    });
  }

  // Of 32 numbers each, for all arrays apart.
  Size lines() const {
    Size last = 0;
    for (const ParameterBlock& block : *this)
      if (block.apart()) last = block.first_row + block.lines();
    return last;
  }

 private:
  void add_layer(const Shape& shape) {
    in_ = shape.sizes[layer_];
    out_ = shape.sizes[layer_ + 1];
    kind_ = shape.kind(layer_);
    const bool normalizes = kind_.normalization != Normalization::none;
    if (shape.is_heads(layer_)) {
      add_apart(Role::member_weights, in_ * out_, shape.members, kind_.of_weights);
      add_apart(Role::member_bias, out_, shape.members, kind_.of_biases);
      return;
    }
    add(Role::weights, 0, in_);
    if (shape.has_s(layer_)) {
      add_apart(Role::member_bias, out_, shape.members, kind_.of_biases);
      if (kind_.parametric) add(Role::mix, in_ + 1, 1);
      add_apart(Role::member_r, in_, shape.members, kind_.of_scale);
      add_apart(Role::member_s, out_, shape.members, kind_.of_scale);
      return;
    }
    add(normalizes ? Role::beta : Role::bias, in_ + (normalizes ? 2 : 0), 1, kind_.bias);
    if (normalizes) add(Role::gamma, in_ + 1, 1);
    if (kind_.product_bias) add(Role::product_bias, in_, 1);
    if (kind_.parametric) add(Role::mix, in_ + (normalizes ? 3 : 1), 1);
    if (kind_.scale) add_apart(Role::scale, 1, in_, kind_.of_scale);
    if (shape.has_r(layer_)) add_apart(Role::member_r, in_, shape.members, kind_.of_scale);
    if (kind_.normalization == Normalization::batch) {
      add(Role::running_mean, rows(), 1);
      add(Role::running_variance, rows(), 1);
    }
  }
  void add(Role role, Size first_row, Size rows, bool optimized = true) {
    optimized = optimized && traits(role).learns != Learns::from_statistics;
    blocks_[count_++] = {role, layer_, first_row, rows, out_, optimized, factors_of(role)};
  }
  Factors factors_of(Role role) const {
    Factors factors;
    switch (role) {
      case Role::weights:
        factors = kind_.of_weights;
        if (kind_.ntp) factors.multiplier = 1 / __builtin_sqrt(static_cast<double>(in_));
        return factors;
      case Role::bias:
      case Role::gamma:
      case Role::beta:
      case Role::product_bias:
        return kind_.of_biases;
      case Role::mix:
        return kind_.of_mix;
      case Role::running_mean:
      case Role::running_variance:
      case Role::scale:  // arrays apart, see add_apart
      case Role::member_weights:
      case Role::member_bias:
      case Role::member_r:
      case Role::member_s:
      case Role::frequencies:
      case Role::phases:
      case Role::embedding_weights:
      case Role::embedding_bias:
      case Role::slopes:
      case Role::tables:
        break;
    }
    return factors;
  }
  void add_apart(Role role, Size rows, Size columns, const Factors& factors) {
    const Size behind = lines();
    blocks_[count_++] = {role, layer_, behind, rows, columns, true, factors};
  }
  void add_columns(const Columns& of) {
    if (of.embedding != NumberEmbedding::none) {
      if (of.frequencies > 0) add_apart(Role::frequencies, of.numbers, of.frequencies, of.of_embedding);
      if (of.embedding == NumberEmbedding::periodic)
        add_apart(Role::phases, of.numbers, of.frequencies, of.of_embedding);
      add_apart(Role::embedding_weights, of.weight_rows(), of.size, of.of_embedding);
      add_apart(Role::embedding_bias, of.bias_rows(), of.size, of.of_embedding);
      if (of.sloped) add_apart(Role::slopes, of.numbers, of.size, of.of_embedding);
    }
    if (!of.categories.empty()) add_apart(Role::tables, of.table_rows(), of.table_size, of.of_tables);
  }
  template <class Is>
  Size last_row(Is is) const {
    Size last = 0;
    for (const ParameterBlock& block : *this)
      if (!block.apart() && is(block)) last = std::max(last, block.last_row());
    return last;
  }

  Size layer_, in_ = 0, out_ = 0;
  LayerKind kind_;
  ParameterBlock blocks_[7] = {};
  Size count_ = 0;
  bool have_factors_ = false;
};

}  // namespace fcnet
