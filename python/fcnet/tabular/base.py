"""The base class of the estimators: everything that does not depend on y being classes or numbers."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from fcnet._checks import console
from fcnet._checks.numbers import POSITIVE, number, whole_number
from fcnet._inputs import feature_names, sample_weights
from fcnet._training.callbacks import Callbacks
from fcnet._training.history import History
from fcnet._training.progress import ProgressMode, checked_progress
from fcnet.network import Network
from fcnet.tabular.column_encoder import Column, ColumnEncoder
from fcnet.tabular.identifiers import warn_of_identifiers
from fcnet.tabular.importance import PermutationImportance, names_of, permuted
from fcnet.tabular.integrated_gradients import Explained, contributions
from fcnet.tabular.metrics import Metric, metric_of
from fcnet.tabular.part import Part
from fcnet.tabular.protocol import BaseEstimator, NotFittedError
from fcnet.tabular.reading import Table, read
from fcnet.tabular.recipes import Recipe, recipe_of
from fcnet.tabular.row_explanation import RowExplanation, median_row, one_row, plain_values
from fcnet.tabular.splits import Split
from fcnet.tabular.splitting import folds_of, splits_of
from fcnet.tabular.targets import Targets
from fcnet.tabular.training import Clock, NetworkFit, Rows, train

_FEW_EPOCHS = 8  # too few for a good fit


def _generator(random_state: Any) -> np.random.Generator:
    """Return a generator for the argument ``random_state``.

    Raises
    ------
    TypeError, ValueError : it is neither None nor an int nor a generator of NumPy.
    """
    if random_state is None or isinstance(random_state, np.random.Generator):
        return np.random.default_rng(random_state)
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31, size=4))
    return np.random.default_rng(whole_number(random_state, "random_state", 0))


def _rows(weights: NDArray[Any] | None, rows: NDArray[np.intp]) -> NDArray[Any] | None:
    return None if weights is None else weights[rows]


class TabularEstimator(BaseEstimator):
    """Base class of the estimators."""

    recipe: Any
    metric: Any
    categorical_features: Any
    validation: float | None
    folds: int | Literal["auto"] | None
    repeats: int
    networks: int | None
    epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    time_limit: float | None
    random_state: Any
    callbacks: Any
    progress: ProgressMode
    dtype: Any

    n_features_in_: int
    feature_names_in_: NDArray[Any]
    columns_: tuple[Column, ...]
    networks_: list[Network]
    best_epochs_: list[int | None]
    best_score_: float
    history_: list[History]
    validation_predictions_: NDArray[np.float64]
    epochs_: int
    seconds_: float
    stopped_by_: str
    _parts: tuple[Part, ...]

    _classifies: ClassVar[bool]

    def _learn_y(self, y: Any, n: int) -> NDArray[Any]:
        """Check y and learn what it is; return class numbers (n,) or numbers (n, outputs)."""
        raise NotImplementedError

    def _check_y(self, y: Any, n: int, name: str) -> NDArray[Any]:
        """Check a further y, such as that of validation rows; return what ``_learn_y`` returns."""
        raise NotImplementedError

    def _targets(self, y: NDArray[Any], recipe: Recipe) -> Targets:
        """Return how a network that is trained on these y sees y."""
        raise NotImplementedError

    def _learn_from_validation(
        self, y: NDArray[Any], outputs: NDArray[np.float64], weights: NDArray[Any] | None
    ) -> None:
        """Learn from predictions (m, outputs) of rows by networks that were not trained on them."""
        raise NotImplementedError

    def _learnt_from_validation(self) -> dict[str, NDArray[Any]]:
        """Return what ``_learn_from_validation`` has learnt as arrays for a file."""
        raise NotImplementedError

    def _set_learnt_from_validation(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take what ``_learnt_from_validation`` returned out of the arrays of a file, and check it."""
        raise NotImplementedError

    def _y_to_plain(self) -> Any:
        """Return what ``_learn_y`` has learnt as JSON can hold it."""
        raise NotImplementedError

    def _y_from_plain(self, plain: Any) -> None:
        """Restore and check what ``_y_to_plain`` returned."""
        raise NotImplementedError

    def _targets_from_plain(self, plain: dict[str, Any]) -> Targets:
        """Restore what ``_targets`` returned from its fields."""
        raise NotImplementedError

    def __sklearn_is_fitted__(self) -> bool:
        return "_parts" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        tags.target_tags.multi_output = not self._classifies
        tags.non_deterministic = self.time_limit is not None
        return tags

    def _more_tags(self) -> dict[str, Any]:  # of scikit-learn before 1.6
        types = ["2darray", "string", "categorical"]
        return {"allow_nan": True, "X_types": types, "multioutput": not self._classifies}

    def _recipe(self, metric: Metric, has_folds: bool) -> Recipe:
        """Return the recipe with the parameters that override its constants."""
        names = ("epochs", "batch_size", "learning_rate", "networks")
        given: dict[str, Any] = {"networks": 1} if has_folds else {}
        given |= {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if metric.of_probabilities and isinstance(self.recipe, str):
            given["label_smoothing"] = 0
        return replace(recipe_of(self.recipe, self._classifies), **given)

    def _validation_set(self, X_val: Any, y_val: Any) -> tuple[Table, NDArray[Any]] | None:
        if (X_val is None) != (y_val is None):
            raise ValueError("only one of X_val and y_val is given: expected both or none")
        if X_val is None:
            return None
        table = read(X_val, "X_val")
        return table, self._check_y(y_val, table.rows, "y_val")

    def _class_weight(self) -> Any:
        """Return the weights of the classes as a network takes them, or None."""
        return None

    def _fit(self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any) -> Self:
        before = dict(vars(self))
        try:
            self._fit_new(X, y, sample_weight, X_val, y_val)
        except BaseException:
            self.__dict__ = before
            raise
        return self

    def _fit_new(self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any) -> None:
        clock = Clock(None if self.time_limit is None else number(self.time_limit, "time_limit", POSITIVE))
        metric, random = metric_of(self.metric, self._classifies), _generator(self.random_state)
        progress, dtype = checked_progress(self.progress), np.dtype(self.dtype)
        Callbacks(self.callbacks, None)  # which checks them
        if getattr(getattr(X, "dtype", None), "kind", "") == "c":
            raise ValueError("Complex data not supported: X has complex numbers, expected real ones")
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        table = read(X)
        y = self._learn_y(y, table.rows)
        weights, class_weight = None, self._class_weight()
        if sample_weight is not None:
            weights, _ = sample_weights.checked(sample_weight, table.rows, dtype, "sample_weight")
            if not weights.any():
                raise ValueError("all sample weights are zero: expected some above 0")
        known = self._validation_set(X_val, y_val)
        parts, fits = [], []
        classes = y if self._classifies else None
        k = folds_of(self, classes, len(y), known is not None)
        recipe = self._recipe(metric, k is not None)
        splits = splits_of(self, classes, len(y), known is not None, k, random)
        warn_of_identifiers(table, self.categorical_features)
        for split in splits:
            columns = ColumnEncoder.fit(
                table,
                categorical_features=self.categorical_features,
                rows=split.train,
                encoding=recipe.encoding,
            )
            targets, x = self._targets(y[split.train], recipe), columns.transform(table, dtype)
            training = Rows(x[split.train], targets.of(y[split.train], dtype), _rows(weights, split.train))
            if known is None:
                back = split.validation
                validation = Rows(x[back], targets.of(y[back], dtype), _rows(weights, back))
            else:
                validation = Rows(
                    columns.transform(known[0], dtype, name="X_val"), targets.of(known[1], dtype, "y_val"), None
                )
            for _ in range(recipe.networks):
                seed = int(random.integers(2**63))
                network = recipe.network(columns, targets.outputs, targets.loss, dtype.name, seed)
                recipe.prepare(network, training.x, seed)
                score = targets.score(metric)
                rises = metric.rises or score is None
                fits.append(NetworkFit(network, recipe, targets, training, validation, score, rises, class_weight))
            parts.append(Part(columns, targets, tuple(fit.network for fit in fits[-recipe.networks :])))
        self.epochs_, interrupted = train(fits, recipe.epochs, clock, self.callbacks or (), progress)
        self._parts = tuple(parts)
        if interrupted:
            self._keep_trained()
        elif self.epochs_ < min(_FEW_EPOCHS, recipe.epochs):
            epochs = f"{self.epochs_} epoch{'s' * (self.epochs_ != 1)}"
            console.warn(f"time_limit is {self.time_limit}, enough for {epochs}: expected more seconds")
        self._describe()
        stops = {fit.stopped_by for fit in fits}
        order = ("time", "callback", "patience")
        self.stopped_by_ = "interrupted" if interrupted else next((by for by in order if by in stops), "epochs")
        found = self._validated(fits, splits, known)
        judged = ~np.isnan(found).any(axis=1)
        self.best_score_ = float(metric.of((y if known is None else known[1])[judged], found[judged]))
        self.validation_predictions_ = self._as_given(found)
        of_y, of_weights = (y, weights) if known is None else (known[1], None)
        self._learn_from_validation(of_y[judged], found[judged], _rows(of_weights, np.flatnonzero(judged)))
        self.seconds_ = clock.seconds

    def _keep_trained(self) -> None:
        """Keep, after Ctrl-C, the networks that were trained for an epoch at least; KeyboardInterrupt without any."""
        kept = [
            replace(part, networks=tuple(network for network in part.networks if network.epochs_trained))
            for part in self._parts
        ]
        self._parts = tuple(part for part in kept if part.networks)
        if not self._parts:
            raise KeyboardInterrupt
        count = sum(len(part.networks) for part in self._parts)
        console.warn(f"fit was interrupted: the estimator has the best epochs so far, of {count} network(s)")

    def _describe(self) -> None:
        """Set the attributes that describe the networks and the columns."""
        self.networks_ = [network for part in self._parts for network in part.networks]
        self.history_ = [network.history for network in self.networks_]
        self.best_epochs_ = [history.best_epoch for history in self.history_]
        self.columns_ = self._parts[0].encoder.columns
        self.n_features_in_ = len(self.columns_)
        self.__dict__.pop("feature_names_in_", None)
        if self._parts[0].encoder.named:
            self.feature_names_in_ = np.array([feature_names.restored(column.name) for column in self.columns_], object)

    def _validated(
        self, fits: list[NetworkFit], splits: list[Split], known: tuple[Table, NDArray[Any]] | None
    ) -> NDArray[np.float64]:
        """Return the mean prediction for every validation row by the networks that were not trained on it, else NaN."""
        rows = len(known[1]) if known is not None else len(splits[0].train) + len(splits[0].validation)
        total, count = np.zeros((rows, self._parts[0].targets.outputs)), np.zeros((rows, 1))
        each = len(fits) // len(splits)
        for i, fit in enumerate(fits):
            if fit.network.epochs_trained:
                back = splits[i // each].validation if known is None else np.arange(rows)
                total[back] += fit.targets.back(fit.network.predict(fit.validation.x))
                count[back] += 1
        return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)

    def _outputs(self, X: Any) -> NDArray[np.float64]:
        """Return the mean of all networks' predictions: probabilities (n, classes) or numbers (n, outputs).

        Raises
        ------
        ValueError : fit has not been called.
        """
        self._check_fitted()
        table, encoder = read(X), self._parts[0].encoder
        feature_names.compare(table.names, encoder.feature_names, "X", table, advise=False)
        if table.columns != self.n_features_in_:
            expected = f"{type(self).__name__} is expecting {self.n_features_in_} features as input"
            raise ValueError(f"X has {table.columns} features, but {expected}")
        total = np.sum([part.outputs(table) for part in self._parts], axis=0)
        return np.asarray(total / len(self.networks_))

    def _calibrated(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return means of predictions as they are shown, in classes at the temperature."""
        return outputs

    def permutation_importance(
        self, X: Any, y: Any, *, repeats: int = 5, metric: Any = None, random_state: Any = None
    ) -> PermutationImportance:
        """Tell how much worse the predictions are when the values of a column are shuffled.

        A column is unimportant to the networks if this changes nothing, which is also so where another column tells the
        same. Use rows that were not trained on. The result is that of scikit-learn's ``permutation_importance``.

        Parameters
        ----------
        X, y : as for fit
        repeats : int >= 1, default 5
            Permutations of each column.
        metric : str or function, optional
            As the parameter ``metric``; by default that of ``score``: the accuracy, or R².
        random_state : int, generator of NumPy or None, default None

        Returns
        -------
        PermutationImportance
            ``print`` shows a table, ``plot()`` a picture.

        Raises
        ------
        TypeError, ValueError : an argument is not as above; the columns are not those of fit.
        """
        self._check_fitted()
        default = "accuracy" if self._classifies else "r2"
        of, table = metric_of(default if metric is None else metric, self._classifies), read(X)
        truth = self._check_y(y, table.rows, "y")
        names = tuple(column.name for column in self.columns_)

        def score(each: Table) -> float:
            return float(of.of(truth, self._calibrated(self._outputs(each))))

        return permuted(table, score, of, names, repeats, random_state)

    def explain_row(self, row: Any, *, base: Any = None, of: Any = None) -> RowExplanation:
        """Tell what each column of a row contributes to its prediction.

        The contributions add up to the difference between the prediction for the row and that for a base row. They are
        integrated gradients (Sundararajan et al. 2017): the derivative of the prediction by an input, integrated along
        the straight line from the base row, and summed over the inputs of a column. Categories in a trainable table,
        which have no derivative, are switched at once.

        Parameters
        ----------
        row : table or array of one row, dict, Series of pandas, or list of values
        base : like row, optional
            By default the medians and the most frequent categories of the training rows.
        of : label or int, optional
            The class to explain, by default the predicted one; of several numbers, the place of one.

        Returns
        -------
        RowExplanation
            ``print`` shows it as a table.

        Raises
        ------
        TypeError, ValueError : an argument is not as above; the columns are not those of fit; the recipe is TabM.
        """
        self._check_fitted()
        if any(network.members for network in self.networks_):
            raise ValueError("explain_row is not implemented for networks with members: expected another recipe")
        encoder = self._parts[0].encoder
        table = one_row(row, encoder.feature_names, "row")
        start = median_row(encoder) if base is None else one_row(base, encoder.feature_names, "base")
        inputs = [[part.inputs(t, name) for part in self._parts] for t, name in ((start, "base"), (table, "row"))]
        explained, what = self._explained(of, self._outputs(table))
        found, before, after = contributions(self._parts, explained, *inputs)
        names = names_of(tuple(column.name for column in encoder.columns))
        return RowExplanation(what, names, plain_values(table), plain_values(start), found, after, before)

    def _explained(self, of: Any, outputs: NDArray[np.float64]) -> tuple[Explained, str]:
        """Return what ``explain_row`` explains of the means (1, outputs) for a row, and its name."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a safetensors file, which ``fcnet.load`` reads, without pickle.

        The file holds all networks, without what only further training needs, and the columns as JSON. The parameters
        ``callbacks`` and ``random_state`` are left out.

        Parameters
        ----------
        path : path
            By convention ``*.safetensors``; an existing file is replaced atomically.

        Raises
        ------
        TypeError : a parameter is something that only a pickle can hold, such as a function as ``metric``.
        OSError : the file cannot be written; an existing file is unchanged.
        """
        from fcnet.tabular import file

        self._check_fitted()
        file.save(self, path)

    def to_onnx(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        opset: int | None = None,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> bytes:
        """Return the fitted estimator as a model in the ONNX format, for other runtimes, and write it to a file.

        The model has an input (batch, 1) for each column of the table, under its name, or "x0", "x1", ... for an array:
        text for categories that are text, otherwise numbers. A missing number is NaN. A text that no category is, such
        as "", counts as missing, as an unknown category does. The model contains all networks; its outputs are
        ``label`` (batch,) and ``probabilities`` (batch, classes) of a classifier, otherwise ``output`` (batch,
        outputs).

        Parameters
        ----------
        path : path, optional
            File to write, which is replaced atomically.
        opset : int in [13, 20], optional
            Version of ONNX' operators; by default the lowest that serves.
        dtype : {"float32", "float64"}, default "float32"
            Type of numbers, weights and outputs. Columns are scaled in float64 in any case.

        Returns
        -------
        bytes

        Raises
        ------
        TypeError, ValueError : an argument is not as above; the estimator is not fitted; it has classes that are
            neither text nor numbers, categories that are the same number in dtype, or an activation that onnxruntime
            does not have in dtype.
        OSError : the file cannot be written; an existing file is unchanged.
        """
        from fcnet.tabular.onnx import to_onnx

        self._check_fitted()
        return to_onnx(self, path, opset, dtype)

    def _assemble(self, columns: list[ColumnEncoder], parts: list[dict[str, Any]], networks: list[Network]) -> None:
        """Restore a fitted estimator from the content of a file."""
        if len({(each.named, tuple(column.name for column in each.columns)) for each in columns}) > 1:
            raise ValueError("its parts have different columns: expected the same number and names")
        left, found = list(networks), []
        for of_part, part in zip(columns, parts, strict=True):
            count, targets = whole_number(part["networks"], "networks", 1), self._targets_from_plain(part["targets"])
            mine, left = left[:count], left[count:]
            expected = sum(of_part.widths), targets.outputs
            if len(mine) < count or any((net.sizes[0], net.sizes[-1]) != expected for net in mine):
                raise ValueError(f"its networks are not {count} of {expected[0]} inputs and {expected[1]} outputs")
            categories = tuple(codes - 1 for codes in of_part.cardinalities)
            if any((net.columns.specification.categories if net.columns else ()) != categories for net in mine):
                raise ValueError("its networks have tables of other categories than its columns")
            found.append(Part(of_part, targets, tuple(mine)))
        if left or not found:
            raise ValueError(f"it has {len(networks)} networks, which do not belong to its {len(found)} parts")
        self._parts = tuple(found)
        self._describe()

    def _as_given(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return predictions in the form of y."""
        return outputs

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit(X, y) first")
