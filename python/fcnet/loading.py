"""Networks out of files."""

from __future__ import annotations

import os

from fcnet import safetensors, storage
from fcnet.network import Network


def load(path: str | os.PathLike[str], *, allow_nonfinite: bool = False) -> Network:
    """Load a network that ``Network.save`` wrote.

    Nothing in the file is executed; one that is damaged, truncated or made to do harm is a ValueError.

    Parameters
    ----------
    path : path
    allow_nonfinite : bool, default False
        Accept parameters that are infinite or NaN.

    Returns
    -------
    Network
        Predicts the same bits as the one that was saved.

    Raises
    ------
    TypeError : path is not a path.
    OSError : the file cannot be read.
    ValueError : it is not a network that this version of fcnet can load.
    MemoryError : it does not fit in memory.

    Examples
    --------
    >>> import tempfile
    >>> import fcnet as fc
    >>> net = fc.Network([64, 100, 10], seed=0)
    >>> path = tempfile.mkdtemp() + "/digits.safetensors"
    >>> net.save(path)
    >>> fc.load(path)
    Network([64, 100, 10], loss='cross_entropy', seed=0, dtype='float32')
    """
    tensors, metadata = safetensors.read(path, storage.check_format)
    net = Network.__new__(Network)
    try:
        net.__setstate__(storage.state_of(tensors, metadata, allow_nonfinite=allow_nonfinite))
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not a network that can be loaded: {error}") from None
    return net
