"""Damaged model files, ten million with a changed structure: a ValueError each, within a second, or a sound network.

python -m pytest tests/stress/damaged_files.py            some two hours
python -m pytest tests/stress/damaged_files.py -k "not structure or structure-1"            a ninth of these
"""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from test_changed_files import growth
from test_hostile_files import count_loaded
from test_hostile_files import good as good


@pytest.mark.parametrize("seed", range(1, 11), ids="bytes-{}".format)
def test_files_with_changed_bytes_are_refused_or_the_same_network(seed, good, tmp_path):
    assert count_loaded(good, tmp_path / "fuzzed", 10_000, seed) < 1000


@pytest.mark.parametrize("seed", range(1, 1001), ids="structure-{}".format)
def test_files_of_a_changed_structure_are_refused_or_sound_and_take_no_memory(seed, tmp_path):
    assert growth(tmp_path, 10_000, 10 * seed) < 1024  # KiB


@pytest.mark.parametrize("seed", range(50))
def test_every_shorter_file_is_refused(seed, tmp_path):
    rng = np.random.default_rng(seed)
    net = fc.Network([int(size) for size in rng.integers(1, 9, rng.integers(2, 5))], loss="mse", seed=seed)
    x, y = (np.ones((4, size)) for size in (net.sizes[0], net.sizes[-1]))
    net.fit(x, y, epochs=2, optimizer=(fc.SGD(0.01), fc.Adam())[seed % 2])
    net.save(tmp_path / "net")
    whole = (tmp_path / "net").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "shorter").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"."):
            fc.load(tmp_path / "shorter")
