// SPDX-License-Identifier: MIT
// The parts of the extension module.
#pragma once

#include <pybind11/pybind11.h>

namespace fcnet::bindings {

void register_kernels(pybind11::module_& m);     // the row-major kernels
void register_model(pybind11::module_& m);       // Model: parameters, prediction
void register_parameters(pybind11::module_& m);  // of Model, after it: parameters as a whole
void register_trainer(pybind11::module_& m);     // Trainer: epochs
void register_jets(pybind11::module_& m);        // Jets: second derivatives
void register_vjp(pybind11::module_& m);         // Vjp: derivatives of outputs
void register_runtime(pybind11::module_& m);     // instruction set, build facts
void register_threads(pybind11::module_& m);     // how many threads
void register_testing(pybind11::module_& m);     // hooks of tests and benchmarks

}  // namespace fcnet::bindings
