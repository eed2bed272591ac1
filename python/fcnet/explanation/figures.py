"""The distribution of many numbers, in a few figures and a line of bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BARS = " ▁▂▃▄▅▆▇█"
_BINS = 24


@dataclass(frozen=True, eq=False)
class Figures:
    """The distribution of many numbers.

    Attributes
    ----------
    mean, std, least, most : float
    counts : array (24,)
        A histogram over ``edges`` (25,).
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
        counts, edges = np.histogram(flat, _BINS)
        return cls(float(flat.mean()), float(flat.std()), float(flat.min()), float(flat.max()), counts, edges)

    def bars(self) -> str:
        """The histogram as a line of text."""
        top = self.counts.max() or 1
        return "".join(_BARS[-(-8 * int(c) // int(top))] for c in self.counts)

    def __str__(self) -> str:
        return f"{self.bars()}  {self.least:.3g} to {self.most:.3g}, mean {self.mean:.3g}, std {self.std:.3g}"
