// SPDX-License-Identifier: MIT
// Vjp: derivatives of a network's outputs, for losses that lie outside.
#include <pybind11/stl.h>

#include <mutex>
#include <optional>
#include <vector>

#include "any_model.hpp"
#include "fcnet/engine/jets.hpp"
#include "fcnet/engine/vjp.hpp"
#include "layer_arrays.hpp"
#include "register.hpp"

namespace fcnet::bindings {
namespace {

template <class T>
T* fresh(py::object& array, const Dimensions& dimensions) {
  py::array_t<T> a(dimensions);
  T* const data = a.mutable_data();
  array = std::move(a);
  return data;
}

// What a forward pass that is kept has read: later calls take the parameters and the x of its moment.
template <class T>
class Kept {
 protected:
  Kept(const Model<T>& model, py::object x)
      : samples_(std::move(x), model.shape().inputs(), model.input()), parameters_(model.published()) {}

  const Shape& shape() const { return parameters_->shape(); }
  Data<T> data() const { return {.x = samples_.rows, .samples = samples_.n}; }
  Input<T> rows_of(const py::object& given, const char* name, Size columns) const {
    return Input<T>(given, name).expect({dim(samples_.n), dim(columns)}, sizes({samples_.n, columns}).c_str());
  }
  T* fresh_rows(py::object& array, Size columns) const { return fresh<T>(array, {dim(samples_.n), dim(columns)}); }
  // One call at a time uses the workspace: another thread's waits, without the GIL.
  template <class Work>
  void call(Work work) {
    run_or_raise([&](Cancellation& cancellation) {
      const std::lock_guard<std::mutex> lock(one_at_a_time_);
      return work(cancellation);
    });
  }

  Samples<T> samples_;
  typename Model<T>::Published parameters_;

 private:
  std::mutex one_at_a_time_;
};

template <class T>
class KeptPass : Kept<T> {
 public:
  KeptPass(const Model<T>& model, py::object x, const OutputOptions& options) : Kept<T>(model, std::move(x)) {
    T* const to = this->fresh_rows(outputs_, this->shape().outputs());
    this->call([&](Cancellation& cancellation) {
      return vjp_.run_forward(*this->parameters_, this->data(), options, to, cancellation);
    });
  }

  py::object outputs() const { return outputs_; }

  // dx, or None; and the flat gradients of all parameters, sums over the samples, or None.
  py::tuple back(const py::object& cotangent, bool inputs, bool parameters) {
    const Input<T> from = this->rows_of(cotangent, "cotangent", this->shape().outputs());
    py::object dx = py::none();
    T* const dx_rows = inputs ? this->fresh_rows(dx, this->shape().inputs()) : nullptr;
    Parameters<T> gradient;
    this->call([&](Cancellation& cancellation) {
      return vjp_.back(from.data(), dx_rows, parameters ? &gradient : nullptr, cancellation);
    });
    return py::make_tuple(dx, parameters ? py::object(flat_array(gradient)) : py::none());
  }

  // dx, or None; and the gradients of all layers with samples as their first axis.
  py::tuple back_per_sample(const py::object& cotangent, bool inputs) {
    const Input<T> from = this->rows_of(cotangent, "cotangent", this->shape().outputs());
    py::object dx = py::none();
    T* const dx_rows = inputs ? this->fresh_rows(dx, this->shape().inputs()) : nullptr;
    std::vector<std::pair<ParameterBlock, T*>> blocks;
    py::list layers;
    for (Size l = 0; l < this->shape().layers(); ++l) {
      py::list parts;
      for (const ParameterBlock& block : LayerBlocks(this->shape(), l)) {
        Dimensions dimensions{dim(this->samples_.n), dim(block.rows), dim(block.columns)};
        if (block.role != Role::weights) dimensions.erase(dimensions.begin() + 1);
        py::object part;
        blocks.emplace_back(block, fresh<T>(part, dimensions));
        parts.append(part);
      }
      layers.append(py::tuple(parts));
    }
    this->call([&](Cancellation& cancellation) {
      Parameters<T> sums;
      Status s = vjp_.back(from.data(), dx_rows, &sums, cancellation);
      for (const auto& [block, to] : blocks)
        if (s == Status::ok) s = vjp_.of_samples(block, to, cancellation);
      return s;
    });
    return py::make_tuple(dx, layers);
  }

  py::object along(const py::object& tangent) {
    const Input<T> from = this->rows_of(tangent, "v", this->shape().inputs());
    py::object result;
    T* const to = this->fresh_rows(result, this->shape().outputs());
    this->call([&](Cancellation& cancellation) { return vjp_.along(from.data(), to, cancellation); });
    return result;
  }

  py::object jacobian() {
    py::object result;
    T* const to = fresh<T>(result, {dim(this->samples_.n), dim(this->shape().outputs()), dim(this->shape().inputs())});
    this->call([&](Cancellation& cancellation) { return vjp_.jacobian(to, cancellation); });
    return result;
  }

 private:
  py::object outputs_;
  Vjp<T> vjp_;
};

template <class T>
class KeptJets : Kept<T> {
 public:
  KeptJets(const Model<T>& model, py::object x, bool logits, const py::object& directions, const py::object& weights)
      : Kept<T>(model, std::move(x)) {
    const Size inputs = this->shape().inputs();
    if (!jets_are_defined(this->shape(), logits))
      value_error("the network has softmax, normalization or a scale: expected activations of one number each");
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

struct PyVjp {
  std::variant<std::shared_ptr<KeptPass<float>>, std::shared_ptr<KeptPass<double>>> pass;
};

PyVjp make_vjp(const PyModel& self, py::object x, bool by_batch, bool logits) {
  return with_model(self, [&]<class T>(const auto& model, T) -> PyVjp {
    return {shared<KeptPass<T>>(*model, std::move(x), OutputOptions{by_batch, logits})};
  });
}

py::array input_gradient_of(const PyModel& self, py::object x, const py::object& cotangent, bool logits) {
  return with_model(self, [&]<class T>(const auto& model, T) -> py::array {
    const Shape& shape = model->shape();
    const Samples<T> samples(std::move(x), shape.inputs(), model->input());
    const Input<T> from =
        Input<T>(cotangent, "cotangent")
            .expect({dim(samples.n), dim(shape.outputs())}, sizes({samples.n, shape.outputs()}).c_str());
    py::array_t<T> dx({dim(samples.n), dim(shape.inputs())});
    T* const to = dx.mutable_data();
    const auto parameters = model->published();
    const Data<T> data{.x = samples.rows, .samples = samples.n, .targets = from.data()};
    run_or_raise(
        [&](Cancellation& cancellation) { return input_gradient(*parameters, data, logits, to, cancellation); });
    return dx;
  });
}

}  // namespace

void register_vjp(py::module_& m) {
  py::class_<PyVjp>(m, "Vjp")
      .def(py::init(&make_vjp), "model"_a, "x"_a, "by_batch"_a = false, "logits"_a = false)
      .def("outputs",
           [](const PyVjp& self) { return with_held(self.pass, [](const auto& pass) { return pass->outputs(); }); })
      .def(
          "back",
          [](const PyVjp& self, const py::object& cotangent, bool inputs, bool parameters) {
            return with_held(self.pass, [&](const auto& pass) { return pass->back(cotangent, inputs, parameters); });
          },
          "cotangent"_a, "inputs"_a = true, "parameters"_a = true)
      .def(
          "back_per_sample",
          [](const PyVjp& self, const py::object& cotangent, bool inputs) {
            return with_held(self.pass, [&](const auto& pass) { return pass->back_per_sample(cotangent, inputs); });
          },
          "cotangent"_a, "inputs"_a = true)
      .def(
          "along",
          [](const PyVjp& self, const py::object& tangent) {
            return with_held(self.pass, [&](const auto& pass) { return pass->along(tangent); });
          },
          "v"_a)
      .def("jacobian",
           [](const PyVjp& self) { return with_held(self.pass, [](const auto& pass) { return pass->jacobian(); }); });
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
  m.def("input_gradient", input_gradient_of, "model"_a, "x"_a, "cotangent"_a, "logits"_a = false);
}

}  // namespace fcnet::bindings
