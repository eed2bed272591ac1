"""The command: demo by default, version, help, exit codes; show_config; the embedded data set."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import numpy as np
import pytest

import fcnet as fc

from processes import output_of, run


@pytest.mark.parametrize("arguments", [[], ["demo"]], ids=["default", "demo"])
def test_the_demo_learns_the_digits_and_says_how(arguments):
    done = run("-m", "fcnet", *arguments)
    assert done.returncode == 0
    assert done.stderr == ""  # no progress bar where nobody looks
    assert float(re.search(r"test accuracy +([\d.]+)%", done.stdout)[1]) >= 97
    assert int(re.search(r"([\d,]+) samples per second", done.stdout)[1].replace(",", "")) > 0
    assert fc.show_config("dicts")["instruction set"]["name"] in done.stdout
    assert "net.fit(" in done.stdout


def test_version_and_help():
    assert output_of("-m", "fcnet", "--version") == f"fcnet {fc.__version__}"
    assert "demo" in output_of("-m", "fcnet", "--help")


def test_an_unknown_command_is_a_usage_error():
    done = run("-m", "fcnet", "dmeo")
    assert done.returncode == 2
    assert "dmeo" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent to a child")
def test_ctrl_c_ends_the_demo_with_130():
    code = "import fcnet.cli as c; c._EPOCHS = 10**6; print('go', flush=True); raise SystemExit(c.main([]))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        child.stdout.readline()
        child.stdout.readline()  # the demo's first line
        child.send_signal(signal.SIGINT)
        errors = child.communicate(timeout=30)[1]
    assert child.returncode == 130
    assert errors.strip() == "interrupted"


def test_show_config_prints_what_it_returns(capsys):
    assert fc.show_config() is None
    text = capsys.readouterr().out
    for section, facts in fc.show_config("dicts").items():
        assert section in text
        for value in facts.values():
            assert all(str(v) in text for v in (value if isinstance(value, list) else [value]))
    with pytest.raises(ValueError, match="mode is 'json': expected 'stdout' or 'dicts'"):
        fc.show_config("json")


def test_the_build_flags_keep_the_promise_of_equal_bits():
    flags = fc.show_config("dicts")["build"]["flags"].split()
    assert "-ffp-contract=off" in flags
    assert not [f for f in flags if f in ("-ffast-math", "-Ofast", "-march=native")]


def test_the_digits():
    digits = fc.datasets.load_digits()
    assert digits.x_train.shape == (1437, 64)
    assert digits.x_test.shape == (360, 64)
    assert digits.x_train.dtype == np.uint8
    assert (digits.x_train.min(), digits.x_train.max()) == (0, 16)
    for labels in (digits.y_train, digits.y_test):
        assert labels.dtype == np.int64
        share = np.bincount(labels, minlength=10) / len(labels)
        assert (abs(share - 0.1) < 0.05).all()
    digits.x_train[:] = 0  # a fresh array for every caller
    assert fc.datasets.load_digits().x_train.any()
