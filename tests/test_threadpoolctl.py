"""threadpoolctl and joblib limit the threads of fcnet as they limit those of a BLAS, whichever is imported first."""

from __future__ import annotations

import sys

import pytest

import fcnet as fc
from forks import output_forked

from processes import output, output_of

pytestmark = pytest.mark.once

threadpoolctl = pytest.importorskip("threadpoolctl")

ORDERS = {
    "fcnet first": "import fcnet as fc\nimport threadpoolctl as t\n",
    "threadpoolctl first": "import threadpoolctl as t\nt.threadpool_info()\nimport fcnet as fc\n",
    "from a thread": """
import threading, fcnet as fc
def load():
    global t
    import threadpoolctl as t
loading = threading.Thread(target=load)
loading.start()
loading.join()
""",
}


def chosen() -> tuple[int, str]:
    facts = fc.show_config("dicts")["threads"]
    return facts["count"], facts["chosen by"]


def fcnet_pools() -> list[dict[str, object]]:
    return [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "fcnet"]


@pytest.mark.parametrize("imports", ORDERS.values(), ids=ORDERS)
def test_a_plain_threadpool_limit_limits_fcnet(imports):
    code = """
with t.threadpool_limits(3):
    print(fc.get_num_threads())
print(fc.get_num_threads(), [p["num_threads"] for p in t.threadpool_info() if p["user_api"] == "fcnet"])
"""
    assert output(imports + code, FCNET_NUM_THREADS="5").split("\n") == ["3", "5 [5]"]


def test_a_threadpoolctl_that_is_loaded_again_sees_fcnet_once():
    code = """
import importlib, fcnet, threadpoolctl
importlib.reload(threadpoolctl)
print([p["user_api"] for p in threadpoolctl.threadpool_info()].count("fcnet"))
"""
    assert output_forked(code) == "1"


def test_fcnet_does_not_import_threadpoolctl():
    assert output("import sys, fcnet; print('threadpoolctl' in sys.modules)") == "False"


def test_a_missing_threadpoolctl_is_missing_in_the_usual_way():
    code = """
import sys, fcnet
sys.path = [p for p in sys.path if p and "site-packages" not in p]
try:
    import threadpoolctl
except ModuleNotFoundError as error:
    print(error)
"""
    assert output_forked(code) == "No module named 'threadpoolctl'"


def test_a_threadpoolctl_without_register_is_left_alone(tmp_path):
    (tmp_path / "threadpoolctl.py").write_text("value = 7\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import fcnet, threadpoolctl; print(threadpoolctl.value)"
    assert output_forked(code) == "7"


def test_the_info_says_what_runs():
    (pool,) = fcnet_pools()
    assert pool["internal_api"] == "fcnet"
    assert pool["version"] == fc.__version__
    assert pool["num_threads"] == fc.get_num_threads()
    assert pool["filepath"] == sys.modules["fcnet._native"].__file__


def test_a_limit_gives_back_the_number_and_who_chose_it():
    before = chosen()
    with threadpoolctl.threadpool_limits(7):
        assert chosen() == (7, "threadpoolctl")
        with threadpoolctl.threadpool_limits({"fcnet": 6}):
            assert chosen() == (6, "threadpoolctl")
        assert chosen() == (7, "threadpoolctl")
    assert chosen() == before


def test_a_limit_for_another_library_leaves_fcnet_alone():
    before = chosen()
    with threadpoolctl.threadpool_limits(before[0] + 1, user_api="blas"):
        assert chosen() == before
    assert chosen() == before


def test_a_block_of_threads_comes_before_a_limit():
    before = chosen()
    with threadpoolctl.threadpool_limits(7):
        with fc.threads(5):
            assert chosen() == (5, "fcnet.threads")
            with threadpoolctl.threadpool_limits(6):
                assert chosen() == (5, "fcnet.threads")
                assert fcnet_pools()[0]["num_threads"] == 6
        assert chosen() == (7, "threadpoolctl")
    assert chosen() == before


@pytest.mark.parametrize(("limit", "count"), [(0, 1), (-5, 1), (10**6, 1024)], ids=str)
def test_a_limit_out_of_range_becomes_the_nearest_number(limit, count):
    before = chosen()
    with threadpoolctl.threadpool_limits(limit, user_api="fcnet"):
        assert fc.get_num_threads() == count
    assert chosen() == before


@pytest.mark.parametrize(
    ("environment", "inner", "expected"),
    [
        ({}, 3, "3 | OMP_NUM_THREADS"),
        ({"FCNET_NUM_THREADS": "2"}, 1, "2 | FCNET_NUM_THREADS"),
    ],
    ids=["three", "FCNET_NUM_THREADS wins"],
)
def test_workers_of_joblib_take_the_threads_that_it_gives_them(environment, inner, expected, tmp_path):
    pytest.importorskip("joblib")
    script = tmp_path / "script.py"
    script.write_text(f"""
import joblib

def facts(_):
    import fcnet
    return fcnet.show_config("dicts")["threads"]

if __name__ == "__main__":
    with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads={inner}):
        seen = joblib.Parallel()(joblib.delayed(facts)(i) for i in range(4))
    print(*{{f"{{f['count']}} | {{f['chosen by']}}" for f in seen}})
""")
    assert output_of(str(script), **{"FCNET_NUM_THREADS": "", "OMP_NUM_THREADS": "", **environment}) == expected
