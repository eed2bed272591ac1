"""scikit-learn's base classes where it is installed; otherwise the little of them that the estimators need."""

from __future__ import annotations

import inspect
from typing import Any, Self

from fcnet._checks.suggestions import meant

__all__ = ["BaseEstimator", "ClassifierMixin", "ConversionWarning", "RegressorMixin", "not_fitted"]

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import DataConversionWarning as ConversionWarning
    from sklearn.exceptions import NotFittedError
except ImportError:

    class ConversionWarning(UserWarning):  # type: ignore[no-redef]
        """An argument has another form than expected."""

    class NotFittedError(ValueError, AttributeError):  # type: ignore[no-redef]
        """A method is called that needs ``fit`` before."""

    class BaseEstimator:  # type: ignore[no-redef]
        """Parameters of the constructor, as scikit-learn's class of this name has them."""

        @classmethod
        def _get_param_names(cls) -> list[str]:
            return sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self")

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """Return the parameters of the constructor; no parameter has parameters of its own."""
            return {name: getattr(self, name) for name in self._get_param_names()}

        def set_params(self, **params: Any) -> Self:
            """Set parameters of the constructor; they hold from the next ``fit`` on. ValueError if one is unknown."""
            names = self._get_param_names()
            for name in params:
                if name not in names:
                    expected = f"Valid parameters are: {names}{meant(name, names)}"
                    raise ValueError(f"Invalid parameter {name!r} for estimator {self}. {expected}")
            for name, value in params.items():
                setattr(self, name, value)
            return self

        def __repr__(self) -> str:
            known, given = inspect.signature(type(self).__init__).parameters, self.get_params().items()
            shown = [f"{name}={value!r}" for name, value in given if repr(value) != repr(known[name].default)]
            return f"{type(self).__name__}({', '.join(shown)})"

    class ClassifierMixin:  # type: ignore[no-redef]
        """Nothing."""

    class RegressorMixin:  # type: ignore[no-redef]
        """Nothing."""


def not_fitted(estimator: object) -> Exception:
    """Return the error for a method that is called before ``fit``."""
    error: Exception = NotFittedError(f"this {type(estimator).__name__} is not fitted yet: call fit(X, y) first")
    return error
