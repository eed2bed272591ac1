"""The published kernels, fcnet.kernels against the same names in fcnet.reference (NumPy): seconds a call."""

from __future__ import annotations

import pytest

from bench.peers import able
from bench.workloads import KERNELS


@pytest.mark.parametrize("peer", able("kernel"))
@pytest.mark.parametrize("task", KERNELS, ids=str)
def test_kernels(measured, peer, task):
    measured(peer, task)
