"""Rows of every type and order are read where they lie, as if they had been converted first."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

from walks import walk

TYPES = ["float32", "float64", "f2", "bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
ORDERS = {
    "c": np.ascontiguousarray,
    "f": np.asfortranarray,
    "reversed": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "every other": lambda x: np.repeat(np.repeat(x, 2, axis=0), 2, axis=1)[::2, ::2],
}


def numbers(n, inputs, source):
    rng = np.random.default_rng([n, inputs])
    info = np.iinfo(source) if np.dtype(source).kind in "iu" else None
    if info is None:
        return (rng.standard_normal((n, inputs)) * 3).astype(source)
    x = rng.integers(max(info.min, -9), min(info.max, 9), (n, inputs), endpoint=True).astype(source)
    x[0, 0], x[-1, -1] = info.min, info.max
    return x


@walk("order", ORDERS)
@pytest.mark.parametrize("shape", [(3, 17), (40, 37), (33, 64)], ids=str)
@walk("source", TYPES)
def test_a_prediction_is_that_of_the_converted_rows(shape, source, order, dtype, isa):
    x = ORDERS[order](numbers(*shape, source))
    net = fc.Network([shape[1], 5], loss="mse", seed=0, dtype=dtype)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(net.predict(x), net.predict(x.astype(dtype)))


@walk("order", ORDERS)
@pytest.mark.parametrize("batch", [4, 32])
@walk("source", TYPES)
def test_a_fit_is_that_of_the_converted_rows(source, order, batch, dtype):
    x = numbers(70, 19, source)
    x[0, 0] = x[-1, -1] = 0  # no overflow of the loss
    y = np.arange(70) % 3
    nets = [fc.Network([19, 8, 3], seed=1, dtype=dtype) for _ in range(2)]
    for net, rows in zip(nets, (ORDERS[order](x), x.astype(dtype)), strict=True):
        net.fit(rows, y, epochs=2, batch_size=batch, optimizer=fc.SGD(0.01))
    for a, b in zip(nets[0].layers, nets[1].layers, strict=True):
        np.testing.assert_array_equal(a.W, b.W)


@pytest.mark.parametrize("n", [1, 5, 33, 100])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_scale_and_offset_are_applied_while_reading(n, kind, dtype, isa):
    rng = np.random.default_rng(n)
    x = rng.integers(0, 256, (n, 21)).astype(kind)
    scale, offset = rng.uniform(0.001, 0.01, 21), rng.uniform(0, 255, 21)
    scaled = fc.Network([21, 9, 4], seed=2, dtype=dtype, scale=scale, offset=offset)
    plain = fc.Network([21, 9, 4], seed=2, dtype=dtype)
    wide = np.result_type(dtype, x)  # what is wider than the network loses its offset before it is rounded
    by_hand = (x.astype(wide) - offset.astype(wide)).astype(dtype) * scale.astype(dtype)
    y = np.arange(n) % 4
    np.testing.assert_array_equal(scaled.predict(x), plain.predict(by_hand))
    assert scaled.evaluate(x, y) == plain.evaluate(by_hand, y)
    for batch in (3, 50):
        scaled.fit(x, y, epochs=1, batch_size=batch)
        plain.fit(by_hand, y, epochs=1, batch_size=batch)
        np.testing.assert_array_equal(scaled.layers[0].W, plain.layers[0].W)


def test_one_number_scales_every_feature():
    net = fc.Network([3, 2], scale=0.5, offset=1)
    np.testing.assert_array_equal(net.scale, np.full(3, np.float32(0.5)))
    np.testing.assert_array_equal(net.offset, np.ones(3, np.float32))
    assert not net.scale.flags.writeable


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"scale": [1.0, 2.0]}, ValueError, r"scale has shape \(2,\): expected one number, or one for each feature"),
        ({"offset": np.nan}, ValueError, "offset is not finite in float32"),
        ({"scale": 1e39}, ValueError, "scale is not finite in float32"),
        ({"scale": "large"}, TypeError, "scale has dtype <U5: expected real numbers"),
    ],
)
def test_a_wrong_scale_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        fc.Network([3, 2], **options)


def test_a_mapped_file_is_read_where_it_lies(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (200, 16)).astype(np.uint8)
    x.tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", np.uint8, "r", shape=x.shape)
    net = fc.Network([16, 4], seed=0, scale=1 / 255)
    np.testing.assert_array_equal(net.predict(mapped), net.predict(x))
    history = net.fit(mapped, np.zeros(200, int), epochs=1)
    assert len(history) == 1
