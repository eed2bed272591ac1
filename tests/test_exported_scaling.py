"""Exports whose type does not hold a network's offset or scale say so, by the name of the input."""

from __future__ import annotations

import os
import re
import warnings

import numpy as np
import pytest

import fcnet as fc

from interop import Interop

os.environ.setdefault("KERAS_BACKEND", "torch")
pytestmark = pytest.mark.once

FAR = 1e9 + 0.3  # 1e9 in float32
UNITS, NEARER = "expected x in units of another size", "expected a round number subtracted from x"
DOUBLE = "expected dtype='float64'"


def export(net, to, folder):
    if to in ("c", "html"):
        return getattr(net, f"to_{to}")(folder / "net")
    return getattr(net, f"to_{to}")()


MODULES = tuple(map(Interop, ("torch", "keras", "flax")))


@pytest.mark.parametrize(("to", "expected"), [("onnx", DOUBLE), ("c", UNITS)])
@pytest.mark.parametrize("scale", [1e-300, -1e-300, 1e-40])
def test_a_scale_that_becomes_0_is_refused(tmp_path, to, expected, scale):
    net = fc.Network([4, 3], dtype="float64", scale=scale)
    with pytest.raises(ValueError, match=f"scale is {scale:g}, which is 0 in float32: {expected}"):
        export(net, to, tmp_path)
    assert not list(tmp_path.iterdir())
    assert net.to_onnx(dtype="float64")


@pytest.mark.parametrize("to", ["onnx", "c", "html", *MODULES])
def test_a_network_of_float32_whose_scale_is_0_in_it_is_refused(tmp_path, to):
    net = fc.Network([2, 3], scale=[1, 1e-300])
    with pytest.raises(ValueError, match=rf"scale\[1\] is 1e-300, which is 0 in float32: {UNITS}"):
        export(net, to, tmp_path)


def test_a_scale_of_0_is_none_that_became_0(tmp_path):
    net = fc.Network([2, 3], scale=[1, 0])
    for to in ("onnx", "c", "html"):
        export(net, to, tmp_path)


@pytest.mark.parametrize("to", ["onnx", "c"])
@pytest.mark.parametrize("name", ["offset", "scale"])
def test_what_becomes_infinite_is_refused_by_the_name_of_the_feature(tmp_path, to, name):
    net = fc.Network([2, 3], dtype="float64", **{name: [1, -1e300]})
    net._state.feature_names = ("a", "b")
    with pytest.raises(ValueError, match=rf"{name}\[1\] of feature 'b' is -1e\+300, which is infinite in float32: exp"):
        export(net, to, tmp_path)


@pytest.mark.parametrize(("to", "expected"), [("onnx", DOUBLE), ("c", NEARER), *((each, NEARER) for each in MODULES)])
def test_an_offset_that_float32_rounds_visibly_gives_a_warning(tmp_path, to, expected):
    net = fc.Network([3, 3], offset=[0, FAR, 0.1], scale=10)
    message = r"offset\[1\] is 1000000000.3, and 1000000000.0 in float32, which changes scaled inputs by 3: "
    with pytest.warns(UserWarning, match=message + re.escape(expected)):
        export(net, to, tmp_path)
    net._state.feature_names = ("a", "time", "c")
    with pytest.warns(UserWarning, match=r"offset\[1\] of feature 'time' is"):
        export(net, to, tmp_path)


@pytest.mark.parametrize("to", ["onnx", "c", "html", *MODULES])
def test_an_offset_whose_rounding_is_not_seen_gives_none(tmp_path, to):
    export(fc.Network([3, 3], offset=[1.7e9 + 0.3, 1e9, 2020.3], scale=[1e-6, 10, 0.1]), to, tmp_path)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_of_either_type_keeps_its_offset_in_float64(dtype):
    """And so loses it in float32."""
    net = fc.Network([1, 1], loss="mse", offset=FAR, scale=10, dtype=dtype)
    net.layers[0].W = [[1]]
    assert net.predict(np.array([[1e9]]))[0, 0] == pytest.approx(-3, abs=1e-5)
    with pytest.warns(UserWarning, match="offset is 1000000000.3"):
        net.to_onnx()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.to_onnx(dtype="float64")


def test_what_the_warning_proposes_helps(tmp_path):
    x = 1e9 + np.random.default_rng(0).standard_normal((100, 2))
    net = fc.Network([2, 3], seed=0)
    net.adapt(x)
    with pytest.warns(UserWarning, match=NEARER):
        net.to_c(tmp_path / "net.h")
    expected = net.predict(x)
    net.adapt(x - 1e9)
    net.to_c(tmp_path / "net.h")
    np.testing.assert_allclose(net.predict((x - 1e9).astype(np.float32)), expected, atol=1e-5)
