"""Support of scikit-learn's callbacks, ``estimator.set_callbacks(...)``, if the installed version has them."""

from __future__ import annotations

from typing import Any

__all__ = ["Task"]


class Task:
    """Notifies scikit-learn's callbacks of a fit and its iterations; does nothing if there are none.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    iterations : int
        Maximum number of iterations.
    X, y, sample_weight : as the user gave them
    """

    def __init__(self, estimator: Any, iterations: int, X: Any, y: Any, sample_weight: Any) -> None:
        self._context: Any = None
        self._iteration: Any = None
        if not getattr(estimator, "_skl_callbacks", None):
            return
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._given: dict[str, Any] = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._context = estimator._init_callback_context(max_subtasks=iterations)
        self._context.call_on_fit_task_begin(**self._given)

    def begin_iteration(self) -> None:
        """Notify of the beginning of an iteration: an epoch, or an iteration of L-BFGS."""
        if self._context is not None:
            self._iteration = self._context.subcontext(task_name="iteration")
            self._iteration.call_on_fit_task_begin(**self._given)

    def end_iteration(self) -> bool:
        """Notify of the end of an iteration; return whether a callback wants the fit to stop."""
        if self._iteration is None:
            return False
        return bool(self._iteration.call_on_fit_task_end(**self._given, reconstruction_attributes=dict))

    def end(self) -> None:
        """Notify of the end of the fit."""
        if self._context is not None:
            self._context.call_on_fit_task_end(**self._given, reconstruction_attributes=dict)
