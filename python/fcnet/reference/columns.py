"""Embeddings of the columns of x: numbers by sines, cosines or bins, categories by rows of tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fcnet.reference.kernels import Array


def _starts(categories: Sequence[int]) -> Array:
    """Return where each table begins among the rows of all of them."""
    return np.cumsum([0, *(count + 1 for count in categories)])[:-1]


class _Numbers:
    """The arrays of the embedding of numbers, each by itself."""

    def __init__(self, arrays: Sequence[Array], embedding: str, sloped: bool, edges: Sequence[Sequence[float]]) -> None:
        names = {"periodic": "wbVv", "plr": "wVv", "piecewise_linear": "Vv"}[embedding] + "u" * sloped
        self.of = dict(zip(names, arrays, strict=False))
        self._edges, self._is_plr = edges, embedding == "plr"
        self._ends = np.cumsum([0, *(len(of) - 1 for of in edges)])

    def places(self, j: int) -> dict[str, Any]:
        """Return where number j has its part of each array, which is all of an array that numbers share."""
        is_shared = self.of["v"].ndim == 1
        places: dict[str, Any] = {name: ... if is_shared and name in "Vv" else j for name in self.of}
        return places | ({"V": slice(self._ends[j], self._ends[j + 1])} if self._edges else {})

    def part(self, name: str, j: int) -> Array:
        """Return what number j has of an array."""
        part: Array = self.of[name][self.places(j)[name]]
        return part

    def features(self, x: Array, j: int) -> tuple[Array, Array]:
        """Return a (n, features) of number j, whose column is x, and its slope: of bins by x, of waves by the angle."""
        if self._edges:
            lower, width = np.array(self._edges[j][:-1]), np.diff(self._edges[j])
            share = (x[:, None] - lower) / width
            is_below, is_above = share < 0, share >= 1
            is_below[:, 0] = is_above[:, -1] = False  # not cut
            return np.where(is_below, 0, np.where(is_above, 1, share)), np.where(is_below | is_above, 0, 1 / width)
        angle = 2 * np.pi * x[:, None] * self.part("w", j) + (self.part("b", j) if "b" in self.of else 0)
        cos, sin = np.cos(angle), np.sin(angle)
        return (np.hstack([cos, sin]), np.hstack([-sin, cos])) if self._is_plr else (cos, -sin)

    def embedding(self, x: Array, j: int) -> Array:
        """Return the embedding (n, size) of number j, before ReLU."""
        y: Array = self.features(x, j)[0] @ self.part("V", j) + self.part("v", j)
        return y + x[:, None] * self.part("u", j) if "u" in self.of else y

    def back(self, g: Array, x: Array, j: int, gradients: dict[str, Array]) -> Array:
        """Add to the gradients what number j gives by g, that of its embedding; return the one by x (n,)."""
        a, by = self.features(x, j)
        by = by * (g @ self.part("V", j).T)
        found = {"V": a.T @ g, "v": g.sum(axis=0), "u": x @ g}
        dx: Array = g @ self.part("u", j) if "u" in self.of else np.zeros(len(x), g.dtype)
        if self._edges:
            dx = dx + by.sum(axis=1)
        else:
            w = self.part("w", j)
            by_angle = by[:, : len(w)] + by[:, len(w) :] if self._is_plr else by
            found |= {"w": 2 * np.pi * (x @ by_angle), "b": by_angle.sum(axis=0)}
            dx = dx + 2 * np.pi * by_angle @ w
        for name, place in self.places(j).items():
            gradients[name][place] += found[name]
        return dx


def _first_kept(numbers: int, embedding: str | None) -> int:
    """Return the first column that enters as it is too."""
    return 0 if embedding in (None, "periodic") else numbers


def embed(
    x: ArrayLike,
    arrays: Sequence[Array],
    *,
    numbers: int,
    others: int = 0,
    embedding: str | None = None,
    relu: bool = False,
    sloped: bool = False,
    edges: Sequence[Sequence[float]] = (),
    categories: Sequence[int] = (),
) -> Array:
    """Return the inputs of the first layer: ``[embeddings of all numbers, numbers, others, tables]``.

    Embeddings of a number x are ``a V + v``, where a is ``cos(2 pi x w + b)`` ("periodic"), ``[cos(2 pi x w),
    sin(2 pi x w)]`` ("plr") or the shares of bins that lie below x ("piecewise_linear", perhaps with ``x u``). The
    numbers themselves stand behind them if there is no embedding, or the periodic one.

    Parameters
    ----------
    x : array (n, numbers + others + codes)
    arrays : (w, b, V, v, u, tables), without what there is not
        w, b (numbers, frequencies); V (numbers, features, size) and v (numbers, size), or those that all numbers share,
        (features, size) and (size,); of bins V (bins of all numbers, size); u (numbers, size). Where there are codes
        the rows of all tables, (rows, embedding_size).
    numbers, others : int
        Columns of x that are numbers, and others, which enter as they are.
    embedding : "periodic", "plr", "piecewise_linear" or None
        Of the numbers.
    relu, sloped : bool
        Whether the embeddings go through ReLU; whether there is u.
    edges : sequence of sequences
        Edges of the bins of each number.
    categories : sequence of int
        Number of categories of each column of codes, whose table has a row more.

    Returns
    -------
    array (n, features)
    """
    x = np.asarray(x)
    parts = []
    if embedding is not None:
        of = _Numbers(arrays, embedding, sloped, edges)
        parts = [of.embedding(x[:, j], j) for j in range(numbers)]
        parts = [np.where(np.real(part) > 0, part, 0) if relu else part for part in parts]
    codes = np.real(x[:, numbers + others :]).astype(int)
    rows = [arrays[-1][start + code] for start, code in zip(_starts(categories), codes.T, strict=True)]
    return np.hstack([*parts, x[:, _first_kept(numbers, embedding) : numbers + others], *rows])


def through_embedding(
    sigma: ArrayLike,
    x: ArrayLike,
    arrays: Sequence[Array],
    *,
    numbers: int,
    others: int = 0,
    embedding: str | None = None,
    relu: bool = False,
    sloped: bool = False,
    edges: Sequence[Sequence[float]] = (),
    categories: Sequence[int] = (),
) -> tuple[tuple[Array, ...], Array]:
    """Backward pass of embed: from the derivative by its result, those by the arrays and by x.

    Parameters
    ----------
    sigma : array (n, features)
    x, arrays, numbers, others, embedding, relu, sloped, edges, categories : as embed

    Returns
    -------
    gradients : as arrays
        Sums over the samples.
    dx : array as x
        0 in columns of codes.
    """
    x, sigma = np.asarray(x), np.asarray(sigma)
    gradients: dict[str, Array] = {}
    dx, at = np.zeros_like(sigma, shape=x.shape), 0
    if embedding is not None:
        of = _Numbers(arrays, embedding, sloped, edges)
        gradients = {name: np.zeros_like(sigma, shape=array.shape) for name, array in of.of.items()}
        for j in range(numbers):
            y = of.embedding(x[:, j], j)
            g = sigma[:, at : at + y.shape[1]]
            dx[:, j] = of.back(np.where(np.real(y) > 0, g, 0) if relu else g, x[:, j], j, gradients)
            at += y.shape[1]
    first, kept = _first_kept(numbers, embedding), numbers + others
    dx[:, first:kept] += sigma[:, at : at + kept - first]
    found = list(gradients.values())
    if categories:
        tables = np.zeros_like(sigma, shape=arrays[-1].shape)
        of_tables = sigma[:, at + kept - first :].reshape(len(x), len(categories), -1)
        codes = np.real(x[:, kept:]).astype(int)
        for i, start in enumerate(_starts(categories)):
            np.add.at(tables, start + codes[:, i], of_tables[:, i])
        found.append(tables)
    return tuple(found), dx
