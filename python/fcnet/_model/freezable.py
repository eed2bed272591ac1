"""What a layer and embedded columns have in common: a fit trains them, or they are frozen."""

from __future__ import annotations

from fcnet._checks.numbers import flag


class Freezable:
    """Base class of what can be frozen."""

    __slots__ = ("_trainable",)
    _trainable: bool

    @property
    def trainable(self) -> bool:
        """Whether fits that start from now on train it; assigning anything but a bool raises TypeError."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = flag(value, "trainable")

    def freeze(self) -> None:
        """Freeze it: fits do not change it."""
        self._trainable = False

    def unfreeze(self) -> None:
        """Make it trainable again."""
        self._trainable = True
