// SPDX-License-Identifier: MIT
// Long work on many rows, in blocks so that it can stop between two of them.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "fcnet/base/buffer.hpp"
#include "fcnet/base/status.hpp"
#include "fcnet/isa/dispatch.hpp"
#include "fcnet/runtime/cancellation.hpp"
#include "fcnet/runtime/threads.hpp"

namespace fcnet {

// Whether this thread of a team should go on; the calling thread asks.
inline bool go_on(const Team& team, Cancellation& cancellation) {
  return !(team.id == 0 ? cancellation.check() : cancellation.stopped());
}

// Calls f(first, last) for thread `id`'s share of `rows`, in whole multiples of `granularity`; not for an empty one.
template <class F>
void for_share(const Team& team, int id, Size rows, Size granularity, F f) {
  const Size blocks = ceil_div(rows, granularity), size = static_cast<Size>(team.size), i = static_cast<Size>(id);
  const Size first = split_begin(blocks, size, i) * granularity;
  const Size last = std::min(split_begin(blocks, size, i + 1) * granularity, rows);
  if (first < last) f(first, last);
}

// Pieces of work, each for one thread: a thread begins with its own, and goes on with those that nobody has begun.
class Claims {
 public:
  static constexpr Size most = max_threads;

  explicit Claims(Size pieces) : pieces_(pieces) {}
  Size pieces() const { return pieces_; }

  template <class F>
  void each(const Team& team, F f) {
    const Size own = split_begin(pieces_, static_cast<Size>(team.size), static_cast<Size>(team.id));
    for (Size i = 0; i < pieces_; ++i) {
      const Size piece = (own + i) % pieces_;
      if (claimed_[piece].load(std::memory_order_relaxed) || claimed_[piece].exchange(true, std::memory_order_relaxed))
        continue;
      f(piece);
      done_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  // Until all that was claimed is done, or go_on() says no: it is asked again and again, as pool and barrier do not.
  template <class GoOn>
  void wait(GoOn go_on) const {
    while (done_.load(std::memory_order_relaxed) < pieces_ && go_on())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

 private:
  Size pieces_;
  std::atomic<Size> done_{0};
  std::array<std::atomic<bool>, most> claimed_{};
};

// A block of parameters: a multiple of their panels' rows.
constexpr Size block_elements = Size{1} << 17;

// Calls f(begin, end) for blocks of [0, count) on all threads, until done or interrupted.
template <class F>
Status in_parallel(Size count, Size block, Cancellation& cancellation, const F& f) {
  const Size blocks = ceil_div(count, block);
  std::atomic<Size> next{0};
  const auto body = [&](const Team& team) {
    for (Size i; (i = next.fetch_add(1, std::memory_order_relaxed)) < blocks && go_on(team, cancellation);)
      f(i * block, std::min((i + 1) * block, count));
  };
  // Bytes that are read and written rather than flops: some 4 GB/s
  run_helpers(static_cast<int>(std::min(static_cast<Size>(num_threads()), blocks)), body, static_cast<double>(count));
  return cancellation.stopped() ? Status::interrupted : Status::ok;
}

// Both have the same size.
template <class T>
Status copy_all(const Buffer<T>& from, Buffer<T>& to, Cancellation& cancellation) {
  return in_parallel(from.size(), block_elements, cancellation, [&](Size begin, Size end) {
    std::copy(from.data() + begin, from.data() + end, to.data() + begin);
  });
}

// Touches every page of a fresh buffer, on all threads: whoever first writes to one waits until the system has made it
// zero, which for a large buffer adds up to seconds at a moment when nothing looks whether to stop.
template <class T>
Status prefault(Buffer<T>& buffer, Cancellation& cancellation) {
  constexpr Size page = 4096 / sizeof(T), block = (Size{4} << 20) / sizeof(T);
  return in_parallel(buffer.size(), block, cancellation, [&](Size begin, Size end) {
    for (Size i = begin; i < end; i += page) static_cast<volatile T*>(buffer.data())[i] = T(0);
  });
}

// Calls f(begin, end) over rows first..last in blocks of at most some 25 ms, mostly a few, as long as go_on() says so.
template <class T, class GoOn, class F>
void in_blocks(Size first, Size last, double flops_per_row, GoOn go_on, F f) {
  const double rows = flops_per_second<T>() * 0.025 / flops_per_row;
  const Size block =
      rows < panel_width ? panel_width : static_cast<Size>(rows < 1e9 ? rows : 1e9) / panel_width * panel_width;
  for (Size begin = first; begin < last && go_on(); begin += block)
    f(begin, begin + block < last ? begin + block : last);
}

}  // namespace fcnet
