"""Tensors of other libraries are read where they lie; the short floats count as NumPy converts them, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet._inputs.features import check_x
from fcnet._inputs.tensors import BFLOAT16, widened

from interop import interop, library
from tables import K, M, fitted, problem, same


class Tensor:
    """What offers DLPack, and nothing else."""

    def __init__(self, array, device=(1, 0)):
        self._array, self._device = array, device
        self.device = "cpu" if device[0] == 1 else f"cuda:{device[1]}"

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._device


def torch_tensor(array):
    return library("torch").from_numpy(array)


def jax_array(array):
    return library("jax").numpy.asarray(array)


TENSORS = {"dlpack": Tensor, **interop({"torch": torch_tensor, "jax": jax_array})}


@pytest.fixture(params=TENSORS)
def tensor(request):
    return TENSORS[request.param]


@pytest.mark.parametrize("kind", ["float32", "float16", "uint8", "int32"])
def test_a_tensor_learns_and_predicts_like_its_array(tensor, kind):
    x, y = problem()
    x = x.astype(kind)
    expected, got = fitted(x, y), fitted(tensor(x), tensor(y))
    assert same(expected, got)
    np.testing.assert_array_equal(got.predict(tensor(x)), expected.predict(x))
    assert got.evaluate(tensor(x), tensor(y)) == expected.evaluate(x, y)
    assert same(fitted(tensor(x), tensor(x[:, :2]), "mse", 2), fitted(x, x[:, :2], "mse", 2))


def test_a_tensor_is_read_where_it_lies(tensor):
    given = tensor(problem()[0].astype(np.float32))
    array = np.asarray(given) if hasattr(given, "__array__") else np.from_dlpack(given)
    assert np.shares_memory(check_x(given, K, np.dtype("f4"), finite=True), array)


@pytest.mark.interop
def test_a_tensor_that_needs_its_gradient_or_is_transposed_is_read_too():
    x, y = problem()
    tensor = torch_tensor(np.ascontiguousarray(x.T, np.float32)).T.requires_grad_()
    assert same(fitted(tensor, y), fitted(x, y))


@pytest.mark.parametrize("argument", ["x", "y"])
def test_a_tensor_on_a_device_is_refused(argument):
    x, y = problem()
    given = {"x": x, "y": y}
    given[argument] = Tensor(given[argument], (2, 0))
    with pytest.raises(TypeError, match=rf"{argument} is on cuda:0: expected host memory, use {argument}\.cpu\(\)"):
        fc.Network([K, M], seed=0).fit(given["x"], given["y"])


@pytest.mark.interop
def test_a_tensor_that_no_array_can_show_is_refused():
    torch = library("torch")
    for tensor in (torch.eye(K).to_sparse(), torch.eye(K).to("meta"), torch.eye(K).to(torch.float8_e4m3fn)):
        with pytest.raises(TypeError, match="x is a Tensor that cannot be viewed as an array: "):
            fc.Network([K, M], seed=0).predict(tensor)


def bfloat16(bits):
    return bits.astype(np.uint16).view(BFLOAT16)


EVERY = np.arange(2**16, dtype=np.uint16)
SHORT = {"float16": EVERY.view(np.float16), "bfloat16": bfloat16(EVERY)}


def copying(inputs, dtype):
    """A network whose output is its input."""
    net = fc.Network([inputs, inputs], loss="mse", seed=0, dtype=dtype)
    net.layers[0].W = np.eye(inputs)
    return net


@pytest.mark.parametrize("kind", SHORT)
@pytest.mark.parametrize("rows", ["few", "many"])
def test_every_short_float_is_converted_exactly(kind, rows, dtype, isa):
    every = SHORT[kind][:, None]
    exact = widened(every) if kind == "bfloat16" else every.astype(np.float32)
    exact = np.where(np.abs(exact) < np.finfo(np.float32).tiny, 0, exact)  # a network counts those as 0
    net = copying(1, dtype)
    if rows == "many":
        np.testing.assert_array_equal(net.predict(every), exact)
        return
    for first in [*range(0, 2**16, 997), 0x3FF, 0x400, 0x7BF8, 0x7BFC, 0x7C00, 0xFC00]:
        np.testing.assert_array_equal(net.predict(every[first : first + 8]), exact[first : first + 8])


@pytest.mark.parametrize("kind", SHORT)
@pytest.mark.parametrize("order", ["C", "F"])
def test_short_floats_are_converted_a_vector_at_a_time_too(kind, order, dtype, isa):
    width = 35
    every = SHORT[kind][np.isfinite(widened(SHORT[kind]).astype(np.float32))]
    every = np.array(every[: len(every) // width * width].reshape(-1, width), order=order)
    exact = widened(every).astype(np.float32)
    exact[np.abs(exact) < np.finfo(np.float32).tiny] = 0
    net = copying(width, dtype)
    np.testing.assert_array_equal(net.predict(every), exact)
    np.testing.assert_array_equal(net.predict(every[1000:1008]), exact[1000:1008])


def of_ml_dtypes(x):
    return x.astype(library("ml_dtypes").bfloat16)


def of_torch(x):
    return torch_tensor(x.astype(np.float32)).bfloat16()


def of_jax(x):
    return jax_array(x).astype("bfloat16")


@pytest.mark.interop
@pytest.mark.parametrize("make", [of_ml_dtypes, of_torch, of_jax])
def test_bfloat16_of_any_library_learns_like_float32(make):
    x, y = problem()
    assert same(fitted(make(x), y), fitted(x, y))
    for batch in (3, 12):
        nets = [fc.Network([K, M], seed=0, scale=0.5, offset=1) for _ in range(2)]
        for net, rows in zip(nets, (make(x), x), strict=True):
            net.fit(rows, y, epochs=1, batch_size=batch, validation_split=0.25)
        assert same(*nets)
    assert same(fitted(x, make(x[:, :2]), "mse", 2), fitted(x, x[:, :2], "mse", 2))
    assert same(fitted(x, make(np.eye(M)[y])), fitted(x, y))
    assert same(fitted(x, make(y)), fitted(x, y))


@pytest.mark.parametrize("kind", SHORT)
@pytest.mark.parametrize("bits", [0x7F80, 0xFFFF])
def test_nan_and_infinity_of_short_floats_are_refused(kind, bits):
    x = np.zeros((5000, K), np.uint16)
    x[4321, 2] = bits if kind == "bfloat16" else {0x7F80: 0x7C00, 0xFFFF: 0xFFFF}[bits]
    x = bfloat16(x) if kind == "bfloat16" else x.view(np.float16)
    with pytest.raises(ValueError, match="x contains (inf|nan) in row 4321, column 2"):
        fc.Network([K, M], seed=0).fit(x, np.zeros(5000, int))


def test_structured_arrays_are_none():
    for kind in ("V2", [("half", "u2")], [("a", "f4"), ("b", "f4")]):
        with pytest.raises(TypeError, match="x has dtype"):
            fc.Network([K, M], seed=0).predict(np.zeros((3, K), kind))
