// SPDX-License-Identifier: MIT
// Memory that buffers no longer need, kept for the next ones: to make fresh pages costs the system more than a small
// network's work on them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <utility>

namespace fcnet {

class SpareMemory {
 public:
  struct Block {
    void* memory;
    std::size_t size;
  };

  // At least `size` bytes and less than twice as many; nothing where there is none, or another thread is here.
  static Block take(std::size_t size) {
    Block found{};
    if (!is_kept(size) || busy_.exchange(true, std::memory_order_acquire)) return found;
    for (std::size_t i = count_; i-- > 0;)  // the last is the likeliest to be in the caches
      if (blocks_[i].size >= size && blocks_[i].size < 2 * size) {
        found = remove(i);
        break;
      }
    busy_.store(false, std::memory_order_release);
    return found;
  }

  // Keeps it, in place of those that have been here longest, or frees it.
  static void give(Block block) {
    if (!is_kept(block.size) || busy_.exchange(true, std::memory_order_acquire)) return std::free(block.memory);
    while (count_ == most_blocks || kept_ + block.size > most_bytes) std::free(remove(0).memory);
    blocks_[count_++] = block;
    kept_ += block.size;
    busy_.store(false, std::memory_order_release);
  }

 private:
  static constexpr std::size_t least = std::size_t{32} << 10, most = std::size_t{2} << 20;  // of a block
  static constexpr std::size_t most_bytes = std::size_t{32} << 20, most_blocks = 64;

  // Smaller blocks the C library keeps itself; an address sanitizer is to see every use of freed memory.
  static constexpr bool is_kept(std::size_t size) {
#if defined(__SANITIZE_ADDRESS__)
    return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return false;
#endif
#endif
    return size >= least && size <= most;
  }

  static Block remove(std::size_t i) {
    const Block removed = blocks_[i];
    for (--count_; i < count_; ++i) blocks_[i] = blocks_[i + 1];
    kept_ -= removed.size;
    return removed;
  }

  // No mutex: a child that was forked meanwhile just finds it busy, and goes without.
  inline static std::atomic<bool> busy_{false};
  inline static Block blocks_[most_blocks]{};
  inline static std::size_t count_ = 0, kept_ = 0;
};

}  // namespace fcnet
