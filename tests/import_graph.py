"""The import graph of the package's folders and public modules, and the include graph of the core's: one way only.

python tests/import_graph.py prints the levels of both, from the ground up; docs/pictures.py draws the package's.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE, CORE = ROOT / "python/fcnet", ROOT / "cpp/fcnet"
Graph = dict[str, set[str]]


def module_name(path: Path) -> str:
    """As it is imported, without "fcnet."; "" for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if "-" not in path.stem}


def _outside_types(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module, but for what stands under ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from _outside_types(node)


def imported(path: Path) -> Iterator[str]:
    """The modules of fcnet that a module imports, anywhere in it, except for types alone."""
    for node in _outside_types(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            are_modules = (name.removeprefix("fcnet.") in (*MODULES, "_native") for name in inside)
            names = [name if yes else str(node.module) for name, yes in zip(inside, are_modules, strict=True)]
        yield from (name.removeprefix("fcnet.") for name in names if name.startswith("fcnet."))


def folder(module: str) -> str:
    """The folder that a module stands in, or the module itself at the top of the package."""
    is_folder = module in MODULES and MODULES[module].name == "__init__.py"
    return module if is_folder else module.rpartition(".")[0] or module


@cache
def modules() -> Graph:
    """What every module imports."""
    return {name: set(imported(path)) for name, path in MODULES.items() if name}


def folders() -> Graph:
    """What the folders and the modules beside them import from each other."""
    graph: Graph = {}
    for module, others in modules().items():
        graph.setdefault(folder(module), set()).update(folder(other) for other in others)
    return {name: others - {name} for name, others in graph.items()}


def core_files() -> Graph:
    """What every file of the core includes of it."""
    include = re.compile(r'#include "fcnet/(.+)"')
    files = {path.relative_to(CORE).as_posix(): path.read_text(encoding="utf-8") for path in CORE.rglob("*.*")}
    return {name: set(include.findall(text)) for name, text in files.items()}


def core() -> Graph:
    """What the folders of the core include from each other."""
    graph: Graph = {}
    for file, others in core_files().items():
        name = file.rpartition("/")[0]
        graph.setdefault(name, set()).update({other.rpartition("/")[0] for other in others} - {name})
    return graph


def levels(graph: Graph) -> list[list[str]]:
    """Each node one level above the highest that it needs; ``graphlib.CycleError`` where that goes in a circle."""
    level: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        level[name] = 1 + max((level[other] for other in graph.get(name, ())), default=-1)
    return [sorted(name for name in level if level[name] == i) for i in range(1 + max(level.values()))]


if __name__ == "__main__":
    for what, graph in (("python/fcnet", folders()), ("cpp/fcnet", core())):
        rows = levels(graph)
        print(f"{what}: {sum(map(len, rows))} nodes in {len(rows)} levels")
        print(*(f"  {i:2}  {'  '.join(row)}" for i, row in enumerate(rows)), sep="\n")
