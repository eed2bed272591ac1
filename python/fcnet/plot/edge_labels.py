"""Where on the edges between two layers of a drawn network their numbers stand, so that they lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_ALONG = np.linspace(0.28, 0.72, 12)  # outside of the neurons


def places(before: Sequence[float], behind: Sequence[float], column: float, label: tuple[float, float]) -> list[float]:
    """For every neuron of the layer before, how far along its edges.

    The numbers at the edges of every other neuron stand elsewhere: the first two places that leave all room, or the
    best two.

    Parameters
    ----------
    before, behind : sequence of float
        How high the neurons of both layers lie.
    column : float
        From layer to layer.
    label : (float, float)
        How wide and high a number is.

    Returns
    -------
    list of float
    """
    start, end = (each.ravel() for each in np.meshgrid(before, behind, indexing="ij"))
    every_other = np.repeat(np.arange(len(before)) % 2 == 1, len(behind))
    one, other = np.triu_indices(len(start), 1)

    def room(even: float, odd: float) -> float:
        along = np.where(every_other, odd, even)
        x, y = column * along / label[0], (start + along * (end - start)) / label[1]
        return float(np.maximum(abs(x[one] - x[other]), abs(y[one] - y[other])).clip(max=1).min(initial=1))

    chosen = max(((a, b) for a in _ALONG for b in _ALONG), key=lambda pair: room(*pair))
    return [float(chosen[j % 2]) for j in range(len(before))]
