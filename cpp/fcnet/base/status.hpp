// SPDX-License-Identifier: MIT
// What a call into the core may end with. The core never throws across a parallel region, prints or aborts:
// it returns one of these, and bindings/errors.hpp turns it into a Python exception.
#pragma once

namespace fcnet {

enum class Status {
  ok,
  interrupted,    // the caller's poll asked to stop; the parameters are those of the last finished step
  diverged,       // a loss or a parameter is no longer finite
  out_of_memory,  // nothing was changed
  too_large,      // a size does not fit std::size_t; nothing was changed
};

}  // namespace fcnet
