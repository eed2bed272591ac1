// SPDX-License-Identifier: MIT
// Reading the affinity mask and the cgroup files of /sys is the only input the core does.
#include "fcnet/cpus.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace fcnet {
namespace {

// The whole number from 1 to max_threads that `text` is, up to a comma (OMP_NUM_THREADS may be a list).
std::optional<int> parse_count(std::string_view text) {
  text = text.substr(0, text.find(','));
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > max_threads) return {};
  return value;
}

int affinity_count() {
#if defined(__linux__)
  // Masks larger than the fixed cpu_set_t (1024 CPUs) make the call fail; then hardware_concurrency answers.
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// quota / period of one cgroup, or 0 where there is no limit ("max", or -1 in the first version of cgroups).
double quota(const std::string& folder) {
  double us = 0, period = 0;
  if (std::ifstream v2(folder + "/cpu.max"); v2 >> us >> period && us > 0 && period > 0) return us / period;
  if (std::ifstream v1(folder + "/cpu.cfs_quota_us"); v1 >> us && us > 0)
    if (std::ifstream v1_period(folder + "/cpu.cfs_period_us"); v1_period >> period && period > 0) return us / period;
  return 0;
}

}  // namespace

double cgroup_quota(const char* memberships, const char* mount) {
  double least = 0;
  const auto consider = [&](const std::string& folder) {
    if (const double q = quota(folder); q > 0 && (least == 0 || q < least)) least = q;
  };
  std::ifstream lines(memberships);  // "id:controllers:/path"
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();
    if (!unified && controllers != "cpu" && controllers != "cpu,cpuacct" && controllers != "cpuacct,cpu") continue;
    const std::string root = unified ? mount : mount + ("/" + controllers);
    for (std::string path = line.substr(second + 1); path.size() > 1; path.resize(path.rfind('/')))
      consider(root + path);
    consider(root);
  }
  return least;
}

const char* name(ThreadSource source) {
  switch (source) {
    case ThreadSource::invalid:
      return "invalid FCNET_NUM_THREADS";
    case ThreadSource::fcnet_num_threads:
      return "FCNET_NUM_THREADS";
    case ThreadSource::omp_num_threads:
      return "OMP_NUM_THREADS";
    case ThreadSource::affinity_mask:
      return "affinity mask";
    case ThreadSource::cgroup_quota:
      return "cgroup CPU quota";
    case ThreadSource::set_num_threads:
      return "set_num_threads";
    case ThreadSource::threads_context:
      return "fcnet.threads";
    case ThreadSource::threadpoolctl:
      return "threadpoolctl";
  }
  return "";
}

ThreadCount usable_cpus() {
  const int cpus = std::min(affinity_count(), max_threads);
  const double limit = cgroup_quota("/proc/self/cgroup", "/sys/fs/cgroup");
  if (0 < limit && limit < cpus) return {static_cast<int>(std::ceil(limit)), ThreadSource::cgroup_quota};
  return {cpus, ThreadSource::affinity_mask};
}

ThreadCount default_threads() {
  if (const char* text = std::getenv("FCNET_NUM_THREADS"); text != nullptr && *text != '\0') {
    const auto count = parse_count(text);
    return count ? ThreadCount{*count, ThreadSource::fcnet_num_threads} : ThreadCount{1, ThreadSource::invalid};
  }
  if (const char* text = std::getenv("OMP_NUM_THREADS"); text != nullptr)
    if (const auto count = parse_count(text)) return {*count, ThreadSource::omp_num_threads};
  return usable_cpus();
}

}  // namespace fcnet
