// SPDX-License-Identifier: MIT
// fcnet._native. It does not declare itself safe without the GIL: that promise has not been tested yet.
#include "register.hpp"

PYBIND11_MODULE(_native, m) {
  m.doc() = "The compiled core of fcnet. Use fcnet.Network and fcnet.kernels instead.";
  m.attr("__version__") = FCNET_VERSION;
  fcnet::bindings::register_runtime(m);  // first: chooses the instruction set
  fcnet::bindings::register_threads(m);
  fcnet::bindings::register_kernels(m);
  fcnet::bindings::register_model(m);
  fcnet::bindings::register_parameters(m);
  fcnet::bindings::register_trainer(m);
  fcnet::bindings::register_vjp(m);
  fcnet::bindings::register_jets(m);
  pybind11::module_ testing = m.def_submodule("_testing", "Hooks of fcnet's own tests and benchmarks.");
  fcnet::bindings::register_testing(testing);
}
