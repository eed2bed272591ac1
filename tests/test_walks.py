"""A case walks every type, instruction set, path of a step and number of threads that it asks for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from conftest import WALKED
from fcnet import _native

from walks import walk

SEEN = []


@pytest.mark.usefixtures("threads")
def test_a_case_holds_what_it_is_given(dtype, isa, steps):
    assert _native.config()["isa"] == isa
    assert (_native._testing.longest_step() == 0) == (steps == "long")
    SEEN.append((dtype, isa, steps, _native.get_num_threads()))


def test_all_combinations_came_once_and_nothing_is_left_behind():
    if not SEEN:
        pytest.skip("the test before did not run")
    names = ("dtype", "isa", "steps", "threads")
    assert SEEN == list(itertools.product(*(WALKED[name][0] for name in names)))
    assert _native._testing.longest_step() > 0


@pytest.mark.parametrize("threads", [5])
def test_what_a_test_sets_itself_is_not_walked(threads, dtype):
    assert threads == 5
    assert dtype in (np.float32, np.float64)


def test_a_combination_may_skip_itself(dtype):
    if dtype == np.float32:
        pytest.skip("for float64 only")
    assert dtype == np.float64


WALKED_HERE = []


@pytest.mark.parametrize("left", ["a", "b"])
@walk("a, b", [(1, 2), (3, 4)])
@walk("c", {5: 6})
def test_a_walk_goes_through_its_values(a, b, c, left):
    if a == 1:
        pytest.skip("one may skip itself")
    WALKED_HERE.append((a, b, c, left))


def test_it_went_through_all():
    if not WALKED_HERE:
        pytest.skip("the test before did not run")
    assert WALKED_HERE == [(3, 4, 5, "a"), (3, 4, 5, "b")]


def test_a_walk_says_where_it_failed():
    @walk("a, b", [(1, 2), (3, 4)])
    def test(a, b):
        assert a == 1

    with pytest.raises(AssertionError) as caught:
        test()
    assert caught.value.__notes__ == ["with a 3, b 4"]
