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
constexpr Nanoseconds time_to_wake = 500'000;         // the longest that a caller waits for threads that sleep
constexpr Nanoseconds pause_of_absent = 50'000;       // before a caller looks again for those who were not there, and
constexpr Nanoseconds pauses_of_absent = 20;          // at least so many times as long as it waited for them
constexpr Nanoseconds pause_of_late = 50'000'000;     // before a team that lost its time is as large again, where
constexpr Nanoseconds longest_pause = 800'000'000;    // the cores look free; where not, ever longer up to this
constexpr Nanoseconds least_lateness = 200'000;       // which is no accident
constexpr Nanoseconds forgetting_time = 20'000'000;   // of work, after which half of what was lost is forgotten
constexpr Nanoseconds long_work = 5'000'000;          // worth all threads: whoever comes, whenever it comes, helps

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
  // All members at once, as barriers need it; those who sleep, if they come within `patience`.
  void run_team(int threads, Job job, void* context, Nanoseconds patience) {
    if (!begin(threads, job, context)) return job(context, alone);
    const int size = assemble(allowed(threads), patience);
    if (size > 1) {
      since_ = now();
      job(context, Team{0, size, &barrier_, &waited_});
      for (int i = 0; i < last_; ++i)
        if (members_[i]) waited_ += wait_for(*workers_[i]);
      reduce_if_late(size);
    }
    busy_.store(false, std::memory_order_release);
    if (size == 1) job(context, alone);
  }

  // Whoever comes before thread 0 is done with work that takes it `nanoseconds` alone.
  void run_helpers(int threads, Job job, void* context, Nanoseconds nanoseconds) {
    if (!begin(threads, job, context)) return job(context, alone);
    const bool is_long = nanoseconds > long_work;
    const int workers = grow((is_long ? threads : allowed(threads)) - 1);
    for (int i = 0; i < workers; ++i) call(*workers_[i], Team{i + 1, workers + 1, nullptr, nullptr});
    since_ = now();
    job(context, Team{0, workers + 1, nullptr, nullptr});
    for (int i = 0; i < workers; ++i)
      if (!call_off(*workers_[i])) waited_ += wait_for(*workers_[i]);
    if (workers > 0) reduce_if_late(is_long ? 1 : workers + 1);
    busy_.store(false, std::memory_order_release);
  }

  bool should_reform(const Team& team, int threads) {
    if (team.size > 1 && waited_ != 0 && reduce_if_late(team.size)) return true;
    if (team.size == 1 && busy_.load(std::memory_order_relaxed)) return false;  // with the work of another caller
    if (team.size >= threads) return false;
    const Nanoseconds time = now();
    return time >= reduced_until_.load(std::memory_order_relaxed) &&
           time >= absent_until_.load(std::memory_order_relaxed);
  }

  int times_reduced() const { return times_reduced_.load(std::memory_order_relaxed); }
  void wait_for_all(bool wait) { waits_for_all_ = wait; }

 private:
  static constexpr Team alone{0, 1, nullptr, nullptr};

  // What a worker is, or was told. By itself it goes from waking to ready, from ready to asleep, from called to working
  // and then to ready. Callers wake it (asleep to waking), call it (any to called), call it off (called to waking).
  enum State : int { asleep, waking, ready, called, working };

  struct alignas(64) Worker {
    Pool* pool;
    std::atomic<int> state{waking};
    Team team{};
  };

  // Whether the pool is the caller's now.
  bool begin(int threads, Job job, void* context) {
    if (threads <= 1 || busy_.exchange(true, std::memory_order_acquire)) return false;
    job_ = job;
    context_ = context;
    return true;
  }

  // How many threads may work now: after a team was late, as many as look free once the shortest pause is over, and all
  // when the whole pause is.
  int allowed(int threads) {
    if (threads <= largest_team_ || waits_for_all_) return threads;
    const Nanoseconds time = now();
    if (time < reduced_until_.load(std::memory_order_relaxed)) return largest_team_;
    if (time < pause_ends_) {
      const int free = free_cpus();
      largest_team_ = free < max_threads - largest_team_ ? largest_team_ + free : max_threads;
      reduced_until_.store(time + pause_of_late, std::memory_order_relaxed);
      if (threads > largest_team_) return largest_team_;
    }
    largest_team_ = max_threads;
    lifted_ = time;
    return threads;
  }

  // Adds to the time that teams have worked; where they spent more of it with waiting, they lose half of their members
  // for a while.
  bool reduce_if_late(int size) {
    const Nanoseconds time = now();
    worked_ += time - since_;
    since_ = time;
    if (size > 1 && 2 * waited_ > worked_ && waited_ > least_lateness && !waits_for_all_) {
      pause_ = time - lifted_ < 2 * pause_of_late ? std::min(2 * pause_, longest_pause) : pause_of_late;
      pause_ends_ = time + pause_;
      largest_team_ = size / 2;
      reduced_until_.store(time + pause_of_late, std::memory_order_relaxed);
      times_reduced_.fetch_add(1, std::memory_order_relaxed);
      worked_ = waited_ = 0;
      return true;
    }
    if (worked_ > forgetting_time) {
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
      const Nanoseconds begin = now();
      Nanoseconds time = begin;
      if (begin >= absent_until_.load(std::memory_order_relaxed))
        for (; time - begin < std::min(patience, time_to_wake) && !all_are_ready(); time = now()) pause();
      std::transform(workers_, workers_ + last_, members_, is_ready);
      const Nanoseconds pause = std::max(pauses_of_absent * (time - begin), pause_of_absent);
      if (!std::all_of(members_, members_ + last_, [](bool is) { return is; }))
        absent_until_.store(std::max(absent_until_.load(std::memory_order_relaxed), time + pause),
                            std::memory_order_relaxed);
    }
    if (last_ < threads - 1)  // the system gives no more threads
      absent_until_.store(now() + pause_of_late, std::memory_order_relaxed);
    const int size = 1 + static_cast<int>(std::count(members_, members_ + last_, true));
    barrier_.reset(size);
    for (int i = 0, id = 1; i < last_; ++i)
      if (members_[i]) call(*workers_[i], Team{id++, size, &barrier_, nullptr});
    return size;
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
  // Whether it had not begun; it finds out when it wakes.
  bool call_off(Worker& worker) {
    int state = called;
    return worker.state.compare_exchange_strong(state, waking);
  }
  // Until it has done its work; for how long, see wait_while.
  Nanoseconds wait_for(Worker& worker) {
    Nanoseconds waited = 0;
    for (int state; (state = worker.state.load(std::memory_order_acquire)) == called || state == working;)
      waited += wait_while(worker.state, state);
    return waited;
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
  // The largest team after one was late: for a pause, which ends at once where the cores look free, but not before
  // reduced_until_; and when the last pause was over.
  int largest_team_ = max_threads;
  std::atomic<Nanoseconds> reduced_until_{0};
  Nanoseconds pause_ = pause_of_late, pause_ends_ = 0, lifted_ = 0;
  std::atomic<Nanoseconds> absent_until_{0};  // before that nobody looks for workers who were not there
  std::atomic<int> times_reduced_{0};
};

// Never destroyed: at exit workers may still sleep on it. A forked child starts with a fresh one.
alignas(Pool) unsigned char storage[sizeof(Pool)];
Pool* pool = nullptr;
std::once_flag once;
constinit std::atomic<ThreadCount> process_threads{ThreadCount{}};
static_assert(std::atomic<ThreadCount>::is_always_lock_free);  // a forked child may find it in any state
thread_local int thread_limit = 0;                             // of the calling thread; 0: that of the process

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
  the_pool().run_team(threads, job, context, patience);
}
void run_helpers(int threads, Job job, void* context, std::int64_t nanoseconds) {
  the_pool().run_helpers(threads, job, context, nanoseconds);
}
bool should_reform(const Team& team, int threads) { return the_pool().should_reform(team, threads); }
int times_reduced() { return the_pool().times_reduced(); }
void wait_for_all(bool wait) { the_pool().wait_for_all(wait); }

ThreadCount thread_count() { return process_threads.load(std::memory_order_relaxed); }
ThreadCount exchange_thread_count(ThreadCount next) {
  return process_threads.exchange(next, std::memory_order_relaxed);
}

ThreadLimit::ThreadLimit(int count) : before_(thread_limit) { thread_limit = count; }
ThreadLimit::~ThreadLimit() { thread_limit = before_; }

int num_threads() { return thread_limit != 0 ? thread_limit : thread_count().count; }

}  // namespace fcnet
