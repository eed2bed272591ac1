"""Weights of classes: those of their samples, also where a sample is several classes in part."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fcnet as fc
from fcnet import losses

from bounds import max_error

pytestmark = pytest.mark.once


def test_class_weights_are_sample_weights():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 4)), np.arange(60) % 5 % 3
    counts = np.bincount(y)
    for given, of_class in (({0: 2.0, 2: 0.5}, [2, 1, 0.5]), ("balanced", 60 / (3 * counts))):
        nets = [fc.Network([4, 9, 3], seed=0) for _ in range(2)]
        nets[0].fit(x, y, class_weight=given, sample_weight=np.arange(60) + 1)
        nets[1].fit(x, y, sample_weight=np.array(of_class)[y] * (np.arange(60) + 1))
        assert nets[0].predict(x).tobytes() == nets[1].predict(x).tobytes()


@pytest.mark.parametrize("smoothing", [0, 0.1])
def test_classes_of_one_answer_have_weights_too(smoothing):
    x, y = np.random.default_rng(0).standard_normal((60, 4)), np.arange(60) % 3 == 0
    nets = [fc.Network([4, 1], loss=losses.BinaryCrossEntropy(smoothing), seed=0) for _ in range(2)]
    nets[0].fit(x, y, class_weight="balanced")
    nets[1].fit(x, y, sample_weight=np.where(y, 1.5, 0.75))
    assert nets[0].predict(x).tobytes() == nets[1].predict(x).tobytes()


@pytest.mark.parametrize("smoothing", [0, 0.2])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("class_weight", [{0: 3.0, 1: 0.5}, {0: 0}, "balanced"], ids=str)
def test_a_sample_of_several_classes_weighs_as_parts_of_samples_of_each(outputs, smoothing, class_weight):
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((40, 4)), np.arange(40) + 1.0
    shares = rng.dirichlet(np.ones(max(outputs, 2)), 40)
    shares[0] = np.eye(max(outputs, 2))[0]  # all of class 0
    n, classes = shares.shape
    kind = losses.CrossEntropy if outputs > 1 else losses.BinaryCrossEntropy
    nets = [fc.Network([4, 9, outputs], loss=kind(smoothing), seed=0, dtype="float64") for _ in range(2)]
    of_class = n / (classes * shares.sum(axis=0)) if class_weight == "balanced" else np.ones(classes)
    if class_weight != "balanced":
        of_class[list(class_weight)] = list(class_weight.values())
    options = {"epochs": 1, "batch_size": 1000, "optimizer": fc.SGD(1.0)}
    y = shares if outputs > 1 else shares[:, 1]
    one = nets[0].fit(x, y, class_weight=class_weight, sample_weight=weights, **options)
    whole, each = np.repeat(x, classes, axis=0), np.tile(np.arange(classes), n)
    other = nets[1].fit(whole, each, sample_weight=(weights[:, None] * shares * of_class).ravel(), **options)
    for a, b in zip(nets[0].layers, nets[1].layers, strict=True):
        assert max_error([a.W, a.B], [b.W, b.B]) <= 1e-14
    assert one.loss == pytest.approx(other.loss, rel=1e-13)


@pytest.mark.parametrize(
    ("loss", "y", "class_weight", "error", "message"),
    [
        ("mse", [[0, 1]], "balanced", ValueError, "class_weight needs class labels"),
        (
            "binary_cross_entropy",
            [[0, 1]],
            "balanced",
            ValueError,
            "y has 2 labels for each sample (multi-label classification): expected sample_weight, or a custom loss",
        ),
        (
            "cross_entropy",
            [0],
            {2: 1},
            ValueError,
            "class_weight has the unknown class 2: expected 0 <= class < 2",
        ),
        (
            "cross_entropy",
            [0],
            "even",
            ValueError,
            "class_weight is 'even': expected 'balanced', a dict",
        ),
    ],
)
def test_what_is_wrong_is_named(loss, y, class_weight, error, message):
    with pytest.raises(error, match=re.escape(message)):
        fc.Network([2, 2], loss=loss).fit([[0, 1]], y, class_weight=class_weight)


def test_another_number_of_weights_is_said_to_be_of_classes():
    with pytest.raises(ValueError, match=r"class_weight has shape \(3,\): expected \(2,\), a number for each class"):
        fc.Network([2, 4, 2]).fit(np.zeros((4, 2)), [0, 1, 0, 1], class_weight=[1, 2, 3.0])
