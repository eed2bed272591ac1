"""Conversion of class labels to and from the network's form: class indices, or 0 and 1 for every label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import LabelBinarizer

from fcnet._inputs.class_names import of_text


def refuse_missing(y: Any, name: str) -> None:
    """Raise ValueError if a text label is missing; NumPy would convert it to the text "nan" in a list."""
    if isinstance(y, list | tuple):
        y = [row[0] if isinstance(row, list | tuple) and len(row) == 1 else row for row in y]
        if any(isinstance(label, str) for label in y):
            of_text(y, name)
    elif getattr(getattr(y, "dtype", None), "kind", "") == "O":
        of_text(y, name)


class Labels:
    """The part of a classifier that holds the classes and converts labels."""

    classes_: NDArray[Any]
    _label_binarizer: LabelBinarizer

    def _learn_classes(self, y: Any) -> None:
        self._label_binarizer = LabelBinarizer().fit(y)
        self.classes_ = self._label_binarizer.classes_

    def _refuse_unknown(self, classes: NDArray[Any]) -> None:
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    @property
    def _multiclass(self) -> bool:
        """Whether this is multi-class classification with at least three classes, and an output for each."""
        return bool(self._label_binarizer.y_type_ == "multiclass")

    @property
    def _multilabel(self) -> bool:
        """Whether this is multi-label classification."""
        return self._label_binarizer.y_type_.startswith("multilabel")

    def _encode(self, y: Any) -> NDArray[Any]:
        if self._multilabel:
            return np.asarray(self._label_binarizer.transform(y), np.float32)
        return np.searchsorted(self.classes_, y).astype(np.int32)

    def _outputs_for(self, encoded: NDArray[Any]) -> int:
        return encoded.shape[1] if self._multilabel else len(self.classes_) if self._multiclass else 1

    def _decode(self, outputs: NDArray[Any]) -> Any:
        if self._multilabel:
            return self._label_binarizer.inverse_transform(outputs)
        if self._multiclass:
            return self.classes_[outputs.argmax(axis=1)]
        return self.classes_[np.minimum(outputs[:, 0] > 0.5, len(self.classes_) - 1)]
