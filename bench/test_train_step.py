"""A training step, per library and workload: seconds a step, of whole epochs."""

from __future__ import annotations

import pytest

from bench.peers import able
from bench.workloads import TRAINING


@pytest.mark.parametrize("peer", able("train"))
@pytest.mark.parametrize("task", TRAINING, ids=str)
def test_train_step(measured, peer, task):
    measured(peer, task)
