// SPDX-License-Identifier: MIT
// The walk forward through the stages, of trainer, gradients and predictor alike, and how a thread takes part in it.
#pragma once

#include <algorithm>

#include "fcnet/model/stages.hpp"
#include "fcnet/runtime/cancellation.hpp"
#include "fcnet/runtime/parallel.hpp"

namespace fcnet {

// Consecutive samples in the order of the pass.
struct Chunk {
  Size first, samples;
};

// f(first sample, samples) for subchunks of samples first..last that begin a panel or lie inside one.
template <class F>
void each_subchunk(Size first, Size last, Size most_panels, F f) {
  for (Size at = first, next; at < last; at = next) {
    next = std::min(at / panel_width * panel_width + (at % panel_width == 0 ? most_panels : 1) * panel_width, last);
    f(at, next - at);
  }
}

// A thread's part in the passes of a chunk: samples at..at + n, which it takes through all stages alone; or where
// `by_layers` a share of the rows of all samples, and every so many panels of them, with a barrier after each.
template <class T>
struct Part {
  const Team& team;
  Cancellation* cancellation;  // null: nothing stops a pass on its way
  Chunk chunk;
  Size at, n;
  bool by_layers;

  bool going_on() const { return cancellation == nullptr || go_on(team, *cancellation); }
  void sync() const {
    if (by_layers) team.sync();
  }

  // f(first sample, samples) for panels of samples.
  template <class F>
  void each_panel(F f) const {
    const auto on_panel = [&](Size first, Size samples) {
      if (going_on()) f(first, samples);
    };
    if (!by_layers) return each_subchunk(at, at + n, 1, on_panel);
    const Size step = static_cast<Size>(team.size);
    for (Size p = static_cast<Size>(team.id); p * panel_width < n; p += step)
      on_panel(p * panel_width, used_width(n, p));
  }

  // f(first, last) for rows of a result that has `terms` terms a number, in blocks between which the pass may stop.
  template <class F>
  void each_block(Size first, Size last, Size terms, F f) const {
    if (cancellation == nullptr) return f(first, last);
    const double flops = 2.0 * static_cast<double>(n) * static_cast<double>(terms);
    in_blocks<T>(first, last, flops, [&] { return going_on(); }, f);
  }
  template <class F>
  void each_row_block(Size rows, Size terms, Size granularity, F f) const {
    if (!by_layers) return each_block(0, rows, terms, f);
    for_share(team, team.id, rows, granularity, [&](Size first, Size last) { each_block(first, last, terms, f); });
  }
};

// Takes the samples of a part through groups begin..end. The pass runs stages:
//   run(stages, group, chunk, first sample, samples, first row, last row)
//   granularity(group): of shares of its rows
template <class T, class Pass>
void forward(Pass& pass, const Stages& stages, const Part<T>& part, Size begin, Size end) {
  for (Size i = begin; i < end; ++i) {
    const Group& group = stages.group(i);
    if (!group.by_rows().empty()) {
      const Size terms = stages.group(i - 1).rows;
      part.each_row_block(group.rows, terms, pass.granularity(i, part.team), [&](Size first, Size last) {
        pass.run(group.by_rows(), i, part.chunk, part.at, part.n, first, last);
      });
      part.sync();
    }
    if (!group.by_samples().empty()) {
      part.each_panel([&](Size at, Size n) { pass.run(group.by_samples(), i, part.chunk, at, n, 0, group.rows); });
      part.sync();
    }
  }
}

}  // namespace fcnet
