"""Predictions in chunks of rows, so that the probabilities of many classes do not have to fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fcnet._inputs import arrays
from fcnet.network import Network


def _outputs_in_chunks(network: Network, x: Any, output: Literal["logits"] | None) -> Iterator[NDArray[Any]]:
    """Yield the network's outputs for checked samples, a chunk of rows at a time."""
    rows = arrays.rows_at_once(network.sizes[-1])
    if x.shape[0] <= rows:
        yield network.predict(x, output=output)
        return
    x = x.tocsr() if sparse.issparse(x) else x
    for start in range(0, x.shape[0], rows):
        yield network.predict(x[start : start + rows], output=output)


def decoded(
    network: Network, x: Any, decode: Callable[[NDArray[Any]], Any], output: Literal["logits"] | None = None
) -> Any:
    """Apply ``decode`` to the outputs, chunk by chunk.

    Parameters
    ----------
    network : Network
    x : array or sparse array (n, inputs), checked
    decode : callable (outputs) -> array or sparse array, a row for each row of the outputs
    output : "logits", optional
        As for ``Network.predict``.

    Returns
    -------
    array or sparse array (n, ...)
    """
    parts = map(decode, _outputs_in_chunks(network, x, output))
    first = next(parts)
    if first.shape[0] == x.shape[0]:
        return first
    if sparse.issparse(first):
        return sparse.vstack([first, *parts], format=first.format)
    result = np.empty((x.shape[0], *first.shape[1:]), first.dtype)
    result[: len(first)], done = first, len(first)
    for part in parts:
        result[done : done + len(part)] = part
        done += len(part)
    return result


def log_softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Return ``ln p`` for rows of logits, accurate also if p underflows."""
    with np.errstate(invalid="ignore"):  # an infinite logit gives NaN
        logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def log_sigmoid(logits: NDArray[Any]) -> NDArray[Any]:
    """Return ``ln p`` for the logits of independent probabilities p."""
    return -np.logaddexp(0, -logits)
