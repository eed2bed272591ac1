"""An iterable of batches ``(x, y)`` or ``(x, y, sample_weight)``, checked one by one."""

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

Y_IS_MISSING = "y is missing: expected a label or target for each row of x, or an iterable of batches (x, y) as x"


class CheckedBatches:
    """The checked batches of an iterable, which can be iterated over as often as the iterable; the first is read early.

    Attributes
    ----------
    first : Dataset
    ends : bool
        Whether the iterable can be iterated over only once, as a generator.
    have_weight : bool
        Whether some sample so far has a weight above 0.

    Parameters
    ----------
    architecture : Architecture
    given : iterable
    known : tuple, optional
        The columns that tables must have; by default those of the first batch.
    name : str
        Name of the iterable in messages.
    finite : bool
        Refuse NaN and infinity.
    learn : bool
        Text labels in the first y may define the classes.

    Raises
    ------
    TypeError, ValueError : there are no batches, or the first is not as for ``Network.fit``.
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
        self.have_weight = False
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

    def warn_of_zero_weights(self) -> None:
        """Give a RuntimeWarning if all samples of all batches had weight 0."""
        if not self.have_weight:
            text = f"{self._name} has weight 0 for all samples of every batch: val_loss and weighted metrics are NaN"
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
            self.have_weight = self.have_weight or not batch.weighs_nothing
            yield batch.not_empty(names[0])
        if i < 0:
            raise ValueError(
                f"{name} has no batches: expected pairs (x, y); a generator can be iterated over only once"
            )


def validation_batches(
    architecture: Architecture, data: object, known: tuple[Name, ...] | None, epochs: int
) -> CheckedBatches | None:
    """Return the batches of ``Network.fit``'s validation_data, or None if it is not an iterable of batches.

    Raises
    ------
    TypeError, ValueError : the batches are invalid, or can be iterated over only once although ``epochs`` is more.
    """
    if not is_batches(data) and not is_list_of_batches(data):
        return None
    batches = CheckedBatches(architecture, data, known, "validation_data")
    if batches.ends and epochs > 1:
        raise ValueError(
            f"validation_data is a {type(data).__name__}, which ends after one epoch, and epochs is {epochs}: expected "
            f"an iterable that can be iterated over again"
        )
    return batches
