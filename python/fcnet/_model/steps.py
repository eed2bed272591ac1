"""The steps of a network one after the other, as other libraries have them: modules, layers, transformers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from fcnet._model.columns import Columns
from fcnet._model.normalization import Normalization
from fcnet.activations import Activation

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Step:
    """A step of a chain.

    ``place`` is what messages call it; ``trains`` says of arrays of another library's object whether that trains them.
    """

    place: str
    trains: Mapping[str, bool] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True, eq=False)
class Affine(Step):
    """Scaling of the inputs by constants, ``scale (x - offset)``; each () or (k,)."""

    offset: Array
    scale: Array


@dataclass(frozen=True, eq=False)
class Scaling(Step):
    """``fcnet.Scale``: a trainable factor for each of the inputs of the next product."""

    values: Array
    trainable: bool = True


@dataclass(frozen=True, eq=False)
class Product(Step):
    """``x W + B``, without B where it is None."""

    W: Array
    B: Array | None
    trainable: bool = True


@dataclass(frozen=True, eq=False)
class Normalized(Step):
    """Batch or layer normalisation with gamma, and with B behind it unless that is None."""

    spec: Normalization
    gamma: Array
    B: Array | None
    mean: Array | None = None
    variance: Array | None = None
    trainable: bool = True


@dataclass(frozen=True, eq=False)
class Function(Step):
    """An activation as ``Layer.activation`` gives it; parametric where there is a mix."""

    name: str | Activation
    mix: Array | None = None
    trainable: bool = True


@dataclass(frozen=True, eq=False)
class Dropout(Step):
    """Dropout in training."""

    rate: float


@dataclass(frozen=True, eq=False)
class Embedding(Step):
    """``fcnet.Columns`` with its arrays."""

    spec: Columns
    arrays: dict[str, Array]
    trainable: bool


@dataclass(frozen=True, eq=False)
class Adapter(Step):
    """Factors (k, members) of members, R or S, and with S the B (k, members) behind it; the first R makes members."""

    values: Array
    B: Array | None
    first: bool
    trainable: bool


@dataclass(frozen=True, eq=False)
class Heads(Step):
    """The last layers W (k, m, members) and B (m, members) of members."""

    W: Array
    B: Array
    trainable: bool


@dataclass(frozen=True, eq=False)
class Mean(Step):
    """The mean over members."""


@dataclass(frozen=True, eq=False)
class Reshaping(Step):
    """Rows made flat before the first product, or an axis of one number left off at the end."""

    at_end: bool


@dataclass(frozen=True, eq=False)
class Sorting(Step):
    """The quantiles of each target, sorted."""

    quantiles: int
