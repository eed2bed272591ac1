"""More classes than float32 has whole numbers, on both paths of a loss: some minutes, and 8 GiB of memory.

python -m pytest tests/stress/many_classes.py -s
"""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

CLASSES = 2**24 + 4


@pytest.mark.parametrize("rows", [1, 9], ids=["in rows", "in panels"])
def test_labels_beyond_2_to_the_24_are_told_apart(rows):
    net = fc.Network([1, CLASSES], seed=0)
    bias = np.zeros(CLASSES, np.float32)
    bias[2**24 + 1] = 40  # in float32 this number is 2**24
    net.layers[0].W, net.layers[0].B = np.zeros((1, CLASSES), np.float32), bias
    x = np.zeros((rows, 1), np.float32)
    for label, loss, accuracy in ((2**24 + 1, 0, 1), (2**24, 40, 0), (2**24 + 2, 40, 0)):
        figures = net.evaluate(x, np.full(rows, label))
        assert figures["accuracy"] == accuracy
        assert figures["loss"] == pytest.approx(loss, abs=1e-5)
