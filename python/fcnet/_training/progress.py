"""Progress of a fit: a bar by tqdm, or a line for every epoch."""

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

ProgressMode = bool | Literal["lines"] | None

# Layouts of the bar in tqdm's terms, with the columns that they need beside the metrics. The first one that fits the
# terminal is used: metrics have priority.
_LAYOUTS = (
    (56, "{desc}: {percentage:3.0f}%|{bar:10}| {rate_fmt}, {remaining} left{postfix}"),
    (34, "{desc}: {rate_fmt}, {remaining} left{postfix}"),
    (0, "{desc}{postfix}"),
)
_WITHOUT_TOTAL = ((34, "{desc}: {n_fmt} samples, {rate_fmt}{postfix}"), (0, "{desc}{postfix}"))


def checked_progress(progress: object) -> ProgressMode:
    """Check the argument ``progress``; TypeError or ValueError if it is not None, a bool or "lines"."""
    if isinstance(progress, str) and progress == "lines":
        return "lines"
    if progress is not None and not isinstance(progress, bool | np.bool_):
        error = ValueError if isinstance(progress, str) else TypeError
        raise error(f"progress is {progress!r}: expected None, True, False or 'lines'")
    return None if progress is None else bool(progress)


def _texts(logs: Mapping[str, float]) -> list[str]:
    return [f"{name} {value:.4g}" for name, value in logs.items() if name != "learning_rate"]


def _that_fit(texts: Iterable[str], columns: int) -> list[str]:
    """Return the first texts that, joined by commas, fit into so many columns."""
    kept: list[str] = []
    for text in texts:
        columns -= len(text) + 2
        if columns < 0:
            break
        kept.append(text)
    return kept


class Progress:
    """The progress report of a fit, which shows nothing if ``mode`` says so.

    Parameters
    ----------
    mode : bool, "lines" or None
        True shows a bar that advances by samples. "lines" prints a line to standard output after every epoch. None
        shows a bar if tqdm is installed, in a notebook or if standard error is a terminal.
    epochs, initial_epoch : int
        As for the fit.
    samples : int or None
        Number of samples in an epoch, if it is known before the epoch ends.

    Raises
    ------
    ImportError : mode is True and tqdm is not installed.
    """

    def __init__(self, mode: ProgressMode, epochs: int, initial_epoch: int, samples: int | None) -> None:
        self._bar: Any = None
        self._lines = mode == "lines"
        self._epochs, self._before = epochs, 0
        self._logs: dict[str, float] = {}
        self._in_notebook = console.in_notebook()
        visible = self._in_notebook or console.is_terminal(sys.stderr)
        possible = self._in_notebook or not console.is_closed(sys.stderr)
        if self._lines or mode is False or not possible or (mode is None and not visible):
            return
        try:
            with warnings.catch_warnings():  # that widgets are not installed: a text bar will do
                warnings.simplefilter("ignore")
                tqdm = optional("tqdm.auto" if self._in_notebook else "tqdm", "a progress bar").tqdm
        except ImportError:
            if mode is None:
                return
            raise
        total = None if samples is None else (epochs - initial_epoch) * samples
        with suppress(OSError):  # a closed terminal ends the bar, not the fit
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
        """Whether a bar or lines are shown."""
        return self._lines or self.shows_bar

    @property
    def shows_bar(self) -> bool:
        """Whether a bar is shown, which advances within epochs."""
        return self._bar is not None

    def within_epoch(self, done: int, logs: Mapping[str, float]) -> None:
        """Advance to ``done`` samples of the epoch; ``logs`` update the metrics that are shown."""
        if self._bar is None:
            return
        self._logs |= logs
        texts = _texts(self._logs)
        try:
            if not self._in_notebook:
                texts = self._lay_out(texts)
            self._bar.set_postfix_str(", ".join(texts), refresh=False)
            self._bar.update(self._before + done - self._bar.n)
        except OSError:
            self._bar.disable, self._bar = True, None

    def _lay_out(self, texts: list[str]) -> list[str]:
        """Choose the layout of the bar, and return the ``texts`` that fit."""
        columns = self._bar.format_dict["ncols"] or sys.maxsize
        room = columns - len(self._bar.desc)
        length = sum(len(text) + 2 for text in texts)
        layouts = _LAYOUTS if self._bar.total else _WITHOUT_TOTAL
        self._bar.bar_format = next((layout for more, layout in layouts if length + more <= room), layouts[-1][1])
        return texts if length <= room else _that_fit(texts, room)

    def end_epoch(self, epoch: int, number: int, samples: int, seconds: float, logs: Mapping[str, float]) -> None:
        """Report the end of an epoch, which is the fit's ``number``-th, counted from 1."""
        if self._lines:
            texts = ", ".join([*_texts(logs), f"{seconds:.3g} s"])
            try:
                console.write_line(f"epoch {epoch} ({number}/{self._epochs} done): {texts}")
            except OSError:  # the reader is gone, which does not end the fit
                self._lines = False
        if self._bar is not None:
            self._bar.desc = f"{number}/{self._epochs} epochs"
            self._bar.total = self._before + (self._epochs - number + 1) * samples
            self.within_epoch(samples, logs)
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
