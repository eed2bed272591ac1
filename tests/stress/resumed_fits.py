"""Two hundred fits killed at a random step of a random epoch, resumed in a new process with another number of threads:
weights, history and early stopping are those of the fit that was not killed. Minutes.

python -m pytest tests/stress/resumed_fits.py
"""

from __future__ import annotations

import os
import random
import signal

import pytest

import fcnet as fc
from test_checkpoint import OPTIMIZERS, network, problem

from processes import output

EPOCHS = 9


class Kill(fc.Callback):
    """Ends its process, with no chance to tidy up, after this step."""

    def __init__(self, epoch, batch):
        self.moment = epoch, batch

    def on_batch_end(self, batch, logs):
        if (self.model.epochs_trained, batch) == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)


def options(seed):
    """Of a fit, but for what differs before and after."""
    rng, (x, y) = random.Random(seed), problem()
    return {
        "x": x[:120],
        "y": y[:120],
        "epochs": EPOCHS,
        "batch_size": rng.choice([4, 32, 120]),
        "optimizer": rng.choice(OPTIMIZERS),
        "validation_data": (x[120:], y[120:]),
        "schedule": rng.choice([None, fc.schedules.OneCycle(), fc.schedules.ReduceOnPlateau(0.5, patience=1)]),
        "early_stopping": rng.choice([None, fc.EarlyStopping(patience=3), fc.EarlyStopping(patience=EPOCHS)]),
        "averaging": rng.choice([None, fc.EMA(0.9), fc.SWA(start=4)]),
    }


def outcome(net):
    history = {name: figures for name, figures in net.history.whole().to_dict().items() if name != "seconds"}
    return net.predict(problem()[0]).tobytes().hex(), history, net.history.best_epoch, net.history.stopped_early


RESUME = """
import os
import fcnet as fc
from resumed_fits import network, options, outcome
net = fc.load({path!r}) if os.path.exists({path!r}) else network()
with fc.threads({threads}):
    net.fit(initial_epoch=net.epochs_trained, **options({seed}))
print(outcome(net))
"""


@pytest.mark.parametrize("seed", range(200))
def test_resuming_in_another_process_gives_the_same_bits(seed, tmp_path):
    rng, given, path = random.Random(-seed - 1), options(seed), tmp_path / "net"
    whole = network()
    with fc.threads(1):
        whole.fit(**given)
        epoch = rng.randrange(len(whole.history))
        batch = rng.randrange(-(-120 // given["batch_size"]))
        child = os.fork()
        if child == 0:
            network().fit(callbacks=[fc.Checkpoint(path), Kill(epoch, batch)], **given)
            os._exit(0)  # not reached
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert path.exists() == (epoch > 0)
    here = os.path.dirname(__file__)
    again = output(
        RESUME.format(path=str(path), threads=rng.choice([2, 3]), seed=seed),
        PYTHONPATH=os.pathsep.join([here, os.path.dirname(here), os.environ.get("PYTHONPATH", "")]),
    )
    assert eval(again, {"nan": float("nan")}) == outcome(whole)
