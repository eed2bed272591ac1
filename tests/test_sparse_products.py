"""Wide sparse rows go number by number through the first layer: the bits of the dense products, in any way."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pytest

import fcnet as fc

from interop import library

scipy_sparse = library("scipy.sparse")
pytestmark = pytest.mark.interop

N, K, M, EACH = 150, 301, 3, 7

OPTIMIZERS = [
    fc.SGD(0.05),
    fc.SGD(0.05, clip_value=0.01),
    fc.SGD(0.05, clip_norm=0.3),
    fc.SGD(0.05, l2=0.01),
    fc.SGD(0.05, weight_decay=0.01),
    fc.SGD(0.05, momentum=0.9, nesterov=True),
    fc.Adam(0.01),
    fc.RMSprop(0.01),
    fc.Lion(0.01),
]


def rows(n=N, kind="float32", seed=0, each=EACH):
    """Words of a text: few columns come often, some never; every ninth row is empty."""
    rng = np.random.default_rng(seed)
    x = scipy_sparse.lil_array((n, K), dtype=kind)
    for i in set(range(n)) - set(range(0, n, 9)):
        x[i, np.unique((K * rng.random(each) ** 3).astype(int))] = rng.normal()
    return x.tocsr(), rng.integers(0, M, n)


def trained(net, x, y, threads=2, **options):
    """The bits of all that comes of a fit."""
    with fc.threads(threads):
        net.fit(x, y, epochs=2, validation_data=(x, y), **options)
        results = [net.predict(x), np.array(net.evaluate(x, y)["loss"]), np.array(net.history.val_loss)]
        results += [part for layer in net.gradients(x, y) for part in layer]
    return [a.tobytes() for a in results] + [a.tobytes() for layer in net.layers for a in (layer.W, layer.B)]


def assert_same_as_dense(network, x, y, **options):
    assert trained(network(), x, y, **options) == trained(network(), x.toarray(), y, **options)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 5, 64, N])
@pytest.mark.parametrize("hidden", [[], [40], [100, 20]], ids=str)
def test_on_every_instruction_set(hidden, batch, threads, dtype, isa):
    x, y = rows()
    assert_same_as_dense(
        lambda: fc.Network([K, *hidden, M], seed=1, dtype=dtype),
        x,
        y,
        batch_size=batch,
        threads=threads,
        optimizer=fc.SGD(0.05),
    )


@pytest.mark.parametrize("batch", [5, 64])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_with_every_kind_of_optimizer(optimizer, batch, dtype, steps):
    x, y = rows(kind=dtype)
    assert_same_as_dense(
        lambda: fc.Network([K, 70, M], seed=1, dtype=dtype), x, y, batch_size=batch, optimizer=optimizer
    )


@pytest.mark.parametrize(
    "layer",
    [
        {"normalization": "batch"},
        {"normalization": "layer"},
        {"dropout": 0.2},
        {"activation": "gelu"},
        {"activation": "softmax"},
        {"activation": "tanh"},
        {"bias": False},
    ],
    ids=str,
)
def test_with_every_kind_of_first_layer(layer, dtype):
    x, y = rows()
    assert_same_as_dense(lambda: fc.Network([K, fc.Dense(40, **layer), M], seed=1, dtype=dtype), x, y, batch_size=64)


def test_with_averages_and_weights_of_samples():
    x, y = rows()
    options = {"averaging": fc.EMA(0.9), "sample_weight": np.arange(N) % 3, "batch_size": 20}
    assert_same_as_dense(lambda: fc.Network([K, 40, M], seed=1), x, y, **options)


@pytest.mark.parametrize("optimizer", [fc.SGD(0.05), fc.Adam(0.01)], ids=repr)
def test_batches_of_several_chunks(optimizer):
    x, y = rows(5000)
    assert_same_as_dense(lambda: fc.Network([K, 40, M], seed=1), x, y, batch_size=5000, optimizer=optimizer)


def test_batches_of_longer_rows_and_dense_ones():
    sizes = [(64, 3), (30, 12), (64, 5), (8, 2), (90, 9)]
    batches = [rows(n, seed=i, each=each) for i, (n, each) in enumerate(sizes)]
    given = [(x if i != 2 else x.toarray(), y) for i, (x, y) in enumerate(batches)]
    nets = [fc.Network([K, 40, M], seed=1) for _ in range(2)]
    for net, source in zip(nets, (given, [(x.toarray(), y) for x, y in batches]), strict=True):
        net.fit(source, epochs=2, optimizer=fc.SGD(0.05, momentum=0.9))
    assert nets[0].layers[0].W.tobytes() == nets[1].layers[0].W.tobytes()


def test_weights_of_columns_that_no_row_has_are_left_alone():
    x, y = rows()
    net = fc.Network([K, 40, M], seed=1)
    before, absent = net.layers[0].W.copy(), np.diff(x.tocsc().indptr) == 0
    net.fit(x, y, epochs=1, optimizer=fc.SGD(0.1))
    assert absent.sum() > 20
    assert net.layers[0].W[absent].tobytes() == before[absent].tobytes()
    assert (net.layers[0].W[~absent] != before[~absent]).any(axis=1).all()


def test_what_a_row_lacks_is_not_multiplied():
    x, _ = rows()
    net = fc.Network([K, M], loss="mse", seed=1)
    W = net.layers[0].W.copy()
    W[5] = np.nan
    net.layers[0].W = W
    np.testing.assert_array_equal(np.isnan(net.predict(x)).any(axis=1), x.toarray()[:, 5] != 0)


def test_sums_ascend_by_columns_whatever_the_order_of_the_numbers():
    x, y = rows()
    turned = x.copy()
    for first, last in zip(x.indptr[:-1], x.indptr[1:], strict=True):
        turned.indices[first:last], turned.data[first:last] = x.indices[first:last][::-1], x.data[first:last][::-1]
    turned.has_sorted_indices = False
    nets = [fc.Network([K, 40, M], seed=1) for _ in range(2)]
    assert trained(nets[0], x, y) == trained(nets[1], turned, y)


def test_indices_that_another_thread_changes_meanwhile_do_no_harm():
    x, y = rows(2000)
    begun, done = threading.Event(), threading.Event()

    def change():
        begun.wait()
        while not done.is_set():
            for value in (0, K - 1, np.iinfo(np.int32).max, 40):
                x.indices[::2] = value

    @dataclass(frozen=True)
    class Begin(fc.schedules.Schedule):
        def _factors(self, step, total, per_epoch):
            begun.set()
            return np.ones_like(step)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        net = fc.Network([K, 40, M], seed=1)
        net.fit(x, y, epochs=50, batch_size=64, schedule=Begin(), optimizer=fc.SGD(1e-3))
    finally:
        begun.set()
        done.set()
        changing.join()
    assert all(np.isfinite(layer.W).all() for layer in net.layers)
