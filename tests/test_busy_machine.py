"""A machine whose cores others use too: teams that are incomplete, late or left out give the same bits, and none hangs.

How much time they take is measured in bench/test_busy.py.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fcnet as fc
from forks import output_forked

from processes import busy_neighbours, incomplete_teams

RNG = np.random.default_rng(0)
X, Y = RNG.random((500, 64), np.float32), RNG.integers(0, 10, 500)


def digest(threads):
    """Of what fits and predictions by panels, by layers, of few rows and of chunks give on so many threads."""
    result = hashlib.sha256()
    with fc.threads(threads):
        for sizes, batch in (([64, 256, 10], 32), ([64, 300, 200, 10], 100), ([64, 1000, 10], 500)):
            net = fc.Network(sizes, seed=0)
            net.fit(X, Y, epochs=3, batch_size=batch)
            for rows in (1, 7, 33, 500):
                result.update(net.predict(X[:rows]).tobytes())
            result.update(repr(net.evaluate(X, Y)).encode())
            for gradient in net.gradients(X, Y):
                result.update(gradient[0].tobytes())
    return result.hexdigest()


@pytest.mark.parametrize("neighbours", [0, 1, 4])
def test_bits_do_not_depend_on_who_else_works(neighbours):
    expected = digest(2)
    assert digest(1) == expected
    with busy_neighbours(neighbours), incomplete_teams():
        assert {digest(threads) for threads in (2, 3, 7)} == {expected}


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity masks")
def test_threads_that_share_one_core_go_on():
    """The affinity mask comes after the import, which has counted more cores."""
    code = """
import os, numpy as np, fcnet as fc
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
fc.set_num_threads(4)
x, y, *_ = fc.datasets.load_digits()
net = fc.Network([64, 256, 10], scale=1 / 16, seed=0)
net.fit(x, y, epochs=5, batch_size=64)
for _ in range(200): net.predict(x[:64])
print(net.evaluate(x, y)["accuracy"] > 0.8)
"""
    assert output_forked(code) == "True"


def test_a_network_is_fitted_and_used_by_threads_that_share_a_pool():
    net = fc.Network([64, 256, 10], seed=0)
    expected = net.predict(X).tobytes()
    with busy_neighbours(2), incomplete_teams(), ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda i: net.predict(X).tobytes(), range(400))) == {expected}
