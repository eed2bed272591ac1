// SPDX-License-Identifier: MIT
// The number of threads that `with fcnet.threads(n)` chose for the calling context (python/fcnet/_threads.py).
#pragma once

#include <pybind11/pybind11.h>

#include "fcnet/runtime/threads.hpp"

namespace fcnet::bindings {

// The context variable of the blocks that are open, each (count, block, those around it) or None. Lives as long as the
// process.
inline PyObject* thread_context = nullptr;

// 0 outside of such blocks. Needs the GIL.
inline int threads_of_context() {
  PyObject* block = nullptr;
  if (PyContextVar_Get(thread_context, Py_None, &block) != 0) throw pybind11::error_already_set();
  const int count = PyTuple_Check(block) ? static_cast<int>(PyLong_AsLong(PyTuple_GET_ITEM(block, 0))) : 0;
  Py_DECREF(block);
  return count;
}

}  // namespace fcnet::bindings
