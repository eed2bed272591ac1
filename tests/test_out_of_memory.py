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
NARROW, TARGETS = X.astype(np.float32), RNG.standard_normal((70, 3)).astype(np.float32)


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


def smooth(seed=1, *, normalization=None, loss="mse"):
    hidden = [fc.Dense(33, "tanh", normalization=normalization), fc.Dense(20, "gelu")]
    net = fc.Network([5, *hidden, fc.Dense(3, "identity")], loss=loss, seed=seed)
    net.train_on_batch(NARROW, TARGETS, optimizer=fc.Adam(clip_norm=1))
    return net


def normalized():
    return smooth(normalization="layer")


OTHER, ROBUST = smooth(2), smooth(3, loss="huber")


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

OUTSIDE = {  # of losses outside fit
    "vjp": lambda net, path: net.vjp(NARROW)[1](TARGETS),
    "vjp of samples": lambda net, path: net.vjp(NARROW)[1](TARGETS, per_sample=True),
    "input gradient": lambda net, path: net.input_gradient(NARROW, TARGETS),
    "jacobian": lambda net, path: net.jacobian(NARROW),
    "jvp": lambda net, path: net.jvp(NARROW, NARROW),
    "step on plain arrays": lambda net, path: net.train_on_batch(NARROW, TARGETS, optimizer=fc.Adam(clip_norm=1)),
    "step in chunks": lambda net, path: net.train_on_batch(np.tile(NARROW, (60, 1)), np.tile(TARGETS, (60, 1))),
    "step of picked outputs": lambda net, path: net.train_on_batch(NARROW, TARGETS[:, 0].copy(), outputs=Y),
    "apply": lambda net, path: net.apply_gradients(net.gradients(X, TARGETS), optimizer=fc.Adam(clip_norm=1)),
    "apply anew": lambda net, path: net.apply_gradients(net.gradients(X, TARGETS), optimizer=fc.SGD(0.1, momentum=0.9)),
    "apply with an average": lambda net, path: net.apply_gradients(net.gradients(X, TARGETS), averaging=fc.EMA(0.9)),
    "flat parameters": lambda net, path: setattr(net, "parameters", 2 * net.parameters),
}
ALIKE = {
    "hvp": lambda net, path: net.hvp(NARROW, TARGETS, NARROW),
    "laplacian": lambda net, path: net.laplacian(NARROW)[2](TARGETS, TARGETS),
    "blend": lambda net, path: net.blend(OTHER, 0.3),
    "copy parameters of another loss": lambda net, path: net.copy_parameters(ROBUST),
}
WORK |= OUTSIDE | ALIKE
CASES = [
    *((make, work) for make in (network, plain, averaged) for work in WORK if work not in OUTSIDE | ALIKE),
    *((make, work) for make in (smooth, normalized) for work in OUTSIDE),
    *((smooth, work) for work in ALIKE),
]


@pytest.fixture(autouse=True)
def afterwards():
    yield
    _native._testing.fail_allocation(-1)


@pytest.mark.parametrize(("make", "work"), CASES, ids=lambda part: getattr(part, "__name__", part))
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


@pytest.mark.parametrize("per_sample", [False, True])
def test_a_pullback_that_found_no_memory_leads_back_as_before(per_sample):
    back = smooth().vjp(NARROW)[1]
    expected, failures = back(TARGETS, per_sample=per_sample), 0
    while True:
        _native._testing.fail_allocation(failures)
        try:
            back(TARGETS, per_sample=per_sample)
            assert _native._testing.fail_allocation(-1) >= 0
            break
        except MemoryError:
            failures += 1
        _native._testing.fail_allocation(-1)
        g = back(TARGETS, per_sample=per_sample)
        assert np.array_equal(g.x, expected.x)
        assert np.array_equal(g.flat, expected.flat)
    assert failures >= 1


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
