"""What the fits come to: tables for the docs, and the picture of ranks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.tables import table
from bench.tabular.methods import METHODS
from bench.tabular.run import Fit
from bench.tabular.sets import SETS

ANCHOR = "CatBoost"
CLASSES = ("telescope", "adult", "bank", "credit")  # whose score is an error rate


def frame_of(fits: dict[Fit, dict[str, Any]], rows: int) -> pd.DataFrame:
    """A row a fit of so many training rows, methods and sets in the order of METHODS and SETS."""
    frame = pd.DataFrame([fit._asdict() | found for fit, found in fits.items() if fit.rows == rows])
    frame["method"] = pd.Categorical(frame["method"], [name for name in METHODS if name in set(frame["method"])])
    frame["set"] = pd.Categorical(frame["set"], [name for name in SETS if name in set(frame["set"])])
    return frame


def relative(frame: pd.DataFrame, value: str) -> pd.Series:
    """The geometric mean of each method's value divided by ANCHOR's, over the fits that both have."""
    wide = frame.pivot_table(index=["set", "split"], columns="method", values=value, observed=True)
    return np.exp(np.log(wide.div(wide[ANCHOR], axis=0)).mean())


def cell(scores: pd.Series, classifies: bool) -> str:
    """Mean and standard deviation over splits, in percent for classes."""
    factor, digits = (100, 1) if classifies else (1, 3)
    spread = f" ± {factor * scores.std():.{digits}f}" if len(scores) > 1 else ""
    return f"{factor * scores.mean():.{digits}f}{spread}"


def tables(fits: dict[Fit, dict[str, Any]], rows: int) -> str:
    """Scores by table and method; below them how the methods stand to ANCHOR."""
    frame = frame_of(fits, rows)
    methods = list(frame["method"].cat.categories)
    lines = []
    for name, of_set in frame.groupby("set", observed=True):
        scores = {method: found["score"] for method, found in of_set.groupby("method", observed=True)}
        best = min(scores, key=lambda method: scores[method].mean())
        cells = [cell(scores[m], name in CLASSES) if m in scores else "" for m in methods]
        lines.append([f"{name}, {'%' if name in CLASSES else 'RMSE'}", *cells])
        lines[-1][1 + methods.index(best)] = f"**{lines[-1][1 + methods.index(best)]}**"
    if ANCHOR in methods:
        for value, label in (("score", "score"), ("cpu", "CPU time"), ("wall", "wall time")):
            of = relative(frame, value)
            lines.append([f"{label} relative to {ANCHOR}", *(f"{of[m]:.2f}" for m in methods)])
    return table(["", *methods], lines)


def tables_of_all(fits: dict[Fit, dict[str, Any]]) -> str:
    """For the page: a table and a picture for each number of training rows."""
    parts = []
    for rows in sorted({fit.rows for fit in fits}, key=lambda rows: (rows == 0, rows)):
        title = f"### {f'{rows:,} training rows' if rows else 'Whole tables'}"
        parts += [title, tables(fits, rows), f"![Score against time, and ranks](pictures/{picture(rows)})"]
    return "\n\n".join(parts)


def picture(rows: int) -> str:
    """The name of its file."""
    return f"tables_{rows or 'whole'}.png"


def ranks(frame: pd.DataFrame) -> tuple[pd.Series, float]:
    """Mean ranks of the methods that have every table, and the critical difference of Nemenyi's test at 5 %.

    Demsar 2006, Statistical comparisons of classifiers over multiple data sets.
    """
    from scipy.stats import studentized_range

    scores = frame.pivot_table(index="set", columns="method", values="score", observed=True).dropna(axis=1)
    n, k = scores.shape
    q = studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2)
    return scores.rank(axis=1).mean().sort_values(), q * np.sqrt(k * (k + 1) / (6 * n))


def draw(fits: dict[Fit, dict[str, Any]], rows: int, path: Path) -> None:
    """Score against time, relative to ANCHOR; and the mean ranks with the difference that is critical."""
    from matplotlib.figure import Figure

    frame = frame_of(fits, rows)
    score, wall = relative(frame, "score"), relative(frame, "wall")
    figure = Figure(figsize=(8, 6.4), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[3, 2])
    for method in score.index:
        ours = METHODS[method][0] == "fcnet"
        above.scatter(wall[method], score[method], 46, color="#2563eb" if ours else "#94a3b8", zorder=3)
        label = f"fcnet, {method}" if ours else method
        above.annotate(label, (wall[method], score[method]), (6, 4), textcoords="offset points", fontsize=9)
    above.axhline(1, color="#cbd5e1", linewidth=1)
    above.axvline(1, color="#cbd5e1", linewidth=1)
    above.margins(y=0.1)
    above.set(xscale="log", xlabel=f"wall time of a fit relative to {ANCHOR}", ylabel=f"error relative to {ANCHOR}")
    above.set_xticks([0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30], ["0.01", "0.03", "0.1", "0.3", "1", "3", "10", "30"])
    above.minorticks_off()

    mean, critical = ranks(frame)
    for i, (method, rank) in enumerate(mean.items()):
        ours = METHODS[method][0] == "fcnet"
        below.plot([mean.iloc[0], rank], [i, i], color="#e2e8f0", linewidth=1)
        below.scatter(rank, i, 46, color="#2563eb" if ours else "#94a3b8", zorder=3)
        below.annotate(
            f"fcnet, {method}" if ours else method, (rank, i), (8, -3), textcoords="offset points", fontsize=9
        )
    below.axvspan(mean.iloc[0], mean.iloc[0] + critical, color="#f1f5f9", zorder=0)
    below.set(xlabel=f"mean rank over {frame['set'].nunique()} tables; shaded: not different from the best at 5 %")
    below.set(yticks=[], xlim=(0.8, max(mean.iloc[-1], mean.iloc[0] + critical) + 1.2))
    below.invert_yaxis()
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    below.spines["left"].set_visible(False)
    figure.savefig(path, dpi=110)


def draw_all(fits: dict[Fit, dict[str, Any]], folder: Path) -> None:
    """A picture for each number of training rows."""
    for rows in {fit.rows for fit in fits}:
        draw(fits, rows, folder / picture(rows))
