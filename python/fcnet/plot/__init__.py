"""Plots with matplotlib. Each is a ``Figure`` whose ``get_label()`` describes it in words.

The two colours can be distinguished by colour-blind people (Okabe and Ito 2008), and lines differ in style too.
"""

from __future__ import annotations

from fcnet.plot.importance import permutation_importance
from fcnet.plot.outputs import calibration, confusion_matrix, first_layer, network
from fcnet.plot.training import history, learning_rates, schedules

__all__ = [
    "calibration",
    "confusion_matrix",
    "first_layer",
    "history",
    "learning_rates",
    "network",
    "permutation_importance",
    "schedules",
]
