"""What must not change a result: type, instruction set, path of a step, number of threads.

A test that asks for some of these is one case, which runs for all of them; a note of its failure says for which it was.
"""

from __future__ import annotations

import inspect
import itertools
import os
import signal
from contextlib import ExitStack, contextmanager

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
    _native._testing.wait_for_all(True)  # teams have as many threads as a test says; see test_busy_machine.py
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


@contextmanager
def _set(setter, value, before):
    setter(value)
    try:
        yield
    finally:
        setter(before)


def _use_isa(name):
    return _set(_native._testing.use_isa, name, _native.config()["isa"])


def _use_steps(name):
    """Long steps write to a second copy of the parameters and can stop anywhere."""
    before = _native._testing.longest_step()
    return _set(_native._testing.set_longest_step, 0 if name == "long" else before, before)


def _use_threads(count):
    return _set(_native.set_num_threads, count, _native.get_num_threads())


# name: values, what makes a value hold for a while
WALKED = {
    "dtype": ([np.float32, np.float64], None),
    "isa": (ISAS, _use_isa),
    "steps": (["short", "long"], _use_steps),
    "threads": ([1, 2], _use_threads),
}


@pytest.fixture
def dtype():
    """float32, then float64: see WALKED, as for those below."""


@pytest.fixture
def isa():
    """Instruction set after instruction set."""


@pytest.fixture
def steps():
    """Short steps, then long ones."""


@pytest.fixture
def threads():
    """One thread, then two."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    given = pyfuncitem.callspec.params if hasattr(pyfuncitem, "callspec") else {}
    walked = [name for name in WALKED if name in pyfuncitem.fixturenames and name not in given]
    if not walked:
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    skipped = 0
    combinations = list(itertools.product(*(WALKED[name][0] for name in walked)))
    for values in combinations:
        held = dict(zip(walked, values, strict=True))
        arguments = {name: held.get(name, pyfuncitem.funcargs[name]) for name in wanted}
        try:
            _call_holding(held, pyfuncitem.obj, arguments)
        except pytest.skip.Exception:
            skipped += 1
            if skipped == len(combinations):
                raise
        except BaseException as error:
            error.add_note(f"with {', '.join(f'{name} {value}' for name, value in held.items())}")
            raise
        if "monkeypatch" in pyfuncitem.funcargs:
            pyfuncitem.funcargs["monkeypatch"].undo()
    return True


def _call_holding(held, call, arguments):
    with ExitStack() as stack:
        for name, value in held.items():
            if WALKED[name][1] is not None:
                stack.enter_context(WALKED[name][1](value))
        call(**arguments)


@pytest.fixture
def isas():
    """Instruction set after instruction set, for tests whose expected values take long to compute."""
    before = _native.config()["isa"]

    def each():
        for name in ISAS:
            _native._testing.use_isa(name)
            yield name

    yield each()
    _native._testing.use_isa(before)


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
