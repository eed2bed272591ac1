"""Checks of column names that are not text, which scikit-learn does not compare."""

from __future__ import annotations

from typing import Any

from fcnet._inputs import feature_names, tables
from fcnet.sklearn.versions import validate_data as validate_as_scikit_learn

__all__ = ["validate_data"]


def validate_data(estimator: Any, X: Any, y: Any = "no_validation", **options: Any) -> Any:
    """Check X, or X and y, as scikit-learn does, and that the columns are those of the first fit.

    Scikit-learn compares column names only if all are text. Other names are compared here, as in ``fcnet.Network``.

    Parameters
    ----------
    estimator : estimator
        Gets the attribute ``_columns``, which is None if all names are text or X has none.
    X, y : as the user gave them
    **options : of scikit-learn's ``validate_data``

    Returns
    -------
    array, or (array, array)

    Raises
    ------
    TypeError, ValueError : the arguments are not valid for scikit-learn or for the fitted estimator.
    """
    names = tables.column_names(X)
    if names is not None and all(isinstance(name, str) for name in names):
        names = None
    first = options.get("reset", True)
    if not first:
        feature_names.compare(names, getattr(estimator, "_columns", None), "X", X, advise=False)
    checked = validate_as_scikit_learn(estimator, X, y, **options)
    if first:
        estimator._columns = names
    return checked
