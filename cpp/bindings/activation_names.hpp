// SPDX-License-Identifier: MIT
// The activation functions by the names that Python knows them by.
#pragma once

#include <map>
#include <string>

#include "arrays.hpp"
#include "fcnet/isa/table.hpp"

namespace fcnet::bindings {

inline Activation activation_named(const std::string& name) {
  static const std::map<std::string, Activation> names{
      {"identity", Activation::identity}, {"relu", Activation::relu},        {"leaky_relu", Activation::leaky_relu},
      {"elu", Activation::elu},           {"selu", Activation::selu},        {"sigmoid", Activation::sigmoid},
      {"tanh", Activation::tanh},         {"softplus", Activation::softplus}};
  const auto found = names.find(name);
  if (found == names.end()) value_error("activation is '" + name + "': expected one that fcnet has");
  return found->second;
}

}  // namespace fcnet::bindings
