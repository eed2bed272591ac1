"""The number of threads: one number for the whole process, and one for a ``with`` block.

At import, the number of the process is ``FCNET_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the number of processors
that the affinity mask and the CPU quota of the cgroup allow. Workers of joblib therefore use the number that joblib
sets in ``OMP_NUM_THREADS`` (its ``inner_max_num_threads``, or their share of the processors), unless
``FCNET_NUM_THREADS`` is set. ``set_num_threads`` and ``threadpoolctl`` change the number of the process; ``with
fcnet.threads(n):`` overrides it in a block. Results do not depend on the number of threads, bit for bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from fcnet import _native

_F = TypeVar("_F", bound=Callable[..., Any])

# The open blocks of this context, innermost first: (count, block, the blocks around it) or None.
_Open = tuple[int, object, Any] | None


def get_num_threads() -> int:
    """Return the number of threads that new work in this context may use, including the calling one.

    Returns
    -------
    int, at least 1; ``show_config`` says how it was chosen

    Examples
    --------
    >>> import fcnet as fc
    >>> fc.get_num_threads() >= 1
    True
    """
    return _native.get_num_threads()


def set_num_threads(n: int) -> None:
    """Set the number of threads for the whole process, from the next call on.

    A running fit keeps its number. Small tasks use fewer threads. Inside a block of ``fcnet.threads``, the number of
    the block applies.

    Parameters
    ----------
    n : int, 1 <= n <= 1024
        Number of threads, including the calling one.

    Raises
    ------
    TypeError : n is not an int.
    ValueError : n is out of range.

    Examples
    --------
    >>> import fcnet as fc
    >>> fc.set_num_threads(fc.get_num_threads())
    """
    _native.set_num_threads(n)


class threads:  # noqa: N801
    """Use ``n`` threads inside a ``with`` block or a decorated function, and the previous number afterwards.

    Blocks can be nested. The number applies to the current context (``contextvars``) only: to the Python thread or
    asyncio task that entered the block, and not to others, whose blocks may overlap. A Python thread that is started
    inside the block uses the number of the process, unless it gets a copy of the context, as from
    ``asyncio.to_thread``. The number of the process, which ``set_num_threads`` and ``threadpoolctl`` change, is not
    affected.

    A block inside a generator also applies to the code that consumes its values, because they share a context. If the
    generator function is decorated instead, the number applies only while the generator runs.

    Parameters
    ----------
    n : as for set_num_threads

    Raises
    ------
    TypeError : n is not an int, or an asynchronous generator function is decorated.
    ValueError : n is out of range.

    Examples
    --------
    >>> import fcnet as fc
    >>> with fc.threads(1):
    ...     fc.get_num_threads()
    1
    """

    __slots__ = ("_count",)

    def __init__(self, n: int) -> None:
        self._count = _native.check_num_threads(n)

    def __repr__(self) -> str:
        return f"fcnet.threads({self._count})"

    def __enter__(self) -> None:
        _native.thread_context.set((self._count, self, _native.thread_context.get()))

    def __exit__(self, *_: object) -> None:
        _native.thread_context.set(_without(_native.thread_context.get(), self))

    def __call__(self, function: _F) -> _F:
        """Decorate a function, so that it uses ``n`` threads."""
        import inspect

        if inspect.isasyncgenfunction(function):
            raise TypeError(f"{function!r} is an asynchronous generator function: use a with block inside it")
        make = (
            self._generator_function
            if inspect.isgeneratorfunction(function)
            else self._coroutine_function
            if inspect.iscoroutinefunction(function)
            else self._function
        )
        return functools.wraps(function)(make(function))  # type: ignore[return-value]

    def _function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def limited(*args: Any, **options: Any) -> Any:
            with self:
                return function(*args, **options)

        return limited

    def _coroutine_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def limited(*args: Any, **options: Any) -> Any:
            with self:
                return await function(*args, **options)

        return limited

    def _generator_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def limited(*args: Any, **options: Any) -> Any:
            generator = function(*args, **options)
            step, given = generator.send, None
            while True:
                with self:
                    try:
                        value = step(given)
                    except StopIteration as end:
                        return end.value
                try:
                    step, given = generator.send, (yield value)
                except BaseException as error:  # including GeneratorExit, which the generator handles
                    step, given = generator.throw, error

        return limited


def _without(blocks: _Open, block: object) -> _Open:
    """Return the open blocks without the innermost one of ``block``; generators may exit theirs in any order."""
    if blocks is None:  # it was entered in another context, such as that of a generator which is closed elsewhere
        return None
    count, innermost, around = blocks
    return around if innermost is block else (count, innermost, _without(around, block))
