"""Tables of every library that is installed, and a small problem to learn from them."""

from __future__ import annotations

import numpy as np

import fcnet as fc

from interop import interop, library

N, K, M = 12, 4, 3
NAMES = ("age", "height", "weight", "income")


def problem():
    rng = np.random.default_rng(0)
    return rng.integers(0, 16, (N, K)).astype(np.float64), rng.integers(0, M, N)


def fitted(x, y, loss="cross_entropy", outputs=M, inputs=K):
    net = fc.Network([inputs, 6, outputs], loss=loss, seed=5)
    net.fit(x, y, epochs=2, batch_size=5, optimizer=fc.SGD(0.01))
    return net


def same(a, b):
    return all((p.W == q.W).all() and (p.B == q.B).all() for p, q in zip(a.layers, b.layers, strict=True))


def pandas_frame(columns):
    return library("pandas").DataFrame(columns)


def polars_frame(columns):
    return library("polars").DataFrame(columns)


def arrow_table(columns):
    return library("pyarrow").table(columns)


def arrow_batch(columns):
    return library("pyarrow").RecordBatch.from_pydict(columns)


class Interchange:
    """A table that has but the interchange protocol and NumPy's."""

    def __init__(self, columns):
        self._columns = columns
        self.shape = (N, len(columns))

    def __dataframe__(self):
        return self

    def column_names(self):
        return iter(self._columns)

    def __array__(self, dtype=None, copy=None):
        return np.stack(list(self._columns.values()), axis=1)


TABLES = {
    **interop({"pandas": pandas_frame, "polars": polars_frame, "arrow": arrow_table, "arrow-batch": arrow_batch}),
    "interchange": Interchange,
}


def columns_of(x, names=NAMES):
    return {name: x[:, i].copy() for i, name in enumerate(names)}


class Named:
    """A table of an array and its columns' names."""

    def __init__(self, array, names):
        self.columns, self._array, self.shape = list(names), array, array.shape

    def __array__(self, dtype=None, copy=None):
        return self._array
