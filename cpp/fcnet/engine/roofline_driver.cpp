// SPDX-License-Identifier: MIT
#include "fcnet/engine/roofline_driver.hpp"

#include <algorithm>
#include <chrono>

#include "fcnet/base/buffer.hpp"
#include "fcnet/runtime/threads.hpp"

namespace fcnet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int repetitions = 10;
constexpr double shortest = 0.01;   // seconds that a repetition lasts at least
constexpr Size granularity = 1024;  // elements: whole vectors of every kernel

// The best rate of work(team, rounds), which returns how much this thread did. Threads start behind a barrier; the
// clock stops when the last one is done.
template <class Work>
double best_rate(int threads, Work work) {
  double best = 0;
  Size rounds = 1;
  for (int done = 0; done < repetitions;) {
    double seconds = 0, amount = 0;
    const auto body = [&](const Team& team) {
      team.sync();
      const Clock::time_point start = Clock::now();
      const double mine = work(team, rounds);
      team.sync();
      if (team.id != 0) return;
      seconds = std::chrono::duration<double>(Clock::now() - start).count();
      amount = mine * team.size;
    };
    run_team(threads, body, 1e9 * shortest);
    if (seconds < shortest) {
      rounds *= 2;
      continue;
    }
    best = std::max(best, amount / seconds);
    ++done;
  }
  return best;
}

template <class T>
Status best_stream(Roofline wanted, int threads, Size bytes, double* per_second) {
  const bool updates = wanted == Roofline::update;
  // Every thread gets as much, so that its own amount stands for all.
  const Size per_thread =
      std::max(bytes / sizeof(T) / (updates ? 2 : 1) / static_cast<Size>(threads) / granularity, Size{1}) * granularity;
  Buffer<T> w, g;
  if (const Status s = w.allocate(CheckedSize(per_thread) * static_cast<Size>(threads)); s != Status::ok) return s;
  if (const Status s = g.allocate(updates ? CheckedSize(per_thread) * static_cast<Size>(threads) : CheckedSize(0));
      s != Status::ok)
    return s;
  *per_second = best_rate(threads, [&](const Team& team, Size rounds) {
    const Size first = static_cast<Size>(team.id) * per_thread;
    for (Size round = 0; round < rounds; ++round) {
      if (updates) {
        kernels<T>().descend(w.data() + first, g.data() + first, per_thread, T{1});
      } else {
        kernels<T>().read(w.data() + first, per_thread);
      }
    }
    return static_cast<double>(rounds * per_thread * sizeof(T) * (updates ? 3 : 1));
  });
  return Status::ok;
}

// A tile's sums over some panels of samples: as a weight product forms them, again and again.
template <class T>
Status best_tile(int threads, double* per_second) {
  const Size rows = isa().tile_rows, samples = 16 * panel_width / sizeof(T), panel = rows * panel_width,
             h = samples / panel_width * panel;
  const Size of_one = h + samples * panel_width + panel;
  Buffer<T> buffer;
  if (const Status s = buffer.allocate(CheckedSize(of_one) * static_cast<Size>(threads)); s != Status::ok) return s;
  for (Size i = 0; i < buffer.size(); ++i) buffer[i] = static_cast<T>(i % 61) / 61 - T(0.5);  // what data look like
  const LayerView<T> layer{nullptr, panel, rows - 1, panel_width, Activation::identity};
  *per_second = best_rate(threads, [&](const Team& team, Size rounds) {
    T* const mine = buffer.data() + static_cast<Size>(team.id) * of_one;
    for (Size round = 0; round < rounds; ++round)
      kernels<T>().backward_weights(layer, {mine, panel, samples}, {mine + h, samples * panel_width, 0},
                                    mine + of_one - panel, false, 0, rows);
    return 2.0 * static_cast<double>(rounds * rows * panel_width * samples);
  });
  return Status::ok;
}

}  // namespace

template <class T>
Status measure_roofline(Roofline wanted, int threads, Size bytes, double* per_second) {
  if (wanted == Roofline::tile) return best_tile<T>(threads, per_second);
  if (wanted != Roofline::multiply_add) return best_stream<T>(wanted, threads, bytes, per_second);
  *per_second = best_rate(threads, [](const Team&, Size rounds) {
    T unused;
    return kernels<T>().multiply_add(rounds, T{0.5}, &unused);
  });
  return Status::ok;
}

template Status measure_roofline<float>(Roofline, int, Size, double*);
template Status measure_roofline<double>(Roofline, int, Size, double*);

}  // namespace fcnet
