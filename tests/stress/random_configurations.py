"""Two thousand networks drawn at random, each beside its oracle: some two minutes.

python -m pytest tests/stress/random_configurations.py
"""

from __future__ import annotations

import pytest

from test_random_configurations import check, most


@pytest.mark.parametrize("first", range(1000, 3000, 100))
def test_a_random_network_trains_as_its_oracle(first):
    for seed in range(first, first + 100):
        error, what = check(seed)
        assert error <= most(what), what
