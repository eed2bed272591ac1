// SPDX-License-Identifier: MIT
#include "fcnet/runtime/threads.hpp"

#include <algorithm>
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

// Waits while `value` is `old`: for some 50 us by looking again and again, longer than any phase of a step is uneven;
// `yields` times leaving the core to whoever else is ready to run; then asleep, from which it takes a tenth of a
// millisecond to wake.
template <class T>
void wait_while(const std::atomic<T>& value, T old, int yields) {
  for (int spin = 0; spin < 2048 + yields; ++spin) {
    if (value.load(std::memory_order_acquire) != old) return;
    spin < 2048 ? pause() : std::this_thread::yield();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

// For others of the team: who lets them wait that long may well be behind this very thread on one core, which a yield
// need not change; when both wake again they are on two.
constexpr int yields_to_team = 16;
// For the next job: about a millisecond, longer than a caller is busy between two predictions.
constexpr int yields_between_jobs = 2048;

class Pool {
 public:
  void run(int threads, Job job, void* context) {
    if (threads <= 1 || busy_.exchange(true, std::memory_order_acquire)) return job(context, Team{0, 1, nullptr});
    grow(threads - 1);
    run_alone(std::min(threads, workers_ + 1), job, context);
    busy_.store(false, std::memory_order_release);
  }

 private:
  void run_alone(int size, Job job, void* context) {
    barrier_.reset(size);
    job_ = job;
    context_ = context;
    running_.store(size - 1, std::memory_order_relaxed);
    // in one order with the look for sleepers that follows
    ticket_.store(next_ticket(ticket_.load(std::memory_order_relaxed), size), std::memory_order_seq_cst);
    ticket_.notify_all();
    job(context, Team{0, size, &barrier_});
    for (int left = running_.load(std::memory_order_acquire); left != 0;
         left = running_.load(std::memory_order_acquire))
      wait_while(running_, left, yields_to_team);
  }

  // A job's ticket carries its team size, so that a worker it does not concern touches nothing else of the job.
  static constexpr std::uint32_t size_bits = 11, size_mask = (1u << size_bits) - 1;
  static_assert(max_threads <= size_mask);
  static std::uint32_t next_ticket(std::uint32_t last, int size) {
    return (last & ~size_mask) + (1u << size_bits) + static_cast<std::uint32_t>(size);
  }

  void grow(int wanted) {
    while (workers_ < wanted && start(workers_ + 1)) ++workers_;
  }

  void work(int id, std::uint32_t seen) {
    for (;;) {
      wait_while(ticket_, seen, yields_between_jobs);
      seen = ticket_.load(std::memory_order_acquire);
      const int size = static_cast<int>(seen & size_mask);
      if (id >= size) continue;
      job_(context_, Team{id, size, &barrier_});
      if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
    }
  }

  struct Birth {
    Pool* pool;
    int id;
    std::uint32_t ticket;
  };

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

  bool start(int id) {
    Birth* birth = new (std::nothrow) Birth{this, id, ticket_.load(std::memory_order_relaxed)};
    if (birth == nullptr) return false;
#if defined(_WIN32)
    try {
      std::thread(live, birth).detach();
      return true;
    } catch (const std::system_error&) {
      delete birth;
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
    const bool started = pthread_create(&thread, &attributes, live, birth) == 0;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!started) delete birth;
    return started;
#endif
  }
  static void* live(void* argument) {
    const Birth birth = *static_cast<Birth*>(argument);
    delete static_cast<Birth*>(argument);
    birth.pool->work(birth.id, birth.ticket);
    return nullptr;
  }

  // While a team works. No mutex: its own thread may ask again, from a loss in Python or a signal's handler, and to try
  // a mutex that one holds is undefined.
  std::atomic<bool> busy_{false};
  int workers_ = 0;
  Barrier barrier_;
  Job job_ = nullptr;
  void* context_ = nullptr;
  alignas(64) std::atomic<std::uint32_t> ticket_{0};  // changes with every job
  alignas(64) std::atomic<int> running_{0};           // workers that have not finished the job
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

void Barrier::wait() {
  const unsigned phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_seq_cst);  // in one order with the look for sleepers that follows
    phase_.notify_all();
  } else {
    wait_while(phase_, phase, yields_to_team);
  }
}

void run_team(int threads, Job job, void* context) { the_pool().run(threads, job, context); }

ThreadCount thread_count() { return allowed.load(std::memory_order_relaxed); }
ThreadCount exchange_thread_count(ThreadCount next) { return allowed.exchange(next, std::memory_order_relaxed); }

ThreadLimit::ThreadLimit(int count) : before_(limit) { limit = count; }
ThreadLimit::~ThreadLimit() { limit = before_; }

int num_threads() { return limit != 0 ? limit : thread_count().count; }

}  // namespace fcnet
