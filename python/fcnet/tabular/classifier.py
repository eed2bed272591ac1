"""``TabularClassifier``: classes from a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet._checks import console
from fcnet._checks.numbers import flag
from fcnet._checks.suggestions import meant
from fcnet._inputs import arrays, class_names, tables
from fcnet._training.callbacks import Callback, Logs
from fcnet._training.dataset import weights_of_classes
from fcnet._training.progress import ProgressMode
from fcnet.tabular.base import TabularEstimator
from fcnet.tabular.integrated_gradients import Explained
from fcnet.tabular.protocol import ClassifierMixin, ConversionWarning
from fcnet.tabular.recipes import Recipe, RecipeName
from fcnet.tabular.targets import Classes, Targets
from fcnet.tabular.temperature import at_temperature, slope_at_temperature, temperature_of


def _check_shape(labels: NDArray[Any], n: int, name: str) -> None:
    """Raise ValueError if there are more or fewer labels than rows of X, or of X_val."""
    if labels.shape != (n,):
        rows = "X_val" if name == "y_val" else "X"
        raise ValueError(f"{name} has shape {labels.shape}: expected ({n},), a label for each row of {rows}")


class TabularClassifier(ClassifierMixin, TabularEstimator):
    """Classification of the rows of a table by neural networks: text, categories and gaps as they are.

    Parameters
    ----------
    recipe : {"auto", "realmlp", "realmlp-s", "tabm-mini", "tabm"}, RealMLP or TabM, default "auto"
        How networks are built and trained. "auto" is what measures best, see the page on tables; "realmlp" is
        RealMLP-TD, "realmlp-s" RealMLP-TD-S (Holzmueller et al. 2024), "tabm-mini" and "tabm" are those of Gorishniy et
        al. 2025.
    metric : str or function, default "auto"
        What the best epoch is chosen by: "auto" or "error", the share of wrong predictions; "log_loss", "roc_auc",
        "f1", ... of ``fcnet.metrics``; or a function ``(y_true, y_pred)`` of class numbers (n,) and probabilities (n,
        classes), where more is better. "log_loss" and "roc_auc" switch label smoothing off, unless the recipe is your
        own.
    categorical_features : "auto", list of names or places, or mask, default "auto"
        Columns of numbers that are codes. Text, categorical types and booleans are categories in any case.
    validation : float in (0, 1), optional
        Share of the rows that form the validation split, stratified by class. The default is 0.2, or none with folds.
    folds : int >= 2, "auto" or None, default "auto"
        Train on so many folds; every network is validated on one and trained on the others. "auto": on 5 with the
        recipe "auto", unless ``validation``, ``networks`` or ``X_val`` is given; otherwise on none.
    repeats : int >= 1, default 1
        Number of random splits, or of divisions into folds.
    networks : int >= 1, optional
        Networks for each split, which differ in their seeds: by default 1 for each fold; without folds the recipe's, 4
        for "auto". Predictions are means of all networks.
    epochs, batch_size, learning_rate : optional
        In place of the recipe's.
    time_limit : float > 0, optional
        Seconds for ``fit``. Fewer epochs are trained if necessary, which makes the result depend on the machine;
        ``epochs=model.epochs_`` repeats it anywhere.
    class_weight : dict, array-like or "balanced", optional
        As for ``Network.fit``.
    calibrate : bool, default False
        Calibrate probabilities by temperature scaling on the validation rows, ``softmax(log(p) / T)``, as
        scikit-learn's ``CalibratedClassifierCV(method="temperature")`` does. It corrects what label smoothing does to
        them; the most probable class stays the same.
    random_state : int, generator of NumPy or None, default None
    callbacks : list of fcnet.Callback or function, optional
        For every network's fit. Functions are called from several Python threads, because networks are trained at the
        same time. With an ``fcnet.Callback``, whose ``model`` is the network, they are trained one after another, with
        the same result.
    progress : bool, "lines" or None
        As for ``Network.fit``, for all networks together.
    dtype : {"float32", "float64"}, default "float32"

    Attributes
    ----------
    classes_ : array (classes,)
    n_features_in_, feature_names_in_
        Number and names of the columns; names only where the table has some.
    columns_ : tuple of Column
        What the first network's training rows say of every column: kind, categories, gaps, median.
    networks_ : list of Network
    best_epochs_, history_ : list of int, list of History
        Of every network.
    validation_predictions_ : array (n, classes)
        Probabilities for the rows of X (or of X_val) by the networks that were not trained on them; NaN for others.
        They are not calibrated.
    best_score_ : float
        The metric of ``validation_predictions_``.
    temperature_ : float
        The temperature of ``calibrate``; 1 without it.
    epochs_ : int
        Epochs that were planned for every network.
    seconds_ : float
        Duration of ``fit``.
    stopped_by_ : {"epochs", "patience", "time", "callback", "interrupted"}
        What ended the training; "interrupted" means Ctrl-C.

    Examples
    --------
    >>> import numpy as np
    >>> from fcnet.tabular import TabularClassifier
    >>> random = np.random.default_rng(0)
    >>> X = random.standard_normal((300, 2))
    >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    >>> model = TabularClassifier(epochs=32, random_state=0).fit(X, y)
    >>> model.predict([[2, 2], [2, -2]])
    array(['same', 'other'], dtype='<U5')
    """

    _classifies: ClassVar[bool] = True
    classes_: NDArray[Any]
    temperature_: float

    def __init__(
        self,
        recipe: RecipeName | Recipe = "auto",
        *,
        metric: str | Callable[[NDArray[Any], NDArray[Any]], float] = "auto",
        categorical_features: Literal["auto"] | ArrayLike = "auto",
        validation: float | None = None,
        folds: int | Literal["auto"] | None = "auto",
        repeats: int = 1,
        networks: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        time_limit: float | None = None,
        class_weight: Any = None,
        calibrate: bool = False,
        random_state: Any = None,
        callbacks: Sequence[Callback | Callable[[int, Logs], object]] | None = None,
        progress: ProgressMode = None,
        dtype: DTypeLike = "float32",
    ) -> None:
        self.recipe = recipe
        self.metric = metric
        self.categorical_features = categorical_features
        self.validation = validation
        self.folds = folds
        self.repeats = repeats
        self.networks = networks
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.time_limit = time_limit
        self.class_weight = class_weight
        self.calibrate = calibrate
        self.random_state = random_state
        self.callbacks = callbacks
        self.progress = progress
        self.dtype = dtype

    def fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, *, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Train networks on a table.

        Ctrl-C ends the training; the estimator then has the best epochs so far, with a warning, or is unchanged and
        KeyboardInterrupt is raised where there is none.

        Parameters
        ----------
        X : DataFrame of pandas or Polars, Arrow table, or array-like (n, columns)
        y : array-like (n,)
            Class labels: text, numbers or booleans.
        sample_weight : array-like (n,) of numbers >= 0, optional
        X_val, y_val : like X and y, optional
            Validation rows, in place of a share of X.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError : an argument, a column or y is not as documented; the estimator is unchanged.
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return probabilities, the mean of all networks', calibrated if ``calibrate`` is True.

        Parameters
        ----------
        X : as for fit, with the same columns
            A category that fit has not seen counts as missing.

        Returns
        -------
        array (n, classes), in the order of ``classes_``

        Raises
        ------
        TypeError, ValueError : the columns are not those of fit.
        """
        return self._calibrated(self._outputs(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : as for predict_proba

        Returns
        -------
        array (n,)

        Raises
        ------
        TypeError, ValueError : the columns are not those of fit.
        """
        likely = self._outputs(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[likely]
        return found

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy on a table.

        Parameters
        ----------
        X, y, sample_weight : as for fit

        Returns
        -------
        float
        """
        found = self.predict(X)
        right = found == self.classes_[self._check_y(y, len(found), "y")]
        return float(np.average(right, weights=None if sample_weight is None else np.asarray(sample_weight)))

    def _learn_y(self, y: Any, n: int) -> NDArray[Any]:
        column = tables.only_column(y)
        text = class_names.of_text(column, "y")
        if text is not None:
            self.classes_ = class_names.array_of(text)
            return self._check_y(column, n, "y")
        array = arrays.plain(column, "y")
        if array.ndim == 2 and array.shape[1] == 1:
            console.warn(
                "A column-vector y was passed when a 1d array was expected: use np.ravel(y)", ConversionWarning
            )
            array = array[:, 0]
        _check_shape(array, n, "y")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array))[0])
            raise ValueError(f"y is {array[row]} in row {row}: expected a label for every row")
        if array.dtype.kind == "f" and (array != np.rint(array)).any():
            row = int(np.flatnonzero(array != np.rint(array))[0])
            what = f"Unknown label type: continuous, as y is {array[row]} in row {row}"
            raise ValueError(f"{what}: expected labels; for numbers use TabularRegressor")
        self.classes_, numbers = np.unique(array, return_inverse=True)
        return numbers.astype(np.int32)

    def _check_y(self, y: Any, n: int, name: str) -> NDArray[Any]:
        column = tables.only_column(y)
        kept = class_names.given(self.classes_)
        found, _ = class_names.labels(
            column, kept, Classes(len(self.classes_), 0).loss, len(self.classes_), name, learn=False
        )
        numbers = np.asarray(found)
        _check_shape(numbers, n, name)
        return numbers.astype(np.int32)

    def _class_weight(self) -> Any:
        given = self.class_weight
        if isinstance(given, str):
            return given
        if given is None or len(self.classes_) == 1:
            return None
        return weights_of_classes(given, len(self.classes_), class_names.given(self.classes_))

    def _targets(self, y: NDArray[Any], recipe: Recipe) -> Targets:
        return Classes(len(self.classes_), recipe.label_smoothing)

    def _learn_from_validation(
        self, y: NDArray[Any], outputs: NDArray[np.float64], weights: NDArray[Any] | None
    ) -> None:
        self.temperature_ = 1.0
        if flag(self.calibrate, "calibrate"):
            found = temperature_of(outputs, y, weights)
            if found is None:
                what = f"calibrate is True, but the {len(y)} validation rows are predicted all right or by chance"
                console.warn(f"{what}: the temperature stays 1, expected more rows")
            self.temperature_ = found or 1.0

    def _calibrated(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        return at_temperature(outputs, getattr(self, "temperature_", 1.0))  # older pickles have none

    def _explained(self, of: Any, outputs: NDArray[np.float64]) -> tuple[Explained, str]:
        names, temperature = self.classes_.tolist(), getattr(self, "temperature_", 1.0)
        if of is not None and of not in names:
            raise ValueError(f"of is {of!r}: expected one of {class_names.listing(names)}{meant(of, map(str, names))}")
        output = int(outputs[0].argmax()) if of is None else names.index(of)
        return Explained(
            lambda mean: at_temperature(mean, temperature)[:, output],
            lambda mean: slope_at_temperature(mean, temperature, output),
        ), f"probability of {names[output]}"

    def _learnt_from_validation(self) -> dict[str, NDArray[Any]]:
        temperature = getattr(self, "temperature_", 1.0)
        return {} if temperature == 1 else {"temperature": np.array([temperature])}

    def _set_learnt_from_validation(self, arrays: dict[str, NDArray[Any]]) -> None:
        found = arrays.pop("temperature", np.ones(1))
        if found.dtype != np.float64 or found.shape != (1,) or not 0 < found[0] < np.inf:
            raise ValueError(f"its temperature is {found!r}: expected a positive number")
        self.temperature_ = float(found[0])

    def _y_to_plain(self) -> Any:
        return class_names.given(self.classes_)

    def _y_from_plain(self, plain: Any) -> None:
        names = class_names.known(plain)
        if not names or len(set(names)) < len(names):
            raise ValueError(f"its classes are {plain!r}: expected different names")
        self.classes_ = class_names.array_of(names)

    def _targets_from_plain(self, plain: dict[str, Any]) -> Targets:
        found = Classes(**plain)
        if found.outputs != len(self.classes_):
            raise ValueError(f"it has {found.outputs!r} outputs: expected {len(self.classes_)}, one for each class")
        return found
