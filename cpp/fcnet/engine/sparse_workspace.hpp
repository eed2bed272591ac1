// SPDX-License-Identifier: MIT
// The memory of sparse rows as the first layer takes them: panels of rows of up to `longest` numbers; none where it is
// 0.
#pragma once

#include "fcnet/base/buffer.hpp"
#include "fcnet/base/operands.hpp"

namespace fcnet {

template <class T>
class SparseWorkspace {
 public:
  [[nodiscard]] Status allocate(Size columns, Size longest, Size panels) {
    blocks_ = ceil_div(columns, panel_width);
    longest_ = longest;
    if (longest == 0) panels = 0;
    if (const Status s = nonzeros_.allocate(CheckedSize(longest) * panel_width * panels); s != Status::ok) return s;
    return starts_.allocate((CheckedSize(blocks_) + 1) * 2 * panels);
  }

  Size longest() const { return longest_; }
  // From a panel's first sample on.
  SparsePanels<T> panels(Size first, Size samples) {
    const SparsePanels<T> all{nonzeros_.data(), longest_ * panel_width, starts_.data(), blocks_, first + samples};
    return all.from(first / panel_width);
  }

 private:
  Buffer<Nonzero<T>> nonzeros_;
  Buffer<Size> starts_;
  Size blocks_ = 0, longest_ = 0;
};

}  // namespace fcnet
