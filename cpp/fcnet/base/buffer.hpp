// SPDX-License-Identifier: MIT
// The only allocation of the core: aligned, zero, owned. Large buffers are aligned to 2 MiB and offered to the kernel
// for huge pages (one TLB entry instead of 512); their pages come into being where a thread first touches them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "fcnet/base/checked_size.hpp"
#include "fcnet/base/spare_memory.hpp"
#include "fcnet/base/status.hpp"

namespace fcnet {

// For tests: how many allocations come before the one that fails; negative: none does.
inline std::atomic<long> allocations_to_failure{-1};

// Whether it is this one.
inline bool allocation_is_to_fail() {
  const long left = allocations_to_failure;
  if (left >= 0) allocations_to_failure = left - 1;
  return left == 0;
}

template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(); }

  // Replaces the contents by `count` zeros; on failure the buffer is as it was.
  [[nodiscard]] Status allocate(CheckedSize count) { return allocate(count, true); }
  // By whatever the memory holds.
  [[nodiscard]] Status allocate_unset(CheckedSize count) { return allocate(count, false); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  Status allocate(CheckedSize count, bool zero) {
    const CheckedSize bytes = count * sizeof(T);
    if (!(bytes + huge_page).ok()) return Status::too_large;
    if (allocation_is_to_fail()) return Status::out_of_memory;
    const std::size_t alignment = bytes.value() >= huge_page ? huge_page : cache_line;
    const std::size_t size = bytes.value() + alignment;
    SpareMemory::Block block = SpareMemory::take(size);
    const bool is_spare = block.memory != nullptr;
    // large ones arrive as untouched zero pages
    if (!is_spare) block = {zero ? std::calloc(size, 1) : std::malloc(size), size};
    if (block.memory == nullptr) return Status::out_of_memory;
    release();
    block_ = block;
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(block.memory);
    data_ = reinterpret_cast<T*>((address + alignment - 1) / alignment * alignment);
    size_ = count.value();
    if (is_spare) {
      if (zero) std::memset(static_cast<void*>(data_), 0, bytes.value());
      return Status::ok;
    }
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (alignment == huge_page) madvise(data_, bytes.value(), MADV_HUGEPAGE);
#endif
    return Status::ok;
  }

  void release() {
    if (block_.memory != nullptr) SpareMemory::give(block_);
  }

  static constexpr std::size_t cache_line = 64;
  static constexpr std::size_t huge_page = std::size_t{2} << 20;

  SpareMemory::Block block_{};
  T* data_ = nullptr;  // the first aligned place in it
  std::size_t size_ = 0;
};

}  // namespace fcnet
