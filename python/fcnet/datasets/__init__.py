"""The dataset that is included in fcnet."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Digits(NamedTuple):
    """Training and test set of the optical digits."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]

    def __repr__(self) -> str:
        shapes = (f"{name} {getattr(self, name).shape}" for name in self._fields)
        return f"Digits({', '.join(shapes)})"


def load_digits() -> Digits:
    """Load the 1,797 optical digits of the UCI repository, 8 x 8 images of 10 classes, with a fixed train-test split.

    E. Alpaydin, C. Kaynak: "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998;
    licence CC BY 4.0.

    Returns
    -------
    Digits
        x_train (1437, 64) and x_test (360, 64) of uint8 from 0 to 16; y_train (1437,), y_test (360,) of int64.

    Examples
    --------
    >>> load_digits().x_train.shape
    (1437, 64)
    """
    with open(os.path.join(os.path.dirname(__file__), "digits.npz"), "rb") as file:
        parts: Any = np.load(file, allow_pickle=False)
        x, y = parts["x"], parts["y"].astype(np.int64)
    train = 1437
    return Digits(x[:train], y[:train], x[train:], y[train:])
