// SPDX-License-Identifier: MIT
#define FCNET_ISA neon
#include "fcnet/isa/kernels.inc"
