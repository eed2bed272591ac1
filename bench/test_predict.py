"""Probabilities of 784-512-256-10 through each library's public interface, arrays in and out: seconds a call."""

from __future__ import annotations

import pytest

from bench.peers import able
from bench.workloads import PREDICTION


@pytest.mark.parametrize("peer", able("predict"))
@pytest.mark.parametrize("task", PREDICTION, ids=str)
def test_predict(measured, peer, task):
    measured(peer, task)
