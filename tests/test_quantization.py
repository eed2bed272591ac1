"""The quantiser: no weight, sum or activation is further from its number than its step allows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcnet._quantization import (
    MOST,
    MOST_INPUTS,
    FloatLayer,
    Rescaling,
    outputs,
    quantized,
    quantized_layer,
    rounded,
    scale_of,
)

pytestmark = pytest.mark.once

seeds = st.integers(0, 2**32 - 1)


def layer_and_rows(seed, activation):
    """A layer whose outputs have weights of very different sizes, and whole activations of rows that go into it."""
    rng = np.random.default_rng(seed)
    k, m = rng.integers(1, 60, 2)
    w = rng.normal(size=(k, m)) * 10.0 ** rng.integers(-4, 4, m)
    w[:, rng.random(m) < 0.1] = 0
    b = rng.normal(size=m) * 10.0 ** rng.integers(-4, 6, m)
    return FloatLayer(w, b, activation), rng.integers(-MOST, MOST + 1, (30, k)), 10.0 ** rng.uniform(-3, 3)


@given(seeds)
def test_a_weight_is_within_half_a_step(seed):
    layer, _, step = layer_and_rows(seed, "relu")
    found = quantized_layer(layer, step, 1.0)
    of_weights = found.factor.astype(float) / step
    assert (np.abs(found.W * of_weights - layer.W) <= (0.5 + 1e-4) * of_weights).all()
    assert (np.abs(found.B * (of_weights * step) - layer.B) <= 0.51 * of_weights * step + 1e-6 * np.abs(layer.B)).all()


@given(seeds)
def test_sums_fit_into_32_bits_whatever_the_activations(seed):
    layer, h, step = layer_and_rows(seed, "relu")
    found = quantized_layer(layer, step, 1.0)
    most = MOST * np.abs(found.W.astype(np.int64)).sum(axis=0) + np.abs(found.B.astype(np.int64))
    assert (most < 2**31).all()
    exact = h.astype(np.int64) @ found.W.astype(np.int64) + found.B
    np.testing.assert_array_equal(found.sums(h), exact)
    assert MOST_INPUTS * MOST**2 + 2**30 < 2**31 <= (MOST_INPUTS + 1) * MOST**2 + 2**30


@given(seeds, st.sampled_from(["relu", "leaky_relu", "identity"]))
def test_an_activation_is_within_the_bound_of_its_roundings(seed, activation):
    """Half a step of its own, half a step of each weight times its input, half a step of the bias."""
    layer, h, step = layer_and_rows(seed, activation)
    expected = outputs(layer, h * step)
    behind = scale_of(expected)
    found = quantized_layer(layer, step, behind)
    of_weights = found.factor.astype(float) / step
    bound = 0.5 * of_weights * (np.abs(h) * step).sum(axis=1, keepdims=True) + 0.5 * of_weights * step + 0.5 * behind
    cut = np.abs(expected) > (MOST + 0.5) * behind  # never: the scale is that of the largest
    assert not cut.any()
    assert (np.abs(found(h) * behind - expected) <= bound * (1 + 1e-5) + 1e-6 * np.abs(expected).max()).all()


@given(st.floats(1e-25, 2.0**30), st.integers(-(2**31) + 1, 2**31 - 1))
def test_a_rescaled_sum_is_the_nearest_whole_number(factor, total):
    rescale = Rescaling.of(np.array([factor]))
    assert 0 <= rescale.multiplier[0] < 2**31
    assert 1 <= rescale.shift[0] <= 62
    exact = total * factor
    if abs(exact) >= MOST + 0.5:
        assert rescale(np.array([[total]]))[0, 0] == np.sign(total) * MOST
    else:
        assert abs(rescale(np.array([[total]]))[0, 0] - exact) <= 0.5 + 1e-6


@given(seeds)
@settings(max_examples=30)
def test_rescaling_is_that_of_whole_numbers_without_bounds(seed):
    rng = np.random.default_rng(seed)
    rescale = Rescaling.of(10.0 ** rng.uniform(-12, 6, 40))
    sums = rng.integers(-(2**31) + 1, 2**31, (5, 40))
    for row, found in zip(sums.tolist(), rescale(sums.astype(np.int32)).tolist(), strict=True):
        for total, q, multiplier, shift in zip(
            row, found, rescale.multiplier.tolist(), rescale.shift.tolist(), strict=True
        ):
            size = min((abs(total) * multiplier + (1 << (shift - 1))) >> shift, MOST)
            assert q == (size if total >= 0 else -size)


def test_rounding_is_half_away_from_zero_and_cut():
    values = np.array([0.4999, 0.5, -0.5, 1.5, 126.5, 127.4, 1e9, -1e9, 0.0], np.float32)
    np.testing.assert_array_equal(rounded(values), [0, 1, -1, 2, 127, 127, 127, -127, 0])


def test_an_activation_of_nothing_but_zeros_has_a_scale():
    assert scale_of(np.zeros((3, 2))) == 1.0
    first, layers = quantized([FloatLayer(np.zeros((2, 3)), np.zeros(3), "relu")] * 1, np.zeros((4, 2)))
    assert first == 1.0
    np.testing.assert_array_equal(layers[0](np.zeros((4, 2))), np.zeros((4, 3)))


def test_leaky_relu_leaks():
    layer = FloatLayer(np.array([[1.0, -1.0]]), np.zeros(2), "leaky_relu")
    found = quantized_layer(layer, 1.0, 0.01)
    np.testing.assert_array_equal(found(np.array([[100], [-100]])), [[127, -100], [-100, 127]])
    steeper = quantized_layer(replace(layer, slope=0.02), 1.0, 0.02)
    np.testing.assert_array_equal(steeper(np.array([[100], [-100]])), [[127, -100], [-100, 127]])


def test_a_layer_that_overflows_is_named():
    layers = [FloatLayer(np.full((1, 1), 1e300), np.zeros(1), "identity")] * 2
    with pytest.raises(ValueError, match=r"outputs of layers\[0\] are not finite"):
        quantized(layers, np.ones((2, 1)))
