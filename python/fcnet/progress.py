"""A progress bar by tqdm, where it is installed and somebody is looking: figures, samples a second, time left."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from fcnet.optional import optional


class Progress:
    """The bar of one fit, one unit per sample; does nothing where ``wanted`` resolves to no.

    Parameters
    ----------
    wanted : bool or None
        None: only in a notebook, or where standard error is a terminal, and if tqdm is installed.
    epochs : int
    samples : int or None
        In one epoch, where that is known before its end.

    Raises
    ------
    ImportError : True was asked for and tqdm is missing.
    """

    def __init__(self, wanted: bool | None, epochs: int, samples: int | None) -> None:
        self._bar: Any = None
        self._epochs, self._before = epochs, 0
        self._figures: dict[str, float] = {}
        in_notebook = "ipykernel" in sys.modules  # its standard error is no terminal, but somebody looks
        if wanted is False or (wanted is None and not (in_notebook or sys.stderr.isatty())):
            return
        try:
            with warnings.catch_warnings():  # about widgets that are not installed: text does as well
                warnings.simplefilter("ignore")
                tqdm = optional("tqdm.auto" if in_notebook else "tqdm", "progress", "a progress bar").tqdm
        except ImportError:
            if wanted is None:
                return
            raise
        total = None if samples is None else epochs * samples
        self._bar = tqdm(total=total, unit=" samples", unit_scale=True, dynamic_ncols=True, leave=False)

    @property
    def is_shown(self) -> bool:
        """Whether somebody sees it."""
        return self._bar is not None

    def begin_epoch(self, number: int) -> None:
        """The fit's ``number``-th, from 1."""
        if self._bar is not None:
            self._bar.set_description_str(f"epoch {number}/{self._epochs}")

    def within_epoch(self, done: int, figures: Mapping[str, float]) -> None:
        """Advance to ``done`` samples of the epoch; ``figures`` are the newest, others stay."""
        if self._bar is not None:
            self._figures |= figures
            shown = (item for item in self._figures.items() if item[0] != "learning_rate")
            text = ", ".join(f"{name} {figure:.4g}" for name, figure in shown)
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(self._before + done - self._bar.n)

    def end_epoch(self, number: int, samples: int, figures: Mapping[str, float]) -> None:
        """Advance to the end of the ``number``-th epoch, which had so many samples."""
        if self._bar is not None:
            self.within_epoch(samples, figures)
            self._before += samples
            self._bar.total = self._before + (self._epochs - number) * samples

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
