"""The tests themselves: which of them need another library."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

FILES = sorted(Path(__file__).parent.glob("*.py"))
LIBRARIES = {
    *("dask", "distributed", "jax", "matplotlib", "ml_dtypes", "pandas", "polars", "pyarrow", "PyInstaller", "ray"),
    *("safetensors", "scipy", "skops", "sklearn", "torch"),
}


def needs_a_library_as_a_whole(tree: ast.Module) -> bool:
    """Whether the file calls ``library`` at its top."""
    values = [statement.value for statement in tree.body if isinstance(statement, ast.Expr | ast.Assign)]
    return any(isinstance(value, ast.Call) and ast.unparse(value.func) == "library" for value in values)


def imported(tree: ast.Module) -> set[str]:
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_other_libraries_are_imported_by_library_alone_and_their_tests_marked(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if needs_a_library_as_a_whole(tree):
        assigned = {ast.unparse(s.targets[0]): ast.unparse(s.value) for s in tree.body if isinstance(s, ast.Assign)}
        assert "pytest.mark.interop" in assigned["pytestmark"]
    else:
        assert imported(tree) & LIBRARIES == set()
