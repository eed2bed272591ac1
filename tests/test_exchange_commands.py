"""The commands ``fcnet import`` and ``fcnet export``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fcnet as fc
from fcnet import cli
from fcnet.cli.exchange import _SUFFIXES

pytestmark = pytest.mark.once

GOLDEN = Path(__file__).parent / "golden/onnx"
X = np.ones((3, 4), np.float32)


@pytest.fixture
def saved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = fc.Network([4, 5, 3], seed=0)
    net.save("net.safetensors")
    return net


def test_a_model_of_onnx_becomes_a_network(saved, capsys):
    Path("net.onnx").write_bytes(saved.to_onnx())
    Path("net.safetensors").unlink()
    assert cli.main(["import", "net.onnx"]) == 0
    out = capsys.readouterr().out
    assert "Saved: net.safetensors" in out
    assert "4 x 5" in out
    assert np.array_equal(fc.load("net.safetensors").predict(X), saved.predict(X))


def test_logits_become_classes_by_the_loss(saved, capsys):
    logits = fc.Network([4, 5, 3], loss="mse", seed=1)
    for layer, other in zip(logits.layers, saved.layers, strict=True):
        layer.W, layer.B = other.W, other.B
    Path("logits.onnx").write_bytes(logits.to_onnx())
    assert cli.main(["import", "logits.onnx", "--loss", "cross_entropy"]) == 0
    assert "Loss: cross_entropy" in capsys.readouterr().out
    assert np.array_equal(fc.load("logits.safetensors").predict(X), saved.predict(X))


def test_outputs_go_where_they_shall(saved, capsys):
    assert cli.main(["export", "net.safetensors", "--to", "onnx", "--output", "a.onnx"]) == 0
    assert cli.main(["import", "a.onnx", "-o", "b.safetensors"]) == 0
    assert np.array_equal(fc.load("b.safetensors").predict(X), saved.predict(X))


@pytest.mark.parametrize("kind", _SUFFIXES)
def test_a_saved_network_is_exported(kind, saved, capsys):
    assert cli.main(["export", "net.safetensors", "--to", kind]) == 0
    path = Path("net").with_suffix(_SUFFIXES[kind])
    assert capsys.readouterr().out == f"Saved: {path}\n"
    getattr(saved, f"to_{kind}")("expected")
    assert path.read_bytes() == Path("expected").read_bytes()


@pytest.mark.parametrize("ending", [".npy", ".csv"])
def test_rows_are_read_for_int8_and_for_pages(ending, saved, capsys):
    rows = np.random.default_rng(0).standard_normal((120, 4)).round(3)
    np.save("rows.npy", rows)
    np.savetxt("rows.csv", rows, "%.3f", ",", header="a,b,c,d", comments="")
    data = ("--data", f"rows{ending}")
    assert cli.main(["export", "net.safetensors", "--to", "c", "--int8", "--name", "small", *data]) == 0
    assert "On 120 rows of calibration" in capsys.readouterr().out
    saved.to_c("expected", name="small", dtype="int8", calibration=rows)
    assert Path("net.h").read_bytes() == Path("expected").read_bytes()
    page = ["export", "net.safetensors", "--to", "html", "--image", "2,2", "--title", "Draw"]
    assert cli.main([*page, *data]) == 0
    saved.to_html("expected", image=(2, 2), x=rows, title="Draw")
    assert Path("net.html").read_bytes() == Path("expected").read_bytes()
    page[page.index("2,2")] = "2x2"
    assert cli.main([*page, *data, "--force"]) == 0
    assert Path("net.html").read_bytes() == Path("expected").read_bytes()


def test_the_columns_of_a_table_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = np.arange(20.0).reshape(10, 2)
    net = fc.Network([2, 1], loss="mse", seed=0)
    net._state.feature_names = ("b", "a")
    net.save("net.safetensors")
    np.savetxt("rows.csv", np.c_[rows, rows[:, :1]], "%g", ",", header="a,b,more", comments="")
    assert cli.main(["export", "net.safetensors", "--to", "html", "--data", "rows.csv"]) == 0
    net.to_html("expected", x=rows[:, ::-1])
    assert Path("net.html").read_bytes() == Path("expected").read_bytes()


def test_an_estimator_of_tables_is_exported(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).standard_normal((60, 3))
    estimator = fc.tabular.TabularRegressor(epochs=2, networks=1).fit(x, x[:, 0])
    estimator.save("table.safetensors")
    assert cli.main(["export", "table.safetensors", "--to", "onnx"]) == 0
    assert Path("table.onnx").read_bytes() == estimator.to_onnx()
    assert cli.main(["export", "table.safetensors", "--to", "c"]) == 2
    assert "holds a TabularRegressor: expected a network, or --to onnx" in capsys.readouterr().err


REFUSED = {
    "a model that is none": (["import", "net.safetensors", "-o", "a"], "is not a model of ONNX that can be read"),
    "no chain": (["import", str(GOLDEN / "torch-script-residual.onnx"), "-o", "a"], "Add '/Add': it joins paths"),
    "a missing file": (["import", "missing.onnx"], "missing.onnx: No such file"),
    "a missing network": (["export", "missing", "--to", "onnx"], "missing: No such file"),
    "the model itself": (["export", "net.safetensors", "--to", "c", "-o", "net.safetensors"], "is the model itself"),
    "a file that exists": (["export", "net.safetensors", "--to", "c", "-o", "there"], "there exists: expected another"),
    "int8 without rows": (["export", "net.safetensors", "--to", "c", "--int8"], "calibration is None: expected 100"),
    "an option of c": (["export", "net.safetensors", "--to", "html", "--name", "a"], "--name is given with --to html"),
    "an option of html": (
        ["export", "net.safetensors", "--to", "onnx", "--image", "2,2"],
        "--image is given with --to",
    ),
    "an empty title": (["export", "net.safetensors", "--to", "html", "--title", ""], "title is '': expected text"),
    "an empty name": (["export", "net.safetensors", "--to", "c", "--name", ""], "name is '': expected a name"),
    "text": (["export", "net.safetensors", "--to", "html", "--data", "text.csv"], "which holds no numbers"),
    "no folder": (["import", "a.onnx", "-o", "none/a"], "expected a file in a folder that exists"),
}


@pytest.mark.parametrize("size", ["8", "8,", "8,8,8", "8*8", "-8,8", "a"])
def test_an_image_of_another_form_is_refused_by_an_example(size, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["export", "net.safetensors", "--to", "html", f"--image={size}"])
    assert f"argument --image: {size!r} is no size: expected H,W such as 8,8\n" in capsys.readouterr().err


@pytest.mark.parametrize("what", REFUSED)
def test_errors_are_one_line(what, saved, capsys):
    arguments, message = REFUSED[what]
    Path("there").write_text("x")
    Path("text.csv").write_text("a,b,c,d\n1,2,3,x\n")
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"fcnet {arguments[0]}: ")
    assert message in error
    assert error.count("\n") == 1
    assert Path("there").read_text() == "x"


def test_force_overwrites(saved, capsys):
    Path("net.onnx").write_text("x")
    assert cli.main(["export", "net.safetensors", "--to", "onnx", "--force"]) == 0
    assert Path("net.onnx").read_bytes() == saved.to_onnx()


@pytest.mark.filterwarnings("default")
def test_warnings_are_one_line(saved, capsys):
    assert cli.main(["import", str(GOLDEN / "torch-script-log-softmax.onnx"), "-o", "a"]) == 0
    assert capsys.readouterr().err.startswith("warning: LogSoftmax ")
