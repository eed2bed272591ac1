"""``with fc.threads(n)`` holds where it stands: for its Python thread, its task, its generator, and for native work."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fcnet as fc
from forks import output_forked

from processes import output

pytestmark = pytest.mark.once

BEFORE = fc.get_num_threads()


def test_blocks_of_two_python_threads_that_overlap_hold_each_for_its_own_and_leave_nothing_behind():
    first_is_in, second_is_in, first_is_out = threading.Event(), threading.Event(), threading.Event()

    def first():
        with fc.threads(3):
            first_is_in.set()
            second_is_in.wait(30)
            seen.append(fc.get_num_threads())
        first_is_out.set()

    def second():
        first_is_in.wait(30)
        with fc.threads(5):
            second_is_in.set()
            first_is_out.wait(30)
            seen.append(fc.get_num_threads())

    seen = []
    both = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert seen == [3, 5]
    assert fc.get_num_threads() == BEFORE


def test_a_block_does_not_hold_for_other_python_threads_but_for_copies_of_its_context():
    with fc.threads(3), ThreadPoolExecutor(1) as pool:
        assert pool.submit(fc.get_num_threads).result() == BEFORE
        assert pool.submit(contextvars.copy_context().run, fc.get_num_threads).result() == 3


def test_tasks_of_asyncio_have_each_their_own_number():
    async def task(n):
        with fc.threads(n):
            for _ in range(3):
                await asyncio.sleep(0)
                assert fc.get_num_threads() == n
            assert await asyncio.to_thread(fc.get_num_threads) == n
        return fc.get_num_threads()

    async def both():
        return await asyncio.gather(task(3), task(5), task(7))

    assert asyncio.run(both()) == [BEFORE] * 3
    assert fc.get_num_threads() == BEFORE


def inside(n):
    with fc.threads(n):
        yield fc.get_num_threads()
        yield fc.get_num_threads()


@pytest.mark.parametrize("first", [0, 1])
def test_generators_that_overlap_leave_nothing_behind_whichever_ends_first(first):
    both = inside(3), inside(5)
    assert [next(generator) for generator in both] == [3, 5]
    both[first].close()
    assert next(both[1 - first]) == (5, 3)[first]
    both[1 - first].close()
    assert fc.get_num_threads() == BEFORE


def test_a_generator_that_is_dropped_in_another_context_ends_its_block_without_an_error():
    generator = inside(3)
    contextvars.copy_context().run(next, generator)
    assert fc.get_num_threads() == BEFORE
    del generator
    gc.collect()
    assert fc.get_num_threads() == BEFORE


def test_a_decorated_generator_has_the_number_only_while_it_runs():
    @fc.threads(3)
    def numbers():
        """Yield numbers."""
        try:
            sent = yield fc.get_num_threads()
            yield sent, fc.get_num_threads()
            yield None
        except LookupError:
            yield "caught", fc.get_num_threads()
        finally:
            closed.append(fc.get_num_threads())
        return fc.get_num_threads()

    closed = []
    generator = numbers()
    assert (numbers.__name__, numbers.__doc__) == ("numbers", "Yield numbers.")
    assert next(generator) == 3
    assert fc.get_num_threads() == BEFORE
    assert generator.send("sent") == ("sent", 3)
    assert generator.throw(LookupError()) == ("caught", 3)
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == 3
    generator = numbers()
    next(generator)
    generator.close()
    assert closed == [3, 3]
    assert fc.get_num_threads() == BEFORE


def test_a_decorated_coroutine_has_the_number_across_what_it_awaits():
    @fc.threads(3)
    async def number():
        await asyncio.sleep(0)
        return fc.get_num_threads()

    async def both():
        return await asyncio.gather(number(), asyncio.sleep(0, "else")), fc.get_num_threads()

    assert asyncio.run(both()) == ([3, "else"], BEFORE)


def test_an_asynchronous_generator_function_cannot_be_decorated():
    with pytest.raises(TypeError, match="asynchronous generator function: use a with block inside it"):

        @fc.threads(3)
        async def numbers():
            yield 1


def test_a_decorated_function_may_raise_recurse_and_run_in_several_python_threads_at_once():
    @fc.threads(3)
    def count(depth):
        barrier.wait(30)
        if depth == 0:
            raise LookupError(fc.get_num_threads())
        return count(depth - 1)

    def caught(_):
        with pytest.raises(LookupError, match="^3$"):
            count(2)
        return fc.get_num_threads()

    barrier = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(caught, range(4))) == [BEFORE] * 4


def test_one_object_may_be_entered_again_while_it_is_open():
    three = fc.threads(3)
    assert repr(three) == "fcnet.threads(3)"
    with three:
        with fc.threads(2), three:
            assert fc.get_num_threads() == 3
        assert fc.get_num_threads() == 3
    assert fc.get_num_threads() == BEFORE


USED = """
import os, signal
import numpy as np
import fcnet as fc

fc.set_num_threads(1)  # nothing has started any yet

def threads_of_the_process():
    return len(os.listdir("/proc/self/task"))

x, y = np.ones((4096, 256), np.float32), np.zeros(4096, int)
net = fc.Network([256, 256, 10], seed=0)
a = np.ones((512, 512), np.float32)
works = {
    "fit": lambda: net.fit(x, y, epochs=1, batch_size=1024, progress=False),
    "train_on_batch": lambda: net.train_on_batch(x, y),
    "predict": lambda: net.predict(x),
    "evaluate": lambda: net.evaluate(x, y),
    "gradients": lambda: net.gradients(x, y),
    "kernels": lambda: fc.kernels.linear(a, a, a[0]),
    "construction": lambda: fc.Network([2048, 4096, 10]),
}
for name, work in works.items():
    pid = os.fork()  # a process of its own for each, without another import
    if pid == 0:
        signal.alarm(500)
        for of_process, of_block in ((4, 1), (1, 3)):
            fc.set_num_threads(of_process)
            before = threads_of_the_process()
            with fc.threads(of_block):
                work()
            print(name, threads_of_the_process() - before, flush=True)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, name
"""
WORKS = ["fit", "train_on_batch", "predict", "evaluate", "gradients", "kernels", "construction"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts the threads of its process by /proc")
def test_native_work_starts_as_many_threads_as_the_block_says():
    assert output(USED).splitlines() == [f"{work} {threads}" for work in WORKS for threads in (0, 2)]


def test_work_that_a_callback_of_a_fit_starts_has_the_number_of_its_own_block():
    class Look(fc.Callback):
        def on_epoch_end(self, epoch, logs):
            with fc.threads(5):
                seen.append(fc.get_num_threads())
                net.predict(np.ones((100, 4), np.float32))
            seen.append(fc.get_num_threads())

    seen, net = [], fc.Network([4, 8, 2], seed=0)
    with fc.threads(3):
        net.fit(np.ones((100, 4), np.float32), np.zeros(100, int), epochs=1, callbacks=[Look()])
    assert seen == [5, 3]
    assert fc.get_num_threads() == BEFORE


def test_a_name_of_the_package_is_no_module():
    assert output_forked("import fcnet as fc; print(type(fc.threads), fc.threads(1))").endswith("fcnet.threads(1)")
    with pytest.raises(ModuleNotFoundError, match=r"fcnet\.threads"):
        __import__("fcnet.threads")
