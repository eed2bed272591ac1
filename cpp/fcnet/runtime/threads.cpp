// SPDX-License-Identifier: MIT
#include "fcnet/runtime/threads.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#if !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#endif

namespace fcnet {
namespace {

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

using Nanoseconds = std::int64_t;

Nanoseconds now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

constexpr int spins = 2048;                           // some 50 us, longer than any phase of a step is uneven
constexpr Nanoseconds contended_yield = 20'000;       // a yield that takes longer has let another program run
constexpr Nanoseconds time_for_team = 20'000;         // of yields, before a thread sleeps that waits for its team
constexpr Nanoseconds time_between_jobs = 1'000'000;  // or for a job: longer than a caller is busy between predictions
constexpr Nanoseconds time_to_wake = 60'000;          // the longest that a caller waits for threads that sleep
constexpr Nanoseconds pause_of_absent = 50'000;       // before a caller looks again for those who were not there
constexpr Nanoseconds pause_of_late = 50'000'000;     // before a team that lost its time is as large again, where
constexpr Nanoseconds longest_pause = 800'000'000;    // the cores look free; where not, ever longer up to this
constexpr Nanoseconds least_lateness = 200'000;       // which is no accident
constexpr Nanoseconds memory = 20'000'000;            // of work, after which half of what was lost is forgotten

// Looks again and again; whether it is still waiting at the end.
template <class F>
bool spin(F waiting) {
  for (int i = 0; i < spins; ++i) {
    if (!waiting()) return false;
    pause();
  }
  return true;
}

// Leaves the core to others for so long, or until another program ran; whether it is still waiting at the end.
template <class F>
bool yield_for(Nanoseconds most, F waiting) {
  const Nanoseconds begin = now();
  for (Nanoseconds before = begin, after = begin; after - begin <= most && after - before <= contended_yield;) {
    if (!waiting()) return false;
    std::this_thread::yield();
    before = after;
    after = now();
  }
  return waiting();
}

// Waits for others of a team, in the end asleep, from which it takes a tenth of a millisecond to wake. It yields in
// between: who lets others wait that long may well be behind this very thread on one core; when both wake again they
// are on two. Returns how long it took after the spinning.
template <class T>
Nanoseconds wait_while(const std::atomic<T>& value, T old) {
  const auto is_old = [&] { return value.load(std::memory_order_acquire) == old; };
  if (!spin(is_old)) return 0;
  const Nanoseconds begin = now();
  if (yield_for(time_for_team, is_old))
    while (is_old()) value.wait(old, std::memory_order_acquire);
  return now() - begin;
}

class Pool {
 public:
  // `together`: all members at once, as barriers need it, those who sleep if they come within `patience`; else whoever
  // comes in time.
  void run(int threads, Job job, void* context, bool together, Nanoseconds patience) {
    if (threads <= 1 || busy_.exchange(true, std::memory_order_acquire)) return job(context, alone);
    threads = allowed(threads);
    job_ = job;
    context_ = context;
    const int size = together ? assemble(threads, patience) : call_all(threads);
    if (size > 1) {
      since_ = now();
      job(context, Team{0, size, together ? &barrier_ : nullptr, &waited_});
      finish(together);
      is_late(size);
    }
    busy_.store(false, std::memory_order_release);
    if (size == 1) job(context, alone);
  }

  bool should_reform(const Team& team, int threads) {
    if (team.size > 1 && waited_ != 0 && is_late(team.size)) return true;
    if (team.size == 1 && busy_.load(std::memory_order_relaxed)) return false;  // with the work of another caller
    return team.size < threads && now() >= until_.load(std::memory_order_relaxed);
  }

  int times_reduced() const { return times_reduced_.load(std::memory_order_relaxed); }
  void wait_for_all(bool wait) { waits_for_all_ = wait; }

 private:
  static constexpr Team alone{0, 1, nullptr, nullptr};

  // What a worker is, or has been told to be: it goes to sleep and wakes by itself; everything else comes from callers.
  enum State : int { asleep, waking, ready, called, working };

  struct alignas(64) Worker {
    Pool* pool;
    std::atomic<int> state{waking};
    Team team{};
  };

  // How many threads may work now.
  int allowed(int threads) {
    const int limit = limit_.load(std::memory_order_relaxed);
    if (threads <= limit || waits_for_all_) return threads;
    const Nanoseconds time = now();
    if (time < until_.load(std::memory_order_relaxed)) return limit;
    if (time < pause_ends_ && threads > limit + free_cpus()) {
      until_.store(time + pause_of_late, std::memory_order_relaxed);
      return limit;
    }
    limit_.store(max_threads, std::memory_order_relaxed);
    lifted_ = time;
    return threads;
  }
  void limit(int threads, Nanoseconds pause) {
    limit_.store(threads, std::memory_order_relaxed);
    until_.store(std::max(now() + pause, until_.load(std::memory_order_relaxed)), std::memory_order_relaxed);
  }

  // Whether a team has spent more of its time with waiting than with work: then it is halved for a while.
  bool is_late(int size) {
    const Nanoseconds time = now();
    worked_ += time - since_;
    since_ = time;
    if (2 * waited_ > worked_ && waited_ > least_lateness && !waits_for_all_) {
      pause_ = time - lifted_ < 2 * pause_of_late ? std::min(2 * pause_, longest_pause) : pause_of_late;
      pause_ends_ = time + pause_;
      limit(size / 2, pause_of_late);
      times_reduced_.fetch_add(1, std::memory_order_relaxed);
      worked_ = waited_ = 0;
      return true;
    }
    if (worked_ > memory) {
      worked_ /= 2;
      waited_ /= 2;
    }
    return false;
  }

  // Makes up a team of those who are awake; how many they are, with the caller.
  int assemble(int threads, Nanoseconds patience) {
    last_ = grow(threads - 1);
    const auto is_ready = [](const Worker* worker) { return worker->state.load(std::memory_order_acquire) == ready; };
    const auto all_are_ready = [&] { return std::all_of(workers_, workers_ + last_, is_ready); };
    std::fill_n(members_, last_, true);
    if (!waits_for_all_ && !all_are_ready()) {
      for (int i = 0; i < last_; ++i) wake(*workers_[i]);
      const Nanoseconds end = now() + std::min(patience, time_to_wake);
      while (now() < end && !all_are_ready()) pause();
      std::transform(workers_, workers_ + last_, members_, is_ready);
    }
    const int size = 1 + static_cast<int>(std::count(members_, members_ + last_, true));
    if (size < threads) limit(size, last_ < threads - 1 ? pause_of_late : pause_of_absent);
    barrier_.reset(size);
    for (int i = 0, id = 1; i < last_; ++i)
      if (members_[i]) call(*workers_[i], Team{id++, size, &barrier_, nullptr});
    return size;
  }

  int call_all(int threads) {
    last_ = grow(threads - 1);
    std::fill_n(members_, last_, true);
    for (int i = 0; i < last_; ++i) call(*workers_[i], Team{i + 1, last_ + 1, nullptr, nullptr});
    return last_ + 1;
  }

  void wake(Worker& worker) {
    int state = asleep;
    if (worker.state.compare_exchange_strong(state, waking)) worker.state.notify_one();
  }
  // A worker that is not ready, though it was, or is waited for, comes later.
  void call(Worker& worker, const Team& team) {
    worker.team = team;
    if (worker.state.exchange(called) == asleep) worker.state.notify_one();
  }

  // Waits for the members, but not for those who need not come and have not.
  void finish(bool together) {
    for (int i = 0; i < last_; ++i) {
      if (!members_[i]) continue;
      std::atomic<int>& state = workers_[i]->state;
      int now_is = called;
      if (!together && state.compare_exchange_strong(now_is, waking)) continue;
      for (now_is = state.load(std::memory_order_acquire); now_is == called || now_is == working;
           now_is = state.load(std::memory_order_acquire))
        waited_ += wait_while(state, now_is);
    }
  }

  // At least so many workers, if the system allows it; how many of them there are.
  int grow(int wanted) {
    while (workers_count_ < wanted && start()) ++workers_count_;
    return std::min(wanted, workers_count_);
  }

  [[noreturn]] void work(Worker& worker) {
    std::atomic<int>& state = worker.state;
    const auto is = [&](int which) { return state.load(std::memory_order_acquire) == which; };
    for (;;) {
      int before = waking;
      state.compare_exchange_strong(before, ready);
      if (const auto idle = [&] { return is(ready); }; spin(idle) && yield_for(time_between_jobs, idle)) {
        before = ready;
        if (state.compare_exchange_strong(before, asleep))
          while (is(asleep)) state.wait(asleep, std::memory_order_acquire);
      }
      before = called;
      if (!state.compare_exchange_strong(before, working)) continue;
      job_(context_, worker.team);
      state.store(ready);
      state.notify_one();
    }
  }

#if !defined(_WIN32)
  // The kernels' deepest chain of frames takes 12 KiB (AVX-512, the row-major product in float64; the build limits a
  // frame to 16 KiB). But glibc also puts the thread-local variables of every loaded library on the stack, whatever
  // their size: only the default size of stacks, 8 MiB as a rule, leaves room for them. Some platforms' is smaller.
  static constexpr std::size_t least_stack_bytes = std::size_t{1} << 20;

  static void set_stack_size(pthread_attr_t& attributes) {
    std::size_t bytes = 0;
    pthread_attr_getstacksize(&attributes, &bytes);
    if (bytes < least_stack_bytes) pthread_attr_setstacksize(&attributes, least_stack_bytes);
  }

  // Python's handlers belong to the main thread: workers block every signal but those that an instruction of their own
  // raises. The kernel kills a process that blocks one of these, and no handler reports where it happened.
  static sigset_t blocked_signals() {
    sigset_t set;
    sigfillset(&set);
    for (const int raised_here : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
      sigdelset(&set, raised_here);
    return set;
  }
#endif

  bool start() {
    Worker* worker = new (std::nothrow) Worker{this};
    if (worker == nullptr) return false;
    workers_[workers_count_] = worker;
#if defined(_WIN32)
    try {
      std::thread(live, worker).detach();
      return true;
    } catch (const std::system_error&) {
      delete worker;
      return false;
    }
#else
    const sigset_t blocked = blocked_signals();
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    set_stack_size(attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    const bool started = pthread_create(&thread, &attributes, live, worker) == 0;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!started) delete worker;
    return started;
#endif
  }
  static void* live(void* worker) {
    static_cast<Worker*>(worker)->pool->work(*static_cast<Worker*>(worker));
    return nullptr;
  }

  // While a team works. No mutex: its own thread may ask again, from a loss in Python or a signal's handler, and to try
  // a mutex that one holds is undefined.
  std::atomic<bool> busy_{false};
  Worker* workers_[max_threads] = {};
  bool members_[max_threads] = {};  // of the team, of the first last_ workers
  int workers_count_ = 0, last_ = 0;
  Barrier barrier_;
  Job job_ = nullptr;
  void* context_ = nullptr;
  // Of teams: how long they worked, from since_ on not counted yet, and for how much of that their first thread waited.
  Nanoseconds worked_ = 0, waited_ = 0, since_ = 0;
  std::atomic<bool> waits_for_all_{false};
  // The largest team until then, and until the pause ends if no core looks free.
  std::atomic<int> limit_{max_threads};
  std::atomic<Nanoseconds> until_{0};
  Nanoseconds pause_ = pause_of_late, pause_ends_ = 0, lifted_ = 0;  // lifted_: when the last limit was
  std::atomic<int> times_reduced_{0};
};

// Never destroyed: at exit workers may still sleep on it. A forked child starts with a fresh one.
alignas(Pool) unsigned char storage[sizeof(Pool)];
Pool* pool = nullptr;
std::once_flag once;
constinit std::atomic<ThreadCount> allowed{ThreadCount{}};
static_assert(std::atomic<ThreadCount>::is_always_lock_free);  // a forked child may find it in any state
thread_local int limit = 0;                                    // of the calling thread; 0: what is allowed

Pool& the_pool() {
  std::call_once(once, [] {
    pool = new (storage) Pool;
#if !defined(_WIN32)
    pthread_atfork(nullptr, nullptr, [] { pool = new (storage) Pool; });
#endif
  });
  return *pool;
}

}  // namespace

std::int64_t Barrier::wait() {
  const unsigned phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_seq_cst);  // in one order with the look for sleepers that follows
    phase_.notify_all();
    return 0;
  }
  return wait_while(phase_, phase);
}

void run_team(int threads, Job job, void* context, std::int64_t patience) {
  the_pool().run(threads, job, context, true, patience);
}
void run_helpers(int threads, Job job, void* context) { the_pool().run(threads, job, context, false, 0); }
bool should_reform(const Team& team, int threads) { return the_pool().should_reform(team, threads); }
int times_reduced() { return the_pool().times_reduced(); }
void wait_for_all(bool wait) { the_pool().wait_for_all(wait); }

ThreadCount thread_count() { return allowed.load(std::memory_order_relaxed); }
ThreadCount exchange_thread_count(ThreadCount next) { return allowed.exchange(next, std::memory_order_relaxed); }

ThreadLimit::ThreadLimit(int count) : before_(limit) { limit = count; }
ThreadLimit::~ThreadLimit() { limit = before_; }

int num_threads() { return limit != 0 ? limit : thread_count().count; }

}  // namespace fcnet
