"""Samples and what belongs to them, checked for a network; those to train on and those to validate on."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

from numpy.typing import ArrayLike, NDArray

from fcnet import arrays
from fcnet.architecture import Architecture
from fcnet.splitting import hold_back


@dataclass(frozen=True)
class Examples:
    """Checked samples and labels or targets, as the native core takes both."""

    x: NDArray[Any]
    y: NDArray[Any]

    @classmethod
    def of(
        cls,
        made: Architecture,
        x: ArrayLike,
        y: ArrayLike,
        names: tuple[str, str] = ("x", "y"),
        *,
        finite: bool,
    ) -> Examples:
        """From what a user gives.

        Raises
        ------
        TypeError, ValueError : x or y is not what ``Network.fit`` expects; messages call them by ``names``.
        """
        samples = arrays.samples(x, made.sizes[0], made.dtype, finite=finite, name=names[0])
        if made.classifies:
            return cls(samples, arrays.labels(y, len(samples), made.sizes[-1], names[1]))
        return cls(samples, arrays.targets(y, len(samples), made.sizes[-1], made.dtype, names[1]))

    def not_empty(self, name: str) -> Examples:
        """The same.

        Raises
        ------
        ValueError : there are no samples; the message calls x by ``name``.
        """
        if len(self.x) == 0:
            raise ValueError(f"{name} has shape {self.x.shape}: expected at least one sample")
        return self

    def with_validation(
        self, made: Architecture, data: tuple[ArrayLike, ArrayLike] | None, share: float
    ) -> tuple[Examples, Examples | None]:
        """What is trained on and what is validated on, by ``Network.fit``'s validation_data and validation_split.

        Raises
        ------
        TypeError, ValueError : they are not what it expects.
        """
        if isinstance(share, bool) or not isinstance(share, Real):
            raise TypeError(f"validation_split is {share!r}: expected a number")
        if not 0 <= share < 1:
            raise ValueError(f"validation_split is {share!r}: expected 0 <= validation_split < 1")
        if data is not None:
            if share:
                raise ValueError("validation_data and validation_split are given: expected one of them")
            if not isinstance(data, tuple | list) or len(data) != 2:
                raise TypeError(f"validation_data is a {type(data).__name__}: expected a pair (x, y)")
            names = ("validation_data[0]", "validation_data[1]")
            return self, Examples.of(made, *data, names, finite=True).not_empty(names[0])
        if not share:
            return self, None
        parts = hold_back(len(self.x), float(share), made.seed, self.y if made.classifies else None)
        kept, held = (Examples(self.x[rows], self.y[rows]) for rows in parts)
        return kept, held
