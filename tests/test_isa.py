"""The instruction set that runs is the one that was asked for, and no object file leaks code into another's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fcnet import _native

from processes import output, run

SHOW = "import fcnet as fc; c = fc.show_config('dicts')['instruction set']; print(c['name'], '|', c['chosen by'])"


@pytest.mark.parametrize("name", _native.available_isas())
def test_a_forced_instruction_set_is_the_one_in_use(name):
    assert output(SHOW, FCNET_ISA=name) == f"{name} | FCNET_ISA"


def test_an_empty_choice_means_the_best():
    assert output(SHOW, FCNET_ISA="") == f"{_native.available_isas()[0]} | the best this CPU can run"


@pytest.mark.parametrize("name", ["sse9", "AVX2", " avx2", "avx2,portable", "x" * 10_000])
def test_an_unknown_instruction_set_is_an_import_error_that_lists_the_available(name):
    done = run("-c", "import fcnet", FCNET_ISA=name)
    assert done.returncode == 1
    assert f"FCNET_ISA is '{name}'" in done.stderr
    assert f"this build and CPU have {', '.join(_native.available_isas())}" in done.stderr


def test_another_instruction_set_at_run_time_must_exist():
    with pytest.raises(ValueError, match="no instruction set 'sse9' here: expected .*portable"):
        _native.use_isa("sse9")


# What follows looks at the object files of a build, whose directory .ci/run names.
needs_objects = pytest.mark.skipif(
    "FCNET_BUILD_DIR" not in os.environ or shutil.which("nm") is None, reason="needs FCNET_BUILD_DIR and nm"
)


def objects(target: str) -> list[Path]:
    return sorted(Path(os.environ["FCNET_BUILD_DIR"]).rglob(f"{target}.dir/**/*.o"))


def symbols(path: Path) -> list[tuple[str, str]]:
    """(kind, demangled name) of every symbol."""
    lines = subprocess.run(["nm", "-C", path], capture_output=True, text=True, check=True).stdout.splitlines()
    return [re.match(r"(?:[0-9a-f]+|\s+) (\w) (.*)", line).groups() for line in lines]


@needs_objects
@pytest.mark.parametrize("isa", ["avx512", "avx2", "neon", "portable"])
def test_an_instruction_set_shares_no_function_with_another(isa):
    found = objects(f"fcnet_{isa}")
    if not found:
        pytest.skip("not built here")
    for path in found:
        names = symbols(path)
        assert names
        shared = [name for kind, name in names if kind in "VvWwuT" and f"fcnet::{isa}::" not in name]
        assert not shared
        assert not [name for _, name in names if "std::" in name]
        undefined = [name for kind, name in names if kind == "U"]
        assert set(undefined) <= {"memcpy", "memset", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}


@needs_objects
def test_the_core_neither_ends_the_process_nor_prints():
    found = objects("fcnet_core")
    assert len(found) > 5
    forbidden = re.compile(r"\b(abort|exit|_exit|quick_exit|printf|puts|putchar|fwrite|__assert_fail|__printf_chk)\b")
    for path in found:
        names = [name for _, name in symbols(path)]
        assert not [n for n in names if forbidden.search(n) or re.search(r"std::(cout|cerr|clog|terminate)", n)], path
