// SPDX-License-Identifier: MIT
// Jets: second derivatives of a network's outputs.
#include <pybind11/stl.h>

#include <optional>
#include <vector>

#include "any_model.hpp"
#include "fcnet/engine/jets.hpp"
#include "kept.hpp"
#include "layer_arrays.hpp"
#include "register.hpp"

namespace fcnet::bindings {
namespace {

template <class T>
class KeptJets : Kept<T> {
 public:
  KeptJets(const Model<T>& model, py::object x, bool logits, const py::object& directions, const py::object& weights)
      : Kept<T>(model, std::move(x)) {
    const Size inputs = this->shape().inputs();
    if (!jets_are_defined(this->shape(), logits))
      value_error("the network has columns, softmax, normalization, a scale or a parametric activation: expected none");
    std::optional<Input<T>> of_samples, of_directions;
    if (!directions.is_none()) of_samples.emplace(this->rows_of(directions, "v", inputs));
    if (!weights.is_none())
      of_directions.emplace(Input<T>(weights, "weights").expect({dim(inputs)}, sizes({inputs}).c_str()));
    const typename JetVjp<T>::Directions chosen{of_samples ? of_samples->data() : nullptr,
                                                of_directions ? of_directions->data() : nullptr};
    this->call([&](Cancellation& cancellation) {
      return jets_.run_forward(*this->parameters_, this->data(), logits, chosen, cancellation);
    });
  }

  py::object part(Size which) {
    if (which >= jets_.parts()) throw py::index_error("a jet has " + std::to_string(jets_.parts()) + " parts");
    py::object rows;
    T* const to = this->fresh_rows(rows, this->shape().outputs());
    this->call([&](Cancellation&) {
      jets_.read(which, to);
      return Status::ok;
    });
    return rows;
  }

  // From a cotangent for each part, or None: dx, and the flat gradients of all parameters, or None.
  py::tuple back(const std::vector<py::object>& given, bool inputs, bool parameters) {
    if (given.size() != jets_.parts()) value_error("expected a cotangent for each part of a jet, or None");
    std::vector<Input<T>> cotangents;
    std::vector<const T*> from;
    for (const py::object& one : given) {
      if (!one.is_none()) cotangents.push_back(this->rows_of(one, "cotangent", this->shape().outputs()));
      from.push_back(one.is_none() ? nullptr : cotangents.back().data());
    }
    py::object dx = py::none();
    T* const dx_rows = inputs ? this->fresh_rows(dx, this->shape().inputs()) : nullptr;
    Parameters<T> gradient;
    this->call([&](Cancellation& cancellation) {
      return jets_.back(from, dx_rows, parameters ? &gradient : nullptr, cancellation);
    });
    return py::make_tuple(dx, parameters ? py::object(flat_array(gradient)) : py::none());
  }

 private:
  JetVjp<T> jets_;
};

struct PyJets {
  std::variant<std::shared_ptr<KeptJets<float>>, std::shared_ptr<KeptJets<double>>> jets;
};

PyJets make_jets(const PyModel& self, py::object x, bool logits, const py::object& directions,
                 const py::object& weights) {
  return with_model(self, [&]<class T>(const auto& model, T) -> PyJets {
    return {shared<KeptJets<T>>(*model, std::move(x), logits, directions, weights)};
  });
}

}  // namespace

void register_jets(py::module_& m) {
  py::class_<PyJets>(m, "Jets")
      .def(py::init(&make_jets), "model"_a, "x"_a, "logits"_a = false, "directions"_a = py::none(),
           "weights"_a = py::none())
      .def("part", [](const PyJets& self,
                      Size which) { return with_held(self.jets, [&](const auto& jets) { return jets->part(which); }); })
      .def(
          "back",
          [](const PyJets& self, const std::vector<py::object>& cotangents, bool inputs, bool parameters) {
            return with_held(self.jets, [&](const auto& jets) { return jets->back(cotangents, inputs, parameters); });
          },
          "cotangents"_a, "inputs"_a = true, "parameters"_a = true);
}

}  // namespace fcnet::bindings
