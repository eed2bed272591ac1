// SPDX-License-Identifier: MIT
// The optimizer state of a model, as Python sees it: (name, powers, [[parts of every layer] of every slot]).
#pragma once

#include <pybind11/stl.h>

#include <algorithm>

#include "layer_arrays.hpp"
#include "optimizer_names.hpp"

namespace fcnet::bindings {

// None where there is nothing to remember, or an epoch is changing it.
template <class T>
py::object optimizer_state_of(const Model<T>& model, const typename Model<T>::Snapshot& moment) {
  const auto& state = moment.optimizer;
  if (state == nullptr || state->slots.size() == 0) return py::none();
  py::list slots;
  Parameters<T> slot;
  const Size size = moment.parameters->panels().size();
  for (Size i = 0; i < state_slots(state->optimizer); ++i) {
    run_or_raise([&](Cancellation& cancellation) {
      const Status s = slot.allocate(model.shape(), cancellation);
      if (s == Status::ok) std::copy_n(state->slots.data() + i * size, size, slot.panels().data());
      return s;
    });
    slots.append(arrays_of_layers(slot));
  }
  const Powers& p = state->powers;
  return py::make_tuple(name_of(state->optimizer), std::vector<double>{p.beta1, p.beta2, p.warm_up}, slots);
}

template <class T>
void set_optimizer_state(const std::shared_ptr<Model<T>>& model, const std::string& name,
                         const std::vector<double>& powers, const std::vector<Layers>& slots) {
  const Optimizer optimizer = optimizer_named(name);
  if (slots.size() != state_slots(optimizer)) value_error("slots are not as many as those of '" + name + "'");
  for (const double power : powers)
    if (!(power >= 0 && power <= 1)) value_error("powers are not between 0 and 1");
  if (powers.size() != 3) value_error("powers are not 3");
  const typename Model<T>::Claim claim(model, "this network is being fitted");
  const auto state = shared<OptimizerState<T>>();
  const Size size = model->published()->panels().size();
  run_or_raise([&](Cancellation& cancellation) { return state->begin(optimizer, size, cancellation); });
  state->powers = {powers[0], powers[1], powers[2]};
  for (Size i = 0; i < slots.size(); ++i) {
    const GivenLayers<T> given(model->shape(), slots[i]);
    Parameters<T> slot;
    bool negative = false;
    run_or_raise([&](Cancellation& cancellation) {
      Status s = slot.allocate(model->shape(), cancellation);
      if (s == Status::ok) s = given.write(slot, cancellation);
      if (s != Status::ok) return s;
      const T* const from = slot.panels().data();
      std::copy_n(from, size, state->slots.data() + i * size);
      if (i == slot_of_squares(optimizer)) negative = std::any_of(from, from + size, [](T value) { return value < 0; });
      return s;
    });
    if (negative)
      value_error("slot " + std::to_string(i) + " of '" + name + "' is negative: expected sums or means of squares");
  }
  model->exchange_optimizer_state(state);
}

}  // namespace fcnet::bindings
