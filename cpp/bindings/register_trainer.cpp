// SPDX-License-Identifier: MIT
// Trainer: the one fit that may be open on a model, an epoch at a time.
#include <pybind11/stl.h>

#include <memory>
#include <variant>

#include "any_model.hpp"
#include "average_states.hpp"
#include "fit.hpp"
#include "optimizer_names.hpp"
#include "register.hpp"

namespace fcnet::bindings {
namespace {

// Of float or double behind one name.
struct PyTrainer {
  std::variant<std::unique_ptr<Fit<float>>, std::unique_ptr<Fit<double>>> fit;
};

PyTrainer make_trainer(const PyModel& self, py::object x, py::object y, Size batch, bool shuffle,
                       const std::string& optimizer, const std::map<std::string, double>& hyper, Size used,
                       py::object weights, const std::vector<bool>& trainable, const std::string& averaging,
                       double decay, const py::object& rows) {
  return with_model(self, [&]<class T>(const auto& model, T) -> PyTrainer {
    if (!trainable.empty() && trainable.size() != model->shape().owners())
      value_error("trainable has not one entry for each layer");
    Hyperparameters chosen = hyperparameters(optimizer, hyper);
    chosen.averaging = averaging_named(averaging, decay);
    return {std::make_unique<Fit<T>>(model, Trained(trainable), std::move(x), std::move(y), std::move(weights), rows,
                                     batch, shuffle, chosen, used)};
  });
}

}  // namespace

void register_trainer(py::module_& m) {
  py::class_<PyTrainer>(m, "Trainer")
      .def(py::init(&make_trainer), "model"_a, "x"_a, "y"_a, "batch_size"_a, "shuffle"_a, "optimizer"_a, "hyper"_a,
           "used"_a = 0, "weights"_a = py::none(), "trainable"_a = std::vector<bool>{}, "averaging"_a = "none",
           "decay"_a = 0.0, "rows"_a = py::none())
      .def(
          "run_epoch",
          [](const PyTrainer& self, std::uint32_t epoch, py::object on_progress, const py::object& rates,
             bool every_step, bool whole, bool average, bool single, const py::object& decay, const py::object& dropout,
             const py::object& smoothing) {
            return with_held(self.fit, [&](const auto& fit) {
              return fit->run_epoch(epoch, on_progress, rates, every_step, whole, average, single, decay, dropout,
                                    smoothing);
            });
          },
          "epoch"_a, "on_progress"_a = py::none(), "rates"_a = py::none(), "every_step"_a = false, "whole"_a = true,
          "average"_a = true, "single"_a = false, "decay"_a = py::none(), "dropout"_a = py::none(),
          "smoothing"_a = py::none())
      .def(
          "use",
          [](const PyTrainer& self, py::object x, py::object y, py::object weights, const py::object& outputs) {
            with_held(self.fit, [&](const auto& fit) { fit->use(x, y, weights, outputs); });
          },
          "x"_a, "y"_a, "weights"_a = py::none(), "outputs"_a = py::none())
      .def(
          "step",
          [](const PyTrainer& self, const py::object& x, const py::object& y, const py::object& outputs, double rate,
             std::uint32_t epoch) {
            return with_held(self.fit, [&](const auto& fit) { return fit->step(x, y, outputs, rate, epoch); });
          },
          "x"_a, "y"_a, "outputs"_a, "rate"_a, "epoch"_a)
      .def(
          "apply",
          [](const PyTrainer& self, const py::object& gradient, double rate) {
            return with_held(self.fit, [&](const auto& fit) { return fit->apply(gradient, rate); });
          },
          "gradient"_a, "rate"_a)
      .def("snapshot",
           [](const PyTrainer& self) {
             return with_held(self.fit, [](const auto& fit) { return PySnapshot{fit->snapshot()}; });
           })
      .def(
          "restore",
          [](const PyTrainer& self, const PySnapshot& snapshot) {
            with_held(self.fit, [&]<class T>(const std::unique_ptr<Fit<T>>& fit) {
              fit->restore(parameters_of<T>(snapshot, fit->snapshot()->shape()));
            });
          },
          "snapshot"_a)
      .def(
          "finish",
          [](const PyTrainer& self, std::uint32_t epoch, double loss, std::int64_t correct, std::int64_t samples,
             bool average) {
            with_held(self.fit, [&](const auto& fit) { fit->finish(epoch, loss, correct, samples, average); });
          },
          "epoch"_a, "loss"_a, "correct"_a, "samples"_a, "average"_a = false)
      .def("finished",
           [](const PyTrainer& self) { return with_held(self.fit, [](const auto& fit) { return fit->finished(); }); })
      .def("open", [](const PyTrainer& self) { with_held(self.fit, [](const auto& fit) { fit->open(); }); })
      .def("close", [](const PyTrainer& self) { with_held(self.fit, [](const auto& fit) { fit->close(); }); });
}

}  // namespace fcnet::bindings
