// SPDX-License-Identifier: MIT
#include "fcnet/isa/dispatch.hpp"

#include <array>
#include <atomic>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace fcnet {

namespace avx512 {
extern const InstructionSet instruction_set;
}
namespace avx2 {
extern const InstructionSet instruction_set;
}
namespace neon {
extern const InstructionSet instruction_set;
}
namespace portable {
extern const InstructionSet instruction_set;
}

namespace {

struct Cpu {
  bool avx2 = false, avx512 = false;
};

// What the CPU offers and the operating system saves on a context switch (XCR0).
Cpu detect() {
  Cpu cpu;
#if defined(__x86_64__)
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return cpu;
  const bool osxsave = c & bit_OSXSAVE, fma = c & bit_FMA, avx = c & bit_AVX;
  if (!osxsave || !avx) return cpu;
  unsigned low, high;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned ymm_state = 0x06, zmm_state = 0xE6;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return cpu;
  cpu.avx2 = fma && (b & bit_AVX2) && (low & ymm_state) == ymm_state;
  constexpr unsigned needed = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  cpu.avx512 = cpu.avx2 && (b & needed) == needed && (low & zmm_state) == zmm_state;
#endif
  return cpu;
}

using Table = std::array<const InstructionSet*, 5>;

Table list_available() {
  Table table{};
  std::size_t n = 0;
  [[maybe_unused]] const Cpu cpu = detect();
#if defined(FCNET_HAVE_AVX512)
  if (cpu.avx512) table[n++] = &avx512::instruction_set;
#endif
#if defined(FCNET_HAVE_AVX2)
  if (cpu.avx2) table[n++] = &avx2::instruction_set;
#endif
#if defined(FCNET_HAVE_NEON)
  table[n++] = &neon::instruction_set;
#endif
  table[n] = &portable::instruction_set;
  return table;
}

constinit std::atomic<const InstructionSet*> chosen{&portable::instruction_set};

}  // namespace

const InstructionSet& isa() { return *chosen.load(std::memory_order_relaxed); }

const InstructionSet* const* available_isas() {
  static const Table table = list_available();
  return table.data();
}

bool use_isa(const char* name) {
  for (const InstructionSet* const* i = available_isas(); *i != nullptr; ++i)
    if (std::strcmp((*i)->name, name) == 0) {
      chosen.store(*i, std::memory_order_relaxed);
      return true;
    }
  return false;
}

bool choose_isa(const char* forced) {
  return use_isa(forced != nullptr && *forced != '\0' ? forced : available_isas()[0]->name);
}

}  // namespace fcnet
