"""Batches ``(x, y)`` or ``(x, y, sample_weight)`` of an iterable, checked one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from numbers import Real
from typing import Any

from fcnet._checks import console
from fcnet._inputs.feature_names import Name
from fcnet._inputs.iterables import is_batches, is_list_of_batches
from fcnet._model.architecture import Architecture
from fcnet._training.dataset import Dataset

Y_IS_MISSING = "y is missing: expected a label or target for each row of x, or as x batches (x, y)"


class CheckedBatches:
    """The batches of an iterable, as often as it can be gone through; the first one is looked at beforehand.

    Attributes
    ----------
    first : Examples
    ends : bool
        Whether it can be gone through only once, as a generator.
    weigh : bool
        Whether a sample of those so far weighs anything.

    Parameters
    ----------
    architecture : Architecture
    given : iterable
    known : tuple, optional
        The columns that tables must have; by default those of the first batch.
    name : str
        What messages call the iterable.
    finite : bool
        Refuse NaN and infinity.
    learn : bool
        The first y may name the classes.

    Raises
    ------
    TypeError, ValueError : it has no batches, or the first is not as for ``Network.fit``.
    """

    def __init__(
        self,
        architecture: Architecture,
        given: Any,
        known: tuple[Name, ...] | None,
        name: str = "x",
        *,
        finite: bool = True,
        learn: bool = False,
    ) -> None:
        self._architecture, self._given, self._known, self._name = architecture, given, known, name
        self._finite, self._learn = finite, learn
        self.weigh = False
        once = iter(given)
        self.ends = once is given
        batches = self._checked(once)
        self.first = next(batches)
        self._known, self._learn = self.first.features, False
        self._architecture = replace(architecture, classes=self.first.classes)
        self._next: Iterator[Dataset] | None = chain([self.first], batches)

    def __iter__(self) -> Iterator[Dataset]:
        batches, self._next = self._next, None
        return batches or self._checked(iter(self._given))

    def warn_where_all_weigh_nothing(self) -> None:
        """A RuntimeWarning, once they have been evaluated."""
        if not self.weigh:
            text = f"{self._name} has weights of nothing but 0 in every batch: val_loss and weighted metrics are NaN"
            console.warn(text, RuntimeWarning)

    def _checked(self, batches: Iterator[Any]) -> Iterator[Dataset]:
        i, name = -1, self._name
        for i, pair in enumerate(batches):
            if not isinstance(pair, tuple | list) or len(pair) not in (2, 3) or isinstance(pair[0], Real):
                what = f"y is missing, and batch {i} of x is" if name == "x" else f"batch {i} of {name} is"
                expected = "expected x and y, or an iterable of batches, each a pair (x, y)"
                raise TypeError(f"{what} a {type(pair).__name__}: {expected}")
            names = tuple(f"{part} of batch {i}" for part in ("x", "y", "sample_weight"))
            if name != "x":
                names = tuple(f"{part} of {name}" for part in names)
            x, y, weights = (*pair, None)[:3]
            options: dict[str, Any] = {"finite": self._finite, "known": self._known, "learn": self._learn}
            batch = Dataset.of(self._architecture, x, y, weights, (names[0], names[1], names[2]), **options)
            self.weigh = self.weigh or not batch.weighs_nothing
            yield batch.not_empty(names[0])
        if i < 0:
            raise ValueError(f"{name} has no batches: expected pairs (x, y); a generator can be gone through only once")


def validation_batches(
    architecture: Architecture, data: object, known: tuple[Name, ...] | None, epochs: int
) -> CheckedBatches | None:
    """Those of ``Network.fit``'s validation_data; None where it is no iterable of batches.

    Raises
    ------
    TypeError, ValueError : they are not as they should, or can be gone through only once and ``epochs`` is more.
    """
    if not is_batches(data) and not is_list_of_batches(data):
        return None
    batches = CheckedBatches(architecture, data, known, "validation_data")
    if batches.ends and epochs > 1:
        raise ValueError(
            f"validation_data is a {type(data).__name__}, which ends after one epoch, and epochs is {epochs}: expected "
            f"an iterable that can begin again"
        )
    return batches
