// SPDX-License-Identifier: MIT
// Model and Snapshot as Python knows them: of float or double behind one name.
#pragma once

#include <memory>
#include <variant>

#include "model.hpp"

namespace fcnet::bindings {

struct PyModel {
  std::variant<std::shared_ptr<Model<float>>, std::shared_ptr<Model<double>>> model;
};
struct PySnapshot {
  std::variant<std::shared_ptr<Parameters<float>>, std::shared_ptr<Parameters<double>>> parameters;
};

// f(what is held). Not std::visit: behind its table of functions Clang emits no code for what a generic lambda alone
// instantiates, and the extension then lacks a symbol (LLVM issues 57561 and 60965).
template <class One, class Other, class F>
auto with_held(const std::variant<One, Other>& either, F f) {
  const One* const one = std::get_if<One>(&either);
  return one != nullptr ? f(*one) : f(*std::get_if<Other>(&either));
}

// f(the model, T{}) with the model's type.
template <class F>
auto with_model(const PyModel& self, F f) {
  return with_held(self.model, [&]<class T>(const std::shared_ptr<Model<T>>& model) { return f(model, T{}); });
}

// Those of a snapshot of this model, else of another network.
template <class T>
const std::shared_ptr<Parameters<T>>& parameters_of(const PySnapshot& snapshot, const Shape& shape) {
  const auto* const parameters = std::get_if<std::shared_ptr<Parameters<T>>>(&snapshot.parameters);
  if (parameters == nullptr || (*parameters)->shape() != shape) value_error("snapshot is one of another network");
  return *parameters;
}

}  // namespace fcnet::bindings
