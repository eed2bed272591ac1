"""exp and log keep the error that vec_math.hpp states: at most 1 ulp."""

from __future__ import annotations

import numpy as np
import pytest

from fcnet import _native

from bounds import exact_type, spacing

FUNCTIONS = {"exp": (_native.exp, np.exp), "log": (_native.log, np.log)}


@pytest.fixture(params=FUNCTIONS)
def function(request):
    return FUNCTIONS[request.param]


def arguments(dtype) -> np.ndarray:
    """Every 509th float32 bit pattern, or a random million float64; and the neighbours of every special place."""
    rng = np.random.default_rng(0)
    if dtype == np.float32:
        sweep = np.arange(0, 2**32, 509, dtype=np.uint32).view(np.float32)
    else:
        sweep = np.concatenate([rng.uniform(-746, 710, 500_000), np.exp(rng.uniform(-745, 709, 500_000))])
    info = np.finfo(dtype)
    smallest = np.log(exact_type(dtype)(info.smallest_subnormal))
    places = [0, 1, -1, np.sqrt(0.5), np.sqrt(2), info.tiny, info.smallest_subnormal, np.log(2), info.max]
    places += [
        np.log(exact_type(dtype)(info.max)),
        smallest,
        smallest - np.log(2),
        np.log(exact_type(dtype)(info.tiny)),
    ]
    places = np.array(places, dtype)
    steps = np.arange(-50, 51)
    near = (places.view(f"i{info.dtype.itemsize}")[:, None] + steps).view(dtype).ravel()
    return np.concatenate([sweep.astype(dtype), near])


def test_error_in_ulp(function, dtype, isa):
    native, exact = function
    x = arguments(dtype)
    with np.errstate(all="ignore"):
        expected = exact(x.astype(exact_type(dtype)))
        rounded = expected.astype(dtype)
    x, expected = x[np.isfinite(rounded)], expected[np.isfinite(rounded)]
    error = np.abs(native(x).astype(exact_type(dtype)) - expected) / spacing(expected, dtype)
    assert error.max() <= 1, x[error.argmax()]


def test_special_values(dtype, isa):
    x = np.array([-np.inf, -0.0, 0.0, np.inf, np.nan, -1.0], dtype)
    np.testing.assert_array_equal(_native.exp(x)[:5], np.array([0, 1, 1, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(_native.log(x), np.array([np.nan, -np.inf, -np.inf, np.inf, np.nan, np.nan], dtype))


def test_results_beyond_the_range_are_infinite_or_zero(dtype, isa):
    largest = np.log(np.finfo(dtype).max)
    x = np.array([largest * dtype(1.001), -largest * dtype(1.3), np.finfo(dtype).max, -np.finfo(dtype).max], dtype)
    np.testing.assert_array_equal(_native.exp(x), np.array([np.inf, 0, np.inf, 0], dtype))
