// SPDX-License-Identifier: MIT
// The thread pool. A team of threads, the caller among them, executes one function, with barriers (run_team); or they
// claim tasks from a common counter (parallel.hpp). Threads only decide who computes a tile, never a bit of the result.
// Nobody waits long for a thread that the system lets wait for a core: a team is made up of threads that are awake, and
// is halved for a while where its members keep each other waiting longer than they work.
// A forked child forgets the pool and builds its own when it needs one. One job runs at a time: a second caller
// does its work alone instead of waiting.
#pragma once

#include <atomic>
#include <cstdint>

#include "fcnet/runtime/cpus.hpp"

namespace fcnet {

// Meeting point of a fixed number of threads: spins for some microseconds, then sleeps.
class Barrier {
 public:
  void reset(int size) { size_ = size; }
  // The nanoseconds that this thread waited, if it was longer than the spinning; else 0.
  std::int64_t wait();

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> phase_{0};
  int size_ = 1;
};

struct Team {
  int id;  // 0 is the calling thread
  int size;
  Barrier* barrier;
  std::int64_t* waited;  // of thread 0, at the team's barriers

  void sync() const {
    if (size <= 1) return;
    const std::int64_t nanoseconds = barrier->wait();
    if (id == 0) *waited += nanoseconds;
  }
};

using Job = void (*)(void* context, const Team& team);

// Runs job on up to `threads` threads and returns when all are done. Threads that sleep are waited for up to `patience`
// nanoseconds, half a millisecond at most; then the team is smaller.
void run_team(int threads, Job job, void* context, std::int64_t patience);

// The same where nobody needs the others: no barriers; ids are from 0 to threads - 1, but whoever does not begin before
// thread 0 is done is left out. `nanoseconds` is about how long the work takes one thread.
void run_helpers(int threads, Job job, void* context, std::int64_t nanoseconds);

inline std::int64_t whole_nanoseconds(double time) { return static_cast<std::int64_t>(time < 1e18 ? time : 1e18); }

template <class F>
void run_team(int threads, const F& body, double patience) {
  run_team(
      threads, [](void* context, const Team& team) { (*static_cast<const F*>(context))(team); }, const_cast<F*>(&body),
      whole_nanoseconds(patience));
}

template <class F>
void run_helpers(int threads, const F& body, double nanoseconds) {
  run_helpers(
      threads, [](void* context, const Team& team) { (*static_cast<const F*>(context))(team); }, const_cast<F*>(&body),
      whole_nanoseconds(nanoseconds));
}

// For thread 0 between two steps of long work: whether a new team of `threads` would be another one, because this one
// loses its time with waiting, or because it is smaller and others may have come.
bool should_reform(const Team& team, int threads);

// How often a team was halved because its members kept each other waiting.
int times_reduced();

// For tests: teams are always complete, however long that takes.
void wait_for_all(bool wait);

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
