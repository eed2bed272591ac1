"""The columns of x that a network embeds, as ``net.columns`` returns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._inputs import arrays
from fcnet._model.architecture import Architecture
from fcnet._model.columns import Columns
from fcnet._model.freezable import Freezable
from fcnet._native import Model
from fcnet.layers import LayerArray


class EmbeddedColumns(Freezable):
    """The embeddings of a network's ``fcnet.Columns``, whose arrays are read and assigned like W of a layer.

    Attributes
    ----------
    specification : Columns
        As given to the network.
    frequencies, phases : array (numbers, frequencies)
        w and b of ``fcnet.Periodic``, w of ``fcnet.PLR``.
    W : array (numbers, features, size)
        V of the embedding of numbers. Of ``fcnet.PiecewiseLinear`` it is (bins of all numbers, size), one number's rows
        below the other's; of ``fcnet.PLR(lite=True)`` (features, size).
    B : array (numbers, size)
        v of the embedding; of ``fcnet.PLR(lite=True)`` (size,).
    slopes : array (numbers, size)
        u of ``fcnet.PiecewiseLinear``, version "B".
    tables : tuple of arrays (categories + 1, embedding_size)
        The table of each categorical column; row 0 is that of missing or unknown categories. Assign a sequence of whole
        tables.
    trainable : bool
        Whether a fit trains the arrays; False means frozen. It can be assigned, or set by ``freeze()`` and
        ``unfreeze()``; the default is True.
    """

    __slots__ = ("_architecture", "_index", "_model", "specification")
    specification: Columns

    def __init__(self, model: Model, architecture: Architecture) -> None:
        assert architecture.columns is not None
        self._model, self._architecture, self._index = model, architecture, len(architecture.specs)
        self.specification, self._trainable = architecture.columns, True

    @property
    def frequencies(self) -> NDArray[Any]:
        """The array w (numbers, frequencies); AttributeError without embedding. Assigning raises as W of a layer."""
        return self._get("frequencies")

    @frequencies.setter
    def frequencies(self, value: ArrayLike) -> None:
        self._set("frequencies", value)

    @property
    def phases(self) -> NDArray[Any]:
        """The array b (numbers, frequencies), like frequencies; only ``fcnet.Periodic`` has it."""
        return self._get("phases")

    @phases.setter
    def phases(self, value: ArrayLike) -> None:
        self._set("phases", value)

    @property
    def W(self) -> NDArray[Any]:
        """The weights V, (numbers, features, size) or as the class says, like frequencies."""
        return self._get("W")

    @W.setter
    def W(self, value: ArrayLike) -> None:
        self._set("W", value)

    @property
    def B(self) -> NDArray[Any]:
        """The bias v, (numbers, size) or (size,), like frequencies."""
        return self._get("B")

    @B.setter
    def B(self, value: ArrayLike) -> None:
        self._set("B", value)

    @property
    def slopes(self) -> NDArray[Any]:
        """The slopes u (numbers, size), like frequencies; only ``fcnet.PiecewiseLinear`` of version "B" has them."""
        return self._get("slopes")

    @slopes.setter
    def slopes(self, value: ArrayLike) -> None:
        self._set("slopes", value)

    @property
    def tables(self) -> tuple[NDArray[Any], ...]:
        """The table of each categorical column; AttributeError where there are none. Assigning raises as W of a layer.

        What is assigned is a sequence of tables, one for each column.
        """
        rows = self.specification.rows
        return tuple(np.split(self._get("tables"), rows[1:-1]))

    @tables.setter
    def tables(self, value: Sequence[ArrayLike]) -> None:
        self._has("tables")
        counts, size = self.specification.categories, self.specification.embedding_size
        if not isinstance(value, Sequence | np.ndarray) or len(value) != len(counts):
            raise ValueError(f"tables are not one for each of {len(counts)} columns: expected a sequence of arrays")
        dtype = self._architecture.dtype
        parts = [
            arrays.parameter(table, (count + 1, size), dtype, f"tables[{i}]")
            for i, (table, count) in enumerate(zip(value, counts, strict=True))
        ]
        self._model.set_parameter(self._index, "tables", np.concatenate(parts))

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Return all arrays in their order: frequencies, phases, W, B, slopes, tables, those that there are.

        The tables are one array (rows, embedding_size), one below the other.
        """
        return tuple(self._get(part) for part in self.specification.shapes)

    def _get(self, part: str) -> NDArray[Any]:
        return self._model.parameter(self._index, self._has(part)).view(LayerArray)

    def _set(self, part: str, value: ArrayLike) -> None:
        shape = self.specification.shapes[self._has(part)]
        checked = arrays.parameter(value, shape, self._architecture.dtype, part)
        self._model.set_parameter(self._index, part, checked)

    def _has(self, part: str) -> str:
        if part not in self.specification.shapes:
            raise AttributeError(f"{self.specification} has no {part}")
        return part

    def __repr__(self) -> str:
        return f"EmbeddedColumns({self.specification}{'' if self._trainable else ', frozen'})"
