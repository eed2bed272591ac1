"""The columns of X whose names are no texts, which scikit-learn does not compare."""

from __future__ import annotations

from typing import Any

from fcnet._inputs import feature_names, tables
from fcnet.sklearn.versions import validate_data as validate_as_scikit_learn

__all__ = ["validate_data"]


def validate_data(estimator: Any, X: Any, y: Any = "no_validation", **options: Any) -> Any:
    """X, or X and y, as scikit-learn checks them; other columns than those of the first fit are refused.

    Scikit-learn compares names that are all texts. Others are compared here, as ``fcnet.Network`` does.

    Parameters
    ----------
    estimator : estimator
        Gets the attribute ``_columns``, None where all names are texts or X has none.
    X, y : as the user gave them
    **options : of scikit-learn's ``validate_data``

    Returns
    -------
    array, or (array, array)

    Raises
    ------
    TypeError, ValueError : they are not what scikit-learn, or the estimator that was fitted, takes.
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
