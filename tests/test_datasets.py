"""The embedded digits: what is in them, always split the same way, a fresh copy for every caller."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from fcnet import datasets


@pytest.fixture
def digits():
    return datasets.load_digits()


def test_shapes_and_types_are_as_documented(digits):
    assert [a.shape for a in digits] == [(1437, 64), (1437,), (360, 64), (360,)]
    assert [a.dtype for a in digits] == [np.uint8, np.int64, np.uint8, np.int64]


@pytest.mark.parametrize("part", ["x_train", "x_test"])
def test_pixels_run_from_0_to_16(digits, part):
    assert (getattr(digits, part).min(), getattr(digits, part).max()) == (0, 16)


@pytest.mark.parametrize("part", ["y_train", "y_test"])
def test_every_class_has_between_half_and_one_and_a_half_of_its_share(digits, part):
    counts = np.bincount(getattr(digits, part))
    share = counts * 10 / counts.sum()
    assert len(counts) == 10
    assert 0.5 < share.min()
    assert share.max() < 1.5


def test_no_image_is_in_both_parts(digits):
    train, test = ({row.tobytes() for row in x} for x in (digits.x_train, digits.x_test))
    assert not train & test


def test_the_split_never_changes(digits):
    sums = [hashlib.sha256(np.ascontiguousarray(a, a.dtype.newbyteorder("<"))).hexdigest()[:16] for a in digits]
    assert sums == ["194fbb7c383202d2", "c31c6c9a4b0b3e6a", "9f958e31e037f4fd", "706323aadbd0629c"]


def test_every_call_gives_arrays_of_its_own(digits):
    before = [a.copy() for a in digits]
    for a in digits:
        assert a.flags.writeable
        a[:] = 0
    for again, was in zip(datasets.load_digits(), before, strict=True):
        np.testing.assert_array_equal(again, was)
