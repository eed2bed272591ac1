// SPDX-License-Identifier: MIT
// Which samples a fit holds back for validation.
#pragma once

#include <algorithm>
#include <cmath>

#include "fcnet/base/buffer.hpp"
#include "fcnet/engine/shuffle.hpp"
#include "fcnet/runtime/cancellation.hpp"

namespace fcnet {

class ValidationSplit {
 public:
  // Draws a share of n samples by (seed, epoch). Where there are labels, at least 0, it is one of every class, rounded
  // so that the whole is right too.
  [[nodiscard]] Status draw(std::uint64_t seed, std::uint32_t epoch, Size n, double share, const std::int32_t* labels,
                            Cancellation& cancellation) {
    Size classes = 1;
    const auto class_of = [&](Size i) { return labels != nullptr ? static_cast<Size>(labels[i]) : Size{0}; };
    Status s = in_blocks(n, cancellation, [&](Size i) { classes = std::max(classes, class_of(i) + 1); });
    Buffer<std::int64_t> order;
    Buffer<Size> left;  // of every class, to hold back
    if (s == Status::ok) s = order.allocate_unset(n);
    if (s == Status::ok) s = left.allocate(classes);
    if (s == Status::ok) s = is_held_.allocate(n);
    if (s == Status::ok) s = in_blocks(n, cancellation, [&](Size i) { ++left[class_of(i)]; });
    if (s != Status::ok) return s;
    Size end = 0, taken = 0;
    for (Size c = 0; c < classes; ++c) {
      end += left[c];
      const Size next = static_cast<Size>(std::nearbyint(share * static_cast<double>(end)));
      left[c] = next - taken;
      taken = next;
    }
    held_ = taken;
    if (!permutation(seed, epoch, order.data(), n, [&] { return !cancellation.check(); })) return Status::interrupted;
    return in_blocks(n, cancellation, [&](Size i) {
      const Size sample = static_cast<Size>(order[i]);
      if (Size& of_class = left[class_of(sample)]; of_class != 0) --of_class, is_held_[sample] = 1;
    });
  }

  Size held() const { return held_; }

  // The numbers of the others, and of those that are held back, both ascending.
  [[nodiscard]] Status list(std::int64_t* kept, std::int64_t* held, Cancellation& cancellation) const {
    return in_blocks(is_held_.size(), cancellation,
                     [&](Size i) { *(is_held_[i] != 0 ? held : kept)++ = static_cast<std::int64_t>(i); });
  }

 private:
  template <class F>
  static Status in_blocks(Size n, Cancellation& cancellation, F f) {
    constexpr Size at_once = Size{1} << 16;
    for (Size first = 0; first < n && !cancellation.check(); first += at_once)
      for (Size i = first; i < std::min(first + at_once, n); ++i) f(i);
    return cancellation.stopped() ? Status::interrupted : Status::ok;
  }

  Buffer<std::uint8_t> is_held_;
  Size held_ = 0;
};

}  // namespace fcnet
