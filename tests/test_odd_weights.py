"""D1, D5: weights of samples in any form count as their numbers; those that are none are refused and change nothing."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from test_odd_inputs import frozen, of_misaligned, torch

from interop import interop, library
from tables import K, M, N, problem, same

pytestmark = pytest.mark.once

WEIGHTS = np.arange(N) % 5 + 1.0


def strided(w, step):
    room = np.full(N * abs(step), np.nan)
    view = room[::step]
    view[...] = w
    return view


ODD = {
    "objects": lambda w: w.astype(object),
    "a list": lambda w: w.tolist(),
    "a tuple": lambda w: tuple(w.tolist()),
    "every second": lambda w: strided(w, 2),
    "backwards": lambda w: strided(w, -1),
    "misaligned": lambda w: of_misaligned(w, "f8"),
    "read-only": lambda w: frozen(w.copy()),
    **{kind: lambda w, kind=kind: w.astype(kind) for kind in ("f2", "f4", "g", "i1", "u8", ">f4", ">f8", ">i8")},
    **interop(
        {
            "torch": torch,
            "pandas": lambda w: library("pandas").Series(w, index=range(N, 0, -1)),
            "polars": lambda w: library("polars").Series(w),
            "arrow": lambda w: library("pyarrow").array(w),
        }
    ),
}
BAD = {
    "a number": lambda w: 1.0,
    "a text": lambda w: "balanced",
    "one too few": lambda w: w[1:],
    "two columns": lambda w: np.stack([w, w], axis=1),
    "negative": lambda w: w - 3,
    "nan": lambda w: np.where(w == 2, np.nan, w),
    "infinite": lambda w: np.where(w == 2, np.inf, w),
    "nothing but 0": lambda w: w * 0,
    "texts": lambda w: w.astype(str),
    "complex": lambda w: w + 0j,
    "dates": lambda w: w.astype("i8").astype("M8[s]"),
    "masked": np.ma.masked_array,
    "none in a list": lambda w: [None] * N,
    "a dictionary": lambda w: dict(enumerate(w)),
    **interop({"one missing in Arrow": lambda w: library("pyarrow").array([None, *w[1:].tolist()])}),
}


def network():
    return fc.Network([K, 6, M], seed=5)


@pytest.mark.parametrize("what", ODD)
def test_they_are_their_numbers(what):
    x, y = problem()
    odd = ODD[what](WEIGHTS)
    before = np.asarray(odd).astype(float)
    nets = network(), network()
    for net, w in zip(nets, (WEIGHTS, odd), strict=True):
        net.fit(x, y, epochs=2, batch_size=5, sample_weight=w)
        net.train_on_batch(x, y, sample_weight=w)
    assert same(*nets)
    figures = [net.evaluate(x, y, sample_weight=w) for net, w in zip(nets, (WEIGHTS, odd), strict=True)]
    assert figures[0] == figures[1]
    assert (np.asarray(odd).astype(float) == before).all()


@pytest.mark.parametrize("method", ["fit", "evaluate", "gradients", "train_on_batch"])
@pytest.mark.parametrize("what", BAD)
def test_what_are_none_are_refused_by_name_and_change_nothing(what, method):
    x, y = problem()
    net = network()
    with pytest.raises((TypeError, ValueError), match=r"\bsample_weight\b"):
        getattr(net, method)(x, y, sample_weight=BAD[what](WEIGHTS))
    assert same(net, network())
    assert net.epochs_trained == 0
