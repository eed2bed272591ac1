"""The options by which pandas reads a CSV file as the commands do."""

from __future__ import annotations

from collections.abc import Iterable

from fcnet.cli.table_file import TableFile
from fcnet.cli.text_column import GAPS, TRUTHS, TextColumn

# what pandas.read_csv takes for gaps by itself
_KNOWN = frozenset({"", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"})


def pandas_options(file: TableFile, names: Iterable[str], encoding: str | None) -> str:
    """Return the arguments of ``pandas.read_csv`` after the path, as code.

    Parameters
    ----------
    file : TableFile
        A CSV file.
    names : iterable of str
        The columns that a model was trained on.
    encoding : str, optional
        What was given as the file's encoding.

    Returns
    -------
    str
        Such as ``", sep=';', dtype={'zip': str}"``.
    """
    columns = {name: file.columns[name] for name in names}
    texts = {name: column.texts for name, column in columns.items() if isinstance(column, TextColumn)}
    sorts = {name: file.values(name).sort for name in texts}
    gaps = sorted({text for each in texts.values() for text in each if text.lower() in GAPS} - _KNOWN)
    typed = [name for name, sort in sorts.items() if sort == "text" and any(map(_has_other_type, texts[name]))]
    has_comma = any("," in text for name, sort in sorts.items() if sort == "numbers" for text in texts[name])
    options = "" if file.separator == "," else f", sep={file.separator!r}"
    options += ", skipinitialspace=True" if file.is_spaced else ""
    options += ', decimal=","' if has_comma else ""
    options += f", dtype={{{', '.join(f'{name!r}: str' for name in typed)}}}" if typed else ""
    options += f", na_values={gaps!r}" if gaps else ""
    return options + (f", encoding={encoding!r}" if encoding else "")


def _has_other_type(text: str) -> bool:
    """Whether pandas could read a cell of a text column as a number or a truth."""
    if text.lower() in GAPS:
        return False
    try:
        float(text.replace(",", "."))
    except ValueError:
        return text.lower() in TRUTHS
    return True
