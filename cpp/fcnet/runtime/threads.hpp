// SPDX-License-Identifier: MIT
// The thread pool: `run` lets a team of threads, the caller among them, execute one function; inside it the team
// synchronises by `Team::sync`. Threads only decide who computes a tile, never a bit of the result.
// A forked child forgets the pool and builds its own when it needs one. One job runs at a time: a second caller
// does its work alone instead of waiting.
#pragma once

#include <atomic>

#include "fcnet/runtime/cpus.hpp"

namespace fcnet {

// Meeting point of a fixed number of threads: spins for some microseconds, then sleeps.
class Barrier {
 public:
  void reset(int size) { size_ = size; }
  void wait();

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> phase_{0};
  int size_ = 1;
};

struct Team {
  int id;  // 0 is the calling thread
  int size;
  Barrier* barrier;

  void sync() const {
    if (size > 1) barrier->wait();
  }
};

using Job = void (*)(void* context, const Team& team);

// Runs job on up to `threads` threads and returns when all are done.
void run_team(int threads, Job job, void* context);

template <class F>
void run_team(int threads, const F& body) {
  run_team(
      threads, [](void* context, const Team& team) { (*static_cast<const F*>(context))(team); }, const_cast<F*>(&body));
}

// The number of threads that new work of this process may use, and who chose it: the environment at import, then
// whoever came last. exchange returns what it replaces. The count is from 1 to max_threads.
ThreadCount thread_count();
ThreadCount exchange_thread_count(ThreadCount next);

// While it lives, work that the calling thread starts may use `count` threads; 0: as many as the process.
class ThreadLimit {
 public:
  explicit ThreadLimit(int count);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int before_;
};

// What work that the calling thread starts now may use.
int num_threads();
inline void set_num_threads(int count) { exchange_thread_count({count, ThreadSource::set_num_threads}); }

}  // namespace fcnet
