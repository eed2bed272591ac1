"""``ColumnEncoder``: what a fit has learnt of a table's columns, and tables as inputs of a network by it.

The inputs stand in four blocks: numbers; bins of numbers; flags, which are 1 where a number is missing, and one-hot
inputs; codes of categories. In each block they have the order of the table's columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet._checks.public import public_in
from fcnet._inputs import feature_names
from fcnet._inputs.feature_names import Name, shown
from fcnet.tabular.categorical_features import chosen
from fcnet.tabular.categories import Coder, MismatchError
from fcnet.tabular.column import Column
from fcnet.tabular.encoding import Encoding
from fcnet.tabular.learning import category_of, number_of, training_rows
from fcnet.tabular.normal_scale import Levels, normal_of_levels
from fcnet.tabular.one_hot import OneHot
from fcnet.tabular.piecewise_linear import encoded
from fcnet.tabular.reading import Table, read
from fcnet.tabular.robust_scale import FAR, clip_smoothly
from fcnet.tabular.sizes import LARGEST, extremes, refuse_too_large

__all__ = ["Column", "ColumnEncoder", "Encoding", "Widths"]

_AT_ONCE = 1 << 16  # numbers that are worked on at a time, so that they stay in the second cache
_LEAST_ROWS = 1 << 8  # at a time, even if there are many columns


@public_in("fcnet.tabular")
class Widths(NamedTuple):
    """Numbers of inputs of each block, in the order in which ``ColumnEncoder.transform`` returns them."""

    numbers: int
    bins: int
    flags: int
    codes: int


class _Number(NamedTuple):
    """A column of numbers: its place in the table, and which of its inputs there are."""

    place: int
    column: Column
    is_input: bool
    is_flagged: bool


class _Category(NamedTuple):
    """A column of categories: its place in the table, its coder, and its one-hot inputs; None if it is a code."""

    place: int
    column: Column
    coder: Coder
    one_hot: OneHot | None


@public_in("fcnet.tabular")
@dataclass(frozen=True)
class ColumnEncoder:
    """What a fit has learnt of a table's columns. Made by ``ColumnEncoder.fit``.

    Attributes
    ----------
    columns : tuple of Column
    named : bool
        Whether the table had names of columns; arrays have none.
    rows : int
        Number of training rows.
    encoding : Encoding
    """

    columns: tuple[Column, ...]
    named: bool
    rows: int
    encoding: Encoding

    @classmethod
    def fit(
        cls,
        table: Any,
        *,
        categorical_features: Literal["auto"] | ArrayLike | None = "auto",
        rows: ArrayLike | None = None,
        encoding: Encoding = Encoding(),
        name: str = "X",
    ) -> ColumnEncoder:
        """Learn categories from all rows, and all else (medians, quantiles, edges, counts) from the training rows.

        Parameters
        ----------
        table : table, array or list of rows (n, columns), or what ``read`` returned for it
        categorical_features : "auto", or list of names, of places, or mask of bools (columns,)
            Text, booleans and categorical types are categories in any case; these are further ones, such as numbers
            that are codes.
        rows : array-like of int, or mask of bools (n,), optional
            The training rows; all by default.
        encoding : Encoding
        name : str
            Name of the table in messages.

        Returns
        -------
        ColumnEncoder

        Raises
        ------
        TypeError : a column cannot be read, see ``read``; an argument has another type.
        ValueError : a column of ``categorical_features`` or a row does not exist; there are no rows; a number is
            infinite.
        """
        if not isinstance(encoding, Encoding):
            raise TypeError(f"encoding is {encoding!r}: expected fcnet.tabular.Encoding")
        whole = read(table, name)
        categorical = chosen(categorical_features, whole.names, whole.columns)
        training = training_rows(rows, whole.rows, name)
        labels = whole.names or range(whole.columns)
        columns = []
        for place, (label, values) in enumerate(zip(labels, whole.values, strict=True)):
            refuse_too_large(values.array, name, [label])
            if values.sort != "numbers" or values.is_category or place in categorical:
                columns.append(category_of(label, values, training))
            else:
                columns.append(number_of(label, values.array[training], encoding, place))
        count = whole.rows if isinstance(training, slice) else len(training)
        return cls(tuple(columns), whole.names is not None, count, encoding)

    def transform(self, table: Any, dtype: DTypeLike = np.float32, *, name: str = "X") -> NDArray[Any]:
        """Return a table as inputs of a network.

        Parameters
        ----------
        table : as for ``fit``, with the same columns
        dtype : float32 or float64
            All is computed in float64, and rounded at the end.
        name : str
            Name of the table in messages.

        Returns
        -------
        array (n, sum(widths)), C-ordered
            Numbers, bins of numbers, flags (missing numbers, then one-hot), codes of categories; see ``widths``. A
            missing number is 0, and has the bins of 0; a missing or unknown category is all zeros, scaled as one-hot
            inputs are, and has the code 0.

        Raises
        ------
        TypeError : a column holds text instead of numbers or the other way round, or cannot be read; dtype is another.
        ValueError : the columns are others or in another order; a number is infinite.
        """
        kind = np.dtype(dtype)
        if kind not in (np.float32, np.float64):
            raise TypeError(f"dtype is {kind}: expected float32 or float64")
        whole = read(table, name)
        self._check(whole, name)
        codes = [self._codes(category, whole, name) for category in self._categories]
        result = np.empty((whole.rows, sum(self.widths)), kind)
        step = max(_AT_ONCE // max(len(self._numbers), 1), _LEAST_ROWS)
        with np.errstate(over="ignore"):
            for first in range(0, whole.rows, step):
                rows = slice(first, first + step)
                self._write_numbers(whole, rows, result[rows], name)
                self._write_categories([each[rows] for each in codes], result[rows])
        return result

    @cached_property
    def widths(self) -> Widths:
        """Numbers of inputs of each block."""
        numbers, categories = self._numbers, self._categories
        return Widths(
            sum(number.is_input for number in numbers),
            sum(_bins(number.column) for number in numbers),
            sum(number.is_flagged for number in numbers) + sum(c.one_hot.width for c in categories if c.one_hot),
            sum(category.one_hot is None for category in categories),
        )

    @cached_property
    def cardinalities(self) -> tuple[int, ...]:
        """For each input that is a code, the number of codes: that of categories, and one for missing or unknown."""
        return tuple(len(c.column.categories) + 1 for c in self._categories if c.one_hot is None)

    @cached_property
    def names_out(self) -> tuple[str, ...]:
        """Names of the inputs, such as "age", "age bin 1", "age is missing", "city = Rome"."""
        return tuple(name for _, name in self._inputs)

    @cached_property
    def origins(self) -> tuple[int, ...]:
        """For each input, the place of its column in the table."""
        return tuple(place for place, _ in self._inputs)

    @cached_property
    def feature_names(self) -> tuple[Name, ...] | None:
        """Names of the table's columns, in the form of ``Column.name``; None for an array."""
        return tuple(column.name for column in self.columns) if self.named else None

    def to_plain(self) -> dict[str, Any]:
        """Return what ``from_plain`` restores, in types of JSON, which holds it exactly.

        Raises
        ------
        TypeError : the name of a column has a type that only a pickle can hold.
        """
        columns = [column.to_plain() for column in self.columns]
        return {"columns": columns, "named": self.named, "rows": self.rows, "encoding": asdict(self.encoding)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> ColumnEncoder:
        """Restore and check what ``to_plain`` returned, perhaps by way of JSON.

        Raises
        ------
        ValueError : it is damaged.
        """
        if not isinstance(plain, Mapping) or set(plain) != {"columns", "named", "rows", "encoding"}:
            raise ValueError("columns are not given by columns, named, rows, encoding")
        given, named, rows, options = (plain[key] for key in ("columns", "named", "rows", "encoding"))
        if not isinstance(given, list) or not given:
            raise ValueError("there is no list of columns")
        if type(named) is not bool or type(rows) is not int or rows < 1:
            raise ValueError(f"columns have named {named!r} and rows {rows!r}: expected true or false, and at least 1")
        if not isinstance(options, dict) or set(options) != set(asdict(Encoding())):
            raise ValueError(f"the encoding of columns is not given by {', '.join(asdict(Encoding()))}")
        try:
            encoding = Encoding(**options)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the encoding of columns is damaged: {error}") from None
        columns = tuple(map(Column.from_plain, given))
        for place, column in enumerate(columns):
            if not named and not (type(column.name) is int and column.name == place):
                raise ValueError(f"column {place} of an array is called {shown(column.name)}")
            are_all = column.kind == "number" or column.gaps + sum(column.counts) == rows
            if column.gaps > rows or not are_all:
                raise ValueError(f"the column {shown(column.name)} has other counts than {rows} rows")
            if (column.quantiles and encoding.numbers != "normal") or _bins(column) > encoding.bins:
                raise ValueError(f"the column {shown(column.name)} has quantiles or edges of another encoding")
        return cls(columns, named, rows, encoding)

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone, without what is derived from them."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    @cached_property
    def _numbers(self) -> tuple[_Number, ...]:
        numbers = [(place, column) for place, column in enumerate(self.columns) if column.kind == "number"]
        is_robust = self.encoding.numbers == "robust"
        return tuple(
            _Number(place, column, is_robust or bool(column.quantiles), 0 < column.gaps < self.rows)
            for place, column in numbers
        )

    @cached_property
    def _categories(self) -> tuple[_Category, ...]:
        most, found = self.encoding.one_hot, []
        for place, column in enumerate(self.columns):
            if column.kind != "number":
                is_one_hot = most is None or len(column.categories) <= most
                one_hot = OneHot(column, self.rows, self.encoding) if is_one_hot else None
                found.append(_Category(place, column, Coder(column.categories), one_hot))
        return tuple(found)

    @cached_property
    def _inputs(self) -> tuple[tuple[int, str], ...]:
        """The place of its column and the name of each input."""
        numbers, categories, encoding = self._numbers, self._categories, self.encoding
        inputs = [(n.place, _text(n.column)) for n in numbers if n.is_input]
        inputs += [(n.place, f"{_text(n.column)} bin {i}") for n in numbers for i in range(1, _bins(n.column) + 1)]
        inputs += [(n.place, f"{_text(n.column)} is missing") for n in numbers if n.is_flagged]
        for place, column, _, one_hot in categories:
            if one_hot is not None:
                ends = [f" = {category}" for category in column.categories]
                ends = ends[:1] if encoding.signs and len(ends) == 2 else ends
                ends = [" is missing or unknown", *ends] if one_hot.width > len(ends) else ends
                inputs += [(place, _text(column) + end) for end in ends]
        return (*inputs, *((c.place, _text(c.column)) for c in categories if c.one_hot is None))

    @cached_property
    def _arrays(self) -> tuple[NDArray[Any], ...]:
        """Of the numbers: their places, medians, factors; which are inputs, which are flagged."""
        numbers = self._numbers
        return (
            np.array([number.place for number in numbers], np.intp),
            np.array([number.column.median for number in numbers], np.float64),
            np.array([number.column.factor for number in numbers], np.float64),
            np.flatnonzero([number.is_input for number in numbers]),
            np.flatnonzero([number.is_flagged for number in numbers]),
        )

    def _check(self, table: Table, name: str) -> None:
        """Refuse other columns than those of the fit, and text instead of numbers."""
        feature_names.compare(table.names, self.feature_names, name, table, advise=False)
        found, known = table.columns, len(self.columns)
        if found != known:
            raise ValueError(f"{name} has {found} columns, but the fit had {known}: expected (n_samples, {known})")
        if isinstance(table.content, np.ndarray):
            return
        for place, column, *_ in self._numbers:
            values = table.values[place]
            if values.sort == "text" and column.gaps < self.rows and not values.are_gaps():
                example = f"{values.texts[0]!r}"
                raise TypeError(
                    f"{name} has the column {shown(column.name)} of text, such as {feature_names.cut(example)}: "
                    f"expected numbers, as in the fit"
                )

    def _codes(self, category: _Category, table: Table, name: str) -> NDArray[np.int32]:
        refuse_too_large(table.values[category.place].array, name, [category.column.name])
        try:
            return category.coder.codes(table.values[category.place])
        except MismatchError as error:
            raise TypeError(f"{name} has the column {shown(category.column.name)} {error}") from None

    def _write_numbers(self, table: Table, rows: slice, to: NDArray[Any], name: str) -> None:
        """Write numbers, their bins and flags of some rows into these rows of the result."""
        places, medians, factors, inputs, flagged = self._arrays
        if not len(places):
            return
        z = _rows_of(table, places, rows)
        least, most, has_gaps = extremes(z)
        if least < -LARGEST or most > LARGEST:
            refuse_too_large(z, name, [number.column.name for number in self._numbers], rows.start)
        gaps = np.isnan(z) if has_gaps else None
        if self.encoding.numbers == "robust":
            z -= medians
            z *= factors
            if max(-least, most) > self._near:
                np.clip(z, -FAR, FAR, out=z)
            clip_smoothly(z)
        else:
            for i, levels in self._levels:
                z[:, i] = levels(z[:, i])
            z = normal_of_levels(z)
        if gaps is not None:
            z[gaps] = 0
        first = self.widths.numbers
        to[:, :first] = z if first == len(places) else z[:, inputs]
        for i, edges in self._edges:
            last = first + len(edges) - 1
            to[:, first:last] = encoded(z[:, i], edges).T
            first = last
        if len(flagged):
            to[:, first : first + len(flagged)] = 0 if gaps is None else gaps[:, flagged]

    def _write_categories(self, codes: list[NDArray[np.int32]], to: NDArray[Any]) -> None:
        """Write one-hot inputs and codes of some rows into these rows of the result."""
        widths = self.widths
        first = widths.numbers + widths.bins + len(self._arrays[-1])
        code = to.shape[1] - widths.codes
        for category, of_rows in zip(self._categories, codes, strict=True):
            if category.one_hot is None:
                to[:, code] = of_rows
                code += 1
            else:
                last = first + category.one_hot.width
                category.one_hot.write(of_rows, to[:, first:last])
                first = last

    @cached_property
    def _near(self) -> float:
        """Size of numbers up to which ``factor (x - median)`` is certainly within ``FAR``."""
        _, medians, factors, *_ = self._arrays
        return float(FAR / np.max(factors, initial=1) - np.max(np.abs(medians), initial=0))

    @cached_property
    def _levels(self) -> list[tuple[int, Levels]]:
        """What maps numbers to a normal distribution, with their place among the numbers."""
        found = [(i, np.array(number.column.quantiles)) for i, number in enumerate(self._numbers)]
        return [(i, Levels(quantiles)) for i, quantiles in found if len(quantiles)]

    @cached_property
    def _edges(self) -> list[tuple[int, NDArray[np.float64]]]:
        """The edges of numbers that have bins, with their place among the numbers."""
        found = [(i, np.array(number.column.edges, np.float64)) for i, number in enumerate(self._numbers)]
        return [(i, edges) for i, edges in found if len(edges)]


def _bins(column: Column) -> int:
    return max(0, len(column.edges) - 1)


def _text(column: Column) -> str:
    return column.name if isinstance(column.name, str) else shown(column.name)


def _rows_of(table: Table, places: NDArray[np.intp], rows: slice) -> NDArray[np.float64]:
    """Return some rows of the columns of numbers (m, numbers), in float64; gaps are NaN."""
    if isinstance(table.content, np.ndarray):
        part = table.content[rows]
        part = part if len(places) == part.shape[1] else part[:, places]
        return part.astype(np.float64)
    columns = [table.values[place] for place in places]
    count = len(columns[0].array[rows])
    z = np.empty((count, len(columns)))
    for i, values in enumerate(columns):
        z[:, i] = np.nan if values.sort == "text" else values.array[rows]  # text: where training has no values
    return z
