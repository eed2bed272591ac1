"""Suggestions for unknown names, such as those of other libraries."""

from __future__ import annotations

from collections.abc import Iterable

_ELSEWHERE = {  # names in other libraries, in lower case without underscores
    "linear": "identity",
    "none": "identity",
    "logistic": "sigmoid",
    "swish": "silu",
    "exponential": "exp",
    "crossentropyloss": "cross_entropy",
    "categoricalcrossentropy": "cross_entropy",
    "sparsecategoricalcrossentropy": "cross_entropy",
    "nll": "cross_entropy",
    "logloss": "cross_entropy",
    "bce": "binary_cross_entropy",
    "bcewithlogits": "binary_cross_entropy",
    "meansquarederror": "mse",
    "squarederror": "mse",
    "l2": "mse",
    "rootmeansquarederror": "rmse",
    "meanabsoluteerror": "mae",
    "absoluteerror": "mae",
    "l1": "mae",
    "smoothl1": "huber",
    "pinball": "quantile",
    "acc": "accuracy",
    "valacc": "val_accuracy",
    "auc": "roc_auc",
    "valauc": "val_roc_auc",
    "rocaucscore": "roc_auc",
    "f1score": "f1",
    "topk": "top_k_accuracy",
    "kaimingnormal": "he_normal",
    "kaiminguniform": "he_uniform",
    "xaviernormal": "glorot_normal",
    "xavieruniform": "glorot_uniform",
}


def meant(given: object, known: Iterable[str]) -> str:
    """Return the end of a message about a name that is not ``known``: "; did you mean 'relu'?", or nothing."""
    from difflib import get_close_matches

    by_letters = {name.replace("_", ""): name for name in known}
    letters = str(getattr(given, "__name__", given)).lower().translate({ord(character): None for character in "_- "})
    name = _ELSEWHERE.get(letters)
    if name not in by_letters.values():
        close = get_close_matches(letters, by_letters, 1, 0.7) or get_close_matches(f"val{letters}", by_letters, 1, 0.9)
        name = by_letters[close[0]] if close else None
    return f"; did you mean {name!r}?" if name else ""
