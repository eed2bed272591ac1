"""Differences between the supported versions of scikit-learn, 1.5 and newer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import _fit_context
from sklearn.utils.metaestimators import available_if as _available_if

__all__ = ["CallbackSupportMixin", "MultiLabelMixin", "available_if", "fits", "validate_data"]

_Method = TypeVar("_Method", bound=Callable[..., Any])


def fits(method: _Method) -> _Method:
    """Decorate a method that fits, so that the parameters of the estimator are checked first; types are kept."""
    fit: _Method = _fit_context(prefer_skip_nested_validation=True)(method)
    return fit


def available_if(check: Callable[[Any], bool]) -> Callable[[_Method], _Method]:
    """Decorate a method that is available only if ``check`` says so; types are kept."""
    decorate: Callable[[_Method], _Method] = _available_if(check)
    return decorate


try:
    from sklearn.utils.validation import validate_data
except ImportError:  # before 1.6

    def validate_data(estimator: Any, X: Any, y: Any = "no_validation", **options: Any) -> Any:
        """Check X, or X and y, as scikit-learn does."""
        return estimator._validate_data(X, y, **options)


try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Placeholder for versions without callbacks."""


class MultiLabelMixin:
    """Declares support of multi-label classification."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.classifier_tags.multi_label = True
        return tags

    def _more_tags(self) -> dict[str, bool]:  # before 1.6
        return {"multilabel": True}
