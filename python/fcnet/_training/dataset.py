"""Samples and what belongs to them, checked for a network; those to train on and those to validate on."""

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
from fcnet._inputs.arrays import SCANNED
from fcnet._inputs.feature_names import Name
from fcnet._inputs.features import check_x
from fcnet._inputs.resolution import lossy_column, warn_of_lost
from fcnet._inputs.sparse import SparseRows
from fcnet._model.architecture import Architecture
from fcnet.losses import Custom

MOST_EPOCHS = 2**32 - 1  # of a network; the shuffle that would come after them is the draw here


def checked_share(share: float) -> float:
    """``Network.fit``'s validation_split.

    Raises
    ------
    TypeError, ValueError : it is no number in [0, 1).
    """
    if isinstance(share, bool) or not isinstance(share, Real):
        raise TypeError(f"validation_split is {share!r}: expected a number")
    if not 0 <= share < 1:
        raise ValueError(f"validation_split is {share!r}: expected 0 <= validation_split < 1")
    return float(share)


def train_validation_split(
    n: int, fraction: float, seed: int, labels: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw which of n samples to train on and which to hold back; always the same ones for a seed.

    Parameters
    ----------
    n : int
    fraction : float in (0, 1)
        To hold back; at least one sample, and not all.
    seed : int
    labels : array (n,) of int >= 0, optional
        Hold back this fraction of every class, rounded so that the whole is right too.

    Returns
    -------
    array, array
        Ascending numbers of the samples.

    Raises
    ------
    ValueError : no sample would be held back, or all.
    """
    classes = None if labels is None else np.asarray(labels, np.int32)
    kept, held = _native.hold_back(seed, MOST_EPOCHS, n, fraction, classes)
    if not 0 < len(held) < n:
        raise ValueError(f"validation_split is {fraction}: it holds back {len(held)} of {n} samples")
    return kept, held


ClassWeight = Mapping[Any, float] | ArrayLike | Literal["balanced"]


@dataclass(frozen=True)
class Dataset:
    """Checked samples, labels or targets, and weights of the samples or None, as the native core takes them.

    ``features``: the names of x's columns, if they are known; ``classes``: those of the labels. The true weights are
    ``2**exponent`` times ``weights``. ``rows``: the numbers of the rows of all three that are the samples, ascending;
    None: all of them.
    """

    x: NDArray[Any] | SparseRows
    y: NDArray[Any]
    weights: NDArray[Any] | None = None
    features: tuple[Name, ...] | None = None
    exponent: int = 0
    classes: tuple[Name, ...] | None = None
    rows: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.x) if self.rows is None else len(self.rows)

    def of_samples(self, by_row: NDArray[Any]) -> NDArray[Any]:
        """What of an array with an entry for each row belongs to the samples; copied where they are not all rows."""
        return by_row if self.rows is None else by_row[self.rows]

    @property
    def sample_weights(self) -> NDArray[Any] | None:
        """Of the samples alone."""
        return None if self.weights is None else self.of_samples(self.weights)

    @property
    def number_type(self) -> np.dtype[Any]:
        """Of the numbers in x; float32 for bfloat16."""
        numbers = self.x.data if isinstance(self.x, SparseRows) else self.x
        return tensors.widened(np.asarray(numbers[:0])).dtype

    def _strips(self) -> Iterator[slice | NDArray[np.int64]]:
        """What picks the samples from arrays by row, part after part: Ctrl-C does not wait for one."""
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
    ) -> Dataset:
        """From what a user gives; ``known``: the columns that a table must have; ``learn``: y may name the classes.

        Raises
        ------
        TypeError, ValueError : an argument is not what ``Network.fit`` expects; messages call them by ``names``.
        """
        if isinstance(architecture.loss, Custom):
            architecture.loss.check_known()
        x, y = tables.in_memory(x, names[0]), tables.in_memory(y, names[1])
        rows = check_x(
            x,
            architecture.sizes[0],
            architecture.dtype,
            finite=finite,
            known=known,
            scaling=architecture.scaling,
            name=names[0],
        )
        n, features = len(rows), known or tables.column_names(x)
        weighed, exponent = (
            (None, 0) if weights is None else sample_weights.checked(weights, n, architecture.dtype, names[2])
        )
        if weighed is not None and isinstance(architecture.loss, Custom):
            architecture.loss.check_weighted()
        y, classes = class_names.labels(
            y, architecture.classes, architecture.loss, architecture.sizes[-1], names[1], learn=learn
        )
        checked = targets.check_y(y, n, architecture.sizes[-1], architecture.loss, architecture.dtype, names[1])
        return cls(rows, checked, weighed, features, exponent, classes)

    def of_loss(self, architecture: Architecture) -> tuple[NDArray[Any] | SparseRows, Any, NDArray[Any] | None]:
        """x, y and weights for the native core; a loss in Python in place of y, which it knows, with the weights."""
        y = architecture.loss.of_rows(self.y, self.weights) if isinstance(architecture.loss, Custom) else self.y
        return self.x, y, self.weights

    def truth(self, architecture: Architecture) -> NDArray[Any]:
        """What metrics compare outputs with: labels (n,), multi-label ones (n, outputs), or targets."""
        if not architecture.classifies or self.y.dtype.kind == "i":
            return self.of_samples(self.y)
        if architecture.takes_labels:
            return self._gathered(np.empty(len(self), np.int64), lambda y: y.argmax(axis=1))
        binary = self._gathered(np.empty((len(self), architecture.sizes[-1]), np.int32), lambda y: y > 0.5)
        return binary[:, 0] if architecture.sizes[-1] == 1 else binary

    def _gathered(self, to: NDArray[Any], what: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
        """``to``, filled with what becomes of the samples' y."""
        first = 0
        for part in self._strips():
            found = what(self.y[part])
            to[first : first + len(found)] = found
            first += len(found)
        return to

    @property
    def weighs_nothing(self) -> bool:
        """Whether there are samples, none of which has a weight above 0."""
        weights = self.weights
        return weights is not None and len(self) > 0 and not any(weights[part].any() for part in self._strips())

    def weighing(self, name: str, where: str = "") -> Dataset:
        """The same.

        Raises
        ------
        ValueError : all samples weigh nothing; the message calls the weights by ``name``.
        """
        if self.weighs_nothing:
            raise ValueError(f"{name} has nothing but 0{where}: expected some weight")
        return self

    def warn_of_lost_digits(self, architecture: Architecture) -> None:
        """A UserWarning where float32 makes distinct numbers of a column of x equal, after its offset."""
        rounded = architecture.dtype == np.float32 and not np.can_cast(self.number_type, np.float32)
        if rounded and not isinstance(self.x, SparseRows):
            lossy = lossy_column(self.x, architecture.offset)
            recipe = "a new network's adapt(x) has it subtract their mean in float64"
            warn_of_lost(lossy, "x", self.features, f"{recipe}, dtype='float64' computes in it")

    @property
    def weight(self) -> float:
        """Of all samples."""
        weights = self.sample_weights
        return float(len(self)) if weights is None else math.ldexp(weights.sum(dtype=float), self.exponent)

    def not_empty(self, name: str) -> Dataset:
        """The same.

        Raises
        ------
        ValueError : there are no samples; the message calls x by ``name``.
        """
        if len(self) == 0:
            raise ValueError(f"{name} has shape {self.x.shape}: expected at least one sample")
        return self

    def class_weighted(self, architecture: Architecture, given: ClassWeight | None) -> Dataset:
        """The same, every sample weighing also what its class does, by ``Network.fit``'s class_weight.

        A sample that is several classes in part counts as such parts of samples, each of one class: together they are
        one sample again, with other parts.

        Raises
        ------
        TypeError, ValueError : it is not what ``Network.fit`` expects.
        """
        if given is None:
            return self
        classes, exponent = max(2, architecture.sizes[-1]), 0
        labelled = all(self._labels(architecture, part) is not None for part in self._strips())
        if not labelled:
            self._check_parts(architecture)
        if isinstance(architecture.loss, Custom):
            architecture.loss.check_weighted()
        if isinstance(given, str):
            if given != "balanced":
                raise ValueError(f"class_weight is {given!r}: expected 'balanced', a dict, or a weight for each class")
            # as in scikit-learn: n / (classes that occur * count)
            counts = self._class_counts(architecture, classes, labelled)
            of_class = len(self) / ((counts > 0).sum() * np.where(counts > 0, counts, 1))
        else:
            each = _of_classes(given, classes, self.classes)
            of_class, exponent = sample_weights.checked(each, classes, architecture.dtype, "class_weight")
        y = self.y if labelled else np.empty_like(self.y)
        weights = np.zeros(len(self.y), np.result_type(of_class, *(() if self.weights is None else (self.weights,))))
        for part in self._strips():
            labels = self._labels(architecture, part) if labelled else None
            if labels is not None:
                of_sample = of_class[labels]
            else:
                parts = self._parts(architecture, part)
                of_sample = parts @ of_class
                parts = np.divide(parts * of_class, of_sample[:, None], out=parts, where=of_sample[:, None] > 0)
                y[part] = targets.smoothed(parts[:, classes - y.shape[1] :], architecture.loss.parameter, classes)
            weights[part] = of_sample if self.weights is None else self.weights[part] * of_sample
        weights, more = sample_weights.scaled(weights, architecture.dtype, "sample_weight times class_weight")
        return replace(self, y=y, weights=weights, exponent=self.exponent + exponent + more)

    def _class_counts(self, architecture: Architecture, classes: int, labelled: bool) -> NDArray[Any]:
        """How many samples every class has, parts of samples added up in their order."""
        counts = np.zeros(classes, np.int64 if labelled else np.float64)
        for part in self._strips():
            labels = self._labels(architecture, part) if labelled else None
            if labels is not None:
                counts += np.bincount(labels, minlength=classes)
            else:
                counts = np.vstack([counts, self._parts(architecture, part)]).sum(axis=0)
        return counts

    def _labels(self, architecture: Architecture, part: slice | NDArray[np.int64]) -> NDArray[np.int64] | None:
        """The class of each sample of a part; None where y does not tell it."""
        y, outputs, custom = self.y[part], architecture.sizes[-1], isinstance(architecture.loss, Custom)
        if outputs == 1 and (architecture.classifies or custom):
            no_and_yes = targets.check_y([0, 1], 2, 1, architecture.loss, architecture.dtype)  # smoothed, as y is
            return (y[:, 0] > 0.5).astype(int) if y.shape[1:] == (1,) and np.isin(y, no_and_yes).all() else None
        labelled = y.ndim == 1 and y.dtype.kind in "iu" and (custom or architecture.takes_labels)
        return y.astype(int) if labelled and ((y >= 0) & (y < outputs)).all() else None

    def _parts(self, architecture: Architecture, part: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        """How much of each class each sample of a part is, (n, classes)."""
        y, outputs, smoothing = self.y[part], architecture.sizes[-1], architecture.loss.parameter
        if architecture.takes_labels or outputs > 1:
            return targets.unsmoothed(y, smoothing, outputs)
        yes = targets.unsmoothed(y, smoothing, 2)
        return np.hstack([1 - yes, yes])

    @staticmethod
    def _check_parts(architecture: Architecture) -> None:
        """ValueError where y does not tell how much of each class a sample is."""
        outputs = architecture.sizes[-1]
        if architecture.takes_labels or (architecture.classifies and outputs == 1):
            return
        if architecture.classifies:
            text = f"class_weight is given, but y are {outputs} answers, and a sample has one weight for all of them"
            raise ValueError(f"{text}: expected sample_weight, or a loss of your own that weighs each answer")
        raise ValueError("class_weight is given, but y are no class labels: expected sample_weight")

    def with_validation(self, architecture: Architecture, data: object, share: float) -> tuple[Dataset, Dataset | None]:
        """What is trained on and what is validated on, by ``Network.fit``'s validation_data and checked share.

        Raises
        ------
        TypeError, ValueError : they are not what it expects.
        """
        if data is not None:
            if share:
                raise ValueError("validation_data and validation_split are given: expected one of them")
            if not isinstance(data, tuple | list) or len(data) not in (2, 3):
                raise TypeError(f"validation_data is a {type(data).__name__}: expected (x, y) or (x, y, sample_weight)")
            names = ("validation_data[0]", "validation_data[1]", "validation_data[2]")
            x, y, weights = (*data, None)[:3]
            architecture = replace(architecture, classes=self.classes)
            held = Dataset.of(architecture, x, y, weights, names, finite=True, known=self.features).not_empty(names[0])
            return self, held
        if not share:
            return self, None
        one_class = architecture.classifies and (
            self.y.ndim == 1 or architecture.takes_labels or architecture.sizes[-1] == 1
        )
        kept, rest = train_validation_split(
            len(self), share, architecture.seed, self.truth(architecture) if one_class else None
        )
        where = " in the part that validation_split leaves to train on"
        return replace(self, rows=kept).weighing("sample_weight", where), replace(self, rows=rest)


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
