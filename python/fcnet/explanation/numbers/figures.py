"""Statistics of an array: mean, standard deviation, range and histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.public import public_in
from fcnet.explanation.numbers.printed import Printed
from fcnet.explanation.numbers.trace import Quantities

_BARS = " ▁▂▃▄▅▆▇█"
_BINS = 24
_NARROWEST = 1e-9  # range of a histogram, as a fraction of the largest number

_QUANTITIES = (("weights", "W"), ("outputs", "h_out"), ("gradients", "dW"))


@public_in("fcnet.explanation")
@dataclass(frozen=True, eq=False)
class Figures(Printed):
    """Statistics of an array of numbers.

    Attributes
    ----------
    mean, std, least, most : float
        NaN or infinite if some of the numbers are.
    counts : array (24,)
        Histogram of the finite numbers over ``edges`` (25,).
    """

    mean: float
    std: float
    least: float
    most: float
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Figures:
        """Compute the statistics of an array."""
        flat = np.asarray(values, float).ravel()
        finite = flat[np.isfinite(flat)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
        size = max(abs(low), abs(high))
        rim = 0.0 if high - low > _NARROWEST * size else max(1.0, size) / 2  # otherwise the bins would be equal
        counts, edges = np.histogram(finite, _BINS, (low - rim, high + rim))
        return cls(float(flat.mean()), float(flat.std()), float(flat.min()), float(flat.max()), counts, edges)

    def __repr__(self) -> str:
        return f"Figures({self.least:.3g} to {self.most:.3g}, mean {self.mean:.3g}, std {self.std:.3g})"

    def bars(self) -> str:
        """Return the histogram as a line of text."""
        top = self.counts.max() or 1
        return "".join(_BARS[-(-8 * int(c) // int(top))] for c in self.counts)

    def text(self) -> str:
        """Return the histogram and the statistics in a line."""
        return f"{self.bars()}  {self.least:.3g} to {self.most:.3g}, mean {self.mean:.3g}, std {self.std:.3g}"


def of_layers(step: Quantities, layers: range, new: str = "") -> list[tuple[str, Figures]]:
    """Return names and statistics of every layer's weights, outputs and gradients; ``new`` is for after the step."""
    return [
        (f"layers[{i - 1}], {what}", Figures.of(step[f"{name}{'' if name == 'dW' else new}_{i}"]))
        for i in layers
        for what, name in _QUANTITIES
    ]
