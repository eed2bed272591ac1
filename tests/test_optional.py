"""What a package that is not installed leads to: an error that says what needs it and how to get it, wherever fcnet
came from."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest

import fcnet as fc
from fcnet._checks.optional_imports import optional

from interop import interop

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent


class Stream:
    def __arrow_c_stream__(self, requested_schema=None):
        raise AssertionError("pyarrow is not there to read it")


def fitted(**options):
    return fc.Network([2, 2], seed=0).fit([[1.0, 2.0]], [0], epochs=1, **options)


CALLS = {
    "matplotlib": ("matplotlib.pyplot", lambda: fitted().plot()),
    "pandas": ("pandas", lambda: fitted().to_frame()),
    "pyarrow": ("pyarrow", lambda: fc.Network([2, 2]).predict(Stream())),
    "scikit-learn": ("sklearn", lambda: importlib.import_module("fcnet.sklearn")),
    "tqdm": ("tqdm", lambda: fitted(progress=True)),
    "jax": ("jax", lambda: importlib.import_module("fcnet.jax")),
    "torch": ("torch", lambda: importlib.import_module("fcnet.torch")),
    "keras": ("keras", lambda: fc.Network([2, 2]).to_keras()),
    "flax": ("flax.nnx", lambda: fc.Network([2, 2]).to_flax()),
    **interop({"skl2onnx": ("skl2onnx", lambda: importlib.import_module("fcnet.sklearn").register_onnx())}),
}
NO_EXTRA = {"flax", "jax", "keras", "skl2onnx", "torch"}  # whoever brings them together with fcnet has them


@pytest.mark.parametrize("package", CALLS)
def test_a_missing_package_is_named_with_the_command_that_installs_it(package, monkeypatch):
    module, call = CALLS[package]
    monkeypatch.setitem(sys.modules, module, None)
    for name in ("jax", "sklearn", "torch", "_exporting.flax_model"):
        monkeypatch.delitem(sys.modules, f"fcnet.{name}", raising=False)
    with pytest.raises(ImportError, match=rf"\S+ needs {package}: pip install {package}$"):
        call()


def test_every_optional_package_is_here_and_in_an_extra():
    called = [
        node.args[0]
        for path in (ROOT / "python/fcnet").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "optional"
    ]
    calls = {name.value.partition(".")[0] for name in called if isinstance(name, ast.Constant)}
    assert calls | {"tqdm"} == {module.partition(".")[0] for module, _ in CALLS.values()}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    kinds = ("progress", "pandas", "arrow", "sklearn", "plot")
    assert {re.match(r"[\w-]+", extras[kind][0])[0] for kind in kinds} == set(CALLS) - NO_EXTRA


def test_a_package_that_is_there_is_given():
    assert optional("json", "nothing") is sys.modules["json"]
