"""The command fcnet explain: the article by default, any small network on request, files and exit codes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import fcnet as fc
from fcnet import cli
from fcnet.article import article_network

from explanations import LAYERS
from processes import output_of

pytestmark = pytest.mark.once


def output(capsys, *arguments):
    assert cli.main(["explain", *arguments]) == 0
    return capsys.readouterr().out


def test_the_articles_network_is_the_default(capsys):
    for layer, (w, b) in zip(article_network().layers, LAYERS, strict=True):
        assert (layer.W == w).all()
        assert (layer.B == b).all()
    text = output(capsys)
    assert "L from 0.8226 to 0.7265, odd from 0.4393 to 0.4836, even from 0.5607 to 0.5164" in text
    named = ("--layers", "2,2,2,2", "--input", "1,1", "--target", "odd", "--learning-rate", "0.1")
    assert output(capsys, *named) == text


def test_several_steps_are_summed_up_from_the_first_to_the_last(capsys):
    head = output(capsys, "--steps", "20", "--loss", "cross_entropy").splitlines()[:4]
    assert head[2] == "L from 0.8226 to 0.2009, odd from 0.4393 to 0.8180, even from 0.5607 to 0.1820"
    assert head[3] == "The equations are those of the first step."
    two = ("--input", "1,1", "--target", "odd", "--input", "0,1", "--target", "even")
    assert "; of the first sample odd from 0.4393 to" in output(capsys, *two)


def test_the_outputs_of_a_saved_network_are_numbers_not_odd_and_even(capsys, tmp_path):
    fc.Network([2, 3, 2], seed=0).save(tmp_path / "net.safetensors")
    text = output(capsys, "--model", str(tmp_path / "net.safetensors"), "--input", "1,1", "--target", "0")
    assert ", output 0 from" in text
    assert "odd" not in text


def test_every_format_is_written(capsys, tmp_path):
    files = {name: tmp_path / f"out.{name}" for name in ("html", "latex", "markdown", "svg", "json")}
    text = output(capsys, "--steps", "3", *(word for name, path in files.items() for word in (f"--{name}", str(path))))
    assert "L after   3 steps" in text
    assert all(f"written: {path}" in text for path in files.values())
    assert "type=range min=1 max=3" in files["html"].read_text()
    assert files["latex"].read_text().startswith(r"\documentclass")
    assert files["markdown"].read_text().startswith("# 3 steps of gradient descent")
    assert ET.parse(files["svg"]).getroot().get("viewBox")
    steps = json.loads(files["json"].read_text())["steps"]
    assert np.array(steps[0]["W_1"]).tolist() == LAYERS[0][0]
    assert len(steps) == 3


def test_a_network_of_ones_own(capsys, tmp_path):
    text = output(
        capsys,
        "--layers",
        "2,4,2",
        "--input=-1,1",
        "--target",
        "no",
        "--input",
        "1,1",
        "--target",
        "1",
        "--class-names",
        "no,yes",
        "--activation",
        "tanh",
        "--digits",
        "2",
    )
    assert "2 – 4 – 2 neurons; tanh, then softmax; cross entropy; 2 samples" in text
    assert "⎡-1  1⎤" in text
    assert "MSE; one sample" in output(
        capsys, "--layers", "2,3,2", "--loss", "mse", "--input", "1,1", "--target", "0.5,2"
    )
    fc.Network([3, 2], seed=0).save(tmp_path / "net.safetensors")
    saved = output(capsys, "--model", str(tmp_path / "net.safetensors"), "--input", "1,2,3", "--target", "0")
    assert "3 – 2 neurons; softmax" in saved


def test_a_terminal_without_greek_letters_gets_the_numbers():
    text = output_of("-m", "fcnet", "explain", PYTHONIOENCODING="ascii")
    assert "= [0.2243  0.1121]" in text


def test_three_columns(capsys):
    lines = output(capsys, "--compare").splitlines()
    assert lines[0].split() == ["textbook", "formula", "NumPy", "native", "ulp"]
    assert lines[1].startswith("h_in_1[0, 0]")


def test_homework_is_checked(capsys):
    text = output(capsys, "--answer", "L=0.36", "--answer", "dB_3=[-0.56, 0.56]")
    assert "L: wrong. L is 0.36, should be 0.8226. It looks like this: the logarithm" in text
    assert "dB_3: right" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--answer", "L"], "--answer is 'L': expected a name and numbers"),
        (["--answer", "dW_9=1"], "answer has the name 'dW_9'"),
        (["--input", "1,1,1", "--target", "odd"], "x has 3 features, but the network takes 2"),
        (["--input", "1,1", "--input", "1", "--target", "odd", "--target", "odd"], "x is not a rectangular array"),
        (["--input", "1,1"], "1 --input and 0 --target are given: expected one --target for each --input"),
        (["--target", "strange"], "--target is 'strange': expected odd or even or a number"),
        (["--target", "7"], "7"),
        (
            ["--layers", "2,3,1", "--loss", "mse", "--input", "1,1", "--target", "odd"],
            "--target is odd: expected numbers",
        ),
        (["--layers", "2"], "expected at least the numbers of inputs and outputs"),
        (["--layers", "2,2", "--model", "x"], "both --layers and --model are given: expected one of them"),
        (
            ["--html", "out", "--latex", "../HERE/out"],
            "--html and --latex are both '../HERE/out': expected a file for each",
        ),
        (["--model", "net", "--json", "net"], "--model and --json are both 'net': expected a file for each"),
        (["--model", "nowhere.safetensors"], "nowhere.safetensors"),
        (["--steps", "0"], "steps is 0: expected at least 1"),
        (["--digits", "0"], "digits is 0"),
        (["--html", "/nowhere/out.html"], "/nowhere/out.html"),
        (["--svg", "out.svg", "--view", "behind"], "view is 'behind'"),
        (["--layers", "2,2", "--loss", "mse", "--input", "1e200,1", "--target", "0,0"], "diverged"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, message = ([each.replace("HERE", tmp_path.name) for each in words] for words in (arguments, [message]))
    assert cli.main(["explain", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("fcnet explain: ")
    assert message[0] in captured.err
    assert captured.err.count("\n") == 1
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("option", "message"),
    [("--input", "expected numbers like 0.5,1"), ("--layers", "expected whole numbers like 2,2,2,2")],
)
def test_numbers_that_are_none_are_a_usage_error(option, message, capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(["explain", option, "1,x"])
    assert done.value.code == 2
    assert f"argument {option}: '1,x': {message}" in capsys.readouterr().err
