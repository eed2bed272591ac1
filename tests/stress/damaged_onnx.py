"""Ten million damaged models of ONNX: a ValueError each, within a second, or a sound network.

python -m pytest tests/stress/damaged_onnx.py                         hours
python -m pytest tests/stress/damaged_onnx.py -k "models-1 or models-2"             a fifth of these
"""

from __future__ import annotations

import pytest

from test_onnx_files import growth


@pytest.mark.parametrize("seed", range(1, 1001), ids="models-{}".format)
def test_damaged_models_are_refused_or_sound_and_take_no_memory(seed):
    assert growth(10_000, 10 * seed) < 1024  # KiB
