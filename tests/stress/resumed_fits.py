"""Two hundred fits cut off at a random epoch and resumed in a new process with another number of threads: minutes.

python -m pytest tests/stress/resumed_fits.py
"""

from __future__ import annotations

import random

import pytest

import fcnet as fc
from test_checkpoint import OPTIMIZERS, network, problem

from processes import output

EPOCHS = 9
RESUME = """
import fcnet as fc
from fcnet import schedules
from test_checkpoint import OPTIMIZERS, problem
net = fc.load({path!r})
x, y = problem()
with fc.threads({threads}):
    net.fit(x, y, epochs={epochs}, initial_epoch=net.epochs_trained, batch_size={batch},
            optimizer=OPTIMIZERS[{optimizer}], schedule=schedules.OneCycle(), averaging={averaging})
print(net.predict(x).tobytes().hex(), net.history.loss)
"""


@pytest.mark.parametrize("seed", range(200))
def test_resuming_in_another_process_gives_the_same_bits(seed, tmp_path):
    rng = random.Random(seed)
    optimizer, batch, done = rng.randrange(len(OPTIMIZERS)), rng.choice([4, 32, 150]), rng.randrange(1, EPOCHS)
    averaging = rng.choice(["None", "fc.EMA(0.9)", "fc.SWA(start=4)"])
    x, y = problem()
    whole = network()
    checkpoint = fc.Checkpoint(tmp_path / "{epoch}")
    with fc.threads(1):
        history = whole.fit(
            x,
            y,
            epochs=EPOCHS,
            batch_size=batch,
            optimizer=OPTIMIZERS[optimizer],
            schedule=fc.schedules.OneCycle(),
            averaging=eval(averaging),
            callbacks=[checkpoint],
        )
    again = RESUME.format(
        path=str(tmp_path / str(done)),
        threads=rng.choice([2, 3]),
        epochs=EPOCHS,
        batch=batch,
        optimizer=optimizer,
        averaging=averaging,
    )
    assert output(again).split(" ", 1) == [whole.predict(x).tobytes().hex(), f"{history.loss[done:]}"]
