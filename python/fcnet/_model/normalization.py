"""What a layer may do between its product and its F: frozen dataclasses that ``Dense`` takes as ``normalization=``.

With ``z = h_prev W`` a normalised layer computes ``h_in = gamma o (z - mean) / sqrt(variance + epsilon) + B``, gamma of
every neuron trained like its bias B, from 1 on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import POSITIVE, Range, check_numbers
from fcnet._checks.public import public

NormalizationName = Literal["batch", "layer"]


@dataclass(frozen=True)
class Normalization:
    """What both have in common."""

    name: ClassVar[str]
    parts: ClassVar[tuple[str, ...]]  # of a layer's parameters, beside W and B
    _ranges: ClassVar[Mapping[str, Range]] = {"epsilon": POSITIVE}
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        check_numbers(self, self._ranges)

    def check_for(self, dtype: np.dtype[Any]) -> None:
        """ValueError where epsilon would be 0 or infinite in a network of this type."""
        least, most = float(np.finfo(dtype).smallest_normal), float(np.finfo(dtype).max)
        if not least <= self.epsilon <= most:
            expected = f"{least:.2g} <= epsilon <= {most:.2g}"
            raise ValueError(f"epsilon of the normalization is {self.epsilon}: expected {expected} for {dtype}")

    def plain(self) -> dict[str, Any]:
        """Name and options, for a file."""
        return {"name": self.name, **asdict(self)}

    def said(self) -> Normalization | str:
        """The name alone where the options are the usual ones."""
        return self.name if self == type(self)() else self


@public
@suggesting
@dataclass(frozen=True)
class LayerNorm(Normalization):
    """Mean and variance are those of a sample over the layer's neurons (Ba, Kiros and Hinton 2016).

    Parameters
    ----------
    epsilon : float > 0, default 1e-5

    Raises
    ------
    TypeError, ValueError : epsilon is not as above.
    """

    name: ClassVar[str] = "layer"
    parts: ClassVar[tuple[str, ...]] = ("gamma",)


@public
@suggesting
@dataclass(frozen=True)
class BatchNorm(Normalization):
    """Mean and variance are those of a neuron over the batch of a step (Ioffe and Szegedy 2015).

    Prediction and evaluation take running ones, and so do steps while the layer is frozen: after every step
    ``running <- (1 - momentum) running + momentum of the batch``, the variance with ``n - 1`` in place of n. One sample
    has no variance: where every step has one, as with ``batch_size=1``, it is a ValueError; where the last batch of an
    epoch has, the step leaves the running statistics as they are and gives a warning (``fit(drop_last=True)`` leaves it
    out).

    Parameters
    ----------
    epsilon : float > 0, default 1e-5
    momentum : float in (0, 1], default 0.1
        What the last batch counts, as in PyTorch; Keras' momentum is 1 minus it.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    name: ClassVar[str] = "batch"
    parts: ClassVar[tuple[str, ...]] = ("gamma", "mean", "variance")
    _ranges: ClassVar[Mapping[str, Range]] = {
        "epsilon": POSITIVE,
        "momentum": ("0 < momentum <= 1", lambda value: 0 < value <= 1),
    }
    momentum: float = 0.1


_BY_NAME: dict[object, type[Normalization]] = {"batch": BatchNorm, "layer": LayerNorm}


def normalization_of(given: object) -> Normalization | None:
    """What ``Dense`` takes, or what ``plain`` gives.

    Raises
    ------
    TypeError, ValueError : none of these.
    """
    if given is None or isinstance(given, BatchNorm | LayerNorm):
        return given
    if isinstance(given, type) and issubclass(given, BatchNorm | LayerNorm):
        return given()
    options: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {"name": given}
    name = options.pop("name", None)
    if not isinstance(name, str) or name not in _BY_NAME:
        raise ValueError(f"normalization is {given!r}: expected 'batch', 'layer', fcnet.BatchNorm(), fcnet.LayerNorm()")
    return _BY_NAME[name](**options)
