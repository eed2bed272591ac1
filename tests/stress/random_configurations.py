"""Two thousand networks drawn at random train as their oracle does. Some two minutes.

python -m pytest tests/stress/random_configurations.py
"""

from __future__ import annotations

import pytest

from test_random_configurations import assert_trains_as_its_oracle


@pytest.mark.parametrize("seed", range(80, 2080))
def test_a_random_network_trains_as_its_oracle(seed):
    assert_trains_as_its_oracle(seed)
