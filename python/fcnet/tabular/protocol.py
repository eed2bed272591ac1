"""scikit-learn's base classes where it is installed; otherwise the little of them that the estimators need."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, Self

from fcnet._checks.suggestions import meant

__all__ = ["BaseEstimator", "ClassifierMixin", "ConversionWarning", "NotFittedError", "RegressorMixin"]


class _ConversionWarning(UserWarning):
    """An argument has another form than expected."""


class _NotFittedError(ValueError, AttributeError):
    """A method is called that needs ``fit`` before."""


class _Mixin:
    """Nothing."""


class _BaseEstimator:
    """Parameters of the constructor, as scikit-learn's ``BaseEstimator`` has them."""

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


BaseEstimator: Any = _BaseEstimator
ClassifierMixin: Any = _Mixin
RegressorMixin: Any = _Mixin
ConversionWarning: Any = _ConversionWarning
NotFittedError: Any = _NotFittedError
try:
    # By name, so that a frozen application that does not use scikit-learn is not made to contain it.
    _base, _exceptions = import_module("sklearn.base"), import_module("sklearn.exceptions")
except ImportError:
    pass
else:
    BaseEstimator, ClassifierMixin = _base.BaseEstimator, _base.ClassifierMixin
    RegressorMixin = _base.RegressorMixin
    ConversionWarning, NotFittedError = _exceptions.DataConversionWarning, _exceptions.NotFittedError
