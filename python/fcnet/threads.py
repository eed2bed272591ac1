"""How many threads fcnet computes with: one number for the whole process, like that of ``torch.set_num_threads``.

At import it is ``FCNET_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the number of processors that the affinity mask
and the CPU quota of the cgroup leave to this process. So the workers of joblib use what joblib gives them by
``OMP_NUM_THREADS`` (its ``inner_max_num_threads``, else their share of the processors), unless ``FCNET_NUM_THREADS``
is set. The number says who computes what and never changes a bit of a result.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fcnet import _native


def get_num_threads() -> int:
    """Return the number of threads that new work may use, the calling one among them.

    Returns
    -------
    int, at least 1; ``show_config`` tells who chose it

    Examples
    --------
    >>> import fcnet as fc
    >>> fc.get_num_threads() >= 1
    True
    """
    return _native.get_num_threads()


def set_num_threads(n: int) -> None:
    """Choose the number of threads for the whole process, from the next call on.

    A fit keeps the number it began with. Small work uses fewer threads than it may.

    Parameters
    ----------
    n : int, 1 <= n <= 1024
        Threads, the calling one among them.

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


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Use ``n`` threads inside a ``with`` block or a decorated function, then the number from before, and its source.

    Blocks nest. The number belongs to the process: other Python threads see it too, and where blocks of several
    Python threads overlap, the number after them is the one that the last to end found. ``threadpoolctl``'s
    ``threadpool_limits`` does the same together with the thread pools of other libraries.

    Parameters
    ----------
    n : int, 1 <= n <= 1024
        Threads, the calling one among them.

    Raises
    ------
    TypeError : n is not an int.
    ValueError : n is out of range.

    Examples
    --------
    >>> import fcnet as fc
    >>> with fc.threads(1):
    ...     fc.get_num_threads()
    1
    """
    count, source = _native.exchange_num_threads(n, "fcnet.threads")
    try:
        yield
    finally:
        _native.exchange_num_threads(count, source)
