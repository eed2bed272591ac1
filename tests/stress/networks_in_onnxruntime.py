"""Three hundred networks drawn at random are the same in onnxruntime. Some half minute.

python -m pytest --interop tests/stress/networks_in_onnxruntime.py
"""

from __future__ import annotations

import pytest

from onnx_networks import assert_is_the_network

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("seed", range(40, 340))
def test_a_random_network_is_the_same_in_onnxruntime(seed):
    assert_is_the_network(seed, [None, 13, 17, 20][seed % 4])
