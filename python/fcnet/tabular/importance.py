"""Permutation importance: how much worse an estimator predicts when the values of a column are shuffled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks import console
from fcnet._checks.numbers import whole_number
from fcnet._checks.public import public_in
from fcnet._inputs.feature_names import Name, cut, shown
from fcnet.tabular.aligned import aligned, short
from fcnet.tabular.metrics import Metric
from fcnet.tabular.reading import Table


@public_in("fcnet.tabular")
@dataclass(frozen=True, eq=False)
class PermutationImportance:
    """The result of ``permutation_importance``; ``print`` shows it as a table, the most important column first.

    Attributes
    ----------
    names : tuple of str
        Names of the columns.
    metric : str
    score : float
        The metric of the rows as they are.
    importances : array (columns, repeats)
        How much worse the metric is with the values of a column shuffled; about 0 for a column that is not used.
    importances_mean, importances_std : array (columns,)
    """

    names: tuple[str, ...]
    metric: str
    score: float
    importances: NDArray[np.float64]

    @property
    def importances_mean(self) -> NDArray[np.float64]:
        """Mean over the repeats."""
        return np.asarray(self.importances.mean(axis=1))

    @property
    def importances_std(self) -> NDArray[np.float64]:
        """Standard deviation over the repeats."""
        return np.asarray(self.importances.std(axis=1))

    def order(self) -> NDArray[np.intp]:
        """Return the places of the columns, the most important one first."""
        return np.argsort(-self.importances_mean, kind="stable")

    def plot(self, *, most: int = 20) -> Any:
        """Draw ``fcnet.plot.permutation_importance``.

        Parameters
        ----------
        most : int >= 1, default 20
            Maximum number of columns.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ImportError : matplotlib is not installed.
        """
        from fcnet.plot import permutation_importance

        return permutation_importance(self, most=most)

    def __str__(self) -> str:
        mean, std = self.importances_mean, self.importances_std
        lines = [("column", f"{self.metric} worse by", "± std")]
        lines += [(self.names[i], short(mean[i]), f"{std[i]:.2g}") for i in self.order()]
        return console.printable(aligned(lines))


def names_of(names: tuple[Name, ...]) -> tuple[str, ...]:
    """Return the names of columns as text."""
    return tuple(cut(name) if isinstance(name, str) else shown(name) for name in names)


def permuted(
    table: Table, score: Callable[[Table], float], metric: Metric, names: tuple[Name, ...], repeats: int, random: Any
) -> PermutationImportance:
    """Shuffle the values of every column in turn and score the table.

    The permutations are those of scikit-learn's ``permutation_importance``: a column is shuffled anew from its last
    order for each repeat, and all columns in the same way.

    Parameters
    ----------
    table : Table
    score : function
        The metric of a table.
    metric : Metric
    names : tuple
        Of the columns.
    repeats : int >= 1
    random : int, generator of NumPy or None

    Returns
    -------
    PermutationImportance
    """
    count, seed = whole_number(repeats, "repeats", 1), _seed(random)
    whole, values = score(table), list(table.values)
    scores = np.empty((len(values), count))
    for column, before in enumerate(values):
        generator, rows = np.random.RandomState(seed), np.arange(table.rows)
        for repeat in range(count):
            generator.shuffle(rows)
            values[column] = replace(values[column], array=values[column].array[rows])
            scores[column, repeat] = score(Table(table.names, table.rows, table.columns, tuple(values)))
        values[column] = before
    worse = whole - scores if metric.rises else scores - whole
    return PermutationImportance(names_of(names), metric.name, whole, worse)


def _seed(random: Any) -> int:
    """Return the seed that scikit-learn draws from the argument ``random_state``."""
    if isinstance(random, np.random.Generator):
        return int(random.integers(2**31))
    if not isinstance(random, np.random.RandomState):
        seed = None if random is None else whole_number(random, "random_state", 0, 2**32 - 1)
        random = np.random.RandomState(seed)
    return int(random.randint(2**31))
