"""A fit that was cut off goes on from its checkpoint to the bits of the one that was not."""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import numpy as np
import pytest

import fcnet as fc
from fcnet import schedules
from forks import forked, output_forked, run_forked

from pages import BLOCK, ROOT

pytestmark = pytest.mark.once

OPTIMIZERS = [fc.SGD(0.05), fc.SGD(0.05, momentum=0.9), fc.Adam(0.01), fc.NAdam(0.01, clip_norm=1), fc.Lion(1e-3)]


def problem():
    rng = np.random.default_rng(0)
    return rng.standard_normal((150, 6)).astype(np.float32), rng.integers(0, 3, 150)


def network():
    return fc.Network([6, fc.Dense(33, "gelu", dropout=0.3), 20, 3], seed=4)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("batch_size", [4, 32])
def test_resuming_gives_the_bits_of_the_fit_that_was_not_cut_off(optimizer, batch_size, tmp_path):
    x, y = problem()
    options = {"batch_size": batch_size, "optimizer": optimizer, "schedule": schedules.OneCycle()}
    whole = network()
    whole.fit(x, y, epochs=7, callbacks=[fc.Checkpoint(tmp_path / "net-{epoch}")], **options)
    for done in (1, 3, 6):
        again = fc.load(tmp_path / f"net-{done}")
        assert again.epochs_trained == done
        again.fit(x, y, epochs=7, initial_epoch=done, **options)
        assert again.predict(x).tobytes() == whole.predict(x).tobytes()
        assert again.history.loss == whole.history.loss[done:]
        assert again.history.learning_rate == whole.history.learning_rate[done:]


@pytest.mark.parametrize("feed", ["arrays", "batches"])
def test_a_fit_stopped_in_the_middle_of_an_epoch_leaves_its_last_whole_one(feed, tmp_path):
    class Stop(fc.Callback):
        def on_batch_end(self, batch, logs):
            if (self.model.epochs_trained, batch) == (3, 2):
                raise fc.StopTraining

    x, y = problem()
    data = (x, y) if feed == "arrays" else ([(x[i : i + 32], y[i : i + 32]) for i in range(0, 150, 32)],)
    options = {"epochs": 6, "optimizer": fc.Adam(0.01)}
    whole, stopped = network(), network()
    whole.fit(*data, **options)
    stopped.fit(*data, callbacks=[Stop(), fc.Checkpoint(tmp_path / "net", every=2)], **options)
    again = fc.load(tmp_path / "net")
    assert (again.epochs_trained, stopped.epochs_trained) == (2, 3)
    assert stopped.history.stopped_early
    again.fit(*data, initial_epoch=2, **options)
    assert again.predict(x).tobytes() == whole.predict(x).tobytes()


def test_a_checkpoint_every_few_epochs_and_after_the_last(tmp_path):
    x, y = problem()
    network().fit(x, y, epochs=7, callbacks=[fc.Checkpoint(tmp_path / "{epoch}", every=3)])
    assert sorted(os.listdir(tmp_path)) == ["3", "6", "7"]


def test_file_names_count_epochs_from_1_and_callbacks_and_the_history_from_0(tmp_path):
    x, y = problem()
    net, seen, trained = network(), [], []

    class Count(fc.Callback):
        def on_epoch_begin(self, epoch, logs):
            seen.append((epoch, self.model.epochs_trained))

    def after(epoch, logs):
        trained.append((epoch, net.epochs_trained, sorted(os.listdir(tmp_path))))

    for _ in range(2):  # both count over all fits
        history = net.fit(x, y, epochs=2, callbacks=[Count(), fc.Checkpoint(tmp_path / "{epoch}"), after])
    assert seen == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert trained == [(0, 1, ["1"]), (1, 2, ["1", "2"]), (2, 3, ["1", "2", "3"]), (3, 4, ["1", "2", "3", "4"])]
    assert history.epochs == [2, 3]
    assert [fc.load(tmp_path / str(number)).epochs_trained for number in (1, 4)] == [1, 4]


def test_only_the_best_is_kept(tmp_path):
    x, y = problem()
    net = network()
    best = fc.Checkpoint(tmp_path / "best", monitor="val_loss")
    history = net.fit(x, y, epochs=30, validation_split=0.3, optimizer=fc.Adam(0.05), callbacks=[best])
    lowest = int(np.argmin(history.val_loss))
    assert 0 < lowest < 29
    assert fc.load(tmp_path / "best").epochs_trained == lowest + 1


def test_a_figure_that_is_nan_is_not_the_best_and_named(tmp_path):
    x, y = problem()
    best = fc.Checkpoint(tmp_path / "best", monitor="val_score", mode="max")
    options = {"validation_split": 0.3, "metrics": {"score": lambda y_true, output: np.nan}}
    for epochs in (1, 2):
        with pytest.warns(RuntimeWarning) as warned:
            network().fit(x, y, epochs=epochs, callbacks=[best], **options)
        (warning,) = warned
        assert str(warning.message).startswith("checkpoint monitors val_score, which is NaN in epoch 0")
    assert os.listdir(tmp_path) == []


def test_after_early_stopping_the_best_weights_are_saved(tmp_path):
    x, y = problem()
    net = network()
    stop = fc.EarlyStopping(patience=3)
    checkpoint = fc.Checkpoint(tmp_path / "net", every=1000)
    net.fit(x, y, epochs=60, validation_split=0.3, optimizer=fc.Adam(0.05), early_stopping=stop, callbacks=[checkpoint])
    assert net.history.stopped_early
    assert (fc.load(tmp_path / "net").predict(x) == net.predict(x)).all()


FITTING = """
import numpy as np
import fcnet as fc
rng = np.random.default_rng(0)
x, y = rng.standard_normal((150, 6)).astype(np.float32), rng.integers(0, 3, 150)
net = fc.Network([6, fc.Dense(33, "gelu", dropout=0.3), 20, 3], seed=4)
def fit(path):
    net.fit(x, y, epochs=100_000, batch_size=32, optimizer=fc.Adam(1e-3), callbacks=[fc.Checkpoint(path)])
"""


def test_a_process_killed_at_any_moment_leaves_a_checkpoint_that_goes_on(tmp_path):
    x, y = problem()
    path, rng = tmp_path / "net", random.Random(0)
    whole, done = network(), 0
    moments = sorted(rng.random() * 0.2 for _ in range(8))
    for moment in moments:
        with forked(FITTING + f"fit({str(path)!r})") as child:
            while not path.exists():
                assert child.running
                time.sleep(0.001)
            time.sleep(moment)
            child.kill()
        net = fc.load(path)
        if net.epochs_trained >= done:
            whole.fit(x, y, epochs=net.epochs_trained - done, batch_size=32, optimizer=fc.Adam(1e-3))
            done = net.epochs_trained
            assert net.predict(x).tobytes() == whole.predict(x).tobytes()
        path.unlink()
    network().save(path)
    assert os.listdir(tmp_path) == ["net"]  # no rest of a save that was cut off


def test_the_program_of_the_cookbook_goes_on_after_a_kill(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    program = "".join(BLOCK.findall((ROOT / "docs/cookbook/resume.md").read_text(encoding="utf-8")))
    killed = """
import os, signal
import fcnet as fc
save = fc.Network.save
def save_and_be_killed(net, path):
    save(net, path)
    if net.epochs_trained == 8:
        os.kill(os.getpid(), signal.SIGKILL)
fc.Network.save = save_and_be_killed
"""
    assert run_forked(killed + program).returncode == -signal.SIGKILL
    assert len(fc.load("running.safetensors").history) == 8
    output_forked(program)
    resumed = fc.load("done.safetensors")
    (tmp_path / "running.safetensors").unlink()
    output_forked(program)
    assert len(resumed.history) == 20
    x, _ = fc.datasets.load_digits()[:2]
    assert resumed.predict(x).tobytes() == fc.load("done.safetensors").predict(x).tobytes()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fc.Checkpoint(None), TypeError, "path is None: expected the path of a file"),
        (lambda: fc.Checkpoint("{loss:.2f}"), ValueError, "expected no braces except {epoch}"),
        (lambda: fc.Checkpoint("x", every=0), ValueError, "every is 0: expected at least 1"),
        (
            lambda: fc.Checkpoint("x", monitor="val_mine"),
            ValueError,
            "whose direction is unknown",
        ),
        (lambda: fc.Checkpoint("x", mode="up"), ValueError, "mode is 'up'"),
        (
            lambda: network().fit(*problem(), epochs=1, callbacks=[fc.Checkpoint("x", monitor="val_loss")]),
            ValueError,
            "checkpoint monitors val_loss: expected validation_data or validation_split",
        ),
        (
            lambda: network().fit(*problem(), epochs=2, initial_epoch=3),
            ValueError,
            "initial_epoch is 3: expected from 0 to 2; it counts the epochs of the interrupted fit, without those of",
        ),
    ],
)
def test_what_is_wrong_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_checkpoint_that_cannot_be_written_ends_the_fit_and_keeps_the_epoch(tmp_path):
    x, y = problem()
    net, folder = network(), tmp_path / "runs"
    checkpoint = fc.Checkpoint(folder / "net")
    with pytest.raises(FileNotFoundError, match=r"There is no folder '.*runs'.*runs/net'"):
        net.fit(x, y, epochs=3, callbacks=[checkpoint])
    assert net.epochs_trained == 0
    folder.mkdir()
    with pytest.raises(FileNotFoundError, match=r"There is no folder '.*runs'"):
        net.fit(x, y, epochs=3, callbacks=[lambda epoch, logs: folder.rmdir(), checkpoint])
    assert net.epochs_trained == 1
