"""MLPClassifier and MLPRegressor with scikit-learn's interface, built on ``fcnet.Network``: a drop-in replacement.

The estimators of ``fcnet.tabular`` are here, too.

>>> from fcnet.sklearn import MLPClassifier
>>> import fcnet as fc
>>> digits = fc.datasets.load_digits()
>>> net = MLPClassifier(random_state=0, max_iter=400).fit(digits.x_train / 16, digits.y_train)
>>> net.score(digits.x_test / 16, digits.y_test) > 0.95
True
"""

from __future__ import annotations

from fcnet._checks.optional_imports import optional

optional("sklearn", "fcnet.sklearn")

from fcnet.sklearn.classifier import MLPClassifier  # noqa: E402
from fcnet.sklearn.onnx import register_onnx  # noqa: E402
from fcnet.sklearn.regressor import MLPRegressor  # noqa: E402
from fcnet.tabular import TabularClassifier, TabularRegressor  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor", "TabularClassifier", "TabularRegressor", "register_onnx"]
