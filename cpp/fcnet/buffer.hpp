// SPDX-License-Identifier: MIT
// The only allocation of the core: aligned, zero-filled, owned. Large buffers are aligned to 2 MiB and offered to
// the kernel for huge pages (one TLB entry instead of 512).
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "fcnet/checked.hpp"
#include "fcnet/status.hpp"

namespace fcnet {

template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(); }

  // Replaces the contents by `count` zeros; on failure the buffer is as it was.
  [[nodiscard]] Status allocate(Checked count) {
    const Checked bytes = count * sizeof(T) + huge_page;
    if (!bytes.ok()) return Status::too_large;
    const std::size_t needed = bytes.value() - huge_page;
    void* fresh = ::operator new(needed, alignment(needed), std::nothrow);
    if (fresh == nullptr) return Status::out_of_memory;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (needed >= huge_page) madvise(fresh, needed, MADV_HUGEPAGE);
#endif
    std::memset(fresh, 0, needed);
    release();
    data_ = static_cast<T*>(fresh);
    size_ = count.value();
    return Status::ok;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  static constexpr std::size_t cache_line = 64;
  static constexpr std::size_t huge_page = std::size_t{2} << 20;

  static std::align_val_t alignment(std::size_t bytes) {
    return std::align_val_t{bytes >= huge_page ? huge_page : cache_line};
  }
  void release() {
    if (data_ != nullptr) ::operator delete(static_cast<void*>(data_), alignment(size_ * sizeof(T)));
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace fcnet
