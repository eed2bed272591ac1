"""Positions of the weights' labels on the edges of a drawn network, without overlaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_ALONG = np.linspace(0.28, 0.72, 12)  # outside of the neurons


def places(before: Sequence[float], after: Sequence[float], column: float, label: tuple[float, float]) -> list[float]:
    """Return, for every neuron of the previous layer, the position of the labels along its edges.

    Neighbouring neurons have different positions: the first pair without overlaps, or the best pair.

    Parameters
    ----------
    before, after : sequence of float
        Vertical positions of the neurons of both layers.
    column : float
        Distance from layer to layer.
    label : (float, float)
        Width and height of a label.

    Returns
    -------
    list of float
    """
    start, end = (each.ravel() for each in np.meshgrid(before, after, indexing="ij"))
    every_other = np.repeat(np.arange(len(before)) % 2 == 1, len(after))
    one, other = np.triu_indices(len(start), 1)

    def room(even: float, odd: float) -> float:
        along = np.where(every_other, odd, even)
        x, y = column * along / label[0], (start + along * (end - start)) / label[1]
        return float(np.maximum(abs(x[one] - x[other]), abs(y[one] - y[other])).clip(max=1).min(initial=1))

    chosen = max(((a, b) for a in _ALONG for b in _ALONG), key=lambda pair: room(*pair))
    return [float(chosen[j % 2]) for j in range(len(before))]
