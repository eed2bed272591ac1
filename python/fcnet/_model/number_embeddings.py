"""Embeddings of numbers: ``Periodic``, ``PLR`` and ``PiecewiseLinear``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import AT_LEAST_0, POSITIVE, check_numbers, flag, whole_number
from fcnet._checks.public import public

Array = NDArray[Any]
_MOST = 128  # features and outputs of the embedding of a number


def shown(given: Any) -> str:
    """Return the repr of a dataclass without the options that have their defaults."""
    values = ((field, getattr(given, field.name)) for field in fields(given))
    options = (f"{field.name}={value!r}" for field, value in values if value != field.default)
    return f"{type(given).__name__}({', '.join(options)})"


def _check_factors(given: Any) -> None:
    """Check the factors of an embedding."""
    check_numbers(given, {"rate_factor": AT_LEAST_0})
    if given.decay_factor is not None:
        check_numbers(given, {"decay_factor": AT_LEAST_0})


def _checked_activation(given: object) -> bool:
    """Return whether an activation of embeddings is ReLU; ValueError if it is another."""
    if not isinstance(given, str) or given not in ("relu", "identity"):
        raise ValueError(f"activation is {given!r}: expected 'relu' or 'identity'")
    return given == "relu"


@public
@suggesting
@dataclass(frozen=True, repr=False)
class Periodic:
    """Periodic embedding of numbers: ``[cos(2 pi x w + b) V + v, x]`` of each number x, with arrays of its own.

    It is "PBLD" of RealMLP (Holzmueller et al. 2024) after Gorishniy et al. (2022). The inputs of the first layer are
    the embeddings of all numbers, then the numbers themselves.

    Parameters
    ----------
    frequencies : int in [1, 128], default 16
        Length of w, which is drawn from a normal distribution, and of b, uniform from -pi to pi.
    size : int in [1, 128], default 3
        Outputs of V (frequencies, size) and v, which are uniform within ``1 / sqrt(frequencies)``.
    sigma : float > 0, default 0.1
        Standard deviation of w at first. Larger ones suit functions with more detail.
    rate_factor : float >= 0, default 1
        Factor on the optimizer's learning rate for all arrays.
    decay_factor : float >= 0, optional
        Factor on the optimizer's weight decay and L2 penalty for all arrays. The default is 0, or 1 where the optimizer
        has ``decay_biases=True``.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    name: ClassVar[str] = "periodic"
    frequencies: int = 16
    size: int = 3
    sigma: float = 0.1
    rate_factor: float = 1.0
    decay_factor: float | None = None

    def __post_init__(self) -> None:
        for option in ("frequencies", "size"):
            object.__setattr__(self, option, whole_number(getattr(self, option), option, 1, _MOST))
        check_numbers(self, {"sigma": POSITIVE})
        _check_factors(self)

    __repr__ = shown

    @property
    def keeps_numbers(self) -> bool:
        """Whether the numbers themselves are inputs too."""
        return True

    def of_rows(self) -> dict[str, Any]:
        """Return the options of ``fcnet.reference.embed``."""
        return {"embedding": self.name}

    def native(self) -> tuple[Any, ...]:
        """Return the embedding as the native core takes it."""
        return self.name, self.frequencies, self.size, False, False, False, []

    def shapes(self, numbers: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the arrays, in the order of the native core."""
        waves = numbers, self.frequencies
        return {"frequencies": waves, "phases": waves, "W": (*waves, self.size), "B": (numbers, self.size)}

    def draw(self, numbers: int, random: np.random.Generator) -> dict[str, Array]:
        """Draw the first values of the arrays."""
        shapes, most = self.shapes(numbers), 1 / math.sqrt(self.frequencies)
        return {
            "frequencies": random.normal(0, self.sigma, shapes["frequencies"]),
            "phases": random.uniform(-math.pi, math.pi, shapes["phases"]),
            "W": random.uniform(-most, most, shapes["W"]),
            "B": random.uniform(-most, most, shapes["B"]),
        }


@public
@suggesting
@dataclass(frozen=True, repr=False)
class PLR:
    """Embedding of numbers by sines and cosines: ``ReLU([cos(2 pi x w), sin(2 pi x w)] V + v)`` of each number x.

    "PLR" of Gorishniy et al. (2022), and "PL" with ``activation="identity"``. The inputs of the first layer are the
    embeddings of all numbers; the numbers themselves are not.

    Parameters
    ----------
    frequencies : int in [1, 64], default 48
        Length of w, which is drawn from a normal distribution, again where it is beyond 3 sigma.
    size : int in [1, 128], default 24
        Outputs of V (2 frequencies, size) and v, which are uniform within ``1 / sqrt(2 frequencies)``.
    sigma : float > 0, default 0.01
        Standard deviation of w at first. Try several, up to 10: it matters more than all else.
    activation : {"relu", "identity"}, default "relu"
    lite : bool, default False
        All numbers share V and v, which have ``frequencies`` times fewer parameters; with "relu" only.
    rate_factor, decay_factor : as for ``Periodic``

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    name: ClassVar[str] = "plr"
    keeps_numbers: ClassVar[bool] = False
    frequencies: int = 48
    size: int = 24
    sigma: float = 0.01
    activation: Literal["relu", "identity"] = "relu"
    lite: bool = False
    rate_factor: float = 1.0
    decay_factor: float | None = None

    def __post_init__(self) -> None:
        for option, most in (("frequencies", _MOST // 2), ("size", _MOST)):
            object.__setattr__(self, option, whole_number(getattr(self, option), option, 1, most))
        check_numbers(self, {"sigma": POSITIVE})
        object.__setattr__(self, "lite", flag(self.lite, "lite"))
        if not _checked_activation(self.activation) and self.lite:
            raise ValueError("lite is True, and activation is 'identity': expected 'relu', or not lite")
        _check_factors(self)

    __repr__ = shown

    def of_rows(self) -> dict[str, Any]:
        """Return the options of ``fcnet.reference.embed``."""
        return {"embedding": self.name, "relu": self.activation == "relu"}

    def native(self) -> tuple[Any, ...]:
        """Return the embedding as the native core takes it."""
        return self.name, self.frequencies, self.size, self.activation == "relu", self.lite, False, []

    def shapes(self, numbers: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the arrays, in the order of the native core."""
        own = () if self.lite else (numbers,)
        return {
            "frequencies": (numbers, self.frequencies),
            "W": (*own, 2 * self.frequencies, self.size),
            "B": (*own, self.size),
        }

    def draw(self, numbers: int, random: np.random.Generator) -> dict[str, Array]:
        """Draw the first values of the arrays."""
        shapes, most = self.shapes(numbers), 1 / math.sqrt(2 * self.frequencies)
        waves = random.standard_normal(shapes["frequencies"])
        while (is_far := np.abs(waves) > 3).any():
            waves[is_far] = random.standard_normal(int(is_far.sum()))
        return {
            "frequencies": self.sigma * waves,
            "W": random.uniform(-most, most, shapes["W"]),
            "B": random.uniform(-most, most, shapes["B"]),
        }


@public
@suggesting
@dataclass(frozen=True, repr=False)
class PiecewiseLinear:
    """Embedding of numbers by bins: ``x u + v + e V`` of each number x, where e are the shares of bins below x.

    A bin from b_0 to b_1 has the share ``(x - b_0) / (b_1 - b_0)``, cut to [0, 1]; the first bin's is not cut below,
    the last one's not above (Gorishniy et al. 2022; version "B", Gorishniy et al. 2025). The inputs of the first layer
    are the embeddings of all numbers; the numbers themselves are not.

    Parameters
    ----------
    edges : sequence of arrays (bins + 1,)
        For each number the edges of its bins, 1 to 128, in ascending order and in the units of x after ``offset`` and
        ``scale``; such as those of ``fcnet.tabular.quantile_edges``.
    size : int in [1, 128], default 16
        Outputs of V, u and v.
    version : {"B", "A"}, default "B"
        "B": V is 0 at first; u and v are uniform within ``1 / sqrt(size)``. "A": there is no u; V and v are uniform
        within ``1 / sqrt(most bins of a number)``.
    activation : {"identity", "relu"}, default "identity"
        "relu" for version "A" only.
    rate_factor, decay_factor : as for ``Periodic``

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    name: ClassVar[str] = "piecewise_linear"
    keeps_numbers: ClassVar[bool] = False
    edges: Sequence[ArrayLike]
    size: int = 16
    version: Literal["A", "B"] = "B"
    activation: Literal["identity", "relu"] = "identity"
    rate_factor: float = 1.0
    decay_factor: float | None = None

    def __post_init__(self) -> None:
        is_sequence = isinstance(self.edges, Sequence | np.ndarray) and getattr(self.edges, "ndim", 1) > 0
        if isinstance(self.edges, str | bytes) or not is_sequence:
            raise TypeError(f"edges is {self.edges!r}: expected a sequence of edges for each number")
        if not len(self.edges):
            raise ValueError("edges is empty: expected edges for each number")
        object.__setattr__(self, "edges", tuple(_edges(given, i) for i, given in enumerate(self.edges)))
        object.__setattr__(self, "size", whole_number(self.size, "size", 1, _MOST))
        if not isinstance(self.version, str) or self.version not in ("A", "B"):
            raise ValueError(f"version is {self.version!r}: expected 'A' or 'B'")
        if _checked_activation(self.activation) and self.version == "B":
            raise ValueError("activation is 'relu', and version is 'B': expected 'identity', or version 'A'")
        _check_factors(self)

    def __repr__(self) -> str:
        values = ((field, getattr(self, field.name)) for field in fields(self)[1:])
        options = [f"{field.name}={value!r}" for field, value in values if value != field.default]
        return f"PiecewiseLinear({', '.join([f'{self.bins} bins', *options])})"

    @property
    def bins(self) -> int:
        """The most bins of a number."""
        return max(len(np.asarray(of)) - 1 for of in self.edges)

    def check_for(self, dtype: np.dtype[Any]) -> None:
        """Raise ValueError if a bin is too narrow, or an edge too large, for a network of this dtype."""
        for i, of in enumerate(self.edges):
            with np.errstate(over="ignore", divide="ignore"):
                edges = np.asarray(of).astype(dtype)
                fit = np.isfinite(edges).all() and np.isfinite(1 / np.diff(edges)).all()
            if not fit:
                raise ValueError(
                    f"edges[{i}] is {np.asarray(of).tolist()}: expected edges that are finite and differ in {dtype}"
                )

    def of_rows(self) -> dict[str, Any]:
        """Return the options of ``fcnet.reference.embed``."""
        is_b = self.version == "B"
        return {"embedding": self.name, "relu": self.activation == "relu", "sloped": is_b, "edges": self.edges}

    def native(self) -> tuple[Any, ...]:
        """Return the embedding as the native core takes it."""
        return self.name, 0, self.size, self.activation == "relu", False, self.version == "B", self.edges

    def shapes(self, numbers: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the arrays, in the order of the native core."""
        bins = sum(len(np.asarray(of)) - 1 for of in self.edges)
        shapes: dict[str, tuple[int, ...]] = {"W": (bins, self.size), "B": (numbers, self.size)}
        return shapes | ({"slopes": (numbers, self.size)} if self.version == "B" else {})

    def draw(self, numbers: int, random: np.random.Generator) -> dict[str, Array]:
        """Draw the first values of the arrays."""
        shapes = self.shapes(numbers)
        most = 1 / math.sqrt(self.size if self.version == "B" else self.bins)
        drawn = {name: random.uniform(-most, most, shape) for name, shape in shapes.items()}
        return drawn | ({"W": np.zeros(shapes["W"])} if self.version == "B" else {})


def _edges(given: Any, number: int) -> tuple[float, ...]:
    """Check the edges of the bins of a number."""
    name = f"edges[{number}]"
    try:
        edges = np.asarray(given)
    except (TypeError, ValueError):
        edges = np.array([None])
    if edges.dtype.kind not in "fiu":
        raise TypeError(f"{name} is {given!r}: expected numbers in ascending order")
    edges = edges.astype(np.float64)
    if edges.ndim != 1 or not 2 <= len(edges) <= _MOST + 1:
        raise ValueError(f"{name} has shape {edges.shape}: expected 2 to {_MOST + 1} numbers in ascending order")
    if not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise ValueError(f"{name} is {edges.tolist()}: expected finite numbers in ascending order, each different")
    return tuple(edges.tolist())


NumberEmbedding = Periodic | PLR | PiecewiseLinear
EMBEDDINGS = Periodic, PLR, PiecewiseLinear


def embedding_to_plain(embedding: NumberEmbedding | None) -> dict[str, Any] | None:
    """Return an embedding of numbers in plain values, for a file."""
    return None if embedding is None else {"name": embedding.name, **asdict(embedding)}


def embedding_from_plain(plain: Any) -> NumberEmbedding | None:
    """Return the embedding of ``embedding_to_plain``, which may come from a damaged file.

    Raises
    ------
    TypeError, ValueError : it is none.
    """
    if plain is None:
        return None
    kinds: dict[Any, type[NumberEmbedding]] = {kind.name: kind for kind in EMBEDDINGS}
    name = plain.get("name") if isinstance(plain, Mapping) else None
    if not isinstance(name, str) or name not in kinds:
        raise ValueError(f"the embedding of numbers is {plain!r}: expected one of {', '.join(kinds)} with options")
    return kinds[name](**{option: value for option, value in plain.items() if option != "name"})
