// SPDX-License-Identifier: MIT
#define FCNET_ISA avx2
#include "fcnet/isa/kernels.inc"
