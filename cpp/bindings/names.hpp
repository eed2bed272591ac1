// SPDX-License-Identifier: MIT
// Activation functions and losses by the names that Python knows them by.
#pragma once

#include <map>
#include <string>

#include "arrays.hpp"
#include "fcnet/isa/table.hpp"

namespace fcnet::bindings {

template <class Choice>
Choice named(const std::map<std::string, Choice>& names, const char* argument, const std::string& name) {
  const auto found = names.find(name);
  if (found == names.end()) value_error(std::string(argument) + " is '" + name + "': expected one that fcnet has");
  return found->second;
}

inline Activation activation_named(const std::string& name) {
  static const std::map<std::string, Activation> names{
      {"identity", Activation::identity}, {"relu", Activation::relu},           {"leaky_relu", Activation::leaky_relu},
      {"elu", Activation::elu},           {"selu", Activation::selu},           {"sigmoid", Activation::sigmoid},
      {"tanh", Activation::tanh},         {"softplus", Activation::softplus},   {"exp", Activation::exp},
      {"gelu", Activation::gelu},         {"gelu_tanh", Activation::gelu_tanh}, {"silu", Activation::silu},
      {"softmax", Activation::softmax}};
  return named(names, "activation", name);
}

inline Loss loss_named(const std::string& name) {
  static const std::map<std::string, Loss> names{{"cross_entropy", Loss::cross_entropy},
                                                 {"binary_cross_entropy", Loss::binary_cross_entropy},
                                                 {"mse", Loss::mse},
                                                 {"rmse", Loss::rmse},
                                                 {"mae", Loss::mae},
                                                 {"huber", Loss::huber},
                                                 {"poisson", Loss::poisson},
                                                 {"quantile", Loss::quantile},
                                                 {"custom", Loss::custom}};
  return named(names, "loss", name);
}

}  // namespace fcnet::bindings
