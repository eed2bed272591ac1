"""What the tests of scikit-learn's estimators share: marks, a small problem for every kind of y, short fits."""

from __future__ import annotations

import numpy as np
import pytest

from interop import library

library("sklearn")

beside_sklearn = [  # a short fit has not converged
    pytest.mark.interop,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
N = 120
_RNG = np.random.default_rng(0)
X = _RNG.standard_normal((N, 4))
CLASSES, LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0), (X[:, :3] > 0).astype(int)
TEXT = np.array(["low", "middle", "high"])[CLASSES]
VALUES = X @ _RNG.standard_normal(4)
FEW = {"hidden_layer_sizes": [8], "random_state": 0, "max_iter": 4, "batch_size": 30}


def parameters(net):
    """All weights, then all biases."""
    return [*net.coefs_, *net.intercepts_]


def assert_same(one, other, **close):
    """The same weights and biases: bit for bit, unless ``close`` has a tolerance of NumPy's."""
    for a, b in zip(parameters(one), parameters(other), strict=True):
        np.testing.assert_allclose(a, b, **({"rtol": 0} | close))
