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

// quota / period, or nothing where there is no limit.
std::optional<double> quota(const std::string& folder) {
  std::string limit;
  double period = 0;
  if (std::ifstream v2(folder + "/cpu.max"); v2 >> limit >> period && limit != "max" && period > 0)
    return std::strtod(limit.c_str(), nullptr) / period;
  double us = 0;
  if (std::ifstream v1(folder + "/cpu.cfs_quota_us"); v1 >> us && us > 0)
    if (std::ifstream v1_period(folder + "/cpu.cfs_period_us"); v1_period >> period && period > 0) return us / period;
  return {};
}

// The tightest quota on the way from this process's cgroup to the root.
std::optional<double> cgroup_quota() {
  std::optional<double> least;
  const auto consider = [&](const std::string& folder) {
    if (const auto q = quota(folder); q && (!least || *q < *least)) least = q;
  };
  std::ifstream memberships("/proc/self/cgroup");  // lines of "id:controllers:/path"
  for (std::string line; std::getline(memberships, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();
    if (!unified && controllers != "cpu" && controllers != "cpu,cpuacct" && controllers != "cpuacct,cpu") continue;
    const std::string root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/" + controllers;
    for (std::string path = line.substr(second + 1); path.size() > 1; path.resize(path.rfind('/')))
      consider(root + path);
    consider(root);
  }
  return least;
}

}  // namespace

ThreadCount usable_cpus() {
  ThreadCount result{affinity_count(), "affinity mask"};
  if (const auto limit = cgroup_quota(); limit && *limit < result.count)
    result = {std::max(1, static_cast<int>(std::ceil(*limit))), "cgroup CPU quota"};
  return result;
}

ThreadCount default_threads() {
  if (const char* text = std::getenv("FCNET_NUM_THREADS"); text != nullptr && *text != '\0') {
    const auto count = parse_count(text);
    return count ? ThreadCount{*count, "FCNET_NUM_THREADS"} : ThreadCount{1, "invalid FCNET_NUM_THREADS"};
  }
  if (const char* text = std::getenv("OMP_NUM_THREADS"); text != nullptr)
    if (const auto count = parse_count(text)) return {*count, "OMP_NUM_THREADS"};
  return usable_cpus();
}

}  // namespace fcnet
