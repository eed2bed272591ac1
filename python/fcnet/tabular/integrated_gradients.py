"""What each column of a row contributes to its prediction, by integrated gradients (Sundararajan, Taly, Yan 2017).

The prediction is followed along the straight line, in the inputs of the networks, from a base row to the row. An input
contributes the integral of the derivative by it, and a column the sum over its inputs, so that the contributions add up
to the difference of the predictions of both rows. Categories in a trainable table have no derivative: they are switched
one after another, once behind the line and once, in reverse order, before it; the mean of both counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fcnet.tabular.part import Part

Array = NDArray[np.float64]
Inputs = list[NDArray[Any]]  # of the networks of each part (1, width)

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_PIECES, _HALVINGS = 8, 16  # of a line
_CLOSE = 1e-5  # share of the largest contribution that may be missing from the sum over a piece


class Explained(NamedTuple):
    """What is explained, a function of the mean of all networks' predictions (m, outputs).

    Attributes
    ----------
    value : function
        Returns it (m,).
    slope : function
        Returns its derivative by the means (m, outputs).
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]


def contributions(parts: Sequence[Part], explained: Explained, base: Inputs, row: Inputs) -> tuple[Array, float, float]:
    """Divide the difference of two predictions among the columns.

    Parameters
    ----------
    parts : sequence of Part
    explained : Explained
    base, row : list of array (1, width)
        Inputs of the networks of each part.

    Returns
    -------
    contributions : array (columns,)
    base_prediction, prediction : float
    """
    ends = _value(parts, explained, base), _value(parts, explained, row)
    total = np.zeros(len(parts[0].encoder.columns))
    coded = sorted({place for part in parts for place in part.encoder.origins[_first_code(part) :]})
    for places, line_first in ((coded, True), (coded[::-1], False)) if coded else ((coded, True),):
        at = [x.copy() for x in base]
        if line_first:
            total += _line(parts, explained, at, row)
        for place in places:
            before = _value(parts, explained, at)
            for part, x, to in zip(parts, at, row, strict=True):
                inputs = [i for i in range(_first_code(part), x.shape[1]) if part.encoder.origins[i] == place]
                x[:, inputs] = to[:, inputs]
            total[place] += _value(parts, explained, at) - before
        if not line_first:
            total += _line(parts, explained, at, row)
    return total / (2 if coded else 1), *ends


def _first_code(part: Part) -> int:
    widths = part.encoder.widths
    return sum(widths) - widths.codes


def _value(parts: Sequence[Part], explained: Explained, inputs: Inputs) -> float:
    """Return what is explained for one row."""
    found = [
        part.targets.back(network.predict(x))
        for part, x in zip(parts, inputs, strict=True)
        for network in part.networks
    ]
    return float(explained.value(np.mean(found, axis=0))[0])


def _line(parts: Sequence[Part], explained: Explained, at: Inputs, row: Inputs) -> Array:
    """Move all inputs but codes to those of the row, and return what the columns contribute.

    Pieces of the line are halved where the contributions do not add up, as at the kinks of activations.
    """
    start = [x.copy() for x in at]
    for part, x, to in zip(parts, at, row, strict=True):
        x[:, : _first_code(part)] = to[:, : _first_code(part)]
    edges = np.linspace(0, 1, _PIECES + 1)
    lows, highs, scale = edges[:-1], edges[1:], 0.0
    total = np.zeros(len(parts[0].encoder.columns))
    for _ in range(_HALVINGS):
        found, differences, rounding = _pieces(parts, explained, start, at, lows, highs)
        scale = scale or float(np.abs(found.sum(axis=0)).max())
        are_split = np.abs(found.sum(axis=1) - differences) > _CLOSE * scale + rounding
        total += found[~are_split].sum(axis=0)
        if not are_split.any():
            return total
        middles, last = (lows[are_split] + highs[are_split]) / 2, found[are_split]
        lows, highs = np.r_[lows[are_split], middles], np.r_[middles, highs[are_split]]
    return np.asarray(total + last.sum(axis=0))


def _pieces(
    parts: Sequence[Part], explained: Explained, start: Inputs, end: Inputs, lows: Array, highs: Array
) -> tuple[Array, Array, float]:
    """Integrate the derivatives along pieces of a line by the Gauss-Legendre rule.

    Parameters
    ----------
    parts, explained : as for contributions
    start, end : list of array (1, width)
        Ends of the line.
    lows, highs : array (m,)
        Where pieces begin and end, from 0 to 1.

    Returns
    -------
    contributions : array (m, columns)
    differences : array (m,)
        Of what is explained, between the ends of a piece.
    rounding : float
        Of the differences.
    """
    m, points = len(lows), len(_NODES)
    shares = lows[:, None] + (highs - lows)[:, None] * np.r_[0, (_NODES + 1) / 2, 1]
    passes, mean = [], np.zeros(1)
    count = sum(len(part.networks) for part in parts)
    for part, a, b in zip(parts, start, end, strict=True):
        x = (a + shares.reshape(-1, 1) * (b - a)).astype(a.dtype)
        for network in part.networks:
            outputs, pullback = network.vjp(x)
            passes.append((part, (b - a)[0].astype(np.float64), outputs, pullback))
            mean = mean + part.targets.back(outputs) / count
    slope, found = explained.slope(mean) / count, np.zeros((m, len(parts[0].encoder.columns)))
    for part, step, outputs, pullback in passes:
        g = np.asarray(pullback(slope * part.targets.slope(outputs), parameters=False).x, np.float64)
        integrals = np.einsum("mpw,p->mw", g.reshape(m, points + 2, -1)[:, 1:-1], _WEIGHTS / 2) * step
        np.add.at(found.T, np.array(part.encoder.origins), (integrals * (highs - lows)[:, None]).T)
    values = explained.value(mean).reshape(m, points + 2)
    rounding = 4 * float(np.finfo(start[0].dtype).eps) * float(np.abs(values).max())
    return found, values[:, -1] - values[:, 0], rounding
