"""The sitting that all benchmarks share, and how its times reach pytest-benchmark.

Libraries run in processes of their own and take turns, so a benchmark replays the times that its process reported:
its clock goes on by exactly what the other process's clock did.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import pytest

from bench import ceilings
from bench.sitting import Sitting
from bench.tasks import tolerance
from fcnet import _native

PACKAGES = ["fcnet", "numpy", "scipy", "scikit-learn", "torch", "jax", "onnxruntime"]
reported = 0.0  # seconds on the clock of the process that works


def clock() -> float:
    return reported


def pytest_addoption(parser):
    parser.addoption("--visits", type=int, default=5, help="how often each library has its turn at a task")


def pytest_collection_modifyitems(items):
    for item in items:
        if "measured" in item.fixturenames:
            item.add_marker(pytest.mark.benchmark(timer=clock))


def installed() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@pytest.fixture(scope="session")
def sitting(request):
    threads = _native.get_num_threads()
    sitting = Sitting(threads, request.config.getoption("--visits"))
    facts = {"threads": threads, "isa": _native.config()["isa"], "versions": installed()}
    request.config.sitting = facts
    try:
        process = sitting.process("fcnet", threads)
        facts["ceilings"] = ceilings.measure(process, threads)
        yield sitting
        facts["ceilings at the end"] = ceilings.measure(process, threads)
    finally:
        sitting.close()


@pytest.fixture
def measured(request, benchmark, sitting):
    """measured(peer, task): checks the peer's answer, gives its times to pytest-benchmark."""

    def run(peer, task, threads=0):
        mine = request.node.originalname
        others = [i.callspec.params for i in request.session.items if i.originalname == mine]
        peers = [p["peer"] for p in others if p["task"] == task and p.get("threads", 0) == threads]
        result = sitting.measure(task, peers, threads)[peer]
        if result.unavailable:
            pytest.skip(result.unavailable)
        if result.failed:
            pytest.fail(result.failed)
        assert result.error < tolerance(task)

        times = iter(result.seconds)

        def replay():
            global reported
            reported += next(times)

        benchmark.pedantic(replay, rounds=len(result.seconds))
        used = threads or sitting.threads
        median = benchmark.stats.stats.median
        peak = request.config.sitting["ceilings"][f"multiply_add {task.dtype}"].get(str(used))
        benchmark.extra_info |= {
            "test": mine,
            "peer": peer,
            "task": task.describe() | {"id": str(task)},
            "us": median * 1e6,
            "gflops": task.flops() / median / 1e9,
            "share_of_peak": task.flops() / median / peak if peak else None,
            "error": result.error,
            "units": result.units,
            "threads": used,
        }

    return run


def pytest_benchmark_update_json(config, output_json):
    for private in ("node", "release"):
        output_json["machine_info"].pop(private, None)
    output_json["commit_info"] = {"id": output_json["commit_info"].get("id")}
    output_json["sitting"] = getattr(config, "sitting", None)
    if output_json["sitting"]:
        output_json["sitting"]["last_cache"] = ceilings.last_cache()
