"""Fits that go on from fitted weights, ``warm_start`` and ``partial_fit``: which parameters may have changed."""

from __future__ import annotations

from typing import Any

from fcnet.network import Network


def check_continues(estimator: Any, hidden: list[int], outputs: int, output: str) -> None:
    """Check that the fitted weights suit the parameters as they are now.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    hidden : list of int
        ``hidden_layer_sizes`` as it is now.
    outputs : int
        How many outputs y needs.
    output : str
        The activation of the outputs that the loss needs.

    Raises
    ------
    ValueError : they do not; the message says what changed from what to what.
    """
    network: Network = estimator._network
    sizes, layers = network.sizes, network.layers
    then = f": {'warm_start' if estimator.warm_start else 'partial_fit'} goes on from the fitted weights; expected "
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
    """The network with activations, dropout, loss and seed of ``new``; all that it has learnt stays."""
    result = Network.__new__(Network)
    result.__setstate__(network.__getstate__() | new._state.architecture.arguments())
    return result
