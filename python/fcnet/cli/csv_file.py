"""CSV files: encoding, separator and header found out, cells read as text by Python's csv module.

One reader for every environment, so that a file is the same table wherever it is trained on or predicted.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs.feature_names import cut
from fcnet.cli.text_column import TextColumn

_SEPARATORS = ",;\t|"
_SAMPLE = 20  # records that the separator is found out from
_AT_ONCE = 1 << 14  # records
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_NO_TEXT = {
    b"PK\x03\x04": "a spreadsheet or a ZIP file",
    b"\x1f\x8b": "compressed by gzip",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
}


class CsvFile(NamedTuple):
    """The columns of a CSV file by name, its separator, and whether spaces may follow it."""

    columns: dict[str, TextColumn]
    rows: int
    separator: str
    is_spaced: bool


def read_csv(path: str, encoding: str | None = None) -> CsvFile:
    """Read a CSV file with a header.

    Parameters
    ----------
    path : str
    encoding : str, optional
        By default UTF-8, or UTF-16 with a byte order mark.

    Raises
    ------
    OSError : it cannot be read.
    ValueError : it is not a CSV file with a header and rows of as many cells.
    """
    text = _text(path, encoding)
    try:
        return _parsed(path, text)
    except csv.Error as error:
        raise ValueError(f"{path} is not a CSV file: {error}") from None


def _text(path: str, encoding: str | None) -> str:
    content = Path(path).read_bytes()
    what = next((what for mark, what in _NO_TEXT.items() if content.startswith(mark)), None)
    if what is not None:
        raise ValueError(f"{path} is {what}: expected a CSV or a Parquet file; save it as CSV")
    if encoding is None:
        encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except LookupError:
        raise ValueError(f"--encoding is {encoding!r}: expected a name like cp1252 or latin-1") from None
    except UnicodeError:
        advice = "save it as UTF-8, or name its encoding, such as --encoding cp1252"
        raise ValueError(f"{path} is not text in {encoding.upper()}: {advice}") from None
    if "\0" in text[:4096]:
        raise ValueError(f"{path} is not text: expected a CSV or a Parquet file")
    if not text.strip():
        raise ValueError(f"{path} is empty: expected a line of column names, then rows")
    return text


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of its last line and the cells of each record that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    return ((reader.line_num, record) for record in reader if record and (len(record) > 1 or record[0].strip()))


def _separator(text: str) -> str:
    """Return the separator by which the first records have the most cells, as many in each, or else the header."""
    found = {}
    for separator in _SEPARATORS:
        counts = []
        with suppress(csv.Error):  # something else than the separator follows a quoted cell
            counts += [len(next(_records(text, separator))[1])]
            counts += [len(record) for _, record in islice(_records(text, separator), _SAMPLE)]
        header = counts[0] if counts else 0
        found[separator] = (len(counts) > 1 and set(counts) == {header} and header > 1, header)
    return max(found, key=lambda separator: found[separator])


def _parsed(path: str, text: str) -> CsvFile:
    separator = _separator(text)
    records = _records(text, separator)
    names = _names(path, next(records)[1])
    columns = [_Codes() for _ in names]
    rows = 0
    while chunk := list(islice(records, _AT_ONCE)):
        for line, record in chunk:
            if len(record) != len(names):
                cells = f"{len(record)} cell{'s' * (len(record) != 1)}"
                raise ValueError(f"{path} has {cells} in line {line}, but the header has {len(names)}")
        for column, cells_of_column in zip(columns, zip(*(record for _, record in chunk), strict=True), strict=True):
            column.append(cells_of_column)
        rows += len(chunk)
    if not rows:
        raise ValueError(f"{path} has a header, but no rows")
    found = (TextColumn(*column.stripped(), separator != ",") for column in columns)
    return CsvFile(dict(zip(names, found, strict=True)), rows, separator, f"{separator} " in text)


class _Codes:
    """The distinct cells of a column, and for each row the place of its cell among them."""

    def __init__(self) -> None:
        self._places: defaultdict[str, int] = defaultdict()
        self._places.default_factory = self._places.__len__  # a new cell gets the next place
        self._parts: list[NDArray[np.int32]] = []

    def append(self, cells: Sequence[str]) -> None:
        self._parts.append(np.fromiter(map(self._places.__getitem__, cells), np.int32, len(cells)))

    def stripped(self) -> tuple[list[str], NDArray[np.int32]]:
        """Return the distinct cells without spaces around them, and the codes of all rows."""
        codes = np.concatenate(self._parts)
        texts = [cell.strip() for cell in self._places]
        distinct = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        if len(distinct) == len(texts):
            return texts, codes
        return list(distinct), np.array([distinct[text] for text in texts], np.int32)[codes]


def repeated(names: list[str]) -> str | None:
    """Return the first name that occurs more than once; None if there is none."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _names(path: str, header: list[str]) -> list[str]:
    """Return the names of the columns; those without a name get "column 1" and so on."""
    names = [name.strip() or f"column {place}" for place, name in enumerate(header, 1)]
    twice = repeated(names)
    if twice is not None:
        raise ValueError(f"{path} has the column {cut(repr(twice))} twice: expected different names in its first line")
    return names
