"""The documentation is true: its code runs and gives the values that it states, and it leaves out no public name."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import fcnet as fc
from fcnet import optimizers

import interop
from pages import BLOCK, PAGES, ROOT, WITH_CODE, page_name, requirements, run
from processes import output_of

pytestmark = pytest.mark.once

DOCS = ROOT / "docs"
# Names of modules without __all__ that the network uses and a user need not know.
OF_THE_LIBRARY = {"Custom", "Given", "checked_initializer", "first_weights", "loss_of"}

# Folders that the paths on a page may begin in; design.md and CONTRIBUTING.md leave out the first folders of a path.
BASES = [ROOT / folder for folder in (".", "python/fcnet", "cpp", "cpp/fcnet", "tests")]
NAMED_PATH = re.compile(r"(?:[\w.-]+/)+(?:[\w.-]+\.(?:py|hpp|cpp|md|css|js))?")


def needs_more_than_interop(path: Path) -> bool:
    """Whether a page installs packages that the extra interop does not have; only ``.ci/pages`` runs their blocks."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    interop_packages = {re.split(r"[>=\[]", line)[0] for line in extras["interop"]}
    return not set(requirements(path.read_text())[1:]) <= interop_packages


@pytest.mark.parametrize("path", WITH_CODE, ids=page_name)
def test_code_runs_and_gives_the_values_stated(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # for the processes that a page starts
    left_out = run(path)
    # .ci/pages runs these, too, where a page's packages are installed
    assert left_out == {} or not interop.wanted or needs_more_than_interop(path)


@pytest.mark.parametrize("path", WITH_CODE, ids=page_name)
def test_code_fits_the_width_of_a_page(path):
    blocks = BLOCK.findall(path.read_text())
    assert [line for block in blocks for line in block.splitlines() if len(line) > 88] == []


def public_names(module: ModuleType) -> set[str]:
    """What a user may take from a module, with the module's name."""
    if hasattr(module, "__all__"):
        names = [name for name in module.__all__ if not inspect.ismodule(getattr(module, name))]
    else:
        own = (item for item in vars(module).items() if getattr(item[1], "__module__", "") == module.__name__)
        names = [name for name, value in own if inspect.isroutine(value) or inspect.isclass(value)]
    public = {name for name in names if not name.startswith("_")} - OF_THE_LIBRARY
    return {f"{module.__name__}.{name}" for name in public}


def documented_names() -> set[str]:
    """What the pages of the reference describe, with its module's name."""
    names: set[str] = set()
    for path in (DOCS / "reference").glob("*.md"):
        current = ""
        for kind, name, members in re.findall(
            r"^\.\. (\w+):: ([\w.]+)(\n +:members:$)?", path.read_text(), re.MULTILINE
        ):
            if kind in ("automodule", "currentmodule"):
                current = name
                names |= public_names(importlib.import_module(name)) if members else set()
            elif kind.startswith("auto"):
                names.add(name if name.startswith("fcnet.") else f"{current}.{name}")
    return names


def test_every_public_name_is_in_the_reference():
    modules = [value for name in fc.__all__ if inspect.ismodule(value := getattr(fc, name))]
    assert len(modules) >= 8
    assert set().union(*map(public_names, [fc, *modules])) <= documented_names()


def test_every_choice_is_on_its_page():
    text = {name: (DOCS / f"{name}.md").read_text() for name in ("layers", "losses", "optimizers", "schedules")}
    assert [name for name in fc.activations.ACTIVATIONS if f"`{name}`" not in text["layers"]] == []
    assert [name for name in fc.losses.LOSSES if f'"{name}"' not in text["losses"]] == []
    assert [name for name in fc.schedules.__all__ if name not in text["schedules"]] == []
    made = (name.rpartition(".")[2] for name in public_names(optimizers))
    assert [name for name in made if f"`{name}`" not in text["optimizers"]] == []


def test_the_table_of_the_arguments_of_fit_is_complete():
    _, _, section = (DOCS / "fitting.md").read_text().partition("\n## Arguments of fit\n")
    given = inspect.signature(fc.Network.fit).parameters.values()
    defaults = {p.name: p.default for p in given if p.kind is inspect.Parameter.KEYWORD_ONLY}
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", section, re.MULTILINE)
    assert {name: eval(default, vars(fc)) for name, default in rows} == defaults


def test_pictures_have_words_and_are_there():
    for path in PAGES:
        for words, target in re.findall(r"!\[(.*?)\]\((.*?)\)", path.read_text(), re.DOTALL):
            assert len(words) > 20, target
            assert (path.parent / target).is_file()


@pytest.mark.interop
def test_pictures_are_those_of_the_script(tmp_path):
    output_of(str(DOCS / "pictures.py"), str(tmp_path))
    drawn = {path.name for path in tmp_path.glob("*.svg")}
    assert drawn == {path.name for path in (DOCS / "pictures").glob("*.svg")}


def test_every_feature_links_to_its_tests():
    has, _, _ = (DOCS / "features.md").read_text().partition("\n## What fcnet does not have")
    rows = [line for line in has.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 40
    for row in rows:
        tests = re.findall(r"\]\(\.\./(tests/test_\w+\.py)\)", row.split(" | ")[1])
        assert tests, row
        assert all("\ndef test_" in (ROOT / test).read_text() for test in tests)


def named_paths(text: str) -> list[str]:
    """Paths in backticks, alone or within a command: those with a slash that end in a known suffix or in a slash."""
    without_blocks = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    words = (word for span in re.findall(r"`([^`]+)`", without_blocks) for word in span.split())
    return [word for word in words if NAMED_PATH.fullmatch(word)]


def test_named_paths_are_those_with_a_slash():
    text = "`a/b.py` `python c/d.hpp --e` `f/` `g.py` `h/i` `/` `j / k`\n```sh\n`l/m.py`\n```\nn/o.py"
    assert named_paths(text) == ["a/b.py", "c/d.hpp", "f/"]


def test_paths_on_pages_exist():
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "python").rglob("*.md")]
    named = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        if page == DOCS / "design.md":  # section 6 is a plan: it names files that are not written yet
            text, plan, rest = text.partition("\n## 6. ")
            assert plan
            assert "\n## " not in rest
        named += [(page_name(page), path) for path in named_paths(text)]
    assert len(named) >= 60
    assert [name for name in named if not any((base / name[1]).exists() for base in BASES)] == []
