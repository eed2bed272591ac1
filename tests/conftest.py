"""Fixtures over what must not change a result: type, instruction set, number of threads."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from fcnet import _native

import interop
from tables import TABLES

# A shell that starts the tests in the background lets their processes ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

ISAS = [os.environ["FCNET_ISA"]] if os.environ.get("FCNET_ISA") else _native.available_isas()


def pytest_addoption(parser):
    parser.addoption("--interop", action="store_true", help="run the tests that need other libraries, too")


def pytest_configure(config):
    interop.wanted = config.getoption("interop")
    if interop.wanted:
        os.environ["FCNET_TESTS_INTEROP"] = "1"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """A file whose tests all need another library has none to run."""
    report = yield
    if report.skipped and interop.REASON in str(report.longrepr):
        report.outcome, report.result = "passed", []
    return report


def pytest_collection_modifyitems(config, items):
    for item in items:
        if {"isa", "isas"} & set(item.fixturenames):  # runs on every instruction set anyway
            item.add_marker(pytest.mark.once)
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if "pyplot" in item.fixturenames or any(isinstance(value, interop.Interop) for value in parameters):
            item.add_marker(pytest.mark.interop)
    if not interop.wanted:
        left_out = [item for item in items if item.get_closest_marker("interop")]
        items[:] = [item for item in items if not item.get_closest_marker("interop")]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(params=[np.float32, np.float64], ids=lambda t: t.__name__)
def dtype(request):
    return request.param


@pytest.fixture(params=ISAS)
def isa(request):
    before = _native.config()["isa"]
    _native.use_isa(request.param)
    yield request.param
    _native.use_isa(before)


@pytest.fixture
def isas():
    """Instruction set after instruction set, for tests whose expected values take long to compute."""
    before = _native.config()["isa"]

    def each():
        for name in ISAS:
            _native.use_isa(name)
            yield name

    yield each()
    _native.use_isa(before)


@pytest.fixture(params=TABLES)
def table(request):
    """Makes a table of {name: array}."""
    return TABLES[request.param]


@pytest.fixture
def pyplot():
    interop.library("matplotlib").use("agg")
    pyplot = interop.library("matplotlib.pyplot")
    yield pyplot
    pyplot.close("all")


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
