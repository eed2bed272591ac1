"""The pages of the documentation: their blocks of Python, run from top to bottom, and what they install for them.

``python tests/pages.py PAGE ...`` follows pages where nothing but fcnet and what they install need be there.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from fcnet import _native

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WITH_CODE = [path for path in PAGES if BLOCK.search(path.read_text(encoding="utf-8"))]
INSTALL = re.compile(r"\bpip install\s([^`&|\n]+)")


def page_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def requirements(page: str) -> list[str]:
    """What the page says to install for its code, with its first ``pip install``; without one, fcnet alone."""
    found = INSTALL.search(page)
    return shlex.split(found[1]) if found else ["."]


def statements(page: str) -> Iterator[tuple[int, ast.stmt, str]]:
    """Of every block: the line where it begins, each of its statements, and the comment that ends it."""
    for block in BLOCK.finditer(page):
        first = page[: block.start(1)].count("\n")
        lines = block[1].splitlines()
        for statement in ast.increment_lineno(ast.parse(block[1]), first).body:
            last = lines[statement.end_lineno - first - 1]
            # columns of a statement count bytes
            yield first, statement, last.encode()[statement.end_col_offset :].decode().strip().removeprefix("# ")


def stated(comment: str) -> Any:
    """The value that a comment states; None where it says something else."""
    try:
        return ast.literal_eval(comment)
    except (SyntaxError, ValueError):
        return None


def rounded(value: Any, like: Any) -> Any:
    """The value with the digits of the one that a page states."""
    if isinstance(like, dict) and isinstance(value, dict):
        return {key: rounded(part, like.get(key)) for key, part in value.items()}
    if isinstance(like, list | tuple) and isinstance(value, list | tuple | np.ndarray) and len(like) == len(value):
        return type(like)(rounded(part, one) for part, one in zip(value, like, strict=True))
    if isinstance(like, float):
        return round(float(value), len(repr(like).partition(".")[2]))
    return value


def is_missing(error: ImportError) -> bool:
    """Whether a package is not installed, rather than a name wrong."""
    return error.name is None or find_spec(error.name.partition(".")[0]) is None


def defined(statement: ast.stmt) -> set[str]:
    """The names that a statement defines."""
    nodes = list(ast.walk(statement))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return names | {(node.asname or node.name).partition(".")[0] for node in nodes if isinstance(node, ast.alias)}


def run(path: Path) -> dict[int, str]:
    """Run a page's blocks, one after the other; those left out, by their lines, and what they need.

    A block that needs a package which is not installed is left out, and so are the later blocks that use its names.
    """
    names: dict[str, Any] = {}
    left_out: dict[int, str] = {}
    lost: set[str] = set()
    same_bits = _native.config()["isa"] != "portable"
    for block, statement, comment in statements(path.read_text(encoding="utf-8")):
        if block in left_out:
            lost |= defined(statement)
            continue
        try:
            expected = stated(comment) if isinstance(statement, ast.Expr) else None
            if expected is None:
                exec(compile(ast.Module([statement], []), str(path), "exec"), names)
            else:
                value = eval(compile(ast.Expression(statement.value), str(path), "eval"), names)
                line = f"{page_name(path)}:{statement.lineno}"
                assert rounded(value, expected) == expected or not same_bits, f"{line} gives {value!r}"
        except ImportError as error:
            if not is_missing(error):
                raise
            left_out[block] = str(error)
            lost |= defined(statement)
        except NameError as error:
            if error.name not in lost:
                raise
            left_out[block] = str(error)
            lost |= defined(statement)
    return left_out


def main(pages: list[str]) -> None:
    os.environ["MPLBACKEND"] = "Agg"
    for path in [Path(page).resolve() for page in pages]:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            with contextlib.redirect_stdout(io.StringIO()):
                left_out = run(path)
            os.chdir(ROOT)
        if left_out:
            sys.exit(f"{page_name(path)} does not install what the blocks after these lines need: {left_out}")
        print(page_name(path), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
