"""How near the multiply-add peak a step comes, over the width of the layers and over the batch size."""

from __future__ import annotations

import pytest

from bench.peers import able
from bench.workloads import BATCHES, WIDTHS

PEERS = [peer for peer in able("train") if peer in ("fcnet", "blas", "torch", "jax")]


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("task", WIDTHS, ids=str)
def test_width(measured, peer, task):
    measured(peer, task)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("task", BATCHES, ids=str)
def test_batch(measured, peer, task):
    measured(peer, task)
