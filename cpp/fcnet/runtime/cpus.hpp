// SPDX-License-Identifier: MIT
// How many threads this process should use, and who said so.
#pragma once

namespace fcnet {

constexpr int max_threads = 1024;

enum class ThreadSource : int {
  invalid,  // FCNET_NUM_THREADS is not a whole number from 1 to max_threads
  fcnet_num_threads,
  omp_num_threads,
  affinity_mask,
  cgroup_quota,
  set_num_threads,
  threads_context,
  threadpoolctl,
};

// For people: "FCNET_NUM_THREADS", "affinity mask" ...
const char* name(ThreadSource source);

struct ThreadCount {
  int count = 1;
  ThreadSource source = ThreadSource::set_num_threads;
};

// FCNET_NUM_THREADS, else OMP_NUM_THREADS, else the smaller of the affinity mask and the cgroup quota.
ThreadCount default_threads();

// The processors this process may run on, a cgroup's CPU quota taken into account.
ThreadCount usable_cpus();

// How many processors of this machine no thread runs on now, as far as the system tells; max_threads where it does not.
int free_cpus();

// The tightest CPU quota, in processors, on the way from this process's cgroup to the root, or 0 where there is none:
// `memberships` is /proc/self/cgroup, `mount` /sys/fs/cgroup (tests write files of their own).
double cgroup_quota(const char* memberships, const char* mount);

}  // namespace fcnet
