// SPDX-License-Identifier: MIT
// The optimizers by the names that Python knows them by, and their hyperparameters.
#pragma once

#include <map>
#include <string>

#include "fcnet/kernels/pointwise/hyperparameters.hpp"
#include "names.hpp"

namespace fcnet::bindings {

inline constexpr Named<Optimizer> optimizer_names[] = {{"sgd", Optimizer::sgd},
                                                       {"momentum", Optimizer::momentum},
                                                       {"nesterov", Optimizer::nesterov},
                                                       {"adam", Optimizer::adam},
                                                       {"nadam", Optimizer::nadam},
                                                       {"rmsprop", Optimizer::rmsprop},
                                                       {"rmsprop_momentum", Optimizer::rmsprop_momentum},
                                                       {"adagrad", Optimizer::adagrad},
                                                       {"lion", Optimizer::lion}};

inline Optimizer optimizer_named(const std::string& name) { return named(optimizer_names, "optimizer", name); }

inline std::string name_of(Optimizer optimizer) {
  for (const auto& [name, known] : optimizer_names)
    if (optimizer == known) return name;
  return {};
}

// Those that `values` does not name are off.
inline Hyperparameters hyperparameters(const std::string& optimizer, const std::map<std::string, double>& values) {
  Hyperparameters chosen{.optimizer = optimizer_named(optimizer)};
  const std::map<std::string, double*> places{{"learning_rate", &chosen.learning_rate},
                                              {"beta1", &chosen.beta1},
                                              {"beta2", &chosen.beta2},
                                              {"epsilon", &chosen.epsilon},
                                              {"epsilon_hat", &chosen.epsilon_hat},
                                              {"weight_decay", &chosen.weight_decay},
                                              {"l2", &chosen.l2},
                                              {"l2_sum", &chosen.l2_sum},
                                              {"decay_biases", &chosen.decay_biases},
                                              {"clip_value", &chosen.clip_value},
                                              {"clip_norm", &chosen.clip_norm},
                                              {"by_step", &chosen.by_step}};
  for (const auto& [name, value] : values) {
    const auto place = places.find(name);
    if (place == places.end()) value_error("hyper has '" + name + "': expected hyperparameters that fcnet has");
    *place->second = value;
  }
  return chosen;
}

}  // namespace fcnet::bindings
