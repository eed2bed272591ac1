"""The distribution of many numbers, in a few figures and a line of bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet.explanation.numbers.printed import Printed
from fcnet.explanation.numbers.trace import Quantities

_BARS = " ▁▂▃▄▅▆▇█"
_BINS = 24
_NARROWEST = 1e-9  # what they are spread over, as a share of the largest

_QUANTITIES = (("weights", "W"), ("outputs", "h_out"), ("gradients", "dW"))


@dataclass(frozen=True, eq=False)
class Figures(Printed):
    """The distribution of many numbers.

    Attributes
    ----------
    mean, std, least, most : float
        NaN or infinite where some of the numbers are.
    counts : array (24,)
        A histogram of the finite ones over ``edges`` (25,).
    """

    mean: float
    std: float
    least: float
    most: float
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Figures:
        """Those of an array."""
        flat = np.asarray(values, float).ravel()
        finite = flat[np.isfinite(flat)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
        size = max(abs(low), abs(high))
        rim = 0.0 if high - low > _NARROWEST * size else max(1.0, size) / 2  # else the bins would not differ
        counts, edges = np.histogram(finite, _BINS, (low - rim, high + rim))
        return cls(float(flat.mean()), float(flat.std()), float(flat.min()), float(flat.max()), counts, edges)

    def __repr__(self) -> str:
        return f"Figures({self.least:.3g} to {self.most:.3g}, mean {self.mean:.3g}, std {self.std:.3g})"

    def bars(self) -> str:
        """The histogram as a line of text."""
        top = self.counts.max() or 1
        return "".join(_BARS[-(-8 * int(c) // int(top))] for c in self.counts)

    def text(self) -> str:
        """The histogram and the figures, in a line."""
        return f"{self.bars()}  {self.least:.3g} to {self.most:.3g}, mean {self.mean:.3g}, std {self.std:.3g}"


def of_layers(step: Quantities, layers: range, new: str = "") -> list[tuple[str, Figures]]:
    """Those of weights, outputs and gradients of every layer of a step, with what they are of; ``new``: after it."""
    return [
        (f"layers[{i - 1}], {what}", Figures.of(step[f"{name}{'' if name == 'dW' else new}_{i}"]))
        for i in layers
        for what, name in _QUANTITIES
    ]
