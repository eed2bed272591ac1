"""``TabularRegressor``: numbers from a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet import metrics
from fcnet._checks.numbers import flag, whole_number
from fcnet._inputs import arrays, objects, tables
from fcnet._inputs.feature_names import cut
from fcnet._inputs.targets import targets
from fcnet._training.callbacks import Callback, Logs
from fcnet._training.progress import ProgressMode
from fcnet.tabular.base import TabularEstimator
from fcnet.tabular.integrated_gradients import Explained
from fcnet.tabular.intervals import check_errors, half_widths
from fcnet.tabular.protocol import RegressorMixin
from fcnet.tabular.recipes import Recipe, RecipeName
from fcnet.tabular.targets import Numbers, Targets


def _refuse_text_and_gaps(y: NDArray[Any], name: str) -> None:
    """Raise TypeError if y holds text, ValueError if a number is missing or not finite."""
    if y.dtype.kind in "OUST":
        text = next((value for value in y.ravel().tolist() if isinstance(value, str)), None)
        if text is not None:
            raise TypeError(
                f"{name} holds text, such as {cut(repr(text))}: expected numbers; for classes use TabularClassifier"
            )
    found = objects.numbers(y) if y.dtype.kind == "O" else y
    if found is not None and found.dtype.kind == "f" and not np.isfinite(found).all():
        place = tuple(np.argwhere(~np.isfinite(found))[0])
        where = f"row {place[0]}" + (f", column {place[1]}" if len(place) > 1 and found.shape[1] > 1 else "")
        value = "NaN, a gap," if np.isnan(found[place]) else f"{found[place]}"
        raise ValueError(f"{name} is {value} in {where}: expected a finite number for every row, drop rows without one")


class TabularRegressor(RegressorMixin, TabularEstimator):
    """Regression on the rows of a table by neural networks: text, categories and gaps as they are.

    Parameters
    ----------
    recipe : {"auto", "realmlp", "realmlp-s", "tabm-mini", "tabm"}, RealMLP or TabM, default "auto"
        As for ``TabularClassifier``, like the parameters that are not listed here.
    metric : str or function, default "auto"
        What the best epoch is chosen by: "auto" or "rmse"; "mae", "mse", "r2"; or a function ``(y_true, y_pred)`` of
        arrays (n, outputs), where more is better.

    Attributes
    ----------
    validation_predictions_ : array (n,) or (n, outputs)
        Predictions for the rows of X (or of X_val) by the networks that were not trained on them; NaN for others.

    The other parameters and attributes are those of ``TabularClassifier``.

    Examples
    --------
    >>> import numpy as np
    >>> from fcnet.tabular import TabularRegressor
    >>> X = np.linspace(-1, 1, 300)[:, None]
    >>> model = TabularRegressor(random_state=0).fit(X, np.abs(X[:, 0]))
    >>> bool(abs(model.predict([[0.5]])[0] - 0.5) < 0.05)
    True
    """

    _classifies: ClassVar[bool] = False
    _is_column: bool  # whether y has one dimension
    _errors: NDArray[np.float64] | None = None  # of validation rows, sorted (m, outputs); None in older files

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
        self.random_state = random_state
        self.callbacks = callbacks
        self.progress = progress
        self.dtype = dtype

    def fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, *, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Train networks on a table, as ``TabularClassifier.fit`` does.

        Parameters
        ----------
        X : DataFrame of pandas or Polars, Arrow table, or array-like (n, columns)
        y : array-like (n,) or (n, outputs) of finite real numbers
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

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return predictions, the mean of all networks'.

        Parameters
        ----------
        X : as for fit, with the same columns
            A category that fit has not seen counts as missing.

        Returns
        -------
        array (n,) or (n, outputs), as y was given

        Raises
        ------
        TypeError, ValueError : the columns are not those of fit.
        """
        return self._as_given(self._outputs(X))

    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return intervals that contain a share ``coverage`` of true values, on average over new rows.

        They are the predictions plus and minus one number, a quantile of the errors on the ``m`` validation rows: the
        ``ceil((m + 1) coverage)``-th smallest one (split conformal prediction, Lei et al. 2018). The share holds for
        rows like those of the fit, whatever their distribution is. It is slightly less where the validation rows have
        chosen the best epoch, too, and slightly more with ``folds``, where a row of the fit is predicted by fewer
        networks than a new one.

        Parameters
        ----------
        X : as for predict
        coverage : float in (0, 1), default 0.9
            At most ``m / (m + 1)``.

        Returns
        -------
        array (n, 2), or (n, outputs, 2) where y has several columns
            Lower and upper ends; every column of y by itself.

        Raises
        ------
        TypeError, ValueError : the columns are not those of fit, or there are too few validation rows; the estimator is
            from a file without their errors.
        """
        self._check_fitted()
        widths, outputs = half_widths(self._errors, coverage), self._outputs(X)
        ends = np.stack([outputs - widths, outputs + widths], axis=-1)
        return ends[:, 0] if self._is_column else ends

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return R², the coefficient of determination, on a table.

        Parameters
        ----------
        X, y, sample_weight : as for fit

        Returns
        -------
        float
        """
        outputs = self._outputs(X)
        return metrics.r2(self._check_y(y, len(outputs), "y"), outputs, sample_weight=sample_weight)

    def _learn_y(self, y: Any, n: int) -> NDArray[Any]:
        array = arrays.plain(tables.only_column(y), "y")
        self._is_column = array.ndim == 1
        self._n_outputs = 1 if self._is_column else int(np.prod(array.shape[1:]))
        return self._check_y(array, n, "y")

    def _check_y(self, y: Any, n: int, name: str) -> NDArray[Any]:
        column = tables.only_column(y)
        _refuse_text_and_gaps(arrays.plain(column, name), name)
        return targets(column, n, self._n_outputs, np.dtype(np.float64), name)

    def _targets(self, y: NDArray[Any], recipe: Recipe) -> Targets:
        return Numbers.learn(y, recipe.clip)

    def _as_given(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        return outputs[:, 0] if self._is_column else outputs

    def _learn_from_validation(
        self, y: NDArray[Any], outputs: NDArray[np.float64], weights: NDArray[Any] | None
    ) -> None:
        self._errors = np.sort(np.abs(y - outputs), axis=0)

    def _explained(self, of: Any, outputs: NDArray[np.float64]) -> tuple[Explained, str]:
        count = self._n_outputs
        if of is None and count > 1:
            raise ValueError(f"of is None, but {count} numbers are predicted: expected the place of one, from 0")
        output = 0 if of is None else whole_number(of, "of", 0, count - 1)
        slope = np.eye(count)[[output]]
        what = "prediction" if count == 1 else f"prediction {output}"
        return Explained(lambda mean: mean[:, output], lambda mean: np.repeat(slope, len(mean), axis=0)), what

    def _learnt_from_validation(self) -> dict[str, NDArray[Any]]:
        return {} if self._errors is None else {"errors": self._errors}

    def _set_learnt_from_validation(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._errors = arrays.pop("errors", None)
        if self._errors is not None:
            check_errors(self._errors, self._n_outputs)

    def _y_to_plain(self) -> Any:
        return {"is_column": self._is_column, "outputs": self._n_outputs}

    def _y_from_plain(self, plain: Any) -> None:
        self._is_column = flag(plain["is_column"], "is_column")
        self._n_outputs = whole_number(plain["outputs"], "outputs", 1)

    def _targets_from_plain(self, plain: dict[str, Any]) -> Targets:
        found = Numbers(**plain)
        if found.outputs != self._n_outputs:
            raise ValueError(f"it standardises {found.outputs} outputs: expected {self._n_outputs}")
        return found
