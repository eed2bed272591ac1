"""How a fit reports its progress: a bar by tqdm, or a line for every epoch."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np

from fcnet._checks import console
from fcnet._checks.optional_imports import optional

Wanted = bool | Literal["lines"] | None

# What the bar says, in tqdm's terms: the first of these that fits into the columns of the terminal, which are those of
# the texts and so many more. Figures come first.
_LAYOUTS = (
    (56, "{desc}: {percentage:3.0f}%|{bar:10}| {rate_fmt}, {remaining} left{postfix}"),
    (34, "{desc}: {rate_fmt}, {remaining} left{postfix}"),
    (0, "{desc}{postfix}"),
)
_WITHOUT_TOTAL = ((34, "{desc}: {n_fmt} samples, {rate_fmt}{postfix}"), (0, "{desc}{postfix}"))


def checked(progress: object) -> Wanted:
    """The argument of that name; TypeError or ValueError where it is neither None, a bool nor "lines"."""
    if isinstance(progress, str) and progress == "lines":
        return "lines"
    if progress is not None and not isinstance(progress, bool | np.bool_):
        error = ValueError if isinstance(progress, str) else TypeError
        raise error(f"progress is {progress!r}: expected None, True, False or 'lines'")
    return None if progress is None else bool(progress)


def _texts(figures: Mapping[str, float]) -> list[str]:
    return [f"{name} {figure:.4g}" for name, figure in figures.items() if name != "learning_rate"]


def _that_fit(texts: Iterable[str], columns: int) -> list[str]:
    """The texts, joined by commas, that fit into so many columns."""
    kept: list[str] = []
    for text in texts:
        columns -= len(text) + 2
        if columns < 0:
            break
        kept.append(text)
    return kept


class Progress:
    """The report of one fit; nothing where ``wanted`` resolves to no.

    Parameters
    ----------
    wanted : bool, "lines" or None
        True: a bar, one unit per sample. "lines": a line on standard output after every epoch. None: a bar in a
        notebook, or where standard error is a terminal, if tqdm is installed.
    epochs, initial_epoch : int
        Those of the fit.
    samples : int or None
        In one epoch, where that is known before its end.

    Raises
    ------
    ImportError : True was asked for and tqdm is missing.
    """

    def __init__(self, wanted: Wanted, epochs: int, initial_epoch: int, samples: int | None) -> None:
        self._bar: Any = None
        self._lines = wanted == "lines"
        self._epochs, self._before = epochs, 0
        self._figures: dict[str, float] = {}
        self._in_notebook = console.in_notebook()
        seen = self._in_notebook or console.is_terminal(sys.stderr)
        possible = self._in_notebook or not console.is_closed(sys.stderr)
        if self._lines or wanted is False or not possible or (wanted is None and not seen):
            return
        try:
            with warnings.catch_warnings():  # about widgets that are not installed: text does as well
                warnings.simplefilter("ignore")
                tqdm = optional("tqdm.auto" if self._in_notebook else "tqdm", "a progress bar").tqdm
        except ImportError:
            if wanted is None:
                return
            raise
        total = None if samples is None else (epochs - initial_epoch) * samples
        with suppress(OSError):  # a terminal that is gone ends the bar, not the fit
            self._bar = tqdm(
                total=total,
                unit=" samples",
                unit_scale=True,
                dynamic_ncols=True,
                leave=False,
                desc=f"{initial_epoch}/{epochs} epochs",
                bar_format=None if self._in_notebook else "{desc}",
            )

    @property
    def is_shown(self) -> bool:
        """Whether somebody sees a bar or lines."""
        return self._lines or self.shows_bar

    @property
    def shows_bar(self) -> bool:
        """Whether somebody sees a bar, which moves within epochs."""
        return self._bar is not None

    def within_epoch(self, done: int, figures: Mapping[str, float]) -> None:
        """Advance to ``done`` samples of the epoch; ``figures`` are the newest, others stay."""
        if self._bar is None:
            return
        self._figures |= figures
        texts = _texts(self._figures)
        try:
            if not self._in_notebook:
                texts = self._lay_out(texts)
            self._bar.set_postfix_str(", ".join(texts), refresh=False)
            self._bar.update(self._before + done - self._bar.n)
        except OSError:
            self._bar.disable, self._bar = True, None

    def _lay_out(self, texts: list[str]) -> list[str]:
        """Choose what the bar says beside the figures; those of ``texts`` that there is room for."""
        columns = self._bar.format_dict["ncols"] or sys.maxsize
        room = columns - len(self._bar.desc)
        length = sum(len(text) + 2 for text in texts)
        layouts = _LAYOUTS if self._bar.total else _WITHOUT_TOTAL
        self._bar.bar_format = next((layout for more, layout in layouts if length + more <= room), layouts[-1][1])
        return texts if length <= room else _that_fit(texts, room)

    def end_epoch(self, epoch: int, number: int, samples: int, seconds: float, figures: Mapping[str, float]) -> None:
        """Report the end of an epoch, the fit's ``number``-th from 1, which had so many samples and took so long."""
        if self._lines:
            texts = ", ".join([*_texts(figures), f"{seconds:.3g} s"])
            try:
                console.write_line(f"epoch {epoch} ({number}/{self._epochs} done): {texts}")
            except OSError:  # nobody reads any more, which does not end the fit either
                self._lines = False
        if self._bar is not None:
            self._bar.desc = f"{number}/{self._epochs} epochs"
            self._bar.total = self._before + (self._epochs - number + 1) * samples
            self.within_epoch(samples, figures)
            self._before += samples
        if self._bar is not None:
            with suppress(OSError):
                self._bar.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            with suppress(OSError):
                self._bar.close()
