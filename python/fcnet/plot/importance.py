"""Plot of permutation importance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fcnet._checks.numbers import whole_number
from fcnet.plot.style import BLUE, GREY, VERMILION, panels

if TYPE_CHECKING:
    from fcnet.tabular import PermutationImportance

_LONGEST = 32  # letters of a name


def permutation_importance(found: PermutationImportance, *, most: int = 20) -> Any:
    """Plot the permutation importance of columns as bars, the most important column at the top.

    Parameters
    ----------
    found : PermutationImportance
        Result of ``TabularClassifier.permutation_importance`` or of ``TabularRegressor``'s.
    most : int >= 1, default 20
        Maximum number of columns.

    Returns
    -------
    matplotlib.figure.Figure
        Bars show means, points each repeat.

    Raises
    ------
    ImportError : matplotlib is not installed.
    TypeError, ValueError : most is not a whole number, at least 1.
    """
    order = found.order()[: whole_number(most, "most", 1)]
    names = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in (found.names[i] for i in order)]
    means = found.importances_mean[order]
    places = range(len(order))
    with panels(1) as (figure, (axes,)):
        figure.set_size_inches(6.2, 1 + 0.26 * len(order))
        axes.barh(places, means, height=0.62, color=BLUE)
        for place, i in zip(places, order, strict=True):
            axes.plot(found.importances[i], [place] * found.importances.shape[1], ".", color=VERMILION, markersize=3)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.set_yticks(places, names)
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.set(title="permutation importance", xlabel=f"how much worse {found.metric} is")
    shown = f"{len(order)} of {len(found.names)} columns"
    figure.set_label(
        f"Permutation importance of {shown}: {found.metric} is {found.score:.4g}, and worse by {means[0]:.4g} where "
        f"{found.names[order[0]]} is shuffled, by {means[-1]:.4g} where {found.names[order[-1]]} is."
    )
    return figure
