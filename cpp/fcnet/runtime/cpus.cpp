// SPDX-License-Identifier: MIT
// Reading the affinity mask, the cgroup files of /sys and /proc/loadavg is the only input the core does.
#include "fcnet/runtime/cpus.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#if defined(__linux__)
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>
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

// What a small file holds; empty where it cannot be read. Not by a stream: those of another copy of the C++ library,
// which any other module of the process may bring, would be mixed with ours.
std::string contents(const std::string& path) {
  std::string text;
#if defined(__linux__)
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char part[4096];
  for (ssize_t n; (n = read(file, part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(n));
  close(file);
#else
  static_cast<void>(path);
#endif
  return text;
}

// Takes the next word from the front of `text`: the whole number that it is, else 0.
double take_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(" \n"));
  text.remove_prefix(word.size());
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc{} && end == word.data() + word.size() ? static_cast<double>(value) : 0;
}

// quota / period of one cgroup, or 0 where there is no limit ("max", or -1 in the first version of cgroups).
double quota(const std::string& folder) {
  std::string numbers = contents(folder + "/cpu.max");
  if (numbers.empty()) numbers = contents(folder + "/cpu.cfs_quota_us") + ' ' + contents(folder + "/cpu.cfs_period_us");
  std::string_view rest = numbers;
  const double us = take_number(rest), period = take_number(rest);
  return us > 0 && period > 0 ? us / period : 0;
}

}  // namespace

double cgroup_quota(const char* memberships, const char* mount) {
  double least = 0;
  const auto consider = [&](const std::string& folder) {
    if (const double q = quota(folder); q > 0 && (least == 0 || q < least)) least = q;
  };
  const std::string all = contents(memberships);
  for (std::size_t begin = 0, end; begin < all.size(); begin = end + 1) {
    end = std::min(all.find('\n', begin), all.size());
    const std::string line = all.substr(begin, end - begin);  // "id:controllers:/path"
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

int free_cpus() {
#if defined(__linux__)
  char text[128];  // "0.20 0.18 0.12 1/80 11206": loads, threads that run or are ready to, threads, a process
  const int file = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  if (file < 0) return max_threads;
  const ssize_t size = read(file, text, sizeof text);
  close(file);
  std::string_view rest(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  rest = rest.substr(0, rest.find('/'));
  rest.remove_prefix(rest.rfind(' ') + 1);
  const double running = take_number(rest);
  if (running > 0) return std::max(0, static_cast<int>(static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN)) - running));
#endif
  return max_threads;
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
