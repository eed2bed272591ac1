"""Embeddings of the columns of x: numbers by cosines, categories by rows of tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from fcnet.reference.kernels import Array


def _starts(categories: Sequence[int]) -> Array:
    """Return where each table begins among the rows of all of them."""
    return np.cumsum([0, *(count + 1 for count in categories)])[:-1]


def embed(
    x: ArrayLike,
    arrays: Sequence[Array],
    *,
    numbers: int,
    others: int = 0,
    embedding: str | None = None,
    categories: Sequence[int] = (),
) -> Array:
    """Return the inputs of the first layer: ``[cos(2 pi x w + b) V + v of each number, numbers, others, tables]``.

    Parameters
    ----------
    x : array (n, numbers + others + codes)
    arrays : (w, b, V, v, tables)
        Of the embedding: (numbers, frequencies) twice, (numbers, frequencies, size), (numbers, size); where there are
        codes the rows of all tables, (rows, embedding_size).
    numbers, others : int
        Columns of x that are numbers, and others, which enter as they are.
    embedding : "periodic" or None
        Of the numbers.
    categories : sequence of int
        Number of categories of each column of codes, whose table has a row more.

    Returns
    -------
    array (n, features)
    """
    x = np.asarray(x)
    of_numbers, kept = x[:, :numbers], x[:, : numbers + others]
    parts = [kept]
    if embedding is not None:
        w, b, v, bias = arrays[:4]
        waves = np.cos(2 * np.pi * of_numbers[:, :, None] * w + b)
        parts = [(np.einsum("njf,jfo->njo", waves, v) + bias).reshape(len(x), -1), kept]
    codes = np.real(x[:, numbers + others :]).astype(int)
    rows = [arrays[-1][start + code] for start, code in zip(_starts(categories), codes.T, strict=True)]
    return np.hstack([*parts, *rows])


def through_embedding(
    sigma: ArrayLike,
    x: ArrayLike,
    arrays: Sequence[Array],
    *,
    numbers: int,
    others: int = 0,
    embedding: str | None = None,
    categories: Sequence[int] = (),
) -> tuple[tuple[Array, ...], Array]:
    """Backward pass of embed: from the derivative by its result, those by the arrays and by x.

    Parameters
    ----------
    sigma : array (n, features)
    x, arrays, numbers, others, embedding, categories : as embed

    Returns
    -------
    gradients : as arrays
        Sums over the samples.
    dx : array as x
        0 in columns of codes.
    """
    x, sigma = np.asarray(x), np.asarray(sigma)
    gradients: list[Array] = []
    dx, at = np.zeros_like(sigma, shape=x.shape), 0
    if embedding is not None:
        w, b, v, bias = arrays[:4]
        of_numbers, at = x[:, :numbers, None], bias.size
        g = sigma[:, :at].reshape(len(x), *bias.shape)
        angle = 2 * np.pi * of_numbers * w + b
        by_angle = -np.sin(angle) * np.einsum("njo,jfo->njf", g, v)
        gradients = [
            2 * np.pi * (of_numbers * by_angle).sum(axis=0),
            by_angle.sum(axis=0),
            np.einsum("njf,njo->jfo", np.cos(angle), g),
            g.sum(axis=0),
        ]
        dx[:, :numbers] = 2 * np.pi * (w * by_angle).sum(axis=2)
    kept = numbers + others
    dx[:, :kept] += sigma[:, at : at + kept]
    if categories:
        tables = np.zeros_like(sigma, shape=arrays[-1].shape)
        of_tables = sigma[:, at + kept :].reshape(len(x), len(categories), -1)
        codes = np.real(x[:, kept:]).astype(int)
        for i, start in enumerate(_starts(categories)):
            np.add.at(tables, start + codes[:, i], of_tables[:, i])
        gradients.append(tables)
    return tuple(gradients), dx
