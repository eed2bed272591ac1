// SPDX-License-Identifier: MIT
// Long work on many rows, in strips so that it can stop between two of them.
#pragma once

#include <algorithm>

#include "fcnet/base/buffer.hpp"
#include "fcnet/base/status.hpp"
#include "fcnet/isa/dispatch.hpp"
#include "fcnet/runtime/threads.hpp"
#include "fcnet/runtime/watch.hpp"

namespace fcnet {

// Whether this thread of a team should go on; the calling thread asks the watch.
inline bool go_on(const Team& team, Watch& watch) { return !(team.id == 0 ? watch.check() : watch.stopped()); }

// Calls f(first, last) for thread `id`'s share of `rows`, in whole multiples of `grain`; not for an empty one.
template <class F>
void share(const Team& team, int id, Size rows, Size grain, F f) {
  const Size blocks = groups(rows, grain), size = static_cast<Size>(team.size), i = static_cast<Size>(id);
  const Size first = part_begin(blocks, size, i) * grain;
  const Size last = std::min(part_begin(blocks, size, i + 1) * grain, rows);
  if (first < last) f(first, last);
}

// A strip of parameters: a multiple of their panels' rows.
constexpr Size strip_elements = Size{1} << 17;

// Calls f(begin, end) for strips of [0, count) on all threads, until done or interrupted.
template <class F>
Status in_parallel(Size count, Size strip, Watch& watch, const F& f) {
  const Size strips = groups(count, strip);
  const auto body = [&](const Team& team) {
    for (Size i = static_cast<Size>(team.id); i < strips && go_on(team, watch); i += static_cast<Size>(team.size))
      f(i * strip, std::min((i + 1) * strip, count));
  };
  run_team(static_cast<int>(std::min(static_cast<Size>(num_threads()), strips)), body);
  return watch.stopped() ? Status::interrupted : Status::ok;
}

// Both have the same size.
template <class T>
Status copy_all(const Buffer<T>& from, Buffer<T>& to, Watch& watch) {
  return in_parallel(from.size(), strip_elements, watch, [&](Size begin, Size end) {
    std::copy(from.data() + begin, from.data() + end, to.data() + begin);
  });
}

// Touches every page of a fresh buffer, on all threads: whoever first writes to one waits until the system has made it
// zero, which for a large buffer adds up to seconds at a moment when nobody looks whether to stop.
template <class T>
Status bring_in(Buffer<T>& buffer, Watch& watch) {
  constexpr Size page = 4096 / sizeof(T), strip = (Size{4} << 20) / sizeof(T);
  return in_parallel(buffer.size(), strip, watch, [&](Size begin, Size end) {
    for (Size i = begin; i < end; i += page) static_cast<volatile T*>(buffer.data())[i] = T(0);
  });
}

// Calls f(begin, end) over rows first..last in strips of at most some 25 ms, mostly a few, as long as go_on() says so.
template <class T, class GoOn, class F>
void in_strips(Size first, Size last, double flops_per_row, GoOn go_on, F f) {
  const double rows = flops_per_second<T>() * 0.025 / flops_per_row;
  const Size strip = rows < lanes ? lanes : static_cast<Size>(rows < 1e9 ? rows : 1e9) / lanes * lanes;
  for (Size begin = first; begin < last && go_on(); begin += strip)
    f(begin, begin + strip < last ? begin + strip : last);
}

}  // namespace fcnet
