// SPDX-License-Identifier: MIT
// Activation functions, losses and the like by the names that Python knows them by.
#pragma once

#include <cmath>
#include <optional>
#include <string>

#include "arrays.hpp"
#include "fcnet/base/options.hpp"

namespace fcnet::bindings {

template <class Choice>
struct Named {
  const char* name;
  Choice choice;
};

template <class Choice, Size n>
Choice named(const Named<Choice> (&all)[n], const char* argument, const std::string& name) {
  for (const auto& [known, choice] : all)
    if (name == known) return choice;
  value_error(std::string(argument) + " is '" + name + "': expected one that fcnet has");
}

// With the usual constant where none is given.
inline Activation activation_named(const std::string& name, std::optional<double> constant = std::nullopt) {
  static constexpr Named<Activation::Kind> all[]{
      {"identity", Activation::identity}, {"relu", Activation::relu},           {"leaky_relu", Activation::leaky_relu},
      {"elu", Activation::elu},           {"selu", Activation::selu},           {"sigmoid", Activation::sigmoid},
      {"tanh", Activation::tanh},         {"softplus", Activation::softplus},   {"exp", Activation::exp},
      {"gelu", Activation::gelu},         {"gelu_tanh", Activation::gelu_tanh}, {"silu", Activation::silu},
      {"mish", Activation::mish},         {"relu6", Activation::relu6},         {"hard_swish", Activation::hard_swish},
      {"softmax", Activation::softmax}};
  const Activation usual = named(all, "activation", name);
  if (!constant) return usual;
  const bool has_one = usual.kind == Activation::leaky_relu || usual.kind == Activation::elu;
  if (!has_one || !(*constant >= 0 && std::isfinite(*constant)))
    value_error("the constant of " + name + " is " + std::to_string(*constant) + ": expected another one, or none");
  return {usual.kind, *constant};
}

inline Normalization normalization_named(const std::string& name) {
  static constexpr Named<Normalization> all[]{
      {"none", Normalization::none}, {"layer", Normalization::layer}, {"batch", Normalization::batch}};
  return named(all, "normalization", name);
}

inline NumberEmbedding embedding_named(const std::string& name) {
  static constexpr Named<NumberEmbedding> all[]{{"none", NumberEmbedding::none},
                                                {"periodic", NumberEmbedding::periodic},
                                                {"plr", NumberEmbedding::plr},
                                                {"piecewise_linear", NumberEmbedding::piecewise_linear}};
  return named(all, "embedding", name);
}

inline Loss loss_named(const std::string& name) {
  static constexpr Named<Loss> all[]{{"cross_entropy", Loss::cross_entropy},
                                     {"binary_cross_entropy", Loss::binary_cross_entropy},
                                     {"mse", Loss::mse},
                                     {"rmse", Loss::rmse},
                                     {"mae", Loss::mae},
                                     {"huber", Loss::huber},
                                     {"poisson", Loss::poisson},
                                     {"quantile", Loss::quantile},
                                     {"custom", Loss::custom}};
  return named(all, "loss", name);
}

}  // namespace fcnet::bindings
