// SPDX-License-Identifier: MIT
// What the core's status becomes in Python.
#pragma once

#include <pybind11/pybind11.h>

#include <exception>
#include <new>

#include "fcnet/base/status.hpp"

namespace fcnet::bindings {

namespace py = pybind11;

inline void raise_unless_ok(Status status) {
  switch (status) {
    case Status::ok:
    case Status::diverged:  // reported by the caller, who knows the epoch
      return;
    case Status::interrupted:  // the poll left Python's error set
      throw py::error_already_set();
    case Status::out_of_memory:
      PyErr_SetString(PyExc_MemoryError, "not enough memory for a network, a batch or an input of this size");
      throw py::error_already_set();
    case Status::too_large:
      PyErr_SetString(PyExc_OverflowError,
                      "a network, a batch or an input of this size needs more memory than can be addressed");
      throw py::error_already_set();
  }
}

// In a catch block between Python and the core, which no exception may pass: makes it Python's error.
inline void set_python_error() {
  try {
    throw;
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const py::cast_error& error) {  // what pybind11 could not convert, perhaps because Python could not
    if (PyErr_Occurred() == nullptr) PyErr_SetString(PyExc_TypeError, error.what());
  } catch (const py::builtin_exception& error) {  // a ValueError and the like
    error.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
}

}  // namespace fcnet::bindings
