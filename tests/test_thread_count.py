"""How many threads fcnet computes with, and who decides: the environment, the processors, set_num_threads, threads."""

from __future__ import annotations

import os

import pytest

import fcnet as fc
from fcnet import _native
from forks import output_forked, run_forked

pytestmark = pytest.mark.once

SHOW = "import fcnet as fc; c = fc.show_config('dicts')['threads']; print(c['count'], '|', c['chosen by'])"


def chosen() -> tuple[int, str]:
    facts = fc.show_config("dicts")["threads"]
    return facts["count"], facts["chosen by"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"FCNET_NUM_THREADS": "3"}, "3 | FCNET_NUM_THREADS"),
        ({"OMP_NUM_THREADS": "2"}, "2 | OMP_NUM_THREADS"),
        ({"OMP_NUM_THREADS": "4,2"}, "4 | OMP_NUM_THREADS"),
        ({"FCNET_NUM_THREADS": "1", "OMP_NUM_THREADS": "2"}, "1 | FCNET_NUM_THREADS"),
        ({"FCNET_NUM_THREADS": "", "OMP_NUM_THREADS": "2"}, "2 | OMP_NUM_THREADS"),
    ],
    ids=str,
)
def test_the_environment_sets_the_threads(environment, expected):
    assert (
        output_forked(SHOW, modules="numpy", **({"FCNET_NUM_THREADS": "", "OMP_NUM_THREADS": ""} | environment))
        == expected
    )


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "2 ", "99999999999"])
def test_a_wrong_number_of_threads_is_an_import_error(value):
    done = run_forked("import fcnet", modules="numpy", FCNET_NUM_THREADS=value)
    assert done.returncode == 1
    assert f"FCNET_NUM_THREADS is '{value}': expected a whole number from 1 to" in done.stderr


@pytest.mark.parametrize("value", ["", "0", "two"])
def test_an_omp_num_threads_that_is_no_count_is_ignored(value):
    count, source = output_forked(SHOW, modules="numpy", FCNET_NUM_THREADS="", OMP_NUM_THREADS=value).split(" | ")
    assert int(count) >= 1
    assert source in ("affinity mask", "cgroup CPU quota")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinity masks")
def test_the_affinity_mask_limits_the_threads():
    code = f"import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); {SHOW}"
    assert output_forked(code, modules="numpy", FCNET_NUM_THREADS="", OMP_NUM_THREADS="").startswith("1 | ")


@pytest.mark.parametrize("n", [0, -1, 10**6, 10**9, 10**30, -(10**30)], ids=str)
def test_set_num_threads_refuses_a_wrong_number(n):
    before = fc.get_num_threads()
    with pytest.raises(ValueError, match=f"n is {n}: expected 1 <= n <= "):
        fc.set_num_threads(n)
    assert fc.get_num_threads() == before


@pytest.mark.parametrize("n", [True, 1.5, "2", None], ids=str)
def test_set_num_threads_refuses_a_wrong_type(n):
    before = fc.get_num_threads()
    with pytest.raises(TypeError, match=f"n is {n!r}: expected a whole number of threads"):
        fc.set_num_threads(n)
    assert fc.get_num_threads() == before


def test_set_num_threads_decides_from_then_on():
    code = f"import fcnet; fcnet.set_num_threads(3); {SHOW}"
    assert output_forked(code, modules="numpy", FCNET_NUM_THREADS="2") == "3 | set_num_threads"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinity masks")
@pytest.mark.parametrize("variable", ["FCNET_NUM_THREADS", "OMP_NUM_THREADS"])
def test_the_environment_comes_before_the_affinity_mask(variable):
    code = f"import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); {SHOW}"
    environment = {"FCNET_NUM_THREADS": "", "OMP_NUM_THREADS": "", variable: "3"}
    assert output_forked(code, modules="numpy", **environment) == f"3 | {variable}"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs affinity masks")
def test_without_the_environment_nothing_exceeds_the_affinity_mask():
    count, source = output_forked(SHOW, modules="numpy", FCNET_NUM_THREADS="", OMP_NUM_THREADS="").split(" | ")
    allowed = len(os.sched_getaffinity(0))
    assert int(count) == allowed if source == "affinity mask" else int(count) < allowed


def test_threads_limits_the_threads_and_gives_back_the_number_and_who_chose_it():
    before = chosen()
    with fc.threads(3):
        assert chosen() == (3, "fcnet.threads")
        assert fc.get_num_threads() == 3
    assert chosen() == before


def test_threads_nests():
    before = chosen()
    with fc.threads(3):
        with fc.threads(1):
            assert fc.get_num_threads() == 1
        assert chosen() == (3, "fcnet.threads")
    assert chosen() == before


def test_threads_gives_back_the_number_after_an_exception():
    before = chosen()
    with pytest.raises(LookupError), fc.threads(3):
        raise LookupError
    assert chosen() == before


def test_set_num_threads_inside_a_block_holds_after_it():
    before = fc.get_num_threads()
    try:
        with fc.threads(3):
            fc.set_num_threads(4)
            assert chosen() == (3, "fcnet.threads")
        assert chosen() == (4, "set_num_threads")
    finally:
        fc.set_num_threads(before)


def test_threads_decorates_a_function():
    before = chosen()

    @fc.threads(3)
    def inside() -> int:
        return fc.get_num_threads()

    assert [inside(), inside()] == [3, 3]
    assert chosen() == before


@pytest.mark.parametrize("n", [0, -1, 10**6, 10**30], ids=str)
def test_threads_refuses_a_wrong_number(n):
    before = chosen()
    with pytest.raises(ValueError, match=f"n is {n}: expected 1 <= n <= "), fc.threads(n):
        pytest.fail("entered")
    assert chosen() == before


@pytest.mark.parametrize("n", [True, 1.5, "2", None], ids=str)
def test_threads_refuses_a_wrong_type(n):
    before = chosen()
    with pytest.raises(TypeError, match=f"n is {n!r}: expected a whole number of threads"), fc.threads(n):
        pytest.fail("entered")
    assert chosen() == before


def test_a_forked_child_keeps_the_number_of_its_parent():
    pytest.importorskip("fcntl", reason="needs os.fork")
    code = """
import os, sys, fcnet as fc
with fc.threads(3):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if fc.show_config("dicts")["threads"]["chosen by"] == "fcnet.threads" else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert output_forked(code) == "0"


CGROUPS = {
    "no files": ("0::/a/b\n", {}, 0),
    "no memberships": ("", {"cpu.max": "100000 100000"}, 0),
    "no limit": ("0::/a\n", {"a/cpu.max": "max 100000"}, 0),
    "half a processor": ("0::/a\n", {"a/cpu.max": "50000 100000"}, 0.5),
    "the root alone, as in a container": ("0::/\n", {"cpu.max": "250000 100000"}, 2.5),
    "the parent is tighter": ("0::/a/b\n", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "150000 100000"}, 1.5),
    "the child is tighter": ("0::/a/b\n", {"a/b/cpu.max": "100000 100000", "a/cpu.max": "max 100000"}, 1),
    "another group's limit": ("0::/a\n", {"b/cpu.max": "100000 100000", "a/cpu.max": "max 100000"}, 0),
    "no period": ("0::/a\n", {"a/cpu.max": "100000"}, 0),
    "a period of zero": ("0::/a\n", {"a/cpu.max": "100000 0"}, 0),
    "garbage": ("0::/a\n::\nx\n", {"a/cpu.max": "two 100000"}, 0),
    "version 1": (
        "4:cpu,cpuacct:/a\n3:memory:/b\n",
        {"cpu,cpuacct/a/cpu.cfs_quota_us": "300000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"},
        3,
    ),
    "version 1 without a limit": (
        "4:cpu:/a\n",
        {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"},
        0,
    ),
}


@pytest.mark.parametrize(("memberships", "files", "expected"), CGROUPS.values(), ids=CGROUPS)
def test_the_cpu_quota_is_the_tightest_of_the_cgroup_and_its_parents(memberships, files, expected, tmp_path):
    for name, text in files.items():
        path = tmp_path / "mount" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    (tmp_path / "cgroup").write_text(memberships)
    assert _native._testing.cgroup_quota(str(tmp_path / "cgroup"), str(tmp_path / "mount")) == expected
