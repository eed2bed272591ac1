"""What differs between the versions of scikit-learn that are supported, 1.5 and newer."""

from __future__ import annotations

from typing import Any

__all__ = ["CallbackSupportMixin", "MultiLabelMixin", "validate_data"]

try:
    from sklearn.utils.validation import validate_data
except ImportError:  # before 1.6

    def validate_data(estimator: Any, X: Any, y: Any = "no_validation", **options: Any) -> Any:
        """X, or X and y, as scikit-learn checks them."""
        return estimator._validate_data(X, y, **options)


try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support."""


class MultiLabelMixin:
    """Says that a sample may have several labels."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.classifier_tags.multi_label = True
        return tags

    def _more_tags(self) -> dict[str, bool]:  # before 1.6
        return {"multilabel": True}
