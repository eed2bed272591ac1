"""How a step is computed is chosen by the stated rule: at each border of it, the step on one side goes one way and the
step on the other side the other way. That the ways give the same bits is in test_determinism.py."""

from __future__ import annotations

import pytest

from fcnet import _native

FLOPS_PER_THREAD = 900_000  # of plan.cpp, as are the limits below
CACHED_BYTES = 16 << 20
MOST_SAMPLES_AT_ONCE = 2048
SMALL, WIDE = [64, 100, 10], [2048, 4096, 4096, 1000]


def plan(sizes, batch, threads=2, dtype="float32"):
    return _native._testing.plan(sizes, dtype, batch, threads)


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_up_to_8_samples_of_a_network_in_the_cache_go_by_rows_on_one_thread(threads):
    assert (plan(SMALL, 8, threads)["schedule"], plan(SMALL, 9, threads)["schedule"]) == ("rows", "panels")
    assert plan(SMALL, 8, threads)["threads"] == 1
    assert plan(WIDE, 8, threads)["schedule"] == "layers"  # else one thread alone would fetch 200 MB


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_beyond_the_cache_go_by_layers(dtype):
    rows = CACHED_BYTES // 1024 // int(dtype[-2:]) * 8
    schedules = [plan([rows + more, 1024], 1024, 2, dtype)["schedule"] for more in (0, 1)]
    assert schedules == ["panels", "layers"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_beyond_the_activations_go_by_layers_where_threads_would_have_to_pass_them_on(dtype):
    sizes = [640, 640]  # 640 * 640 weights, 2 * 640 activations a sample: as many with 320 samples
    schedules = {(n, threads): plan(sizes, n, threads, dtype)["schedule"] for n in (320, 256) for threads in (1, 2)}
    assert [case for case, schedule in schedules.items() if schedule == "layers"] == [(256, 2)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_take_whole_tiles_of_samples_where_those_divide_evenly(dtype, isa):
    sizes = [16] * 129
    grain = plan(sizes, 9, 4, dtype)["sample_granularity"]
    schedules = {n: plan(sizes, n * grain, 4, dtype)["schedule"] for n in range(3, 21)}
    assert {n for n, schedule in schedules.items() if schedule == "panels"} == {4, 8, 12, *range(16, 21)}


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_a_thread_is_woken_for_so_much_work(threads):
    in_, out = 100, 10
    batches = {n: n * FLOPS_PER_THREAD // (3 * 2 * in_ * out) for n in (1, 2, 3, 13)}
    for n, batch in batches.items():
        assert plan([in_, out], batch, threads)["threads"] == min(n, threads)
        assert plan([in_, out], batch - 1, threads)["threads"] == min(max(n - 1, 1), threads)


def test_larger_batches_go_in_chunks():
    chunks = [plan(SMALL, batch)["chunk"] for batch in (2047, MOST_SAMPLES_AT_ONCE, 2049, 10**6)]
    assert chunks == [2047, 2048, 2048, 2048]


def test_a_step_longer_than_the_longest_can_stop():
    before = _native._testing.longest_step()
    seconds = 3 * 4 * 1000 * 1000 / 1e10  # W is read twice and written once
    try:
        _native._testing.set_longest_step(seconds * 1.01)
        assert not plan([1000, 1000], 1)["stoppable"]
        _native._testing.set_longest_step(seconds * 0.99)
        assert plan([1000, 1000], 1)["stoppable"]
        assert plan([1000, 1000], 1)["schedule"] != "rows"  # which cannot
    finally:
        _native._testing.set_longest_step(before)


def test_a_fit_looks_whether_to_stop_every_tenth_of_a_millisecond_or_after_1000_steps():
    assert plan([1000, 1000], 8)["steps_at_once"] == 1
    assert plan([2, 2, 2], 1)["steps_at_once"] == 1000
    assert 1 < plan(SMALL, 8)["steps_at_once"] < 1000
