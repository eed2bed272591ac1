// SPDX-License-Identifier: MIT
// How many threads this process should use, and who said so.
#pragma once

namespace fcnet {

constexpr int max_threads = 1024;

struct ThreadCount {
  int count = 1;
  const char* source = "";  // for people: "FCNET_NUM_THREADS", "affinity mask", "cgroup CPU quota" ...
};

// FCNET_NUM_THREADS, else OMP_NUM_THREADS, else the smaller of the affinity mask and the cgroup quota.
// `source` begins with "invalid" when FCNET_NUM_THREADS is not a whole number from 1 to max_threads.
ThreadCount default_threads();

// The processors this process may run on.
ThreadCount usable_cpus();

}  // namespace fcnet
