// SPDX-License-Identifier: MIT
#define FCNET_ISA avx512
#include "fcnet/isa/kernels.inc"
