"""exp, log, sin and cos keep the error that vec_math.hpp states, in ulp of the exact value's spacing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fcnet import _native

from bounds import exact_type, spacing

HEADER = (Path(__file__).parent.parent / "cpp/fcnet/simd/vec_math.hpp").read_text().replace("\n// ", " ")
EXACT = {"exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos}
MOST_ULP = {name: float(re.search(rf"\b{name} at most ([\d.]+) ulp", HEADER)[1]) for name in EXACT}
FARTHEST = 2**13  # of sin and cos
# The worst of all float32, with and without fused multiply-add, found by trying every one; the worst of 72M float64.
WORST = {
    "exp": ["-0x1.78e2fcp+2", "-0x1.790384p+2", "-0x1.a6d1921febaf1p+6"],
    "log": ["0x1.66bba2p+0", "0x1.67cc32p+0", "0x1.693723a4ead43p-1"],
    "sin": ["0x1.1992b4p+12", "0x1.755440055a480p+10"],
    "cos": ["0x1.169cb8p+11", "0x1.755440055a480p+10"],
}


@pytest.fixture(params=EXACT)
def name(request):
    return request.param


def special_places(name, dtype) -> np.ndarray:
    """The 50 neighbours on both sides of every place where the computation or its result changes its kind."""
    info, wide = np.finfo(dtype), exact_type(dtype)
    smallest = np.log(wide(info.smallest_subnormal))
    places = [0, 1, -1, np.sqrt(0.5), np.sqrt(2), info.tiny, info.smallest_subnormal, np.log(2), info.max]
    places += [np.log(wide(info.max)), smallest, smallest - np.log(2), np.log(wide(info.tiny))]
    places += map(float.fromhex, WORST[name])
    if name in ("sin", "cos"):  # multiples of pi / 4, where the quarter changes and where results are almost 0
        places = [*places, FARTHEST, *(np.pi / 4 * np.concatenate([np.arange(-50, 51), np.arange(10_000, 10_400)]))]
    places = np.array(places, dtype)
    return (places.view(f"i{info.dtype.itemsize}")[:, None] + np.arange(-50, 51)).view(dtype).ravel()


def arguments(name, dtype) -> Iterator[np.ndarray]:
    """Every 503rd float32 bit pattern, or a million float64, in chunks; then the special places."""
    if dtype == np.float32:
        for start in range(0, 2**32, 503 << 21):
            yield np.arange(start, min(start + (503 << 21), 2**32), 503, dtype=np.uint32).view(np.float32)
    else:
        rng = np.random.default_rng(0)
        k = rng.integers(-1074, 1023, 250_000) + 0.5
        yield rng.uniform(-746, 710, 250_000)
        yield rng.uniform(-FARTHEST, FARTHEST, 250_000)
        yield np.pi / 4 * (rng.integers(-10_000, 10_000, 250_000) + rng.normal(0, 1e-6, 250_000))
        yield np.exp(rng.uniform(-745, 709, 250_000))
        yield rng.uniform(0.3, 3, 250_000)
        yield np.log(2) * (k + rng.uniform(-0.05, 0.05, len(k)))  # around the ends of exp's reduced argument
    yield special_places(name, dtype)


def errors(name, x) -> tuple[np.ndarray, np.ndarray]:
    """Those x whose result is finite, and the errors of their results in ulp."""
    wide = exact_type(x.dtype)
    with np.errstate(all="ignore"):
        expected = EXACT[name](x.astype(wide))
        finite = np.isfinite(expected.astype(x.dtype))
    if name in ("sin", "cos"):
        finite &= np.abs(x) <= FARTHEST
    x, expected = x[finite], expected[finite]
    return x, np.abs(getattr(_native, name)(x).astype(wide) - expected) / spacing(expected, x.dtype)


def test_error_in_ulp(name, dtype, isa):
    for chunk in arguments(name, dtype):
        x, error = errors(name, chunk)
        assert error.max(initial=0) <= MOST_ULP[name], x[error.argmax()]


@pytest.mark.parametrize("name", ["exp", "log"])
def test_float32_results_are_finite_exactly_where_the_exact_value_rounds_to_a_finite_one(name, isa):
    for x in arguments(name, np.float32):
        with np.errstate(all="ignore"):
            expected = EXACT[name](x.astype(np.float64)).astype(np.float32)
        np.testing.assert_array_equal(np.isfinite(getattr(_native, name)(x)), np.isfinite(expected))


def test_special_values(dtype, isa):
    x = np.array([-np.inf, -0.0, 0.0, np.inf, np.nan, -1.0], dtype)
    np.testing.assert_array_equal(_native.exp(x)[:5], np.array([0, 1, 1, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(_native.log(x), np.array([np.nan, -np.inf, -np.inf, np.inf, np.nan, np.nan], dtype))
    np.testing.assert_array_equal(_native.sin(x)[:5], np.array([np.nan, 0, 0, np.nan, np.nan], dtype))
    np.testing.assert_array_equal(_native.cos(x)[:5], np.array([np.nan, 1, 1, np.nan, np.nan], dtype))


def test_results_beyond_the_range_are_infinite_or_zero(dtype, isa):
    largest = np.log(np.finfo(dtype).max)
    x = np.array([largest * dtype(1.001), -largest * dtype(1.3), np.finfo(dtype).max, -np.finfo(dtype).max], dtype)
    np.testing.assert_array_equal(_native.exp(x), np.array([np.inf, 0, np.inf, 0], dtype))
