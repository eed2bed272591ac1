// SPDX-License-Identifier: MIT
// What a model that publishes averages of its weights goes on from, as Python sees it: (kind, count, [the parts of
// every layer]).
#pragma once

#include <pybind11/stl.h>

#include "layer_arrays.hpp"
#include "names.hpp"

namespace fcnet::bindings {

inline constexpr Named<Averages> averages_names[] = {
    {"none", Averages::none}, {"ema", Averages::steps}, {"swa", Averages::epochs}};

inline Averaging averaging_named(const std::string& name, double decay) {
  return {named(averages_names, "averaging", name), decay};
}

// None where the weights themselves are published, or an epoch is changing them.
template <class T>
py::object average_state_of(const std::shared_ptr<WeightAverage<T>>& average) {
  if (average == nullptr) return py::none();
  const char* const name = average->over == Averages::steps ? "ema" : "swa";
  return py::make_tuple(name, average->count, arrays_of_layers(average->weights));
}

template <class T>
void set_average_state(const std::shared_ptr<Model<T>>& model, const std::string& name, double count,
                       const Layers& layers) {
  const auto average = shared<WeightAverage<T>>();
  average->over = averaging_named(name, 0).over;
  average->count = count;
  if (average->over == Averages::none) value_error("averaging is 'none': expected 'ema' or 'swa'");
  if (!(count >= 1 && count <= 0x1p53) || count != __builtin_floor(count))
    value_error("count of an average is not a positive whole number");
  const typename Model<T>::Claim claim(model, "this network is being fitted");
  const GivenLayers<T> given(model->shape(), layers);
  run_or_raise([&](Cancellation& cancellation) {
    const Status s = average->weights.allocate(model->shape(), cancellation);
    return s == Status::ok ? given.write(average->weights, cancellation) : s;
  });
  model->exchange_average(average);
}

}  // namespace fcnet::bindings
