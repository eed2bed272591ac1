"""The names of a network's inputs: those of the first table that it was fitted on."""

from __future__ import annotations

from collections.abc import Sequence

_LISTED = 5  # names that a message lists


def checked(names: object, inputs: int) -> tuple[str, ...] | None:
    """Names out of a file or a pickle.

    Parameters
    ----------
    names : object
    inputs : int

    Returns
    -------
    tuple of str, or None

    Raises
    ------
    ValueError : not None, and not one text for each input.
    """
    if names is None:
        return None
    if not isinstance(names, list | tuple) or len(names) != inputs or not all(type(name) is str for name in names):
        raise ValueError(f"feature_names is not one text for each of {inputs} inputs")
    return tuple(names)


def _listing(names: Sequence[str]) -> str:
    shown = [repr(name if len(name) <= 80 else f"{name[:80]}...") for name in names[:_LISTED]]
    return ", ".join(shown) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def compare(given: tuple[str, ...] | None, known: tuple[str, ...] | None, name: str) -> None:
    """Check the columns of a table against those that the network was fitted on; all is well where either has no names.

    Parameters
    ----------
    given, known : tuple of str, or None
    name : str
        What messages call the table.

    Raises
    ------
    ValueError : they differ; the message says which.
    """
    if given is None or known is None or given == known:
        return
    offered, expected = set(given), set(known)
    missing = [column for column in known if column not in offered]
    extra = [column for column in given if column not in expected]
    differences = [f"lacks the columns {_listing(missing)}"] if missing else []
    differences += [f"has the columns {_listing(extra)} that the network does not know"] if extra else []
    if not differences and len(given) != len(known):
        differences = [f"has {len(given)} columns, some of one name, but the network takes {len(known)}"]
    if not differences:
        at = next(i for i, pair in enumerate(zip(given, known, strict=True)) if pair[0] != pair[1])
        differences = [f"has its columns in another order, {_listing(given[at : at + 1])} as column {at}"]
        differences[0] += f" instead of {_listing(known[at : at + 1])}"
    advice = "" if missing else f", see {name}[list(net.feature_names)]"
    raise ValueError(f"{name} {' and '.join(differences)}: expected those of the first fit, in their order{advice}")
