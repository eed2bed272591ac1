"""Datasets: samples, targets and sample weights, checked for a network, and the train-validation split."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet import _native
from fcnet._inputs import class_names, sample_weights, tables, targets, tensors
from fcnet._inputs.feature_names import Name
from fcnet._inputs.features import check_x
from fcnet._inputs.resolution import lossy_column, warn_of_lost
from fcnet._inputs.sparse import SparseRows
from fcnet._inputs.strips import SCANNED
from fcnet._model.architecture import Architecture
from fcnet.losses import Custom

MOST_EPOCHS = 2**32 - 1  # of a network; the split uses the shuffle of the epoch after the last one


def checked_share(share: float) -> float:
    """Check the argument validation_split of ``Network.fit``.

    Raises
    ------
    TypeError, ValueError : it is not a number in [0, 1).
    """
    if isinstance(share, bool) or not isinstance(share, Real):
        raise TypeError(f"validation_split is {share!r}: expected a number")
    if not 0 <= share < 1:
        raise ValueError(f"validation_split is {share!r}: expected 0 <= validation_split < 1")
    return float(share)


def train_validation_split(
    n: int, fraction: float, seed: int, labels: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Split n samples at random into training and validation samples, the same way for the same seed.

    Parameters
    ----------
    n : int
    fraction : float in (0, 1)
        Fraction of the samples for validation; at least one sample, and not all.
    seed : int
    labels : array (n,) of int >= 0, optional
        Stratify by these labels: the fraction applies to every class, rounded so that the total is correct too.

    Returns
    -------
    array, array
        Indices of the training and of the validation samples, ascending.

    Raises
    ------
    ValueError : no sample, or every sample, would be used for validation.
    """
    classes = None if labels is None else np.asarray(labels, np.int32)
    train, validation = _native.hold_back(seed, MOST_EPOCHS, n, fraction, classes)
    if not 0 < len(validation) < n:
        text = f"validation_split is {fraction}: it leaves {len(validation)} of {n} samples for validation"
        raise ValueError(f"{text}, expected at least 1, and fewer than {n}")
    return train, validation


Data = tuple[NDArray[Any] | SparseRows, Any, NDArray[Any] | None]  # x, y and weights for the native core
ClassWeight = Mapping[Any, float] | ArrayLike | Literal["balanced"]


@dataclass(frozen=True)
class Dataset:
    """Checked samples, targets and sample weights (or None), as the native core takes them.

    ``features`` are the column names of x and ``classes`` the class labels, if they are known. The true weights are
    ``2**exponent`` times ``weights``. ``rows`` are the ascending indices of the rows that belong to the dataset; None
    means all rows.
    """

    x: NDArray[Any] | SparseRows
    y: NDArray[Any]
    weights: NDArray[Any] | None = None
    features: tuple[Name, ...] | None = None
    exponent: int = 0
    classes: tuple[Name, ...] | None = None
    rows: NDArray[np.int64] | None = None
    outputs: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.x) if self.rows is None else len(self.rows)

    def of_samples(self, by_row: NDArray[Any]) -> NDArray[Any]:
        """Select the entries of the samples from an array with an entry for each row; a copy unless all rows belong."""
        return by_row if self.rows is None else by_row[self.rows]

    @property
    def sample_weights(self) -> NDArray[Any] | None:
        """The weights of the samples in the dataset, or None."""
        return None if self.weights is None else self.of_samples(self.weights)

    @property
    def number_type(self) -> np.dtype[Any]:
        """The type of the numbers in x; float32 for bfloat16."""
        numbers = self.x.data if isinstance(self.x, SparseRows) else self.x
        return tensors.widened(np.asarray(numbers[:0])).dtype

    def _strips(self) -> Iterator[slice | NDArray[np.int64]]:
        """Yield indices that select the samples of one strip after another, each short enough for Ctrl-C."""
        at_once = max(64, SCANNED // max(1, self.y[:1].size) // 64 * 64)
        for first in range(0, len(self), at_once):
            part = slice(first, min(first + at_once, len(self)))
            yield part if self.rows is None else self.rows[part]

    @classmethod
    def of(
        cls,
        architecture: Architecture,
        x: ArrayLike,
        y: ArrayLike,
        weights: ArrayLike | None = None,
        names: tuple[str, str, str] = ("x", "y", "sample_weight"),
        *,
        finite: bool,
        known: tuple[Name, ...] | None = None,
        learn: bool = False,
        outputs: ArrayLike | None = None,
    ) -> Dataset:
        """Check x, y and sample weights.

        ``known`` are the columns that a table must have. With ``learn``, text labels in y may define the classes.
        ``outputs`` are as for ``Network.train_on_batch``.

        Raises
        ------
        TypeError, ValueError : an argument is not what ``Network.fit`` expects; messages call them by ``names``.
        """
        if isinstance(architecture.loss, Custom):
            architecture.loss.check_known()
        x, y = tables.in_memory(x, names[0]), tables.in_memory(y, names[1])
        rows = check_x(
            x,
            architecture.inputs,
            architecture.dtype,
            finite=finite,
            known=known,
            scaling=architecture.scaling,
            codes=architecture.codes,
            name=names[0],
        )
        n, features = len(rows), known or tables.column_names(x)
        weighed, exponent = (
            (None, 0) if weights is None else sample_weights.checked(weights, n, architecture.dtype, names[2])
        )
        if weighed is not None and isinstance(architecture.loss, Custom):
            architecture.loss.check_weighted()
        if outputs is not None:
            chosen = targets.chosen_outputs(outputs, n, architecture.sizes[-1], architecture.loss)
            checked = targets.check_y(y, n, 1, architecture.loss, architecture.dtype, names[1])
            return cls(rows, checked, weighed, features, exponent, architecture.classes, outputs=chosen)
        y, classes = class_names.labels(
            y, architecture.classes, architecture.loss, architecture.sizes[-1], names[1], learn=learn
        )
        checked = targets.check_y(y, n, architecture.sizes[-1], architecture.loss, architecture.dtype, names[1])
        return cls(rows, checked, weighed, features, exponent, classes)

    def of_loss(self, architecture: Architecture) -> Data:
        """Return x, y and weights for the native core; for a custom loss, a function of the outputs replaces y."""
        y = architecture.loss.of_rows(self.y, self.weights) if isinstance(architecture.loss, Custom) else self.y
        return self.x, y, self.weights

    def y_true(self, architecture: Architecture) -> NDArray[Any]:
        """Return y_true for the metrics: labels (n,), multi-label indicators (n, outputs), or targets."""
        if not architecture.classifies or self.y.dtype.kind == "i":
            return self.of_samples(self.y)
        if architecture.takes_labels:
            return self._gathered(np.empty(len(self), np.int64), lambda y: y.argmax(axis=1))
        binary = self._gathered(np.empty((len(self), architecture.sizes[-1]), np.int32), lambda y: y > 0.5)
        return binary[:, 0] if architecture.sizes[-1] == 1 else binary

    def _gathered(self, to: NDArray[Any], what: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
        """Fill ``to`` with a function of the samples' y, strip by strip."""
        first = 0
        for part in self._strips():
            values = what(self.y[part])
            to[first : first + len(values)] = values
            first += len(values)
        return to

    @property
    def weighs_nothing(self) -> bool:
        """Whether there are samples and all of them have weight 0."""
        weights = self.weights
        return weights is not None and len(self) > 0 and not any(weights[part].any() for part in self._strips())

    def check_weights(self, name: str, where: str = "") -> Dataset:
        """Return the dataset, if some sample has a weight above 0.

        Raises
        ------
        ValueError : all samples have weight 0; ``name`` is the argument of the weights in the message.
        """
        if self.weighs_nothing:
            raise ValueError(f"{name} is 0 for all samples{where}: expected some weights above 0")
        return self

    def warn_of_lost_digits(self, architecture: Architecture) -> None:
        """Give a UserWarning if float32 makes distinct numbers of a column of x equal, after subtracting the offset."""
        rounded = architecture.dtype == np.float32 and not np.can_cast(self.number_type, np.float32)
        if rounded and not isinstance(self.x, SparseRows):
            lossy = lossy_column(self.x, architecture.offset)
            advice = "adapt(x) of a new network makes it subtract the mean in float64"
            warn_of_lost(lossy, "x", self.features, f"{advice}, or use dtype='float64'")

    @property
    def weight(self) -> float:
        """The total weight of the samples."""
        weights = self.sample_weights
        return float(len(self)) if weights is None else math.ldexp(weights.sum(dtype=float), self.exponent)

    def not_empty(self, name: str) -> Dataset:
        """Return the dataset, if it has samples.

        Raises
        ------
        ValueError : there are no samples; ``name`` is the argument in the message.
        """
        if len(self) == 0:
            raise ValueError(f"{name} has shape {self.x.shape}: expected at least one sample")
        return self

    def class_weighted(self, architecture: Architecture, given: ClassWeight | None) -> Dataset:
        """Return the dataset with the sample weights multiplied by their class weights, as for ``Network.fit``.

        A sample with probabilities for several classes counts as a fraction of a sample in each class. Its weight
        becomes the mean of the class weights, and its probabilities are reweighted.

        Raises
        ------
        TypeError, ValueError : the class weights are not as for ``Network.fit``.
        """
        if given is None:
            return self
        classes, exponent = max(2, architecture.sizes[-1]), 0
        labelled = all(self._labels(architecture, part) is not None for part in self._strips())
        if not labelled:
            self._check_class_probabilities(architecture)
        if isinstance(architecture.loss, Custom):
            architecture.loss.check_weighted()
        if isinstance(given, str):
            if given != "balanced":
                raise ValueError(f"class_weight is {given!r}: expected 'balanced', a dict, or a weight for each class")
            # as in scikit-learn: n / (classes that occur * count)
            counts = self._class_counts(architecture, classes, labelled)
            class_weights = len(self) / ((counts > 0).sum() * np.where(counts > 0, counts, 1))
        else:
            each = weights_of_classes(given, classes, self.classes)
            class_weights, exponent = sample_weights.checked(each, classes, architecture.dtype, "class_weight", "class")
        y = self.y if labelled else np.empty_like(self.y)
        weights = np.zeros(
            len(self.y), np.result_type(class_weights, *(() if self.weights is None else (self.weights,)))
        )
        for part in self._strips():
            labels = self._labels(architecture, part) if labelled else None
            if labels is not None:
                row_weights = class_weights[labels]
            else:
                shares = self._class_probabilities(architecture, part)
                row_weights = shares @ class_weights
                shares = np.divide(
                    shares * class_weights, row_weights[:, None], out=shares, where=row_weights[:, None] > 0
                )
                y[part] = targets.smoothed(shares[:, classes - y.shape[1] :], architecture.loss.parameter, classes)
            weights[part] = row_weights if self.weights is None else self.weights[part] * row_weights
        weights, more = sample_weights.scaled(weights, architecture.dtype, "sample_weight times class_weight")
        return replace(self, y=y, weights=weights, exponent=self.exponent + exponent + more)

    def _class_counts(self, architecture: Architecture, classes: int, labelled: bool) -> NDArray[Any]:
        """Count the samples of every class; fractions of samples are added in their order."""
        counts = np.zeros(classes, np.int64 if labelled else np.float64)
        for part in self._strips():
            labels = self._labels(architecture, part) if labelled else None
            if labels is not None:
                counts += np.bincount(labels, minlength=classes)
            else:
                counts = np.vstack([counts, self._class_probabilities(architecture, part)]).sum(axis=0)
        return counts

    def _labels(self, architecture: Architecture, part: slice | NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return the class of each sample of a strip, or None if y does not hold class labels."""
        y, outputs, custom = self.y[part], architecture.sizes[-1], isinstance(architecture.loss, Custom)
        if outputs == 1 and (architecture.classifies or custom):
            no_and_yes = targets.check_y([0, 1], 2, 1, architecture.loss, architecture.dtype)  # smoothed, as y is
            return (y[:, 0] > 0.5).astype(int) if y.shape[1:] == (1,) and np.isin(y, no_and_yes).all() else None
        labelled = y.ndim == 1 and y.dtype.kind in "iu" and (custom or architecture.takes_labels)
        return y.astype(int) if labelled and ((y >= 0) & (y < outputs)).all() else None

    def _class_probabilities(self, architecture: Architecture, part: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the class probabilities (n, classes) of the samples of a strip."""
        y, outputs, smoothing = self.y[part], architecture.sizes[-1], architecture.loss.parameter
        if architecture.takes_labels or outputs > 1:
            return targets.unsmoothed(y, smoothing, outputs)
        yes = targets.unsmoothed(y, smoothing, 2)
        return np.hstack([1 - yes, yes])

    @staticmethod
    def _check_class_probabilities(architecture: Architecture) -> None:
        """Raise ValueError if y does not hold class probabilities."""
        outputs = architecture.sizes[-1]
        if architecture.takes_labels or (architecture.classifies and outputs == 1):
            return
        if architecture.classifies:
            text = f"class_weight is given, but y has {outputs} labels for each sample (multi-label classification)"
            raise ValueError(f"{text}: expected sample_weight, or a custom loss that weighs each label")
        raise ValueError("class_weight needs class labels: for these targets use sample_weight")

    def with_validation(self, architecture: Architecture, data: object, share: float) -> tuple[Dataset, Dataset | None]:
        """Return the training and validation datasets, from ``Network.fit``'s validation_data or validation_split.

        Raises
        ------
        TypeError, ValueError : the arguments are not as for ``Network.fit``.
        """
        if data is not None:
            if share:
                raise ValueError("validation_data and validation_split are given: expected one of them")
            if not isinstance(data, tuple | list) or len(data) not in (2, 3):
                raise TypeError(f"validation_data is a {type(data).__name__}: expected (x, y) or (x, y, sample_weight)")
            names = ("validation_data[0]", "validation_data[1]", "validation_data[2]")
            x, y, weights = (*data, None)[:3]
            architecture = replace(architecture, classes=self.classes)
            validation = Dataset.of(architecture, x, y, weights, names, finite=True, known=self.features)
            return self, validation.not_empty(names[0])
        if not share:
            return self, None
        one_class = architecture.classifies and (
            self.y.ndim == 1 or architecture.takes_labels or architecture.sizes[-1] == 1
        )
        train_rows, validation_rows = train_validation_split(
            len(self), share, architecture.seed, self.y_true(architecture) if one_class else None
        )
        where = " in the training part of validation_split"
        train = replace(self, rows=train_rows).check_weights("sample_weight", where)
        return train, replace(self, rows=validation_rows)


def weights_of_classes(given: Any, classes: int, names: tuple[Name, ...] | None) -> ArrayLike:
    """Return the weight of each class, from a dict or Series by class, or from a sequence."""
    if hasattr(given, "to_dict") and hasattr(given, "index"):  # a Series, whose index may have any order
        given = given.to_dict()
    if not isinstance(given, Mapping):
        if given is None or np.ndim(given) == 0 or isinstance(given, set | frozenset):
            raise TypeError(f"class_weight is {given!r}: expected 'balanced', a dict, or a weight for each class")
        weights: ArrayLike = given
        return weights
    numbered = class_names.by_number(given, names, classes, "class_weight")
    return [numbered.get(c, 1) for c in range(classes)]
