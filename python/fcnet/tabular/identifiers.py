"""Text that differs in most rows, such as names, identifiers and dates: a fit can learn nothing from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from fcnet._checks import console
from fcnet._inputs.feature_names import listing
from fcnet.tabular.categorical_features import chosen
from fcnet.tabular.reading import Table


def warn_of_identifiers(table: Table, categorical_features: Any) -> None:
    """Warn of columns of text that differs in most rows, unless they are categories by their type or by the argument.

    Parameters
    ----------
    table : Table
        X of a fit.
    categorical_features : as for the estimators
    """
    if isinstance(table.content, np.ndarray):
        return
    known = chosen(categorical_features, table.names, table.columns)
    found = [
        table.names[place] if table.names else place
        for place, values in enumerate(table.values)
        if place not in known and not values.is_category and values.differ_in_most_rows()
    ]
    if found:
        console.warn(
            f"X has text that differs in most rows, of which new rows have other values, in the columns "
            f"{listing(found)}: drop them, make numbers or categories of them (of dates year, month, weekday), "
            "or name them in categorical_features"
        )
