"""Weight averaging: EMA and SWA."""

from __future__ import annotations

from collections.abc import Callable

from fcnet.reference.kernels import Array
from fcnet.reference.optimizers import Pairs

Average = Callable[[Pairs], list[tuple[Array, Array]]]


def ema(layers: Pairs, decay: float) -> Average:
    """Exponential moving average ``a <- d a + (1 - d) w``, with ``d = min(decay, (1 + t) / (10 + t))`` in step t >= 0.

    Parameters
    ----------
    layers : [(W, B), ...]
        The weights before the first step.
    decay : float

    Returns
    -------
    callable
        ``average(layers)`` takes the weights after a step and returns the average so far.
    """
    averages = [(w.copy(), b.copy()) for w, b in layers]
    steps = [0]

    def average(layers: Pairs) -> list[tuple[Array, Array]]:
        d = min(decay, (1 + steps[0]) / (10 + steps[0]))
        steps[0] += 1
        for pair, weights in zip(averages, layers, strict=True):
            for a, w in zip(pair, weights, strict=True):
                a[...] = d * a + (1 - d) * w
        return averages

    return average


def swa() -> Average:
    """Stochastic weight averaging: the mean ``(w_1 + ... + w_n) / n`` (Izmailov et al. 2018, algorithm 1).

    Returns
    -------
    callable
        ``average(layers)`` takes the weights after an epoch and returns the mean so far.
    """
    taken: list[list[tuple[Array, Array]]] = []

    def average(layers: Pairs) -> list[tuple[Array, Array]]:
        taken.append([(w.copy(), b.copy()) for w, b in layers])
        of_layers = (zip(*of_layer, strict=True) for of_layer in zip(*taken, strict=True))
        return [(sum(ws) / len(taken), sum(bs) / len(taken)) for ws, bs in of_layers]

    return average
