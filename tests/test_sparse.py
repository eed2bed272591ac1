"""Sparse rows learn and predict as their dense array does, bit for bit, and are never made dense."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

import fcnet as fc

from interop import library
from tables import Named

scipy_sparse = library("scipy.sparse")
pytestmark = pytest.mark.interop

N, K, M = 70, 37, 3


def rows(seed=0, kind="float32", density=0.2, columns=K):
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((N, columns)) < density, rng.integers(1, 100, (N, columns)) / 7, 0).astype(kind)
    dense[::9] = 0
    return scipy_sparse.csr_array(dense), rng.integers(0, M, N)


def canonical(x):
    return x


def wide_indices(x):
    x.indices, x.indptr = x.indices.astype(np.int64), x.indptr.astype(np.int64)
    return x


def unsorted(x):
    for first, last in zip(x.indptr[:-1], x.indptr[1:], strict=True):
        x.indices[first:last], x.data[first:last] = x.indices[first:last][::-1], x.data[first:last][::-1].copy()
    x.has_sorted_indices = False
    return x


def with_duplicates(x):
    """Every number in three parts, whose sum depends on the order, and a -0 and a 0 on top."""
    parts = np.stack([x.data * 3, x.data / 3, x.data * -2, x.data * 0, x.data * -0.0], axis=1).astype(x.dtype)
    return type(x)((parts.ravel(), np.repeat(x.indices, 5), x.indptr * 5), shape=x.shape)


def negative_zeros(x):
    x.data[::3] = -0.0
    return x


def with_room(x):
    x.data, x.indices = (np.concatenate([part, part[:5] * 0 + 99]) for part in (x.data, x.indices))
    return x


def swapped(x):
    x.data = x.data.astype(x.dtype.newbyteorder())
    return x


FORMS = {form.__name__: form for form in (canonical, wide_indices, unsorted, with_duplicates, negative_zeros)} | {
    "matrix": scipy_sparse.csr_matrix,
    "csc": lambda x: x.tocsc(),
    "coo": lambda x: x.tocoo(),
    "lil": lambda x: x.tolil(),
}


def bits(net):
    return b"".join(layer.W.tobytes() + layer.B.tobytes() for layer in net.layers)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("columns", [K, 8 * K])
def test_sparse_rows_have_the_bits_of_the_dense_array(columns, form, kind, dtype):
    x, y = rows(kind=kind, density=7 / columns, columns=columns)
    x = FORMS[form](x)
    dense = x.toarray().astype(kind)
    for options in ({}, {"scale": 0.25, "offset": 1.5}):
        for batch in (3, 50):
            nets = [fc.Network([columns, 6, M], seed=1, dtype=dtype, **options) for _ in range(2)]
            for net, given in zip(nets, (x, dense), strict=True):
                net.fit(given, y, epochs=2, batch_size=batch, optimizer=fc.SGD(0.01), validation_split=0.2)
            assert bits(nets[0]) == bits(nets[1])
            assert nets[0].history.val_loss == nets[1].history.val_loss
        for n in (1, 5, 33, N):
            some = x if n == N else x.tocsr()[:n]
            assert nets[0].predict(some).tobytes() == nets[1].predict(dense[:n]).tobytes()
        assert nets[0].evaluate(x, y) == nets[1].evaluate(dense, y)
        for (dW, dB), (eW, eB) in zip(nets[0].gradients(x, y), nets[1].gradients(dense, y), strict=True):
            assert (dW.tobytes(), dB.tobytes()) == (eW.tobytes(), eB.tobytes())


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_every_instruction_set_gathers_them_alike(kind, dtype, isa):
    x, _ = rows(kind=kind)
    net = fc.Network([K, K], loss="mse", seed=0, dtype=dtype)
    net.layers[0].W = np.eye(K)
    np.testing.assert_array_equal(net.predict(x), x.toarray().astype(dtype))
    np.testing.assert_array_equal(net.predict(x[3:9]), x.toarray()[3:9].astype(dtype))


@pytest.mark.parametrize("kind", ["bool", "i1", "u1", "i4", "i8", "u8", "longdouble"])
def test_other_numbers_are_converted(kind, dtype):
    x, y = rows(kind=kind)
    net, other = (fc.Network([K, M], seed=1, dtype=dtype) for _ in range(2))
    twice = type(x)((np.repeat(x.data, 2), np.repeat(x.indices, 2), x.indptr * 2), shape=x.shape)
    net.fit(twice, y, epochs=1, optimizer=fc.SGD(1e-3))
    other.fit(twice.toarray(), y, epochs=1, optimizer=fc.SGD(1e-3))
    assert bits(net) == bits(other)


def test_the_other_byte_order_is_turned():
    x, y = rows()
    assert bits_after_fit(swapped(x.copy()), y) == bits_after_fit(x, y)


def test_what_is_allocated_beyond_the_end_is_not_looked_at():
    x, y = rows()
    longer = with_room(x.copy())
    longer.data[-5:] = np.nan
    assert bits_after_fit(longer, y) == bits_after_fit(x, y)


def bits_after_fit(x, y):
    net = fc.Network([K, M], seed=1)
    net.fit(x, y, epochs=1)
    return bits(net)


def test_the_set_is_never_made_dense(monkeypatch):
    x, y = rows()
    for name in ("toarray", "todense", "__array__"):
        monkeypatch.setattr(type(x), name, lambda *_: pytest.fail("made dense"), raising=False)
    net = fc.Network([K, M], seed=0)
    net.fit(x, y, epochs=1, validation_data=(x, y))
    net.predict(x)
    net.gradients(x, y)


def test_no_rows_and_no_numbers(dtype):
    net = fc.Network([K, M], seed=0, dtype=dtype)
    assert net.predict(scipy_sparse.csr_array((0, K))).shape == (0, M)
    empty = scipy_sparse.csr_array((40, K))
    np.testing.assert_array_equal(net.predict(empty), net.predict(np.zeros((40, K))))
    with pytest.raises(ValueError, match=r"x has shape \(0, 37\): expected at least one sample"):
        net.fit(empty[:0], [])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_named_by_row_and_column(bad):
    x, y = rows()
    x.data[x.indptr[40] + 1] = bad
    column = x.indices[x.indptr[40] + 1]
    net = fc.Network([K, M], seed=0)
    with pytest.raises(ValueError, match=rf"x contains {bad} in row 40, column {column}: expected finite numbers"):
        net.fit(x, y)
    assert np.isnan(net.predict(x)[40]).all()
    net.fit(Named(np.zeros((N, K)), [f"f{i}" for i in range(K)]), y, epochs=1)
    with pytest.raises(ValueError, match=rf"in row 40, column 'f{column}'"):
        net.fit(x, y)


def damage(**parts):
    def change(x):
        for name, value in parts.items():
            setattr(x, name, value(getattr(x, name)))
        return x

    return change


def put(at, value):
    def change(array):
        array[at] = value
        return array

    return change


DAMAGED = {
    "a large index": (damage(indices=put(7, K)), r"its indices are not all in \[0, 37\)"),
    "a huge index": (damage(indices=put(7, 2**31 - 1)), r"its indices are not all in \[0, 37\)"),
    "a negative index": (damage(indices=put(7, -1)), r"its indices are not all in \[0, 37\)"),
    "starts that fall": (damage(indptr=put(9, 0)), "its indptr does not ascend from 0"),
    "negative starts": (damage(indptr=put(0, -1)), "its indptr does not ascend from 0"),
    "starts beyond the end": (damage(indptr=put(-1, 2**31 - 1)), "its indices has dtype int32 and shape"),
    "few starts": (damage(indptr=lambda a: a[:-1]), "its indptr has dtype"),
    "few numbers": (damage(data=lambda a: a[:-1]), "its data has dtype"),
    "float indices": (damage(indices=lambda a: a.astype(float)), "its indices has dtype float64"),
}


@pytest.mark.parametrize("what", DAMAGED)
@pytest.mark.parametrize("method", ["predict", "fit"])
def test_damaged_sparse_rows_are_refused(what, method):
    x, y = rows()
    change, message = DAMAGED[what]
    net = fc.Network([K, M], seed=0)
    with pytest.raises(ValueError, match=f"x is damaged: {message}"):
        getattr(net, method)(change(x), *([y] if method == "fit" else []))


@pytest.mark.parametrize("batch", [3, 50])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("columns", [K, 100 * K])
def test_rows_that_change_during_a_fit_are_never_read_or_written_out_of_bounds(columns, batch, wide):
    x, y = rows(density=7 / columns, columns=columns)
    x = wide_indices(x) if wide else x

    @dataclass(frozen=True)
    class Damage(fc.schedules.Schedule):
        def _factors(self, step, total, per_epoch):
            x.indices[:] = np.where(np.arange(len(x.indices)) % 2, np.iinfo(x.indices.dtype).max, -1)
            x.indptr[:] = np.iinfo(x.indptr.dtype).max
            return np.ones_like(step)

    net = fc.Network([columns, 6, M], seed=0)
    net.fit(x, y, epochs=2, batch_size=batch, schedule=Damage())
    assert all(np.isfinite(layer.W).all() for layer in net.layers)


def test_what_is_wrong_is_named():
    x, y = rows()
    net = fc.Network([K, M], seed=0)
    with pytest.raises(ValueError, match="x has 36 features, but the network takes 37"):
        net.predict(x[:, :-1])
    with pytest.raises(ValueError, match=r"x has shape \(37,\): expected \(n_samples, n_features\)"):
        net.predict(x[0])
    with pytest.raises(TypeError, match="x has dtype complex64: expected real numbers"):
        net.predict(x.astype(np.complex64))
    with pytest.raises(TypeError, match="y is a sparse csr_array: expected a dense array"):
        net.fit(x, scipy_sparse.csr_array(np.eye(M)[y]))


HOSTILE = {
    "starts that fall": {"starts": np.array([0, 2, 1])},
    "starts beyond the end": {"starts": np.array([0, 1, 2**40])},
    "starts before the data": {"starts": np.array([-1, 1, 2])},
    "no starts": {"starts": np.array([], np.int64)},
    "short starts": {"starts": np.array([0, 1, 2], np.int32)},
    "half of the data": {"data": np.ones(4, np.float32)[::2]},
    "whole numbers": {"data": np.ones(2, np.int32)},
    "short floats": {"data": np.ones(2, np.float16)},
    "unsigned indices": {"indices": np.zeros(2, np.uint32)},
    "swapped indices": {"indices": np.zeros(2, ">i4")},
    "rows of data": {"data": np.ones((2, 1), np.float32)},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_the_native_core_takes_no_others(what):
    parts = {"data": np.ones(2, np.float32), "indices": np.zeros(2, np.int32), "starts": np.array([0, 1, 2])}
    model = fc.Network([K, M], seed=0)._state.model
    assert model.predict(SimpleNamespace(**parts)).shape == (2, M)
    with pytest.raises((TypeError, ValueError)):
        model.predict(SimpleNamespace(**parts | HOSTILE[what]))


def test_a_diverging_fit_of_sparse_rows_names_the_layer():
    x, y = rows()
    net = fc.Network([K, 8, M], seed=0)
    with pytest.raises(fc.DivergenceError, match=r"; after 1 step the weights of layers\[0\] reach"):
        net.fit(x, y, batch_size=8, optimizer=fc.SGD(1e30))
