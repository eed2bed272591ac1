"""Metrics of predictions, as scikit-learn defines them, in plain NumPy and float64.

Every function takes ``(y_true, output)``, the true labels or targets and the network's outputs, and ``sample_weight``.
The result is NaN if there are no samples. ``Network.fit`` and ``Network.evaluate`` take metrics by name:
``metrics=["f1", "roc_auc"]``.
"""

from __future__ import annotations

from fcnet.metrics.classification import accuracy, f1, precision, recall
from fcnet.metrics.probabilities import log_loss, roc_auc, top_k_accuracy
from fcnet.metrics.regression import mae, mse, r2, rmse

__all__ = [
    "accuracy",
    "f1",
    "log_loss",
    "mae",
    "mse",
    "precision",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "top_k_accuracy",
]
