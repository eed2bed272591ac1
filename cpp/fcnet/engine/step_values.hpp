// SPDX-License-Identifier: MIT
// What schedules change from one step of an epoch to the next: a number for each step, or null where nothing changes.
#pragma once

namespace fcnet {

struct StepValues {
  const double* rates = nullptr;  // the learning rate
  // Factors of the optimizer's weight decay, of the dropout of all layers, of the loss's label smoothing.
  const double *decay = nullptr, *dropout = nullptr, *smoothing = nullptr;
};

}  // namespace fcnet
