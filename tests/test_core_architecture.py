"""The core's folders include one way, and what its sources may contain."""

from __future__ import annotations

import re
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from import_graph import CORE, core, core_files

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent

# From the ground up: a file includes only what lies in its own folder or in one that stands before it.
ROOMS = [
    *("base", "simd", "kernels/pointwise", "kernels/gemm", "kernels/small_batch", "kernels/roofline"),
    *("isa", "runtime", "model", "engine"),
]
STANDARD_HEADERS_OF_KERNELS = {"cstddef", "cstdint", "immintrin.h", "arm_neon.h"}

sources = sorted((ROOT / "cpp").rglob("*.?pp")) + sorted((ROOT / "cpp").rglob("*.inc"))
includes = core_files()


def test_folders_include_one_way():
    assert core().keys() == set(ROOMS)
    arrows = [(name, other) for name, others in core().items() for other in others]
    assert [arrow for arrow in arrows if ROOMS.index(arrow[0]) < ROOMS.index(arrow[1])] == []


def test_no_files_include_each_other_in_a_circle():
    TopologicalSorter(includes).prepare()


def test_the_core_includes_neither_the_bindings_nor_python():
    foreign = r'#include "(?!fcnet/)|pybind11|Python\.h'
    assert not [name for name in includes if re.search(foreign, (CORE / name).read_text())]


def reachable(names: Iterable[str]) -> set[str]:
    found = set(names)
    return found if found == (more := found.union(*(includes[name] for name in found))) else reachable(more)


def test_kernels_include_no_standard_library():
    for name in reachable(["isa/kernels.inc"]):
        assert set(re.findall(r"#include <(.+)>", (CORE / name).read_text())) <= STANDARD_HEADERS_OF_KERNELS, name


def test_intrinsics_stand_in_one_file():
    intrinsics = r"immintrin|arm_neon|\b_mm\d*_|\bv\w+q_f\d\d\("
    with_intrinsics = [path.name for path in sources if re.search(intrinsics, path.read_text())]
    assert with_intrinsics == ["vec.hpp"]


def test_no_switch_has_a_default_that_would_hide_a_forgotten_entry():
    assert not [path.name for path in sources if re.search(r"\bdefault:", path.read_text())]
    assert "-Werror=switch" in (ROOT / "CMakeLists.txt").read_text()


def test_the_core_neither_prints_nor_ends_the_process():
    words = re.compile(r"std::(cout|cerr|clog|terminate)|iostream|cstdio|\b(abort|_?[eE]xit|f?printf|puts|assert)\(")
    assert not [name for name in includes if words.search((CORE / name).read_text())]


def test_the_core_is_ascii():
    assert all(path.read_text().isascii() for path in sources)
