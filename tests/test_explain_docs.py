"""docs/explain.md: its commands run, and its picture is what the library draws."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import struct
from pathlib import Path

import pytest

from fcnet import cli
from fcnet.article import article_network

from explanations import rewrite

PAGE = Path(__file__).parent.parent / "docs/explain.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)


def test_the_picture_is_what_the_library_draws():
    shown = article_network().explain([[1, 1]], [0], steps=10, class_names=["odd", "even"])
    path, text = PAGE.parent / "pictures/explain_steps.svg", shown.to_svg(view="steps")
    rewrite(path, text)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.interop
def test_the_picture_of_the_page_is_made_by_its_script(tmp_path):
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))):
        pytest.skip("no chromium is installed")
    made, kept = tmp_path / "explain_page.png", PAGE.parent / "pictures/explain_page.png"
    script = runpy.run_path(str(PAGE.parent / "pictures.py"))
    script["explain_page"](made)
    size, expected = (struct.unpack(">II", path.read_bytes()[16:24]) for path in (made, kept))
    assert size == expected
    assert abs(made.stat().st_size / kept.stat().st_size - 1) < 0.5  # not blank; fonts differ from machine to machine


@pytest.mark.parametrize("line", [line for block in blocks("sh") for line in block.replace("\\\n", "").splitlines()])
def test_the_commands_run(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(line, comments=True)
    assert program == "fcnet"
    assert cli.main(arguments) == 0
    assert "L from" in capsys.readouterr().out or "ulp" in capsys.readouterr().out or "--compare" in arguments
