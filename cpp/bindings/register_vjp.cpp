// SPDX-License-Identifier: MIT
// Vjp: derivatives of a network's outputs, for losses that lie outside.
#include <vector>

#include "any_model.hpp"
#include "fcnet/engine/vjp.hpp"
#include "kept.hpp"
#include "layer_arrays.hpp"
#include "register.hpp"

namespace fcnet::bindings {
namespace {

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
      Status s = vjp_.keep_for_samples();
      if (s == Status::ok) s = vjp_.back(from.data(), dx_rows, &sums, cancellation);
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
  m.def("input_gradient", input_gradient_of, "model"_a, "x"_a, "cotangent"_a, "logits"_a = false);
}

}  // namespace fcnet::bindings
