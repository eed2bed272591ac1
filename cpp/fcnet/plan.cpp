// SPDX-License-Identifier: MIT
#include "fcnet/plan.hpp"

#include <algorithm>

namespace fcnet {
namespace {

constexpr Size chunk_samples = 512;          // what the gradient path takes at once
constexpr Size most_fused_samples = 2048;    // a larger batch goes through the gradient path in chunks
constexpr double longest_fused_step = 0.06;  // seconds; a longer step must be able to stop in the middle
constexpr double flops_per_thread = 2e5;     // some 2 us of work: less is not worth waking a thread for
constexpr double cached_bytes = 16 << 20;    // parameters that stay in a shared cache from one step to the next

}  // namespace

int useful_threads(double flops, Size most) {
  return static_cast<int>(std::clamp(flops / flops_per_thread, 1.0, std::max(static_cast<double>(most), 1.0)));
}

Plan plan_training(const Shape& shape, Size batch, int threads) {
  const double flops = 3 * shape.flops() * static_cast<double>(batch);
  const bool fused = batch <= most_fused_samples && flops <= longest_fused_step * threads * isa().flops_per_second;
  // Several chunks even where one could hold the batch: between them the step can stop.
  const Size chunk = fused ? batch : std::min(groups(batch, 2), chunk_samples);
  const double chunk_flops = 3 * shape.flops() * static_cast<double>(chunk);
  return {useful_threads(chunk_flops, static_cast<Size>(threads)), chunk, fused};
}

Schedule choose_schedule(const Shape& shape, Size samples, int threads, Size element_bytes) {
  const Size panels = groups(samples, lanes), size = static_cast<Size>(threads);
  const double bytes = shape.flops() / 2 * static_cast<double>(element_bytes);
  const bool even = panels % size == 0 || panels >= 4 * size;  // else some threads wait for others
  return even && bytes <= cached_bytes ? Schedule::by_panels : Schedule::by_layers;
}

}  // namespace fcnet
