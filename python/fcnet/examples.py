"""Samples and what belongs to them, checked for a network; those to train on and those to validate on."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

from numpy.typing import ArrayLike, NDArray

from fcnet import tables
from fcnet.architecture import Architecture
from fcnet.samples import samples
from fcnet.sparse import SparseRows
from fcnet.splitting import hold_back
from fcnet.targets import labels, targets


@dataclass(frozen=True)
class Examples:
    """Checked samples and labels or targets, as the native core takes both, and the names of x's columns if known."""

    x: NDArray[Any] | SparseRows
    y: NDArray[Any]
    features: tuple[str, ...] | None

    @classmethod
    def of(
        cls,
        made: Architecture,
        x: ArrayLike,
        y: ArrayLike,
        names: tuple[str, str] = ("x", "y"),
        *,
        finite: bool,
        known: tuple[str, ...] | None,
    ) -> Examples:
        """From what a user gives; ``known``: the columns that a table must have.

        Raises
        ------
        TypeError, ValueError : x or y is not what ``Network.fit`` expects; messages call them by ``names``.
        """
        rows = samples(x, made.sizes[0], made.dtype, finite=finite, known=known, name=names[0])
        features = known or tables.column_names(x)
        if made.classifies:
            return cls(rows, labels(y, len(rows), made.sizes[-1], names[1]), features)
        return cls(rows, targets(y, len(rows), made.sizes[-1], made.dtype, names[1]), features)

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
            return self, Examples.of(made, *data, names, finite=True, known=self.features).not_empty(names[0])
        if not share:
            return self, None
        parts = hold_back(len(self.x), float(share), made.seed, self.y if made.classifies else None)
        kept, held = (Examples(self.x[rows], self.y[rows], self.features) for rows in parts)
        return kept, held
