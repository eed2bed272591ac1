"""Initializers of the weights; biases start at 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import check_numbers
from fcnet._checks.suggestions import meant

__all__ = ["Constant", "Initializer", "Orthogonal", "VarianceScaling"]

Array = NDArray[Any]
InitializerName = Literal[
    "auto",
    "he_normal",
    "he_uniform",
    "glorot_normal",
    "glorot_uniform",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
    "zeros",
]


class Initializer:
    """Base class of the initializers."""

    def draw(self, k: int, m: int, random: np.random.Generator) -> Array:
        """Draw the weights (k, m) of a layer with k inputs and m outputs."""
        raise NotImplementedError


@suggesting
@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Random, independent weights with mean 0 and variance ``scale / fan``.

    Parameters
    ----------
    scale : float > 0
    fan : {"in", "mean"}
        The number of the layer's inputs, or the mean of its numbers of inputs and outputs.
    distribution : {"normal", "uniform"}

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    scale: float = 1.0
    fan: Literal["in", "mean"] = "in"
    distribution: Literal["normal", "uniform"] = "normal"

    def __post_init__(self) -> None:
        check_numbers(self, {"scale": ("a positive, finite number", lambda value: 0 < value < math.inf)})
        if not isinstance(self.fan, str) or self.fan not in ("in", "mean"):
            raise ValueError(f"fan is {self.fan!r}: expected 'in' or 'mean'")
        if not isinstance(self.distribution, str) or self.distribution not in ("normal", "uniform"):
            raise ValueError(f"distribution is {self.distribution!r}: expected 'normal' or 'uniform'")

    def draw(self, k: int, m: int, random: np.random.Generator) -> Array:
        """Return the weights (k, m)."""
        spread = math.sqrt(self.scale / (k if self.fan == "in" else (k + m) / 2))
        if self.distribution == "normal":
            return random.normal(0, spread, (k, m))
        return random.uniform(-math.sqrt(3) * spread, math.sqrt(3) * spread, (k, m))


@suggesting
@dataclass(frozen=True)
class Orthogonal(Initializer):
    """``gain`` times a matrix whose rows or columns, whichever are fewer, are orthonormal (Saxe et al. 2014).

    Parameters
    ----------
    gain : float > 0, default 1

    Raises
    ------
    TypeError, ValueError : gain is not as above.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        check_numbers(self, {"gain": ("a positive, finite number", lambda value: 0 < value < math.inf)})

    def draw(self, k: int, m: int, random: np.random.Generator) -> Array:
        """Return the weights (k, m)."""
        q, r = np.linalg.qr(random.standard_normal((max(k, m), min(k, m))))
        q = self.gain * q * np.where(np.diagonal(r) < 0, -1, 1)  # for a uniform distribution
        return q if k >= m else q.T


@suggesting
@dataclass(frozen=True)
class Constant(Initializer):
    """Give all weights the same value.

    Parameters
    ----------
    value : float

    Raises
    ------
    TypeError, ValueError : value is not a finite number.
    """

    value: float

    def __post_init__(self) -> None:
        check_numbers(self, {"value": ("a finite number", math.isfinite)})

    def draw(self, k: int, m: int, random: np.random.Generator) -> Array:
        """Return the weights (k, m)."""
        return np.full((k, m), self.value)


@dataclass(frozen=True, eq=False)
class Given(Initializer):
    """The weights of an array."""

    weights: ArrayLike

    def __repr__(self) -> str:
        return f"Given({' x '.join(map(str, np.shape(self.weights)))} weights)"

    def draw(self, k: int, m: int, random: np.random.Generator) -> Array:
        """Return the weights, which the network checks."""
        return np.asarray(self.weights)


# He et al. 2015; Glorot and Bengio 2010; LeCun et al. 1998
_BY_NAME: dict[str, Initializer] = {
    "he_normal": VarianceScaling(2, "in", "normal"),
    "he_uniform": VarianceScaling(2, "in", "uniform"),
    "glorot_normal": VarianceScaling(1, "mean", "normal"),
    "glorot_uniform": VarianceScaling(1, "mean", "uniform"),
    "lecun_normal": VarianceScaling(1, "in", "normal"),
    "lecun_uniform": VarianceScaling(1, "in", "uniform"),
    "orthogonal": Orthogonal(),
    "zeros": Constant(0),
}


def checked_initializer(given: object) -> Initializer | Literal["auto"]:
    """Return the initializer that the argument ``init`` of ``Dense`` describes.

    Raises
    ------
    ValueError : the name is unknown.
    """
    if isinstance(given, Initializer):
        return given
    if not isinstance(given, str):
        return Given(given)  # type: ignore[arg-type]
    if given == "auto":
        return "auto"
    if given not in _BY_NAME:
        names = get_args(InitializerName)
        raise ValueError(f"init is {given!r}: expected one of {', '.join(names)}, or an array{meant(given, names)}")
    return _BY_NAME[given]


def first_weights(init: Initializer, k: int, m: int, seed: int, layer: int) -> Array:
    """Draw the initial weights (k, m) of a layer; the result depends on the arguments only."""
    random = np.random.Generator(np.random.Philox(key=np.array([seed, layer], np.uint64)))
    return init.draw(k, m, random)
