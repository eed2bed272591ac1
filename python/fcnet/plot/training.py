"""Plots of training: history, schedules, learning-rate search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fcnet import schedules as available
from fcnet.plot.style import BLUE, GREY, VERMILION, panels
from fcnet.schedules import Schedule

if TYPE_CHECKING:
    from fcnet._training.history import History
    from fcnet._training.learning_rate_search import LearningRates


def _label_ends(axes: Any, ends: Sequence[tuple[str, float, float, str]]) -> None:
    """Write the names of (name, x, y, colour) beside the ends of lines, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    logarithmic = axes.get_yscale() == "log"
    line = 12 / (72 * axes.get_figure().get_figheight() * axes.get_position().height)  # as a fraction of the panel

    def share(y: float) -> float:
        return math.log(y / low) / math.log(high / low) if logarithmic else (y - low) / (high - low)

    places: list[float] = []
    for name, x, y, color in sorted(ends, key=lambda end: end[2]):
        place = share(y)
        places.append(max(place, places[-1] + line) if places else place)
        axes.annotate(
            *(name, (x, y)),
            xytext=(5, (places[-1] - place) * 12 / line),
            textcoords="offset points",
            color=color,
            va="center",
            annotation_clip=False,
        )


def _draw_family(axes: Any, history: History, family: str) -> list[str]:
    """Draw a metric on the training and validation data; return a description of the lines."""
    axes.set(title=family.replace("_", " "), xlabel="epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)
    ends, words = [], []
    for name, label, color, dashes in (
        (family, "training", BLUE, "-"),
        (f"val_{family}", "validation", VERMILION, (0, (4, 1.5))),
    ):
        values = history[name] if name in history else [math.nan] * len(history)
        known = [point for point in zip(history.epochs, values, strict=True) if math.isfinite(point[1])]
        if known:
            marker = "o" if len(known) == 1 else None
            axes.plot(*zip(*known, strict=True), color=color, linestyle=dashes, marker=marker)
            ends.append((label, *known[-1], color))
            words.append(f"{label} {family.replace('_', ' ')} from {known[0][1]:.4g} to {known[-1][1]:.4g}")
    _label_ends(axes, ends)
    return words


def history(history: History) -> Any:
    """Plot the history of a fit: a panel for the loss and one for each metric, over the epochs.

    Parameters
    ----------
    history : History

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : matplotlib is not installed.
    ValueError : the history has no epochs.
    """
    if not len(history):
        raise ValueError("history has no epochs: expected that of a fit")
    names = [name for name in history if name not in ("epochs", "seconds", "learning_rate")]
    families = list(dict.fromkeys(name.removeprefix("val_") for name in names))
    words, best = [], history.best_epoch
    with panels(len(families)) as (figure, drawn):
        for axes, family in zip(drawn, families, strict=True):
            words += _draw_family(axes, history, family)
            if best is not None:
                drawn = axes.lines[0].get_ydata() if axes.lines else [0, 0]
                height, side = (0.98, "top") if drawn[0] > drawn[-1] else (0.02, "bottom")  # away from the lines
                axes.axvline(best, color=GREY, linewidth=1, linestyle=":")
                place = {"xycoords": ("data", "axes fraction"), "rotation": 90, "ha": "right", "va": side}
                axes.annotate("best", (best, height), color=GREY, **place)
    ending = "" if best is None else f"; the best epoch is {best}"
    figure.set_label(f"Epochs {history.epochs[0]} to {history.epochs[-1]} of a fit: {', '.join(words)}{ending}.")
    return figure


def schedules(*given: Schedule, epochs: int = 30, steps_per_epoch: int = 10) -> Any:
    """Plot the factor on the learning rate over the steps of a fit, with a panel for each schedule.

    A schedule that monitors a metric is shown with a metric that does not improve.

    Parameters
    ----------
    given : Schedule
        By default, all of ``fcnet.schedules`` with their default arguments.
    epochs, steps_per_epoch : int
        Numbers of epochs and of steps per epoch of the fit that is shown.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : matplotlib is not installed.
    """
    if not given:
        names = [name for name in available.__all__ if name != "Schedule"]
        given = tuple(getattr(available, name)() for name in names)
    words = []
    with panels(len(given)) as (figure, drawn):
        for axes, each in zip(drawn, given, strict=True):
            of_epochs = (
                each.of_epoch(number, epochs, steps_per_epoch, {getattr(each, "monitor", ""): [0.0] * number})
                for number in range(epochs)
            )
            factors = np.concatenate(list(of_epochs))
            axes.plot(np.arange(len(factors)) / steps_per_epoch, factors, color=BLUE)
            axes.set(title=type(each).__name__, xlabel="epoch", ylabel="factor", ylim=(0, 1.05))
            words.append(f"{each!r} from {factors[0]:.4g} to {factors[-1]:.4g}, at most {factors.max():.4g}")
    figure.set_label(f"The factor on the learning rate over {epochs} epochs: {'; '.join(words)}.")
    return figure


def learning_rates(found: LearningRates) -> Any:
    """Plot the loss over the learning rate, and the suggested learning rate.

    Parameters
    ----------
    found : LearningRates
        Result of ``Network.find_learning_rate``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : matplotlib is not installed.
    """
    with panels(1) as (figure, (axes,)):
        axes.plot(found.rates, found.losses, ".", color=GREY, markersize=3)
        axes.plot(found.rates, found.smoothed, color=BLUE)
        margin = 0.1 * float(np.ptp(found.smoothed)) or 1.0
        axes.set(title="loss", xlabel="learning rate", xscale="log")
        axes.set_ylim(found.smoothed.min() - margin, min(found.smoothed.max(), 2 * found.smoothed[0]) + margin)
        words = "the loss never falls"
        if math.isfinite(found.suggestion):
            words = f"it falls fastest at {found.suggestion:.2g}"
            axes.axvline(found.suggestion, color=VERMILION, linewidth=1, linestyle="--")
            place = {"xycoords": ("data", "axes fraction"), "rotation": 90, "ha": "right", "va": "bottom"}
            axes.annotate(f"{found.suggestion:.2g}", (found.suggestion, 0.02), color=VERMILION, **place)
    rates, losses = found.rates, found.smoothed
    figure.set_label(
        f"The loss over learning rates from {rates[0]:.2g} to {rates[-1]:.2g}: from {losses[0]:.4g} down to "
        f"{losses.min():.4g} at {rates[losses.argmin()]:.2g}; {words}."
    )
    return figure
