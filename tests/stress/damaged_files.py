"""A hundred thousand damaged model files: a ValueError each, or the same network. Some minutes.

python -m pytest tests/stress/damaged_files.py
"""

from __future__ import annotations

import pytest

from test_hostile_files import count_loaded
from test_hostile_files import good as good


@pytest.mark.parametrize("seed", range(1, 11))
def test_damaged_files_are_refused_or_the_same_network(seed, good, tmp_path):
    assert count_loaded(good, tmp_path / "fuzzed", 10_000, seed) < 1000
