// SPDX-License-Identifier: MIT
// What the bindings themselves allocate while a network changes.
#pragma once

#include <memory>
#include <new>
#include <utility>

#include "fcnet/base/buffer.hpp"

namespace fcnet::bindings {

// std::make_shared, which a test can let fail like an allocation of the core.
template <class T, class... Arguments>
std::shared_ptr<T> shared(Arguments&&... arguments) {
  if (allocation_is_to_fail()) throw std::bad_alloc();
  return std::make_shared<T>(std::forward<Arguments>(arguments)...);
}

}  // namespace fcnet::bindings
