"""Splits for validation: every row is in the right part, every class is spread evenly."""

from __future__ import annotations

import numpy as np
import pytest

from fcnet.tabular.splits import folds, held_back


@pytest.mark.parametrize("n", [2, 5, 100, 2003])
@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_the_held_back_share_is_rounded_down_and_no_row_is_lost(n, share):
    split = held_back(n, share, None, np.random.default_rng(0))
    assert len(split.validation) == int(n * share + 1e-9)
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(n))


@pytest.mark.parametrize("share", [0.1, 0.2, 0.25])
def test_every_class_is_held_back_by_its_share(share):
    classes = np.repeat([0, 1, 2], [600, 300, 101])
    split = held_back(len(classes), share, classes, np.random.default_rng(0))
    counts = np.bincount(classes[split.validation], minlength=3)
    assert (abs(counts - share * np.bincount(classes)) <= 1).all()


def test_a_class_of_one_row_is_trained_on():
    classes = np.array([0] * 9 + [1] + [2] * 10)
    for seed in range(20):
        split = held_back(20, 0.5, classes, np.random.default_rng(seed))
        assert 9 in split.train
        assert all(
            9 in fold.train and 9 not in fold.validation for fold in folds(20, 4, classes, np.random.default_rng(seed))
        )


@pytest.mark.parametrize("k", [2, 3, 7])
def test_folds_hold_every_row_back_once_and_spread_the_classes(k):
    classes = np.repeat([0, 1], [70, 33])
    found = folds(len(classes), k, classes, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.validation for fold in found])), np.arange(103))
    for fold in found:
        np.testing.assert_array_equal(np.sort(np.concatenate(fold)), np.arange(103))
        assert (abs(np.bincount(classes[fold.validation]) - np.array([70, 33]) / k) <= 1).all()


def test_splits_depend_on_the_generator_alone():
    one, other = (held_back(50, 0.2, None, np.random.default_rng(seed)) for seed in (1, 1))
    np.testing.assert_array_equal(one.validation, other.validation)
    different = held_back(50, 0.2, None, np.random.default_rng(2))
    assert (one.validation != different.validation).any()
