// SPDX-License-Identifier: MIT
// Which instruction set runs: the best one of this CPU, or the one that FCNET_ISA names.
#pragma once

#include "fcnet/isa/table.hpp"

namespace fcnet {

// The chosen table. Chosen once, by choose_isa at import; tests switch it with use_isa.
const InstructionSet& isa();

template <class T>
const Kernels<T>& kernels();
template <>
inline const Kernels<float>& kernels<float>() {
  return isa().float32;
}
template <>
inline const Kernels<double>& kernels<double>() {
  return isa().float64;
}

// Of one core, a cautious guess: says how long work may take, never what is computed.
template <class T>
double flops_per_second() {
  return isa().flops_per_second * sizeof(float) / sizeof(T);
}

// The granularity in which samples are shared out: what one tile covers, and no fewer than losses are added up in.
template <class T>
Size sample_granularity() {
  const Size granularity = isa().tile_bytes / sizeof(T);
  return granularity < loss_group ? loss_group : granularity;
}

// The instruction sets that this build has and this CPU can run, best first, ended by a null pointer.
const InstructionSet* const* available_isas();

// Chooses by name; false where that instruction set is not available.
bool use_isa(const char* name);

// Chooses at import: `forced` (may be null or empty) by name, else the best. False where `forced` is not available.
bool choose_isa(const char* forced);

}  // namespace fcnet
