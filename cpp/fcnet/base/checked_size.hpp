// SPDX-License-Identifier: MIT
// Sizes that cannot overflow. Used at the border only (bindings, allocation); inside, sizes are trusted.
#pragma once

#include <cstddef>

namespace fcnet {

// A size that remembers whether any operation on the way to it overflowed.
class CheckedSize {
 public:
  constexpr CheckedSize(std::size_t value) : value_(value) {}  // NOLINT(google-explicit-constructor): sizes mix freely

  friend CheckedSize operator+(CheckedSize a, CheckedSize b) {
    CheckedSize sum(0);
    sum.overflow_ = __builtin_add_overflow(a.value_, b.value_, &sum.value_) || a.overflow_ || b.overflow_;
    return sum;
  }
  friend CheckedSize operator*(CheckedSize a, CheckedSize b) {
    CheckedSize product(0);
    product.overflow_ = __builtin_mul_overflow(a.value_, b.value_, &product.value_) || a.overflow_ || b.overflow_;
    return product;
  }

  // Whether the value is exact and addressable with a signed offset (at most half the address space).
  bool ok() const { return !overflow_ && value_ <= static_cast<std::size_t>(-1) / 2; }
  std::size_t value() const { return value_; }

 private:
  std::size_t value_;
  bool overflow_ = false;
};

}  // namespace fcnet
