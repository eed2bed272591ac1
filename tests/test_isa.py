"""The instruction set that runs is the one that was asked for, and no object file leaks code into another's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fcnet import _native
from forks import output_forked, run_forked

pytestmark = pytest.mark.once

SHOW = "import fcnet as fc; c = fc.show_config('dicts')['instruction set']; print(c['name'], '|', c['chosen by'])"


@pytest.mark.parametrize("name", _native.available_isas())
def test_a_forced_instruction_set_is_the_one_in_use(name):
    assert output_forked(SHOW, modules="numpy", FCNET_ISA=name) == f"{name} | FCNET_ISA"


def test_an_empty_choice_means_the_best():
    assert (
        output_forked(SHOW, modules="numpy", FCNET_ISA="")
        == f"{_native.available_isas()[0]} | the best this CPU can run"
    )


def unavailable() -> list[str]:
    """Names that this package knows and this build or CPU has not."""
    return sorted({"avx512", "avx2", "neon", "portable"} - set(_native.available_isas()))


@pytest.mark.parametrize("name", ["sse9", "AVX2", " avx2", "avx2,portable", "x" * 10_000, *unavailable()])
def test_an_unknown_instruction_set_is_an_import_error_that_lists_the_available(name):
    done = run_forked("import fcnet", modules="numpy", FCNET_ISA=name)
    assert done.returncode == 1
    assert f"FCNET_ISA is '{name}'" in done.stderr
    assert f"this build and CPU have {', '.join(_native.available_isas())}" in done.stderr


def test_another_instruction_set_at_run_time_must_exist():
    with pytest.raises(ValueError, match="no instruction set 'sse9' here: expected .*portable"):
        _native._testing.use_isa("sse9")


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


# Whole names, also with leading underscores. None is allowed: the core returns a status and prints nothing.
# (operator new throws and std::__throw_* too; what they throw reaches the bindings and becomes a Python exception.)
ENDS_OR_PRINTS = re.compile(
    r"_*(abort|(quick_)?exit|raise|t?g?kill|\w*assert\w*|v?[fsd]?n?printf(_chk)?|f?put(s|c|char)(_unlocked)?|perror|f?write)"
    r"|std::.*(cout|cerr|clog|ostream|terminate|unexpected|__glibcxx_assert).*|_*(signal|sigaction)",
    re.IGNORECASE,
)


@needs_objects
def test_the_core_neither_ends_the_process_nor_prints():
    found = objects("fcnet_core")
    assert len(found) > 5
    for path in found:
        undefined = [name for kind, name in symbols(path) if kind in "Uw"]
        assert not [name for name in undefined if ENDS_OR_PRINTS.fullmatch(name.partition("(")[0])], path


def functions(path: Path) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """(demangled name, [(address, instruction), ...]) of every function."""
    listing = subprocess.run(["objdump", "-dC", "--no-show-raw-insn", path], capture_output=True, text=True, check=True)
    for block in re.split(r"^[0-9a-f]+ (?=<.*>:$)", listing.stdout, flags=re.MULTILINE)[1:]:
        title, _, body = block.partition("\n")
        yield title[1:-2], [(int(a, 16), i) for a, i in re.findall(r"^ +([0-9a-f]+):\s+(.+)$", body, re.MULTILINE)]


def innermost_loops(code: list[tuple[int, str]]) -> list[list[str]]:
    """The instructions of every loop, from a backward jump's target to the jump, that has none within."""
    jumps = [(int(to, 16), at) for at, text in code for to in re.findall(r"^j\w+ +([0-9a-f]+)", text)]
    loops = [(to, at) for to, at in jumps if code[0][0] <= to <= at]
    inner = [(a, b) for a, b in loops if not any((a, b) != (c, d) and a <= c and d <= b for c, d in loops)]
    return [[text for at, text in code if a <= at <= b] for a, b in inner]


@needs_objects
@pytest.mark.skipif(shutil.which("objdump") is None, reason="needs objdump")
@pytest.mark.parametrize("product", ["forward", "backward_data", "update", "backward_weights", "product"])
@pytest.mark.parametrize("element", ["float", "double"])
@pytest.mark.parametrize("isa", ["avx512", "avx2"])
def test_tile_loops_keep_their_vectors_in_registers(isa, element, product):
    found = objects(f"fcnet_{isa}")
    if not found:
        pytest.skip("not built here")
    tile_loops, vector = 0, "%zmm" if isa == "avx512" else "%ymm"
    for path in found:
        for name, code in functions(path):
            if f"{product}<{element}>" not in name:
                continue
            # %rbp addresses the stack only where it was set up to
            frame = "rsp|rbp" if any(re.match(r"mov +%rsp,%rbp", text) for _, text in code) else "rsp"
            for loop in innermost_loops(code):
                # an epilogue's loop is not a tile's: only Adam's has a square root and multiply-adds at once
                if any(text.startswith("vfmadd") for text in loop) and not any("sqrt" in text for text in loop):
                    tile_loops += 1
                    assert not [t for t in loop if re.search(rf"\(%({frame})", t) and vector in t], name
    assert tile_loops >= (14 if isa == "avx512" else 6)  # one for every number of rows
