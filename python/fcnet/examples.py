"""Samples and what belongs to them, checked for a network; those to train on and those to validate on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet import answers, class_names, tables
from fcnet.architecture import Architecture
from fcnet.feature_names import Name
from fcnet.finite import Scaling
from fcnet.losses import Custom
from fcnet.samples import samples
from fcnet.sparse import SparseRows
from fcnet.splitting import hold_back

ClassWeight = Mapping[Any, float] | ArrayLike | Literal["balanced"]


@dataclass(frozen=True)
class Examples:
    """Checked samples, labels or targets, and weights of the samples or None, as the native core takes them.

    ``features``: the names of x's columns, if they are known; ``classes``: those of the labels. The true weights are
    ``2**exponent`` times ``weights``.
    """

    x: NDArray[Any] | SparseRows
    y: NDArray[Any]
    weights: NDArray[Any] | None = None
    features: tuple[Name, ...] | None = None
    exponent: int = 0
    classes: tuple[Name, ...] | None = None

    @classmethod
    def of(
        cls,
        made: Architecture,
        x: ArrayLike,
        y: ArrayLike,
        weights: ArrayLike | None = None,
        names: tuple[str, str, str] = ("x", "y", "sample_weight"),
        *,
        finite: bool,
        known: tuple[Name, ...] | None = None,
        learn: bool = False,
    ) -> Examples:
        """From what a user gives; ``known``: the columns that a table must have; ``learn``: y may name the classes.

        Raises
        ------
        TypeError, ValueError : an argument is not what ``Network.fit`` expects; messages call them by ``names``.
        """
        if isinstance(made.loss, Custom):
            made.loss.check_known()
        x, y = tables.in_memory(x, names[0]), tables.in_memory(y, names[1])
        scaling = Scaling(made.dtype, made.offset, made.scale)
        rows = samples(x, made.sizes[0], made.dtype, finite=finite, known=known, scaling=scaling, name=names[0])
        n, features = len(rows), known or tables.column_names(x)
        weighed, exponent = (None, 0) if weights is None else answers.weights(weights, n, made.dtype, names[2])
        if weighed is not None and isinstance(made.loss, Custom):
            made.loss.check_weighted()
        y, classes = class_names.labels(y, made.classes, made.loss, made.sizes[-1], names[1], learn=learn)
        checked = answers.for_loss(y, n, made.sizes[-1], made.loss, made.dtype, names[1])
        return cls(rows, checked, weighed, features, exponent, classes)

    def of_loss(self, made: Architecture) -> tuple[NDArray[Any] | SparseRows, Any, NDArray[Any] | None]:
        """x, y and weights for the native core; a loss in Python in place of y, which it knows, with the weights."""
        y = made.loss.of_rows(self.y, self.weights) if isinstance(made.loss, Custom) else self.y
        return self.x, y, self.weights

    def truth(self, made: Architecture) -> NDArray[Any]:
        """What metrics compare outputs with: labels (n,), of several yes-or-no answers (n, outputs), or targets."""
        if not made.classifies or self.y.dtype.kind == "i":
            return self.y
        if made.takes_labels:
            return np.asarray(self.y.argmax(axis=1))
        answers_given = (self.y > 0.5).astype(np.int32)
        return answers_given[:, 0] if made.sizes[-1] == 1 else answers_given

    @property
    def weighs_nothing(self) -> bool:
        """Whether there are samples, none of which has a weight above 0."""
        return self.weights is not None and len(self.weights) > 0 and not self.weights.any()

    def weighing(self, name: str, where: str = "") -> Examples:
        """The same.

        Raises
        ------
        ValueError : all samples weigh nothing; the message calls the weights by ``name``.
        """
        if self.weighs_nothing:
            raise ValueError(f"{name} has nothing but 0{where}: expected some weight")
        return self

    @property
    def weight(self) -> float:
        """Of all samples."""
        return float(len(self.x)) if self.weights is None else math.ldexp(self.weights.sum(dtype=float), self.exponent)

    def not_empty(self, name: str) -> Examples:
        """The same.

        Raises
        ------
        ValueError : there are no samples; the message calls x by ``name``.
        """
        if len(self.x) == 0:
            raise ValueError(f"{name} has shape {self.x.shape}: expected at least one sample")
        return self

    def class_weighted(self, made: Architecture, given: ClassWeight | None) -> Examples:
        """The same, every sample weighing also what its class does, by ``Network.fit``'s class_weight.

        A sample that is several classes in part counts as such parts of samples, each of one class: together they are
        one sample again, with other parts.

        Raises
        ------
        TypeError, ValueError : it is not what ``Network.fit`` expects.
        """
        if given is None:
            return self
        labels, classes, exponent = self._labels(made), max(2, made.sizes[-1]), 0
        parts = self._parts(made) if labels is None else np.empty((0, classes))
        if isinstance(made.loss, Custom):
            made.loss.check_weighted()
        if isinstance(given, str):
            if given != "balanced":
                raise ValueError(f"class_weight is {given!r}: expected 'balanced', a dict, or a weight for each class")
            # as in scikit-learn: n / (classes that occur * count)
            counts = parts.sum(axis=0) if labels is None else np.bincount(labels, minlength=classes)
            of_class = len(self.y) / ((counts > 0).sum() * np.where(counts > 0, counts, 1))
        else:
            each = _of_classes(given, classes, self.classes)
            of_class, exponent = answers.weights(each, classes, made.dtype, "class_weight")
        y, of_sample = self.y, parts @ of_class if labels is None else of_class[labels]
        if labels is None:
            parts = np.divide(parts * of_class, of_sample[:, None], out=parts, where=of_sample[:, None] > 0)
            y = answers.smoothed(parts[:, classes - y.shape[1] :], made.loss.parameter, classes).astype(made.dtype)
        weights = of_sample if self.weights is None else self.weights * of_sample
        weights, more = answers.scaled(weights, made.dtype, "sample_weight times class_weight")
        return replace(self, y=y, weights=weights, exponent=self.exponent + exponent + more)

    def _labels(self, made: Architecture) -> NDArray[np.int64] | None:
        """The class of each sample; None where y does not tell it."""
        y, outputs, custom = self.y, made.sizes[-1], isinstance(made.loss, Custom)
        if outputs == 1 and (made.classifies or custom):
            no_and_yes = answers.for_loss([0, 1], 2, 1, made.loss, made.dtype)  # smoothed, as y is
            return (y[:, 0] > 0.5).astype(int) if y.shape[1:] == (1,) and np.isin(y, no_and_yes).all() else None
        labelled = y.ndim == 1 and y.dtype.kind in "iu" and (custom or made.takes_labels)
        return y.astype(int) if labelled and ((y >= 0) & (y < outputs)).all() else None

    def _parts(self, made: Architecture) -> NDArray[np.float64]:
        """How much of each class each sample is, (n, classes).

        Raises
        ------
        ValueError : y does not tell it.
        """
        outputs, smoothing = made.sizes[-1], made.loss.parameter
        if made.takes_labels:
            return answers.unsmoothed(self.y, smoothing, outputs)
        if made.classifies and outputs == 1:
            yes = answers.unsmoothed(self.y, smoothing, 2)
            return np.hstack([1 - yes, yes])
        if made.classifies:
            text = f"class_weight is given, but y are {outputs} answers, and a sample has one weight for all of them"
            raise ValueError(f"{text}: expected sample_weight, or a loss of your own that weighs each answer")
        raise ValueError("class_weight is given, but y are no class labels: expected sample_weight")

    def with_validation(self, made: Architecture, data: object, share: float) -> tuple[Examples, Examples | None]:
        """What is trained on and what is validated on, by ``Network.fit``'s validation_data and validation_split.

        Raises
        ------
        TypeError, ValueError : they are not what it expects.
        """
        if isinstance(share, bool) or not isinstance(share, Real):
            raise TypeError(f"validation_split is {share!r}: expected a number")
        if not 0 <= share < 1:
            raise ValueError(f"validation_split is {share!r}: expected 0 <= validation_split < 1")
        if data is not None:
            if share:
                raise ValueError("validation_data and validation_split are given: expected one of them")
            if not isinstance(data, tuple | list) or len(data) not in (2, 3):
                raise TypeError(f"validation_data is a {type(data).__name__}: expected (x, y) or (x, y, sample_weight)")
            names = ("validation_data[0]", "validation_data[1]", "validation_data[2]")
            x, y, weights = (*data, None)[:3]
            made = replace(made, classes=self.classes)
            held = Examples.of(made, x, y, weights, names, finite=True, known=self.features).not_empty(names[0])
            return self, held
        if not share:
            return self, None
        truth = self.truth(made)
        classes = truth if made.classifies and truth.ndim == 1 else None
        kept, rest = hold_back(len(self.x), float(share), made.seed, classes)
        train = self._rows(kept).weighing("sample_weight", " in the part that validation_split leaves to train on")
        return train, self._rows(rest)

    def _rows(self, rows: NDArray[Any]) -> Examples:
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, x=self.x[rows], y=self.y[rows], weights=weights)


def _of_classes(given: Any, classes: int, names: tuple[Name, ...] | None) -> ArrayLike:
    """The weight of each class, from a dict or a Series by class, or one for each class."""
    if hasattr(given, "to_dict") and hasattr(given, "index"):  # by its index, which may be in any order
        given = given.to_dict()
    if not isinstance(given, Mapping):
        if given is None or np.ndim(given) == 0 or isinstance(given, set | frozenset):
            raise TypeError(f"class_weight is {given!r}: expected 'balanced', a dict, or a weight for each class")
        weights: ArrayLike = given
        return weights
    numbered = class_names.by_number(given, names, classes, "class_weight")
    return [numbered.get(c, 1) for c in range(classes)]
