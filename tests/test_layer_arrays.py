"""What ``layer.W`` gives: a read-only copy whose errors say how to change the layer, and plain arrays made of it."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import fcnet as fc

pytestmark = pytest.mark.once


def network():
    return fc.Network([3, fc.Dense(4, normalization="batch"), 2], seed=0)


def times(layer, part):
    exec(f"layer.{part} *= 0.5", {"layer": layer})


def plus(layer, part):
    exec(f"layer.{part} += 1", {"layer": layer})


def element(layer, part):
    getattr(layer, part)[0] = 1


def part_of(layer, part):
    getattr(layer, part)[:2][:1] = 0


def out(layer, part):
    np.add(getattr(layer, part), 1, out=getattr(layer, part))


def named(layer, part):
    w = getattr(layer, part)
    w *= 0.5


IN_PLACE = {
    "fill": lambda w: w.fill(0),
    "sort": lambda w: w.sort(),
    "put": lambda w: w.put([0], [1]),
    "partition": lambda w: w.partition(1),
    "copyto": lambda w: np.copyto(w, 0),
    "copyto by name": lambda w: np.copyto(dst=w, src=0),
    "putmask": lambda w: np.putmask(w, w > 0, 0),
    "place": lambda w: np.place(w, w == w, [0]),
    "out of a reduction": lambda w: np.cumsum(w, axis=0, out=w),
}


@pytest.mark.parametrize("change", IN_PLACE.values(), ids=IN_PLACE.keys())
def test_methods_and_functions_that_change_in_place_are_refused_with_advice(change):
    w = network().layers[0].W
    before = w.copy()
    with pytest.raises(ValueError, match=r"read-only copies .* net.layers\[0\].W = net.layers\[0\].W \* 0.5"):
        change(w)
    np.testing.assert_array_equal(w, before)
    changed = np.array(w, subok=True)  # a copy of one's own
    change(changed)


@pytest.mark.parametrize("change", [times, plus, element, part_of, out, named])
@pytest.mark.parametrize("part", ["W", "B", "gamma", "mean", "variance"])
def test_changes_in_place_are_refused_with_advice(part, change):
    layer = network().layers[0]
    before = getattr(layer, part).copy()
    with pytest.raises(ValueError, match=r"read-only copies .* net.layers\[0\].W = net.layers\[0\].W \* 0.5"):
        change(layer, part)
    np.testing.assert_array_equal(getattr(layer, part), before)


MADE = {
    "product": lambda w: w * 0.5,
    "matrix product": lambda w: w.T @ w,
    "sum": lambda w: w.sum(axis=0),
    "copy": lambda w: w.copy(),
    "copy.copy": copy.copy,
    "deep copy": copy.deepcopy,
    "pickle": lambda w: pickle.loads(pickle.dumps(w)),
    "array": np.array,
    "comparison": lambda w: w > 0,
    "where": lambda w: np.where(w > 0, w, 0),
    "norm": lambda w: np.abs(w).max(axis=1),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE.keys())
def test_what_is_made_of_it_is_a_plain_array_that_can_be_changed(make):
    w = network().layers[0].W
    made = make(w)
    assert type(made) is np.ndarray
    np.testing.assert_array_equal(made, make(np.array(w)))
    made[0] = 0


def test_other_copies_can_be_changed():
    w = network().layers[0].W
    for copied in (w.astype(np.float64), w.flatten(), np.array(w, subok=True)):
        before = np.array(copied)
        copied *= 2
        copied[0] += 1
        np.testing.assert_array_equal(copied[1:], 2 * before[1:])
        np.testing.assert_array_equal(copied[0], 2 * before[0] + 1)


def test_it_reads_like_an_array():
    w = network().layers[0].W
    plain = np.array(w)
    assert isinstance(w, np.ndarray)
    assert not w.flags.writeable
    assert repr(w) == repr(plain)
    assert str(w) == str(plain)
    assert w.sum() == plain.sum()
    assert float(w[0, 0]) == plain[0, 0]
    assert w.tobytes() == plain.tobytes()
    assert isinstance(w.max(), np.float32)


def test_assigning_what_is_computed_from_it_changes_the_layer():
    net = network()
    before = np.array(net.layers[0].W)
    net.layers[0].W = net.layers[0].W * 0.5
    np.testing.assert_array_equal(net.layers[0].W, before * 0.5)
    net.layers[0].W = network().layers[0].W
    np.testing.assert_array_equal(net.layers[0].W, before)
