"""Gradients as an object, and their clipping by one norm over several networks."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)


def layers(scale=1.0, dtype=np.float32):
    shapes = [((3, 4), (4,)), ((4, 2), (2,), (2,))]
    return [tuple((scale * RNG.standard_normal(shape)).astype(dtype) for shape in parts) for parts in shapes]


def joined(of_layers):
    return np.concatenate([part.ravel() for parts in of_layers for part in parts])


def test_flat_gradients_are_in_the_order_of_the_parameters():
    given = layers()
    gradients = fc.Gradients(given, x=np.ones((5, 3), np.float32))
    assert np.array_equal(gradients.flat, joined(given))
    assert not gradients.flat.flags.writeable
    assert repr(gradients) == "Gradients(2 layers: 3x4 + 4x2, x=(5, 3))"


def test_flat_gradients_leave_out_a_bias_that_is_none():
    net = fc.Network([3, fc.Dense(4, bias=False, normalization="layer"), fc.Scale(), 2], loss="mse", seed=0)
    gradients = fc.Gradients(net.gradients(np.ones((2, 3)), np.ones((2, 2))), biases=[False, True])
    assert gradients.flat.shape == net.parameters.shape == (12 + 4 + 8 + 2 + 4,)
    (dw, _, dgamma), others = gradients.layers
    assert np.array_equal(gradients.flat, joined([(dw, dgamma), others]))


def test_flat_gradients_are_those_of_the_layers_as_they_are_now():
    gradients = fc.Gradients(layers())
    assert gradients.flat[0] != 0
    gradients.layers[0][0][:] = 0
    assert not gradients.flat[:12].any()
    assert np.array_equal(gradients.flat, joined(gradients.layers))


MATRIX, VECTOR = np.ones((3, 2)), np.ones(2)
NO_GRADIENTS = {
    "text": (("abc",), TypeError, "^layers is a str: expected a list of tuples of arrays"),
    "numbers": (([1.0, 2.0],), TypeError, "^layers is a list: expected a list of tuples of arrays"),
    "an array": ((VECTOR,), TypeError, "^layers is a ndarray: expected a list of tuples of arrays"),
    "an empty layer": (([(MATRIX, VECTOR), ()],), TypeError, "^layers is a list: expected"),
    "no layers": (([],), ValueError, "^layers has no entries: expected one for each layer$"),
    "a vector first": (
        ([(VECTOR, VECTOR)],),
        ValueError,
        r"^layers\[0\]\[0\] has shape \(2,\): expected a matrix first",
    ),
    "a second matrix": (
        ([(MATRIX, MATRIX)],),
        ValueError,
        r"^layers\[0\]\[1\] has shape \(3, 2\): expected a matrix first",
    ),
    "other samples": (([(MATRIX[None], np.ones((2, 2)))],), ValueError, r"^layers\[0\]\[1\] has shape \(2, 2\)"),
    "an axis too many": (([(MATRIX[None, None],)],), ValueError, r"^layers\[0\]\[0\] has shape \(1, 1, 3, 2\)"),
    "x": ((None, [1.0]), TypeError, "^x is a list: expected an array, or None$"),
}


@pytest.mark.parametrize("wrong", NO_GRADIENTS)
def test_what_are_no_gradients_of_layers_is_refused_by_name(wrong):
    arguments, error, message = NO_GRADIENTS[wrong]
    with pytest.raises(error, match=message):
        fc.Gradients(*arguments)


def test_biases_are_one_for_each_layer():
    with pytest.raises(ValueError, match="^biases has 1 entries: expected one for each of 2 layers$"):
        fc.Gradients(layers(), biases=[True])


def test_gradients_per_sample_are_flat_in_rows():
    per_sample = [(np.arange(24.0).reshape(4, 3, 2), np.ones((4, 2)))]
    flat = fc.Gradients(per_sample).flat
    assert flat.shape == (4, 8)
    assert np.array_equal(flat[1], [6, 7, 8, 9, 10, 11, 1, 1])


@pytest.mark.parametrize("form", ["object", "layers", "flat"])
def test_several_gradients_are_clipped_by_one_norm(form):
    given = [layers(), layers(10)]
    whole = np.concatenate([joined(one) for one in given]).astype(np.float64)
    make = {"object": fc.Gradients, "layers": lambda one: one, "flat": joined}[form]
    read = {"object": lambda one: one.flat, "layers": joined, "flat": lambda one: one}[form]
    before = [read(make(one)).copy() for one in given]
    clipped, norm = fc.clip_by_norm([make(one) for one in given], 0.5)
    assert norm == pytest.approx(np.sqrt((whole**2).sum()), rel=1e-12)
    for one, kept in zip(clipped, before, strict=True):
        assert type(one) is type(make(given[0]))
        assert np.array_equal(read(one), kept * np.float32(0.5 / norm))
    assert all(np.array_equal(joined(one), kept) for one, kept in zip(given, before, strict=True))
    _, after = fc.clip_by_norm(clipped, 0.5)
    assert after == pytest.approx(0.5, rel=1e-6)


def test_one_networks_gradients_are_clipped_as_given_and_small_ones_stay():
    given = fc.Gradients(layers(), x=np.full((2, 3), 7.0))
    clipped, norm = fc.clip_by_norm(given, 1)
    assert norm > 1
    assert clipped.x is given.x
    assert np.array_equal(clipped.layers[0][0], given.layers[0][0] * np.float32(1 / norm))
    same, _ = fc.clip_by_norm(given, 2 * norm)
    assert same is given


def test_clipping_by_norm_is_as_in_the_optimizer():
    x, y = RNG.standard_normal((16, 3)), 10 * RNG.standard_normal((16, 2))
    net = fc.Network([3, 8, 2], loss="mse", seed=0, dtype="float64")
    before, (clipped, norm) = net.parameters, fc.clip_by_norm(fc.Gradients(net.gradients(x, y)), 0.5)
    net.train_on_batch(x, y, optimizer=fc.SGD(1, clip_norm=0.5))
    assert norm > 0.5
    np.testing.assert_allclose(before - net.parameters, clipped.flat, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_a_norm_beyond_the_range_of_its_square_is_exact(size):
    _, norm = fc.clip_by_norm(np.array([3 * size, 4 * size]), 1e-300)
    assert norm == pytest.approx(5 * size, rel=1e-14)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_gradients_that_are_not_finite_stay_as_they_are(wrong):
    given = np.array([1.0, wrong])
    same, norm = fc.clip_by_norm(given, 1)
    assert same is given
    assert not np.isfinite(norm)


@pytest.mark.parametrize("wrong", [0, -1, np.inf, np.nan])
def test_a_norm_that_is_not_positive_and_finite_is_refused(wrong):
    with pytest.raises(ValueError, match=r"^max_norm is .*: expected a positive, finite number$"):
        fc.clip_by_norm(np.ones(2), wrong)


@pytest.mark.parametrize("wrong", ["1", True, None])
def test_a_norm_that_is_no_number_is_refused(wrong):
    with pytest.raises(TypeError, match=r"^max_norm is .*: expected a number$"):
        fc.clip_by_norm(np.ones(2), wrong)


@pytest.mark.parametrize("wrong", [None, 3.0, [], [1.0, 2.0], "text", [[]]])
def test_what_is_no_gradient_is_refused(wrong):
    with pytest.raises(TypeError, match=r"^gradients is a .*: expected fcnet.Gradients, layers as"):
        fc.clip_by_norm(wrong, 1)


def test_gradients_of_complex_numbers_are_refused():
    with pytest.raises(TypeError, match="^gradients have dtype complex128: expected real numbers$"):
        fc.clip_by_norm(np.ones(2, complex), 1)
