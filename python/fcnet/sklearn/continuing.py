"""Fits that continue from fitted weights, ``warm_start`` and ``partial_fit``: which parameters may change."""

from __future__ import annotations

from typing import Any

from fcnet.network import Network


def check_continues(estimator: Any, hidden: list[int], outputs: int, output: str) -> None:
    """Check that the fitted weights match the current parameters.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    hidden : list of int
        The current ``hidden_layer_sizes``.
    outputs : int
        Number of outputs that y needs.
    output : str
        The output activation that the loss needs.

    Raises
    ------
    ValueError : the weights do not match; the message says what has changed.
    """
    network: Network = estimator._network
    sizes, layers = network.sizes, network.layers
    then = f": {'warm_start' if estimator.warm_start else 'partial_fit'} continues from the fitted weights; expected "
    if hidden != list(sizes[1:-1]):
        was = list(sizes[1:-1])
        raise ValueError(f"hidden_layer_sizes changed from {was} to {hidden}{then}{was}, or a new estimator")
    if outputs != sizes[-1]:
        was_, now = (f"{count} output{'s' * (count > 1)}" for count in (sizes[-1], outputs))
        raise ValueError(f"y changed from {was_} to {now}{then}{was_}, or a new estimator")
    if output != layers[-1].activation:
        changed = (
            f"{network.loss!r} (with {layers[-1].activation} outputs) to {estimator.loss!r} (with {output} outputs)"
        )
        raise ValueError(f"loss changed from {changed}{then}a loss with {layers[-1].activation} outputs")


def changed(network: Network, new: Network) -> Network:
    """Return the network with the activations, dropout, loss and seed of ``new``, and its own trained state."""
    result = Network.__new__(Network)
    result.__setstate__(network.__getstate__() | new._state.architecture.arguments())
    return result
