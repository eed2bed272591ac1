"""Networks out of files."""

from __future__ import annotations

import os

from fcnet._checks import console
from fcnet._checks.keywords import suggesting
from fcnet._saving import network_file, safetensors
from fcnet.losses import Custom, LossFunction, loss_of
from fcnet.network import Network


@suggesting
def load(path: str | os.PathLike[str], *, loss: LossFunction | None = None, allow_nonfinite: bool = False) -> Network:
    """Load a network that ``Network.save`` wrote.

    Nothing in the file is executed; one that is damaged, truncated or made to do harm is a ValueError.

    Parameters
    ----------
    path : path
    loss : callable, optional
        The loss of a network whose loss is a function: a file holds no code, only what the function was called. Without
        it such a network predicts, and says what is missing where it is fitted, evaluated or asked for gradients.
    allow_nonfinite : bool, default False
        Accept parameters that are infinite or NaN.

    Returns
    -------
    Network
        Predicts the same bits as the one that was saved. A UserWarning says where loss is a function of another name
        than the one that it was saved with.

    Raises
    ------
    TypeError : path is not a path, loss is not a function.
    OSError : the file cannot be read.
    ValueError : it is not a network that this version of fcnet can load; loss is given, but the network has one that
        the file holds.
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
    if loss is not None and not isinstance(loss_of(loss), Custom):
        raise TypeError(f"loss is {loss!r}: expected the function that is the network's loss")
    tensors, metadata = safetensors.read(path, network_file.check_format)
    net = Network.__new__(Network)
    try:
        state = network_file.state_of(tensors, metadata, allow_nonfinite=allow_nonfinite)
        stored = state["loss"].get("name")
        if loss is not None and stored == Custom.name:
            called, wanted = (str(one.get("function", "")) for one in (loss_of(loss).plain(), state["loss"]))
            if called.rpartition(".")[2] != wanted.rpartition(".")[2]:
                console.warn(f"{os.fspath(path)!r} was saved with the loss {wanted}, and loss is {called}")
            state["loss"] = loss
        net.__setstate__(state)
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not a network that can be loaded: {error}") from None
    if loss is not None and stored != Custom.name:
        raise ValueError(f"loss is given, but {os.fspath(path)!r} holds the loss {stored!r}: expected none")
    return net
