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
    blocks_ = groups(columns, lanes);
    longest_ = longest;
    if (longest == 0) panels = 0;
    if (const Status s = terms_.allocate(Checked(longest) * lanes * panels); s != Status::ok) return s;
    return starts_.allocate((Checked(blocks_) + 1) * 2 * panels);
  }

  Size longest() const { return longest_; }
  // From a panel's first sample on.
  SparsePanels<T> panels(Size first, Size samples) {
    const SparsePanels<T> all{terms_.data(), longest_ * lanes, starts_.data(), blocks_, first + samples};
    return all.from(first / lanes);
  }

 private:
  Buffer<Term<T>> terms_;
  Buffer<Size> starts_;
  Size blocks_ = 0, longest_ = 0;
};

}  // namespace fcnet
