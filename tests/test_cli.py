"""The command: demo by default, version, help, exit codes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

import fcnet as fc
from fcnet import cli
from forks import run_forked

from processes import DEADLINE, run

pytestmark = pytest.mark.once


def command(*arguments):
    """As ``python -m fcnet arguments...``."""
    return run_forked(
        f"import runpy, sys; sys.argv[1:] = {arguments}; runpy.run_module('fcnet', run_name='__main__', alter_sys=True)"
    )


@pytest.fixture(scope="module")
def demo():
    return run("-m", "fcnet", "demo")


def test_the_demo_reads_at_least_97_percent_of_the_digits(demo):
    assert demo.returncode == 0
    assert float(re.search(r"test accuracy +([\d.]+)%", demo.stdout)[1]) >= 97


def test_the_demo_says_how_fast_it_was(demo):
    assert float(re.search(r"time +([\d.]+) s,", demo.stdout)[1]) > 0
    assert int(re.search(r"([\d,]+) samples per second", demo.stdout)[1].replace(",", "")) > 0


def test_the_demo_says_what_ran(demo):
    facts = fc.show_config("dicts")
    for line, key in (("instruction set", "name"), ("threads", "count")):
        assert re.search(rf"{line} +{facts[line][key]} \(.+\)", demo.stdout)


def test_the_demo_says_what_to_try_next(demo):
    after = demo.stdout.partition("Try next")[2]
    assert "net.fit(" in after
    assert "show_config" in after


def test_a_reader_that_leaves_early_is_no_error_to_show():
    command = f"{sys.executable} -m fcnet | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.stdout.startswith("Training 64-256-10")
    assert done.stderr == ""


def test_no_progress_bar_where_nobody_looks(demo):
    assert demo.stderr == ""


def test_the_default_command_is_demo(monkeypatch, capsys):
    monkeypatch.setattr(cli, "_EPOCHS", 1)
    assert cli.main([]) == 0
    assert "test accuracy" in capsys.readouterr().out


def test_version():
    assert command("--version").stdout.strip() == f"fcnet {fc.__version__}"


def test_help_lists_the_commands():
    assert "demo" in command("--help").stdout


@pytest.mark.parametrize("arguments", [["dmeo"], ["--dmeo"], ["demo", "more"]], ids=" ".join)
def test_an_unknown_command_is_a_usage_error(arguments):
    done = command(*arguments)
    assert done.returncode == 2
    assert arguments[-1] in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent to a child")
def test_ctrl_c_ends_the_demo_with_130():
    code = "import fcnet.cli as c; c._EPOCHS = 10**6; print('go', flush=True); raise SystemExit(c.main([]))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        child.stdout.readline()
        child.stdout.readline()  # the demo's first line
        child.send_signal(signal.SIGINT)
        errors = child.communicate(timeout=DEADLINE)[1]
    assert child.returncode == 130
    assert errors.strip() == "interrupted"
