"""Samples are held back by their numbers: nothing is copied, and a fit has the bits of one on those taken out."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native
from fcnet._training.dataset import MOST_EPOCHS, train_validation_split

from interop import library
from walks import walk

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)


def drawn_by_sorting(n, fraction, seed, labels):
    """The rule in a few lines of NumPy: class by class, each in the order drawn; rounding is made up by the next."""
    order = _native._testing.permutation(seed, MOST_EPOCHS, n)
    counts = np.array([n])
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
        counts = np.unique(labels, return_counts=True)[1]
    ends = np.cumsum(counts)
    taken = np.diff(np.rint(fraction * ends).astype(np.int64), prepend=0)
    place = np.arange(n) - np.repeat(ends - counts, counts)
    held = np.sort(order[place < np.repeat(taken, counts)])
    return np.setdiff1d(np.arange(n), held), held


@walk("labels", [None, "even", "rare", "gaps"])
@walk("fraction", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("n", [6, 120, 70_000])
def test_the_draw_is_that_of_the_rule(n, fraction, labels):
    classes = {
        "even": RNG.integers(0, 10, n),
        "rare": (RNG.random(n) < 0.03).astype(int),
        "gaps": RNG.choice([2, 7, 40], n),
        None: None,
    }[labels]
    for seed in (0, 2**64 - 1):
        ours, rule = train_validation_split(n, fraction, seed, classes), drawn_by_sorting(n, fraction, seed, classes)
        for a, b in zip(ours, rule, strict=True):
            np.testing.assert_array_equal(a, b)


def held_back(x, y, seed, labels, weights=None):
    kept, held = train_validation_split(len(y), 0.25, seed, labels)
    parts = [(x[rows], y[rows], None if weights is None else weights[rows]) for rows in (kept, held)]
    return parts[0], parts[1]


def custom(output, target):
    return np.mean((output - target) ** 2), 2 * (output - target) / output.size


LABELS = RNG.integers(0, 3, 203)
SHARES = RNG.dirichlet([1, 1, 1], 203)
KINDS = {
    "labels": ({}, LABELS, LABELS),
    "probabilities": ({}, SHARES, SHARES.argmax(axis=1)),
    "binary": ({"loss": "binary_cross_entropy"}, LABELS[:, None] > 0, (LABELS > 0).astype(int)),
    "multi-label": ({"loss": "binary_cross_entropy"}, RNG.integers(0, 2, (203, 3)), None),
    "targets": ({"loss": "mse"}, RNG.random((203, 2)), None),
    "custom": ({"loss": custom}, RNG.random((203, 2)).astype(np.float32), None),
}


@walk("kind", KINDS)
@walk("batch", [3, 64, 1000])
@walk("shuffle", [True, False])
@pytest.mark.parametrize("rows", ["dense", "fortran", "uint8", pytest.param("sparse", marks=pytest.mark.interop)])
def test_a_fit_has_the_bits_of_one_on_the_samples_taken_out(rows, shuffle, batch, kind, threads):
    options, y, labels = KINDS[kind]
    outputs = 1 if kind == "binary" else y.shape[1] if y.ndim == 2 else 3
    x = (RNG.random((203, 30)) * (RNG.random((203, 30)) < 0.08) * 200).astype("u1" if rows == "uint8" else "f4")
    weights = None if kind == "custom" else RNG.random(203)
    x = np.asfortranarray(x) if rows == "fortran" else x
    if rows == "sparse":
        x = library("scipy.sparse").csr_array(x)
    train, validation = held_back(x, y, 7, labels, weights)
    ours, theirs = (fc.Network([30, 16, outputs], seed=7, scale=1 / 200, **options) for _ in range(2))
    same = {"epochs": 2, "batch_size": batch, "shuffle": shuffle, "optimizer": fc.SGD(0.05)}
    one = ours.fit(x, y, validation_split=0.25, sample_weight=weights, **same)
    if weights is None:
        other = theirs.fit(*train[:2], validation_data=validation[:2], **same)
    else:
        other = theirs.fit(*train[:2], sample_weight=train[2], validation_data=validation, **same)
    for a, b in zip(ours.layers, theirs.layers, strict=True):
        np.testing.assert_array_equal(a.W, b.W)
    assert one.loss == other.loss
    assert one.val_loss == other.val_loss
    assert one.val_accuracy == other.val_accuracy


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 3, 1: 0.5}])
@pytest.mark.parametrize("kind", ["labels", "probabilities", "binary"])
def test_class_weights_count_the_samples_that_are_trained_on(kind, class_weight, weights):
    options, y, labels = KINDS[kind]
    x, outputs = RNG.random((203, 5)), 1 if kind == "binary" else 3
    sample_weight = RNG.random(203) if weights else None
    train, validation = held_back(x, y, 3, labels, sample_weight)
    ours, theirs = (fc.Network([5, outputs], seed=3, **options) for _ in range(2))
    one = ours.fit(x, y, sample_weight=sample_weight, validation_split=0.25, class_weight=class_weight, epochs=2)
    other = theirs.fit(
        *train[:2],
        sample_weight=train[2],
        validation_data=validation if weights else validation[:2],
        class_weight=class_weight,
        epochs=2,
    )
    np.testing.assert_array_equal(ours.layers[0].W, theirs.layers[0].W)
    assert (one.loss, one.val_loss) == (other.loss, other.val_loss)


def test_metrics_are_those_of_the_samples_held_back():
    x, y = RNG.random((203, 5)), LABELS
    train, validation = held_back(x, y, 3, y)
    options = {"metrics": ["f1", "log_loss"], "epochs": 2}
    one = fc.Network([5, 3], seed=3).fit(x, y, validation_split=0.25, **options)
    other = fc.Network([5, 3], seed=3).fit(*train[:2], validation_data=validation[:2], **options)
    assert one.val_f1 == other.val_f1
    assert one.val_log_loss == other.val_log_loss


def test_a_split_copies_no_samples():
    tracemalloc = pytest.importorskip("tracemalloc")
    x, y = np.zeros((200_000, 50), np.float32), np.zeros((200_000, 20), np.float32)  # 40 and 16 MB
    net = fc.Network([50, 20], loss="mse", seed=0)
    tracemalloc.start()
    try:
        net.fit(x, y, epochs=0, validation_split=0.2)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 8 * 2**20  # row numbers, and what a strip takes


def test_rows_that_are_not_there_are_refused():
    net, x = fc.Network([2, 2], seed=0), np.zeros((3, 2), np.float32)
    for wrong in ([3], [-1], [0, 1, 2, 2**40]):
        with pytest.raises(ValueError, match="rows has numbers that x has no rows for"):
            net._state.model.predict(x, np.array(wrong, np.int64))
