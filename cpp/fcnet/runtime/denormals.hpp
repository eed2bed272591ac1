// SPDX-License-Identifier: MIT
// Numbers below the smallest normal one (1.2e-38 in float32) count as 0 while a network is trained or predicts: a CPU
// takes a hundred times as long for them, and a saturated network is full of them. The thread's state is restored.
#pragma once

#include <cstdint>

namespace fcnet {

// The floating-point control register of this thread.
inline std::uint64_t float_control() {
#if defined(__x86_64__)
  return __builtin_ia32_stmxcsr();
#elif defined(__aarch64__)
  std::uint64_t control;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  return control;
#else
  return 0;
#endif
}

inline void set_float_control([[maybe_unused]] std::uint64_t control) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(static_cast<unsigned>(control));
#elif defined(__aarch64__)
  asm volatile("msr fpcr, %0" : : "r"(control));
#endif
}

// As long as it lives.
class FloatControl {
 public:
  explicit FloatControl(std::uint64_t control) : before_(float_control()) { set_float_control(control); }
  FloatControl(const FloatControl&) = delete;
  FloatControl& operator=(const FloatControl&) = delete;
  ~FloatControl() { set_float_control(before_); }

 private:
  std::uint64_t before_;
};

class FlushDenormals {
#if defined(__x86_64__)
  static constexpr std::uint64_t flush = 0x8040;  // results (FTZ) and operands (DAZ)
#elif defined(__aarch64__)
  static constexpr std::uint64_t flush = std::uint64_t{1} << 24;  // FZ: both
#else
  static constexpr std::uint64_t flush = 0;
#endif
  FloatControl control_{float_control() | flush};
};

}  // namespace fcnet
