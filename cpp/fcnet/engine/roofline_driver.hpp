// SPDX-License-Identifier: MIT
// Measures the machine's roofline, which benchmarks compare themselves with: with the threads and the instruction set
// in use.
#pragma once

#include "fcnet/base/status.hpp"
#include "fcnet/isa/dispatch.hpp"

namespace fcnet {

enum class Roofline {
  multiply_add,  // floating-point operations, from registers
  tile,          // the same of a tile's sums, whose operands come from the L1 cache
  read,          // bytes read, again and again, from a working set that the threads share out
  update,        // bytes moved by w <- w - a g: two read and one written per element
};

// Sets *per_second to the best of several repetitions. `bytes` is the working set of all threads together, w and g
// of an update included.
template <class T>
[[nodiscard]] Status measure_roofline(Roofline wanted, int threads, Size bytes, double* per_second);

}  // namespace fcnet
