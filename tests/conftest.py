"""Fixtures over what must not change a result: type, instruction set, number of threads."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from fcnet import _native

from tables import TABLES

# A shell that starts the tests in the background lets their processes ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

ISAS = [os.environ["FCNET_ISA"]] if os.environ.get("FCNET_ISA") else _native.available_isas()


def pytest_collection_modifyitems(items):
    for item in items:
        if "isa" in item.fixturenames:  # runs on every instruction set anyway
            item.add_marker(pytest.mark.once)


@pytest.fixture(params=[np.float32, np.float64], ids=lambda t: t.__name__)
def dtype(request):
    return request.param


@pytest.fixture(params=ISAS)
def isa(request):
    before = _native.config()["isa"]
    _native.use_isa(request.param)
    yield request.param
    _native.use_isa(before)


@pytest.fixture(params=TABLES)
def table(request):
    """Makes a table of {name: array}."""
    return TABLES[request.param]


@pytest.fixture(params=[False, True], ids=["short", "long"])
def steps(request):
    """Every step a long one: it writes to a second copy of the parameters and can stop anywhere."""
    before = _native.longest_step()
    if request.param:
        _native.set_longest_step(0)
    yield "long" if request.param else "short"
    _native.set_longest_step(before)


@pytest.fixture(params=[1, 2], ids=lambda n: f"t{n}")
def threads(request):
    before = _native.get_num_threads()
    _native.set_num_threads(request.param)
    yield request.param
    _native.set_num_threads(before)
