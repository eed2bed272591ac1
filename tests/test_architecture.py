"""Arrows point one way, files stay small, and each thing is in the one place that may hold it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fcnet

import import_graph
from processes import output

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent

# From the ground up: a module imports only what stands before it.
# Folders of the package, and modules beside them, import only from the lines above their own.
PACKAGE_ORDER = """
_native _checks _moved _onnx _pages _pyinstaller datasets
activations
reference
_threads config gradients kernels threadpool_controller losses initializers optimizers
_inputs _quantization
_model metrics
layers schedules
plot columns
_training
derivatives
_saving
_exporting
_exporting.c _exporting.html _exporting.onnx
explanation.numbers
explanation.writing
explanation.drawing
explanation
network
_importing tabular
_importing.onnx article jax loading sklearn torch
cli
__main__"""
OTHER_LIBRARIES = {
    *("PyInstaller", "dask", "distributed", "flax", "jax", "keras", "matplotlib", "ml_dtypes", "onnx", "onnxruntime"),
    *("pandas", "polars", "pyarrow", "ray", "safetensors", "scipy", "skl2onnx", "skops", "sklearn", "torch"),
}

sources = sorted((ROOT / "cpp").rglob("*.?pp")) + sorted((ROOT / "cpp").rglob("*.inc"))
scripts = [
    path
    for folder in ("python", "tests", "bench", "docs", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def test_the_folders_of_the_package_import_one_way():
    place = {name: i for i, line in enumerate(PACKAGE_ORDER.strip().splitlines()) for name in line.split()}
    arrows = [(name, other) for name, others in import_graph.folders().items() for other in others]
    assert [f"{name} imports {other}" for name, other in arrows if place[other] >= place[name]] == []


def test_no_modules_import_each_other_in_a_circle():
    assert import_graph.levels(import_graph.modules())  # or a CycleError


def top_calls(tree: ast.Module) -> set[str]:
    """The functions whose calls stand on lines of their own, or are given a name, at the top of a file."""
    values = [statement.value for statement in tree.body if isinstance(statement, ast.Expr | ast.Assign)]
    return {ast.unparse(value.func) for value in values if isinstance(value, ast.Call)}


def other_libraries(tree: ast.Module) -> set[str]:
    """The other libraries that a file imports by itself, anywhere in it."""
    names = []
    for node in ast.walk(tree):
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("pytest"), attr="importorskip"), args=[name, *_]):
                names.append(str(ast.literal_eval(name)))
    return {name.partition(".")[0] for name in names} & OTHER_LIBRARIES


def test_tests_import_other_libraries_with_library_and_carry_the_marker():
    faults = []
    for path in sorted((ROOT / "tests").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        shared = any(isinstance(s, ast.ImportFrom) and s.module == "estimators" for s in tree.body)
        if "library" not in top_calls(tree) and not shared:
            faults += [f"{path.name}: {name}" for name in other_libraries(tree)]
        elif path.name.startswith("test_"):
            assigned = {ast.unparse(s.targets[0]): ast.unparse(s.value) for s in tree.body if isinstance(s, ast.Assign)}
            marks = assigned.get("pytestmark", "")
            if "pytest.mark.interop" not in marks and "beside_sklearn" not in marks:
                faults.append(f"{path.name}: no marker")
    assert not faults


MOST_LINES = 450  # some 300 are the rule, and no more than a hint


def lines_of_code(path: Path) -> int:
    """Of a file that has more lines: those that are neither blank, nor comments, nor docstrings."""
    text = path.read_text()
    if text.count("\n") <= MOST_LINES:
        return 0  # whatever they are
    if path.suffix != ".py":
        return sum(bool(line.strip()) and not line.lstrip().startswith("//") for line in text.splitlines())
    prose = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    numbered = enumerate(text.splitlines(), 1)
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") and i not in prose for i, line in numbered)


def test_a_file_is_no_heap():
    assert not [f"{path}: {lines}" for path in sources + scripts if (lines := lines_of_code(path)) > MOST_LINES]


def test_optimizer_is_spelt_as_its_public_name():
    texts = [*scripts, *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    other = "optimi" + "ser"
    found = {path.name for path in texts if other in path.read_text(encoding="utf-8").lower()}
    assert found == {"test_keywords.py"}  # an argument that is misspelt


def test_names_that_come_in_late_are_those_that_the_type_checker_sees():
    [block] = [node for node in ast.parse(Path(fcnet.__file__).read_text()).body if isinstance(node, ast.If)]
    seen = {node.module: [name.name for name in node.names] for node in block.body}
    assert sorted(fcnet._MODULES) == seen.pop("fcnet")
    assert {f"fcnet.{home}": list(names) for home, names in fcnet._HOMES.items()} == seen
    late = {*fcnet._MODULES, *(name for names in fcnet._HOMES.values() for name in names)}
    assert set(fcnet.__all__) - late == {"__version__", "get_num_threads", "set_num_threads", "threads"}
    assert all(getattr(fcnet, name) is not None for name in fcnet.__all__)


def test_import_brings_nothing_but_numpy():
    code = """
import sys, numpy
before = set(sys.modules)
import fcnet
print(*{m.partition(".")[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names))
"""
    assert set(output(code).split()) <= {"fcnet", "numpy"}
