"""Networks that ``to_onnx`` writes come back by ``from_onnx``."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

from onnx_networks import some_network

pytestmark = pytest.mark.once


def has_parts(net, name):
    return any(hasattr(layer, name) for layer in net.layers)


@pytest.mark.parametrize("seed", range(60))
def test_what_to_onnx_writes_comes_back(seed):
    """Equal to the bit where nothing is folded or rounded; columns, members and parametric ones are refused by name."""
    net, x = some_network(seed)
    opset = (13, 17, 20)[seed % 3]
    is_refused = net.columns is not None or net.members is not None or has_parts(net, "mix")
    if is_refused:
        parts = {"Columns": net.columns, "members": net.members, "Parametric": has_parts(net, "mix") or None}
        named = " and ".join(name for name, part in parts.items() if part is not None)
        with pytest.raises(
            ValueError, match=rf"can hold: fcnet wrote it of a network with {named}, .*; \w+ '[\w.]+': "
        ):
            fc.from_onnx(net.to_onnx(opset=opset))
        return
    dtypes = ["float32", "float64"] if net.dtype == np.float64 and not has_activation(net, "gelu") else ["float32"]
    for dtype in dtypes:
        again = fc.from_onnx(net.to_onnx(opset=opset, dtype=dtype))
        expected, predicted = net.predict(x), again.predict(x)
        is_equal = net.dtype == dtype and not (has_parts(net, "mean") or has_parts(net, "scale"))
        if is_equal and again.dtype == net.dtype and plain_input(net, dtype):
            assert np.array_equal(predicted, expected)
        np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
        if not callable(net.loss):
            assert again.loss == net.loss
        assert (again.seed, again.sizes, again.classes) == (net.seed, net.sizes, net.classes)


def has_activation(net, name):
    return any(layer.activation == name for layer in net.layers)


def plain_input(net, dtype):
    """Whether offset and scale are numbers of the type."""
    return all(np.array_equal(array, array.astype(dtype)) for array in (net.scale, net.offset))


def test_column_names_come_back():
    class Named:
        columns = ("a", "b")

        def __array__(self, dtype=None, copy=None):
            return np.eye(2)

    net = fc.Network([2, 3, 2], seed=5)
    net.fit(Named(), [0, 1], epochs=1)
    assert fc.from_onnx(net.to_onnx()).feature_names == net.feature_names
