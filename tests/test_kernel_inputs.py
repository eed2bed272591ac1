"""D1: every layout of an array gives the contiguous answer, every unfit one an exception that names it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fcnet import kernels

from walks import walk

pytestmark = pytest.mark.once

N, K, M = 5, 4, 3


def problem(dtype):
    rng = np.random.default_rng(0)
    return {
        "x": rng.standard_normal((N, K)).astype(dtype),
        "h": rng.standard_normal((N, K)).astype(dtype),
        "w": rng.standard_normal((K, M)).astype(dtype),
        "b": rng.standard_normal(M).astype(dtype),
        "sigma": rng.standard_normal((N, M)).astype(dtype),
        "h_in": rng.standard_normal((N, M)).astype(dtype),
        "y": np.array([0, 2, 1, 1, 0]),
    }


ARGUMENTS = {
    "linear": ("x", "w", "b"),
    "relu": ("h_in",),
    "softmax": ("h_in",),
    "cross_entropy": ("h_in", "y"),
    "sigma_backward": ("sigma", "w", "h"),
    "weight_gradient": ("sigma", "h"),
}
PLACES = [(kernel, name) for kernel, names in ARGUMENTS.items() for name in names if name != "y"]
places = pytest.mark.parametrize(("kernel", "name"), PLACES, ids=lambda v: v)


def call(kernel, arrays, **options):
    result = getattr(kernels, kernel)(*(arrays[name] for name in ARGUMENTS[kernel]), **options)
    return result if isinstance(result, tuple) else (result,)


def misaligned(a):
    raw = b"\0" + a.tobytes()
    return np.frombuffer(raw, dtype=a.dtype, offset=1).reshape(a.shape)


def padded(a):
    room = np.full((*a.shape[:-1], 2 * a.shape[-1] + 1), np.nan, a.dtype)
    room[..., 1::2] = a
    return room[..., 1::2]


def reversed_view(a):
    return np.ascontiguousarray(a[::-1])[::-1]


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "fortran": np.asfortranarray,
    "negative-strides": reversed_view,
    "padded": padded,
    "misaligned": misaligned,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "read-only": read_only,
    "matrix-like": lambda a: a.view(np.ndarray),
    "list": lambda a: a.tolist(),
    "subclass": lambda a: a.view(type("Sub", (np.ndarray,), {})),
}


@places
@walk("layout", LAYOUTS)
def test_every_layout_gives_the_contiguous_answer(kernel, name, layout, dtype):
    arrays = problem(dtype)
    if layout == "list" and dtype == np.float32:
        pytest.skip("a list of Python floats is float64")
    odd = LAYOUTS[layout](arrays[name])
    before = np.asarray(odd).tobytes()
    expected = call(kernel, arrays)
    for got, want in zip(call(kernel, arrays | {name: odd}), expected, strict=True):
        np.testing.assert_array_equal(got, want)
    assert np.asarray(odd).tobytes() == before


def test_broadcast_and_memmap_inputs_are_read(tmp_path, dtype):
    p = problem(dtype)
    row = p["x"][:1]
    wide = np.broadcast_to(row, (N, K))
    np.testing.assert_array_equal(kernels.linear(wide, p["w"], p["b"]), kernels.linear(wide.copy(), p["w"], p["b"]))
    p["x"].tofile(tmp_path / "x")
    on_disk = np.memmap(tmp_path / "x", dtype=dtype, mode="r", shape=(N, K))
    np.testing.assert_array_equal(kernels.linear(on_disk, p["w"], p["b"]), kernels.linear(p["x"], p["w"], p["b"]))


class Fails:
    def __array__(self, dtype=None, copy=None):
        raise ValueError("no array here")


WRONG_TYPES = {
    "int": lambda a: a.astype(int),
    "bool": lambda a: a.astype(bool),
    "complex": lambda a: a.astype(complex),
    "object": lambda a: a.astype(object),
    "fractions": lambda a: np.full(a.shape, Fraction(1, 3)),
    "string": lambda a: a.astype(str),
    "bytes": lambda a: a.astype("S8"),
    "datetime": lambda a: np.zeros(a.shape, "M8[s]"),
    "float16": lambda a: a.astype(np.float16),
    "longdouble": lambda a: a.astype(np.longdouble),
    "masked": np.ma.masked_array,
    "structured": lambda a: np.zeros(a.shape, [("value", a.dtype)]),
    "none": lambda a: None,
    "no-array": lambda a: Fails(),
}


@places
@walk("wrong", WRONG_TYPES)
def test_wrong_types_are_refused_by_name(kernel, name, wrong, dtype):
    arrays = problem(dtype)
    with pytest.raises(TypeError, match=rf"^{name} (has dtype|is a)"):
        call(kernel, arrays | {name: WRONG_TYPES[wrong](arrays[name])})


@pytest.mark.parametrize(("kernel", "name"), [p for p in PLACES if p[0] != "relu"], ids=lambda v: v)
@walk("wrong", ["0-d", "one-more-axis", "one-more-column", "transposed"])
def test_wrong_shapes_are_refused(kernel, name, wrong):
    arrays = problem(np.float64)
    a = arrays[name]
    fits_anything = kernel == "softmax" or (
        wrong == "one-more-column" and kernel in ("cross_entropy", "weight_gradient")
    )
    if wrong in ("one-more-column", "transposed") and fits_anything:
        pytest.skip("any matrix will do")
    if wrong == "transposed" and a.ndim == 1:
        pytest.skip("a vector has no transpose")
    odd = {"0-d": a[(0,) * a.ndim], "one-more-axis": a[None], "transposed": a.T}.get(wrong)
    if wrong == "one-more-column":
        odd = np.concatenate([a, a[..., :1]], axis=-1)
    with pytest.raises(ValueError, match=r"has shape .*: expected"):
        call(kernel, arrays | {name: odd})


def test_mixed_precision_is_refused():
    p = problem(np.float64)
    with pytest.raises(TypeError, match="w has dtype float32: expected float64"):
        kernels.linear(p["x"], p["w"].astype(np.float32), p["b"])


BAD_LABELS = {
    "negative": np.array([0, -1, 0, 0, 0]),
    "too-large": np.array([0, 3, 0, 0, 0]),
    "huge": np.array([0, 2**63, 0, 0, 0], np.uint64),
    "too-few": np.zeros(4, int),
    "two-hot": np.ones((N, M)),
    "no-hot": np.zeros((N, M)),
    "soft": np.full((N, M), 1 / M),
    "nan": np.full((N, M), np.nan),
    "too-wide": np.eye(N),
}


@pytest.mark.parametrize("labels", BAD_LABELS)
def test_bad_labels_are_refused(labels):
    with pytest.raises(ValueError, match=r"^y "):
        kernels.cross_entropy(problem(np.float64)["h_in"], BAD_LABELS[labels])


@pytest.mark.parametrize("labels", [np.zeros(N), np.array(["0"] * N), np.zeros(N, object), None], ids=repr)
def test_labels_of_a_wrong_type_are_refused(labels):
    with pytest.raises(TypeError, match=r"^y "):
        kernels.cross_entropy(problem(np.float64)["h_in"], labels)


@pytest.mark.parametrize("dtype_of_y", ["i1", "u1", "i2", ">i4", "u8", ">u8"])
def test_labels_may_be_any_integers(dtype_of_y):
    p = problem(np.float64)
    for a, b in zip(
        kernels.cross_entropy(p["h_in"], p["y"].astype(dtype_of_y)),
        kernels.cross_entropy(p["h_in"], p["y"]),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kernel", ["softmax", "cross_entropy"])
def test_no_classes_are_refused(kernel):
    with pytest.raises(ValueError, match="at least one class"):
        getattr(kernels, kernel)(np.zeros((2, 0)), *([np.zeros(2, int)] if kernel == "cross_entropy" else []))


BAD_OUTPUTS = {
    "wrong-shape": (lambda out: out[:-1], ValueError, "shape"),
    "wrong-type": (lambda out: out.astype(np.float32), TypeError, "dtype"),
    "fortran": (lambda out: np.asfortranarray(out), ValueError, "C-contiguous"),
    "read-only": (read_only, ValueError, "read-only"),
    "byte-swapped": (lambda out: out.astype(">f8"), ValueError, "byte-swapped"),
    "misaligned": (
        lambda out: np.frombuffer(bytearray(out.nbytes + 1), "f8", offset=1).reshape(out.shape),
        ValueError,
        "misaligned",
    ),
    "list": (lambda out: out.tolist(), TypeError, "NumPy array"),
}


@pytest.mark.parametrize("bad", BAD_OUTPUTS)
def test_unfit_outputs_are_refused(bad):
    p = problem(np.float64)
    make, error, message = BAD_OUTPUTS[bad]
    for kernel, shape in (
        ("linear", (N, M)),
        ("softmax", (N, M)),
        ("cross_entropy", (N, M)),
        ("sigma_backward", (N, K)),
    ):
        with pytest.raises(error, match=f"^out .*{message}"):
            call(kernel, p, out=make(np.zeros(shape)))


def test_overlap_of_output_and_input_is_refused():
    square = np.eye(4)
    for kernel, arguments in (
        (kernels.linear, (square, np.eye(4), np.zeros(4))),
        (kernels.relu, (square,)),
        (kernels.softmax, (square,)),
        (kernels.sigma_backward, (square, np.eye(4), np.eye(4))),
    ):
        with pytest.raises(ValueError, match=r"^out shares memory"):
            kernel(*arguments, out=square)
    room = np.zeros((5, 4))
    with pytest.raises(ValueError, match=r"^out shares memory"):
        kernels.relu(room[:4], out=room[1:])


def test_updates_write_only_where_they_may():
    p = problem(np.float64)
    for name, array in (("w", p["w"]), ("b", p["b"])):
        for make, error, message in BAD_OUTPUTS.values():
            arguments = {"w": p["w"].copy(), "b": p["b"].copy()} | {name: make(array.copy())}
            if array.ndim == 1 and message == "C-contiguous":
                continue
            before = p["w"].copy(), p["b"].copy()
            with pytest.raises(error, match=f"^{name} .*{message}"):
                kernels.sgd_update(arguments["w"], arguments["b"], p["sigma"], p["h"], 0.1)
            np.testing.assert_array_equal(p["w"], before[0])
            np.testing.assert_array_equal(p["b"], before[1])
    both = np.zeros((K + 1, M))
    with pytest.raises(ValueError, match="shares memory"):
        kernels.sgd_update(both[:K], both[K - 1], p["sigma"], p["h"], 0.1)


@pytest.mark.parametrize("rate", [np.nan, np.inf, -np.inf])
def test_learning_rate_must_be_finite(rate):
    p = problem(np.float64)
    with pytest.raises(ValueError, match=r"^learning_rate is"):
        kernels.sgd_update(p["w"], p["b"], p["sigma"], p["h"], rate)


@pytest.mark.parametrize("rate", ["fast", None, 1j, [0.1]], ids=repr)
def test_learning_rate_must_be_a_number(rate):
    p = problem(np.float64)
    with pytest.raises(TypeError, match=r"^learning_rate is"):
        kernels.sgd_update(p["w"], p["b"], p["sigma"], p["h"], rate)
