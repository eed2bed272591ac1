"""A type checker sees what a fit gives an estimator, which has none of it before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from interop import library

library("sklearn")

from fcnet.sklearn import MLPClassifier, MLPRegressor

from processes import run

pytestmark = [
    pytest.mark.interop,
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
ROOT = Path(__file__).parent.parent
X, Y = np.arange(40.0).reshape(20, 2) / 40, np.arange(20) % 2
TYPES = {
    "loss_": "float",
    "best_loss_": "float | None",
    "loss_curve_": "list[float]",
    "validation_loss_curve_": "list[float]",
    "validation_scores_": "list[float] | None",
    "best_validation_score_": "float | None",
    "n_iter_": "int",
    "t_": "int",
    "n_layers_": "int",
    "n_outputs_": "int",
    "out_activation_": "str",
    "n_features_in_": "int",
    "feature_names_in_": "NDArray[Any]",
    "coefs_": "list[NDArray[Any]]",
    "intercepts_": "list[NDArray[Any]]",
}
CODE = """
from typing import Any, assert_type
import numpy as np
from numpy.typing import NDArray
from fcnet.sklearn import MLPClassifier, MLPRegressor

X, y = np.zeros((4, 2)), np.array([0, 1, 0, 1])
for net in (MLPClassifier().fit(X, y), MLPRegressor().partial_fit(X, y)):
{lines}
    net.coefs_ = [[[1.0]]]
    assert_type(net.predict(X), NDArray[Any])
classifier = MLPClassifier().fit(X, y)
assert_type(classifier, MLPClassifier)
assert_type(classifier.classes_, NDArray[Any])
assert_type(classifier.predict_proba(X), NDArray[Any])
assert_type(MLPRegressor().fit(X, y), MLPRegressor)
"""


def test_mypy_knows_every_fitted_attribute(tmp_path):
    library("mypy")
    lines = "\n".join(f"    assert_type(net.{name}, {kind})" for name, kind in TYPES.items())
    program = tmp_path / "program.py"
    program.write_text(CODE.format(lines=lines))
    config = ("--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache"))
    done = run("-m", "mypy", *config, str(program), deadline=600, MYPYPATH=str(ROOT / "python"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_there_is_none_of_them_before_a_fit_and_all_of_them_after_one(estimator):
    pandas = library("pandas")
    net = estimator(max_iter=2, early_stopping=True)
    names = {*TYPES, "classes_"} - ({"classes_"} if estimator is MLPRegressor else set())
    assert not [name for name in names if hasattr(net, name)]
    net.fit(pandas.DataFrame(X, columns=["a", "b"]), Y)
    fitted = {name for name in dir(net) if name.endswith("_") and not name.startswith("_") and hasattr(net, name)}
    assert fitted == names
    for name in names:
        assert isinstance(getattr(net, name), {"float": float, "int": int, "str": str}.get(TYPES.get(name), object))
