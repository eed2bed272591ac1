"""``load``: networks and estimators from files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fcnet._checks.keywords import suggesting
from fcnet._saving import network_file, safetensors
from fcnet.losses import Custom, LossFunction, loss_of
from fcnet.network import Network, network_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fcnet.tabular import TabularClassifier, TabularRegressor

_TABULAR = "fcnet.tabular"


def _check_format(metadata: Mapping[str, str]) -> None:
    if metadata.get("format") != _TABULAR:
        network_file.check_format(metadata)


@suggesting
def load(
    path: str | os.PathLike[str], *, loss: LossFunction | None = None, allow_nonfinite: bool = False
) -> Network | TabularClassifier | TabularRegressor:
    """Load a network that ``Network.save`` wrote, or an estimator of ``fcnet.tabular``.

    No code in the file is executed. A file that is damaged, truncated or malicious raises ValueError.

    Parameters
    ----------
    path : path
    loss : callable, optional
        The custom loss function of the network. A file holds no code, only the function's name. Without the function
        the network can only predict; fitting, evaluation and gradients raise an error that names it.
    allow_nonfinite : bool, default False
        Accept parameters that are infinite or NaN.

    Returns
    -------
    Network, TabularClassifier or TabularRegressor
        Its predictions are the same, bit for bit, as those that were saved. A UserWarning is given where the name
        of the function differs from the saved one.

    Raises
    ------
    TypeError : path is not a path, or loss is not a function.
    OSError : the file cannot be read.
    ValueError : the file is not a network that this version of fcnet can load, or loss is given although the file holds
        the network's loss.
    MemoryError : the network does not fit in memory.

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
    tensors, metadata = safetensors.read(path, _check_format)
    if metadata["format"] != _TABULAR:
        return network_of(tensors, metadata, os.fspath(path), loss=loss, allow_nonfinite=allow_nonfinite)
    if loss is not None:
        raise ValueError(f"loss is given, but {os.fspath(path)!r} holds an estimator: expected none")
    from fcnet.tabular import TabularClassifier, TabularRegressor
    from fcnet.tabular.file import estimator_of

    kinds = {kind.__name__: kind for kind in (TabularClassifier, TabularRegressor)}
    return estimator_of(tensors, metadata, os.fspath(path), kinds, allow_nonfinite=allow_nonfinite)
