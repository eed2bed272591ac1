"""Wherever memory runs out in the core, there is a MemoryError, and the network is as it was."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native
from forks import output_forked

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((70, 5)), RNG.integers(0, 3, 70)


def network():
    hidden = [fc.Dense(33, "tanh", normalization="layer"), fc.Dense(20, "gelu", dropout=0.1, normalization="batch")]
    net = fc.Network([5, *hidden, 3], seed=1)
    net.fit(X, Y, epochs=1, optimizer=fc.Adam())
    return net


def plain():
    net = fc.Network([5, 8, 3], seed=1)
    net.fit(X, Y, epochs=1, batch_size=4, optimizer=fc.Adam())
    return net


def averaged():
    net = fc.Network([5, 8, 3], seed=1)
    net.fit(X, Y, epochs=1, optimizer=fc.Adam(), averaging=fc.SWA(0))
    return net


def image(net):
    """Everything that the network is, as bytes, but for the history, which is that of the last fit, begun or done."""
    return pickle.dumps({**net.__getstate__(), "history": None})


WORK = {
    "fit": lambda net, path: net.fit(X, Y, epochs=1, optimizer=fc.Adam()),
    "fit anew": lambda net, path: net.fit(X, Y, epochs=1, optimizer=fc.Adam(clip_norm=1)),
    "fit in chunks": lambda net, path: net.fit(np.tile(X, (60, 1)), np.tile(Y, 60), epochs=1, batch_size=4100),
    "fit few at a time": lambda net, path: net.fit(X, Y, epochs=1, batch_size=4, optimizer=fc.Adam()),
    "fit with an average over steps": lambda net, path: net.fit(X, Y, epochs=1, averaging=fc.EMA(0.9)),
    "fit with an average over epochs": lambda net, path: net.fit(X, Y, epochs=1, averaging=fc.SWA(0)),
    "step": lambda net, path: net.train_on_batch(X, Y, optimizer=fc.Adam()),
    "batches": lambda net, path: net.fit([(X, Y)], epochs=1, optimizer=fc.Adam()),
    "predict": lambda net, path: net.predict(X),
    "predict few": lambda net, path: net.predict(X[:2]),
    "evaluate": lambda net, path: net.evaluate(X, Y),
    "gradients": lambda net, path: net.gradients(X, Y),
    "check gradients": lambda net, path: net.check_gradients(X[:5], Y[:5], most=1),
    "explain": lambda net, path: net.explain(X[:5], Y[:5]),
    "set": lambda net, path: setattr(net.layers[0], "B", net.layers[0].B + 1),
    "copy": lambda net, path: copy.deepcopy(net),
    "save": lambda net, path: net.save(path),
    "load": lambda net, path: fc.load(path),
    "construct": lambda net, path: fc.Network([5, 8, 3], seed=1),
    "kernel": lambda net, path: fc.kernels.linear(X, np.ones((5, 40)), np.ones(40)),
}


@pytest.fixture(autouse=True)
def afterwards():
    yield
    _native._testing.fail_allocation(-1)


@pytest.mark.parametrize("make", [network, plain, averaged])
@pytest.mark.parametrize("work", WORK)
def test_each_failing_allocation_is_a_memory_error_that_changes_nothing(work, make, steps, tmp_path):
    net, path = make(), tmp_path / "net.safetensors"
    net.save(path)
    undisturbed = copy.deepcopy(net)
    WORK[work](undisturbed, path)
    before, on_disk = image(net), path.read_bytes()
    failures = 0
    while True:
        _native._testing.fail_allocation(failures)
        try:
            WORK[work](net, path)
            assert _native._testing.fail_allocation(-1) >= 0, f"allocation {failures} failed unnoticed"
            break  # there was none left to fail
        except MemoryError:
            failures += 1 if failures < 100 else 17  # many are those of the same calls again
        _native._testing.fail_allocation(-1)
        assert image(net) == before
        assert path.read_bytes() == on_disk
    assert failures >= 1
    assert image(net) == image(undisturbed)  # the last time it went through, as if nothing had been


REPORT = """
import _testcapi
import numpy as np
import fcnet as fc

class Exhausting(fc.Callback):
    def on_batch_end(self, batch, logs):
        if batch == 0:
            _testcapi.set_nomemory(0, 3)

x, y = np.ones((4096, 256), np.float32), np.arange(4096) % 3
net = fc.Network([256, 512, 3], seed=0)
try:
    net.fit(x, y, epochs=1, batch_size=1024, callbacks=[Exhausting()])
    raised = "nothing"
except BaseException as error:
    _testcapi.remove_mem_hooks()
    raised = type(error).__name__
net.predict(x)
net.fit(x, y, epochs=1, batch_size=1024)
print(raised)
"""


def test_a_report_that_python_has_no_memory_for_ends_the_fit_and_leaves_the_threads_sound():
    pytest.importorskip("_testcapi")
    assert output_forked(REPORT) == "MemoryError"


def test_a_fit_whose_samples_found_no_memory_runs_no_epoch_until_it_has_others():
    net = plain()
    x, y = X.astype(np.float32), Y.astype(np.int32)
    trainer = _native.Trainer(net._state.model, x[:4], y[:4], 4, True, "sgd", {"learning_rate": 0.1})
    try:
        _native._testing.fail_allocation(0)
        with pytest.raises(MemoryError):
            trainer.use(x, y)
    finally:
        _native._testing.fail_allocation(-1)
    trainer.open()
    for rates in (None, np.ones(1)):
        with pytest.raises(RuntimeError, match="this fit has no samples"):
            trainer.run_epoch(0, rates=rates)
    trainer.use(x, y)
    assert trainer.run_epoch(0)[3] == len(x)
