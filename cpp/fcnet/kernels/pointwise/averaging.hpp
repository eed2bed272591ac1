// SPDX-License-Identifier: MIT
// Which average of its weights a training publishes, while it goes on with the weights themselves.
#pragma once

namespace fcnet {

enum class Averages { none, steps, epochs };

struct Averaging {
  Averages over = Averages::none;
  double decay = 0;  // of the one over steps

  // How much the next ones count in an average of `count` before them: as much as each of those, or over steps
  // 1 - decay; but first more, so that the weights that training began with are soon forgotten.
  [[gnu::always_inline]] double weight_of_next(double count) const {
    if (over == Averages::epochs) return 1 / (count + 1);
    const double rising = (1 + count) / (10 + count);
    return 1 - (rising < decay ? rising : decay);
  }
};

}  // namespace fcnet
