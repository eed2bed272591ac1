"""A column of a CSV file: its texts, and what they say when they are read as numbers, truths or dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs.feature_names import cut
from fcnet.tabular.column import Column
from fcnet.tabular.values import UnreadableError, Values

GAPS = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
TRUTHS = {"false": 0.0, "true": 1.0}
# no leading zeros, which codes have and numbers have not
_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE | re.ASCII)
_WITH_COMMA = re.compile(r"[+-]?(0|[1-9]\d*)?,\d+(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}([,. '’\u00a0\u202f]\d{3})+([.,]\d+)?", re.ASCII)
_TIME = r"([ T]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp][Mm])?( ?(Z|UTC|[+-]\d{2}:?\d{2}))?)?"
_DATE = re.compile(
    rf"(\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.](\d{{4}}|\d{{2}})"
    rf"|\d{{1,2}}[- ][A-Za-z]{{3}}[- ](\d{{4}}|\d{{2}})){_TIME}|\d{{1,2}}:\d{{2}}(:\d{{2}})?",
    re.ASCII,
)


@dataclass(eq=False)
class TextColumn:
    """A column of a CSV file.

    The values of a column are numbers if all of its cells are, truths if all are "true" or "false", and text otherwise.
    Cells that are empty or ?, NA, N/A, NaN, null or None are gaps. Codes with leading zeros are text.

    Attributes
    ----------
    texts : list of str
        The distinct cells, without spaces around them.
    codes : array (n,) of int
        For each row the place of its cell in ``texts``.
    has_comma : bool
        Whether numbers have a decimal comma.
    """

    texts: Sequence[str]
    codes: NDArray[np.int32]
    has_comma: bool = False

    @property
    def are_dates(self) -> bool:
        """Whether all cells are dates or times, or gaps."""
        known = self._known()
        return bool(known) and all(_DATE.fullmatch(text) for text in known)

    def values(self, fitted: Column | None = None) -> Values:
        """Return the values.

        Parameters
        ----------
        fitted : Column, optional
            What a fit has learnt of this column, which says how the cells are to be read.

        Raises
        ------
        UnreadableError : a cell is not a number, where the fit had numbers.
        """
        known = self._known()
        sort = self._sort(known) if fitted is None else _sort_of(fitted)
        if sort == "text":
            places = np.array([-1 if text.lower() in GAPS else i for i, text in enumerate(self.texts)], np.int32)
            return _text(self.texts, places[self.codes] if len(places) else self.codes)
        if sort == "truths":
            numbers = [TRUTHS.get(text.lower(), np.nan) for text in self.texts]
        else:
            numbers = [np.nan if text.lower() in GAPS else self._number(text) for text in self.texts]
        array = np.array(numbers, np.float64)[self.codes]
        return Values("truths" if sort == "truths" else "numbers", array)

    def _known(self) -> list[str]:
        return [text for text in self.texts if text.lower() not in GAPS]

    def _sort(self, known: list[str]) -> str:
        if known and all(text.lower() in TRUTHS for text in known):
            return "truths"
        return "numbers" if all(is_number(text, self.has_comma) for text in known) else "text"

    def _number(self, text: str) -> float:
        try:
            return float(text.replace(",", ".") if self.has_comma else text)
        except ValueError:
            row = int(np.flatnonzero(self.codes == self.texts.index(text))[0])
            raise UnreadableError(f"with {cut(repr(text))} in row {row + 1}: expected numbers, as in the fit") from None


def is_number(text: str, has_comma: bool = False) -> bool:
    """Whether a cell is a number, which may have a decimal comma."""
    return bool(_NUMBER.fullmatch(text) or (has_comma and _WITH_COMMA.fullmatch(text)))


def written_numbers(texts: Sequence[str]) -> str | None:
    """Return which numbers the texts of a column are that are not read as such, in words; None if they are others."""
    plain = [text.removesuffix("%").rstrip() for text in texts]
    if not all(is_number(text) or _GROUPED.fullmatch(text) for text in plain):
        return None
    if any(text.endswith("%") for text in texts):
        return "numbers with per cent signs"
    return (
        "numbers with separators" if any(_GROUPED.fullmatch(text) and not is_number(text) for text in plain) else None
    )


def _sort_of(fitted: Column) -> str:
    """Return how a fit has read a column."""
    if fitted.kind == "number":
        return "numbers"
    kinds = set(map(type, fitted.categories))
    return "truths" if kinds == {bool} else "numbers" if kinds and str not in kinds else "text"


def _text(texts: Sequence[str], codes: NDArray[np.int32]) -> Values:
    """Return values of text without texts that do not occur."""
    present, places = np.unique(codes, return_inverse=True)
    gaps = int(bool(len(present)) and present[0] < 0)
    return Values("text", (places - gaps).astype(np.int32), [texts[i] for i in present[gaps:]])


def of_rows(values: Values, rows: NDArray[np.intp] | slice) -> Values:
    """Return the values of some rows, without texts that do not occur in them."""
    if values.sort == "text":
        chosen = _text(values.texts, values.array[rows])
        return Values("text", chosen.array, chosen.texts, values.is_category)
    return Values(values.sort, values.array[rows], (), values.is_category)
