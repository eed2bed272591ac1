"""Tables: estimators that fit networks to them as they are, and their columns as inputs of a network.

>>> from fcnet.tabular import TabularClassifier
>>> rows = [["red", 1.5], ["blue", 2.0], ["red", 3.5], ["blue", None]] * 20
>>> model = TabularClassifier(epochs=8, random_state=0).fit(rows, ["warm", "cold"] * 40)
>>> model.predict([["red", 7], ["blue", 2]])
array(['warm', 'cold'], dtype='<U4')

>>> from fcnet.tabular import ColumnEncoder
>>> rows = [[31, "Rome", True], [45, "Oslo", False], [None, "Rome", None], [62, "Bern", True]]
>>> columns = ColumnEncoder.fit(rows)
>>> [column.kind for column in columns.columns], columns.columns[1].categories
(['number', 'category', 'binary'], ('Bern', 'Oslo', 'Rome'))
>>> columns.names_out
('0', '0 is missing', '1 = Bern', '1 = Oslo', '1 = Rome', '2 = False')
>>> columns.transform([[45, "Paris", True]], float).round(2).tolist()
[[0.0, 0.0, 0.0, 0.0, -0.49, -0.4]]
"""

from __future__ import annotations

from fcnet.tabular.classifier import TabularClassifier
from fcnet.tabular.column import Column
from fcnet.tabular.column_encoder import ColumnEncoder, Widths
from fcnet.tabular.encoding import Encoding
from fcnet.tabular.importance import PermutationImportance
from fcnet.tabular.normal_scale import normal_quantile, normal_quantiles, to_normal
from fcnet.tabular.piecewise_linear import piecewise_linear, quantile_edges
from fcnet.tabular.reading import Table, read
from fcnet.tabular.recipes import RealMLP
from fcnet.tabular.regressor import TabularRegressor
from fcnet.tabular.robust_scale import median_and_factor, smooth_clip
from fcnet.tabular.row_explanation import RowExplanation
from fcnet.tabular.tabm import TabM

__all__ = [
    "Column",
    "ColumnEncoder",
    "Encoding",
    "PermutationImportance",
    "RealMLP",
    "RowExplanation",
    "TabM",
    "Table",
    "TabularClassifier",
    "TabularRegressor",
    "Widths",
    "median_and_factor",
    "normal_quantile",
    "normal_quantiles",
    "piecewise_linear",
    "quantile_edges",
    "read",
    "smooth_clip",
    "to_normal",
]
