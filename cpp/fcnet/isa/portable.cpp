// SPDX-License-Identifier: MIT
#define FCNET_ISA portable
#include "fcnet/isa/kernels.inc"
