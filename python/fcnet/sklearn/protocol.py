"""scikit-learn's own callbacks, ``estimator.set_callbacks(...)``, where the installed version has them."""

from __future__ import annotations

from typing import Any

__all__ = ["Task"]


class Task:
    """A fit and its iterations, as scikit-learn's callbacks hear of them; nothing where there are none.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    iterations : int
        At most.
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
        """An epoch, or one of L-BFGS's."""
        if self._context is not None:
            self._iteration = self._context.subcontext(task_name="iteration")
            self._iteration.call_on_fit_task_begin(**self._given)

    def end_iteration(self) -> bool:
        """Whether a callback wants the fit to end."""
        if self._iteration is None:
            return False
        return bool(self._iteration.call_on_fit_task_end(**self._given, reconstruction_attributes=dict))

    def end(self) -> None:
        """Of the fit."""
        if self._context is not None:
            self._context.call_on_fit_task_end(**self._given, reconstruction_attributes=dict)
