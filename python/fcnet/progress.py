"""A progress bar by tqdm, where it is installed and somebody is looking."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self


class Progress:
    """The bar of one fit, one unit per sample; does nothing where ``wanted`` resolves to no.

    Parameters
    ----------
    wanted : bool or None
        None: only where standard error is a terminal and tqdm is installed.
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
        if wanted is False or (wanted is None and not sys.stderr.isatty()):
            return
        try:
            from tqdm import tqdm
        except ImportError:
            if wanted is None:
                return
            raise ImportError("a progress bar needs tqdm: pip install 'fcnet[progress]'") from None
        total = None if samples is None else epochs * samples
        self._bar = tqdm(total=total, unit=" samples", unit_scale=True, dynamic_ncols=True, leave=False)

    @property
    def is_shown(self) -> bool:
        """Whether somebody sees it."""
        return self._bar is not None

    def within_epoch(self, done: int, loss: float) -> None:
        """Advance to ``done`` samples of the epoch."""
        if self._bar is None:
            return
        self._bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
        self._bar.update(self._before + done - self._bar.n)

    def end_epoch(self, loss: float, samples: int, number: int) -> None:
        """Advance to the end of the epoch of so many samples that is the fit's ``number``-th, from 1."""
        if self._bar is not None:
            self._bar.set_description_str(f"epoch {number}/{self._epochs}", refresh=False)
            self.within_epoch(samples, loss)
            self._before += samples
            self._bar.total = self._before + (self._epochs - number) * samples

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
