"""A network in a file is the same network; a failed or killed save costs nothing."""

from __future__ import annotations

import copy
import errno
import io
import os
import pickle
import random
import stat
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import fcnet as fc
from fcnet._saving.atomic_file import replacing
from forks import forked

from interop import library

pytestmark = pytest.mark.once


def trained(dtype="float32", loss="cross_entropy", **options):
    net = fc.Network([3, 5, 2], seed=7, dtype=dtype, loss=loss, **options)
    rng = np.random.default_rng(0)
    x = rng.random((40, 3))
    y = rng.integers(0, 2, 40) if loss == "cross_entropy" else rng.random((40, 2))
    net.fit(x, y, epochs=2, batch_size=8)
    return net, x, y


WAYS = {
    "file": lambda net, folder: (net.save(folder / "net.safetensors"), fc.load(folder / "net.safetensors"))[1],
    "pickle": lambda net, folder: pickle.loads(pickle.dumps(net)),
    "deepcopy": lambda net, folder: copy.deepcopy(net),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "rmse"])
@pytest.mark.parametrize(
    "options",
    [{}, {"scale": 1 / 3, "offset": [0.1, 0.2, 0.3]}, {"activation": "tanh"}],
    ids=["plain", "scaled", "tanh"],
)
def test_it_is_the_same_network(way, loss, options, dtype, tmp_path):
    net, x, y = trained(np.dtype(dtype).name, loss, **options)
    again = WAYS[way](net, tmp_path)
    for name in ("sizes", "loss", "seed", "dtype", "epochs_trained"):
        assert getattr(again, name) == getattr(net, name)
    assert (again.scale == net.scale).all()
    assert (again.offset == net.offset).all()
    assert again.summary() == net.summary()
    assert again.predict(x).tobytes() == net.predict(x).tobytes()
    if way != "file":
        assert again.history == net.history
    for one in (net, again):  # and goes on as the same one
        one.fit(x, y, epochs=2, batch_size=8)
    assert again.predict(x).tobytes() == net.predict(x).tobytes()


def test_a_copy_is_another_network():
    net, x, y = trained()
    before = net.predict(x)
    copy.deepcopy(net).fit(x, y, epochs=1)
    assert (net.predict(x) == before).all()


@pytest.mark.interop
def test_others_can_read_the_file(tmp_path):
    safetensors = library("safetensors.numpy")
    net, _, _ = trained()
    net.save(tmp_path / "net.safetensors")
    tensors = safetensors.load_file(tmp_path / "net.safetensors")
    assert (tensors["layers.1.W"] == net.layers[1].W).all()
    layers = {f"layers.{i}.{part}" for i in (0, 1) for part in "WB"}
    assert set(tensors) == {"input.scale", "input.offset", "history", *layers}


@pytest.mark.parametrize(
    "damage", [{"sizes": [3, 5]}, {"loss": "hinge"}, {"seed": -1}, {"parameters": []}, {"more": 1}]
)
def test_a_damaged_state_is_an_error(damage):
    net, _, _ = trained()
    with pytest.raises(ValueError, match=r"."):
        fc.Network.__new__(fc.Network).__setstate__(net.__getstate__() | damage)


def test_version_1_loads():
    """A file as version 1 wrote it: two features, one hidden neuron."""
    net = fc.load(Path(__file__).parent / "golden/version-1.safetensors")
    assert (net.predict([[1.0, 0.5]]) == [[1.5, 2]]).all()
    assert net.epochs_trained == 4
    assert net.seed == 3


def test_files_of_version_2_are_read():
    net = fc.load(Path(__file__).parent / "golden/version-2.safetensors")
    assert (net.predict([[1.0, 0.5]]) == [[2.5, 1.5]]).all()
    assert repr(net) == (
        "Network([2, Dense(3, dropout=0.25), Dense(2, bias=False)], loss=Huber(delta=2.0), seed=3, dtype='float32')"
    )
    assert net.epochs_trained == 4
    assert net.feature_names == ("height", "width")
    assert [layer.trainable for layer in net.layers] == [False, True]
    name, powers, slots = net._state.model.state()[1]
    assert (name, len(slots)) == ("adam", 2)
    assert powers[:2] == pytest.approx([0.9**4, 0.999**4])


def test_a_save_that_fails_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    net, x, y = trained()
    path = tmp_path / "net"
    net.save(path)
    before = path.read_bytes()
    net.fit(x, y, epochs=1)
    for function in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, function, lambda *_: (_ for _ in ()).throw(OSError("no space left on device")))
            with pytest.raises(OSError, match="no space left"):
                net.save(path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["net"]
    with pytest.raises(FileNotFoundError, match=r"There is no folder '.*no folder': '.*no folder/net'"):
        net.save(tmp_path / "no folder" / "net")


def test_permissions_and_links_are_kept(tmp_path):
    net, _, _ = trained()
    (tmp_path / "real").touch(mode=0o640)
    os.chmod(tmp_path / "real", 0o640)
    (tmp_path / "link").symlink_to("real")
    net.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640
    assert fc.load(tmp_path / "link").sizes == net.sizes


def test_what_somebody_is_writing_is_left_alone_and_what_nobody_is_goes(tmp_path):
    path, other = tmp_path / "net", tmp_path / ".other.partial"
    leftover = tmp_path / ".fcnet-0123456789abcdef.partial"
    for file in (other, leftover):
        file.touch()
    with replacing(path) as outer:
        outer.write(b"outer")
        assert not leftover.exists()
        with replacing(path) as inner:  # as a signal handler would
            inner.write(b"inner")
        assert path.read_bytes() == b"inner"
    assert path.read_bytes() == b"outer"
    assert sorted(os.listdir(tmp_path)) == [".other.partial", "net"]


def test_a_folder_that_cannot_be_brought_to_the_disk(tmp_path, monkeypatch):
    net, _, _ = trained()
    real = os.fsync
    for number, error in ((errno.EINVAL, None), (errno.EIO, OSError)):

        def fsync(descriptor, number=number):
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        if error is None:
            net.save(tmp_path / "net")
        else:
            with pytest.raises(error):
                net.save(tmp_path / "net")
        assert fc.load(tmp_path / "net").seed == 7


def test_more_layers_than_a_file_can_list(tmp_path):
    net = fc.Network([1] * 5001, loss="mse", seed=0)
    with pytest.raises(ValueError, match="more than a file may have"):
        net.save(tmp_path / "net")
    assert os.listdir(tmp_path) == []


def test_a_fit_counts_its_epochs_as_they_end():
    net, x, y = trained()
    seen = []

    @dataclass(frozen=True)
    class Look(fc.schedules.Schedule):
        def _factors(self, step, total, per_epoch):
            seen.append(pickle.loads(pickle.dumps(net)).epochs_trained)
            return np.ones_like(step)

    net.fit(x, y, epochs=3, schedule=Look())
    assert seen == [2, 3, 4]
    assert net.epochs_trained == 5


SAVING = """
import numpy as np
import fcnet as fc
net = fc.Network([64, 300, 10], seed=1)
def save(path):
    i = 0
    print("ready", flush=True)
    while True:
        i += 1
        net.layers[0].B = np.full(300, i)
        net.layers[1].B = np.full(10, i)
        net.save(path)
"""


def test_a_process_killed_at_any_moment_leaves_a_whole_file(tmp_path):
    path, rng = tmp_path / "net", random.Random(0)
    fc.Network([64, 300, 10], seed=1).save(path)
    for _ in range(8):
        with forked(SAVING + f"save({str(path)!r})") as child:
            while child.stdout != "ready\n":
                assert child.running
                time.sleep(0.001)
            time.sleep(rng.random() * 0.03)
            child.kill()
        layers = fc.load(path).layers
        assert len(set(layers[0].B) | set(layers[1].B)) == 1  # of one save
    fc.Network([64, 300, 10], seed=1).save(path)
    assert os.listdir(tmp_path) == ["net"]


def test_nothing_but_a_file_is_replaced(tmp_path):
    net, _, _ = trained()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "closed").mkdir(mode=0o500)
    no_files = [tmp_path, "", f"{tmp_path}/runs/"]
    for path, error in [*((path, IsADirectoryError) for path in no_files), (tmp_path / "pipe", OSError)]:
        with pytest.raises(error, match="expected the path of a file"):
            net.save(path)
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)
    for path in (None, 3, io.BytesIO()):
        for call in (net.save, fc.load):
            with pytest.raises(TypeError, match="path is .*: expected the path of a file"):
                call(path)
    for path in ("net\0", b"net\0", "net\ud800"):
        for call in (net.save, fc.load, fc.Checkpoint):
            with pytest.raises(ValueError, match="path is 'net.*: expected a name that a file can have"):
                call(path)
    os.symlink(tmp_path / "nowhere" / "net", tmp_path / "link")
    with pytest.raises(FileNotFoundError, match="There is no folder '.*nowhere': '.*link'"):
        net.save(tmp_path / "link")
    assert sorted(os.listdir(tmp_path)) == ["closed", "link", "pipe"]
    if os.getuid() != 0:
        with pytest.raises(PermissionError, match="closed/net'"):
            net.save(tmp_path / "closed" / "net")
    net.save(os.fsencode(tmp_path / "bytes"))
    assert fc.load(os.fsencode(tmp_path / "bytes")).sizes == net.sizes


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": fc.Adam()},
        {"optimizer": fc.SGD(0.1, momentum=0.9), "averaging": fc.EMA(0.9)},
        {"validation_split": 0.5, "early_stopping": fc.EarlyStopping(restore_best=True)},
        {},
    ],
    ids=["adam", "average", "best", "plain"],
)
def test_without_the_optimizer_state_a_file_is_for_prediction(options, tmp_path):
    x = np.random.default_rng(0).random((60, 3))
    net = fc.Network([3, 500, 2], seed=7)
    net.fit(x, np.arange(60) % 2, epochs=4, **options)
    net.save(tmp_path / "whole")
    net.save(tmp_path / "serving", optimizer_state=False)
    again = fc.load(tmp_path / "serving")
    assert again.predict(x).tobytes() == net.predict(x).tobytes()
    assert again.history.loss == net.history.loss
    state = again.__getstate__()
    assert (state["optimizer_state"], state["average_state"]) == (None, None)
    assert state["best"] is None or state["best"][1] is None
    numbers = sum(part.size for layer in net.__getstate__()["parameters"] for part in layer)
    assert (tmp_path / "serving").stat().st_size < 4 * numbers + 2500
    again.fit(x, np.arange(60) % 2, epochs=1)
    again.save(tmp_path / "serving")


def test_the_optimizer_state_is_wanted_or_not(tmp_path):
    with pytest.raises(TypeError, match="optimizer_state is 1: expected True or False"):
        fc.Network([2, 2]).save(tmp_path / "net", optimizer_state=1)
    assert list(tmp_path.iterdir()) == []
