"""Batch and layer normalisation: frozen dataclasses that ``Dense`` takes as ``normalization=``.

With ``z = h_prev W`` a normalised layer computes ``h_in = gamma o (z - mean) / sqrt(variance + epsilon) + B``. The
scale gamma of every neuron starts at 1 and is trained like its bias B. Before layer normalisation z may have a bias,
which batch normalisation would cancel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import POSITIVE, Range, check_numbers, flag
from fcnet._checks.public import public

NormalizationName = Literal["batch", "layer"]


@dataclass(frozen=True)
class Normalization:
    """Base class of batch and layer normalisation."""

    name: ClassVar[str]
    running_parts: ClassVar[tuple[str, ...]] = ()  # names of the running statistics
    _ranges: ClassVar[Mapping[str, Range]] = {"epsilon": POSITIVE}
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        check_numbers(self, self._ranges)

    @property
    def trained_parts(self) -> tuple[str, ...]:
        """The names of the layer's trained parameters beside W and B."""
        return ("gamma",)

    def check_for(self, dtype: np.dtype[Any]) -> None:
        """Raise ValueError if epsilon would be 0 or infinite in a network of this dtype."""
        least, most = float(np.finfo(dtype).smallest_normal), float(np.finfo(dtype).max)
        if not least <= self.epsilon <= most:
            expected = f"{least:.2g} <= epsilon <= {most:.2g}"
            raise ValueError(f"epsilon of the normalization is {self.epsilon}: expected {expected} for {dtype}")

    def plain(self) -> dict[str, Any]:
        """Return name and options in plain values, for a file."""
        return {"name": self.name, **asdict(self)}

    def name_or_self(self) -> Normalization | str:
        """Return the name if the options have their defaults, otherwise the object."""
        return self.name if self == type(self)() else self


@public
@suggesting
@dataclass(frozen=True, repr=False)
class LayerNorm(Normalization):
    """Layer normalisation: mean and variance of each sample over the layer's neurons (Ba, Kiros and Hinton 2016).

    Parameters
    ----------
    epsilon : float > 0, default 1e-5
    product_bias : bool, default False
        Whether the product has a trained bias before the normalisation too, ``z = h_prev W + product_bias``, as a
        ``Linear`` of PyTorch before a ``LayerNorm`` has by default. It starts at 0. B, which is added after the
        normalisation, is the ``bias`` of ``Dense``.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    name: ClassVar[str] = "layer"
    product_bias: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "product_bias", flag(self.product_bias, "product_bias"))

    @property
    def trained_parts(self) -> tuple[str, ...]:
        """The names of the layer's trained parameters beside W and B."""
        return ("gamma", "product_bias") if self.product_bias else ("gamma",)

    def plain(self) -> dict[str, Any]:
        """Return name and options in plain values, without the product's bias where there is none, as in version 3."""
        plain = super().plain()
        return plain if self.product_bias else {name: plain[name] for name in plain if name != "product_bias"}

    def __repr__(self) -> str:
        return f"LayerNorm(epsilon={self.epsilon!r}{', product_bias=True' if self.product_bias else ''})"


@public
@suggesting
@dataclass(frozen=True)
class BatchNorm(Normalization):
    """Batch normalisation: mean and variance of each neuron over the mini-batch of a step (Ioffe and Szegedy 2015).

    Prediction and evaluation use the running statistics, and so do training steps if the layer is frozen. Every step
    updates them by ``running <- (1 - momentum) running + momentum batch``, where the variance of the batch is divided
    by ``n - 1``. A single sample has no variance. Steps of one sample, as with ``batch_size=1``, therefore raise
    ValueError; if only the last batch of an epoch has one sample, it does not update the running statistics, and the
    fit gives a warning. ``fit(drop_last=True)`` drops such a batch.

    Parameters
    ----------
    epsilon : float > 0, default 1e-5
    momentum : float in (0, 1], default 0.1
        Weight of the newest batch in the running statistics, as in PyTorch; Keras' momentum is one minus this.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    name: ClassVar[str] = "batch"
    running_parts: ClassVar[tuple[str, ...]] = ("mean", "variance")
    _ranges: ClassVar[Mapping[str, Range]] = {
        "epsilon": POSITIVE,
        "momentum": ("0 < momentum <= 1", lambda value: 0 < value <= 1),
    }
    momentum: float = 0.1


_BY_NAME: dict[object, type[Normalization]] = {"batch": BatchNorm, "layer": LayerNorm}


def normalization_of(given: object) -> Normalization | None:
    """Return the normalization that an argument of ``Dense``, or a result of ``plain``, describes.

    Raises
    ------
    TypeError, ValueError : the argument is not a normalization.
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


def without_product_bias(norm: Normalization) -> Normalization:
    """Return the normalization for a product that has its bias already."""
    return replace(norm, product_bias=False) if isinstance(norm, LayerNorm) else norm
