"""One-hot inputs of a column of categories, plain or scaled as numbers are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet.tabular.column import Column
from fcnet.tabular.encoding import Encoding
from fcnet.tabular.quantiles import quarters_of_counts
from fcnet.tabular.robust_scale import factor_of, smooth_clip


class OneHot:
    """The inputs of a column: 0 and 1 for each category, or 1, -1 and 0 for two of them.

    Attributes
    ----------
    width : int
        Number of inputs.
    signs : bool
        Whether there is one input, whose value for each code is ``of_code`` (3,).
    first : int
        Otherwise: the code of the first input.
    off, on : array (width,)
        Otherwise: the inputs' values for other codes than theirs, and for theirs.
    """

    def __init__(self, column: Column, rows: int, encoding: Encoding) -> None:
        """Take the number of training rows, which ``column.counts`` and ``column.gaps`` are of."""
        scaled = encoding.numbers == "robust"
        self.signs = encoding.signs and len(column.counts) == 2
        self.first = 0 if encoding.unknown and not self.signs else 1  # code of the first input
        if self.signs:
            self.width = 1
            values, counts = np.array([-1.0, 0.0, 1.0]), np.array([column.counts[1], column.gaps, column.counts[0]])
            inputs = np.array([0.0, 1.0, -1.0])  # by code
            self.of_code = _scaled(inputs, values, counts) if scaled else inputs
            return
        ones = np.array([column.gaps, *column.counts][self.first :], np.int64)
        self.width = len(ones)
        counts = np.stack([rows - ones, ones], axis=-1)
        pair = np.array([0.0, 1.0])
        off_on = _scaled(pair[:, None], pair, counts) if scaled else np.repeat(pair[:, None], self.width, axis=1)
        self.off, self.on = off_on

    def write(self, codes: NDArray[np.int32], to: NDArray[Any]) -> None:
        """Write the inputs of rows with these codes.

        Parameters
        ----------
        codes : array (n,)
        to : array (n, width)
        """
        if self.signs:
            to[:, 0] = self.of_code[codes]
            return
        to[:] = self.off
        places = codes - self.first
        rows = np.flatnonzero(places >= 0)
        places = places[rows]
        to[rows, places] = self.on[places]


def _scaled(inputs: NDArray[np.float64], values: NDArray[np.float64], counts: NDArray[Any]) -> NDArray[np.float64]:
    """Scale and clip inputs as columns of numbers, of which ``counts`` says how often training has each of ``values``.

    Parameters
    ----------
    inputs : array (..., columns) or (...)
    values : array (k,)
    counts : array (columns, k) or (k,)

    Returns
    -------
    array of the shape of inputs, broadcast to the columns
    """
    quarters = quarters_of_counts(values, counts)
    return smooth_clip(factor_of(quarters) * (inputs - quarters[2]))
