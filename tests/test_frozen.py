"""Applications frozen by PyInstaller have all that fcnet reads and imports."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fcnet as fc
from fcnet._pyinstaller import get_hook_dirs

from interop import library
from processes import DEADLINE

pytestmark = pytest.mark.once

PACKAGE = Path(fc.__file__).parent
PROGRAM = """
import sys, fcnet as fc
digits = fc.datasets.load_digits()
net = fc.Network([64, 16, 10], scale=1 / 16, seed=0)
history = net.fit(digits.x_train, digits.y_train, epochs=3, optimizer=fc.Adam(), schedule=fc.schedules.Cosine())
page = net.explain(digits.x_train[:2], digits.y_train[:2]).to_html(sys.argv[1])
small = fc.Network([2, 3, 2], seed=0)
small.explain([[0, 1]], [1], steps=3).to_svg(view="steps")
small.to_html(sys.argv[1] + ".tried.html")
print(small.diagnose([[0, 1]], [1]), fc.metrics.f1, fc.reference.linear, fc.initializers.Orthogonal())
net.save(sys.argv[1] + ".safetensors")
print("frozen" if hasattr(sys, "frozen") else "plain", fc.load(sys.argv[1] + ".safetensors").epochs_trained)
"""


def test_the_hook_is_where_pyinstaller_looks_for_it():
    entry = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert entry["project"]["entry-points"]["pyinstaller40"] == {"hook-dirs": "fcnet._pyinstaller:get_hook_dirs"}
    assert [(Path(folder) / "hook-fcnet.py").is_file() for folder in get_hook_dirs()] == [True]


def test_the_hook_names_every_file_that_the_package_reads():
    read = {"datasets/README.md", "datasets/digits.npz"} | {
        f"{folder}/{name}"
        for folder in ("explanation/drawing", "_exporting/html", "_pages")
        for name in os.listdir(PACKAGE / folder)
    }
    there = {
        str(path.relative_to(PACKAGE).as_posix())
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyi", ".pyc", ".so", ".pyd", ".typed")
    }
    assert there <= read
    assert {Path(name).suffix for name in there} == {".npz", ".md", ".css", ".js"}


@pytest.mark.interop
def test_a_frozen_program_trains_and_explains(tmp_path):
    library("PyInstaller")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "PyInstaller",
        "--onedir",
        "--noconfirm",
        "--log-level=ERROR",
        "--distpath",
        "dist",
    ]
    command += [f"--additional-hooks-dir={folder}" for folder in get_hook_dirs()]
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "PYINSTALLER_CONFIG_DIR": str(tmp_path)}
    subprocess.run([*command, "program.py"], cwd=tmp_path, env=environment, check=True, timeout=DEADLINE)
    frozen = tmp_path / "dist/program/program"
    plain = {"PATH": "/usr/bin:/bin"} if os.name == "posix" else dict(os.environ)
    done = subprocess.run(
        [frozen, "page.html"], cwd=tmp_path, env=plain, capture_output=True, text=True, timeout=DEADLINE
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("frozen 3\n")
    assert "<style>" in (tmp_path / "page.html").read_text(encoding="utf-8")
