"""What the machine can do at most is measured, for every type and instruction set; no test asserts a time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fcnet import _native


@pytest.mark.parametrize("what", ["multiply_add", "tile", "read", "update"])
def test_a_roofline_is_positive_and_finite(what, dtype, isa):
    threads = 1 if dtype == np.float32 else 2
    per_second = _native._testing.roofline(what, np.dtype(dtype).name, threads, 1 << 16)
    assert math.isfinite(per_second)
    assert per_second > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("write", "float32", 1), "what is 'write': expected multiply_add, tile, read or update"),
        (("read", "int8", 1), "dtype is 'int8': expected float32 or float64"),
        (("read", "float32", 0), "threads is 0: expected 1 to"),
    ],
    ids=["what", "dtype", "threads"],
)
def test_what_cannot_be_measured_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        _native._testing.roofline(*arguments)
