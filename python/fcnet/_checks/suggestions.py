"""Suggestions for unknown names, such as those of other libraries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_ELSEWHERE: dict[str, tuple[str, ...]] = {  # names in other libraries, in lower case without underscores
    "linear": ("identity",),
    "none": ("identity",),
    "logistic": ("sigmoid",),
    "swish": ("silu",),
    "hardsilu": ("hard_swish",),
    "exponential": ("exp",),
    "crossentropyloss": ("cross_entropy",),
    "categoricalcrossentropy": ("cross_entropy",),
    "sparsecategoricalcrossentropy": ("cross_entropy",),
    "nll": ("cross_entropy",),
    "logloss": ("cross_entropy",),
    "bce": ("binary_cross_entropy",),
    "bcewithlogits": ("binary_cross_entropy",),
    "meansquarederror": ("mse",),
    "squarederror": ("mse",),
    "l2": ("mse",),
    "rootmeansquarederror": ("rmse",),
    "meanabsoluteerror": ("mae",),
    "absoluteerror": ("mae",),
    "l1": ("mae",),
    "smoothl1": ("huber",),
    "pinball": ("quantile",),
    "acc": ("accuracy",),
    "valacc": ("val_accuracy",),
    "auc": ("roc_auc",),
    "valauc": ("val_roc_auc",),
    "rocaucscore": ("roc_auc",),
    "f1score": ("f1",),
    "topk": ("top_k_accuracy",),
    "kaimingnormal": ("he_normal",),
    "kaiminguniform": ("he_uniform",),
    "xaviernormal": ("glorot_normal",),
    "xavieruniform": ("glorot_uniform",),
}


def likely(given: str, known: Iterable[str], elsewhere: Mapping[str, Sequence[str]], likeness: float) -> str | None:
    """Return which of the known names was probably meant by one that is not among them.

    Parameters
    ----------
    given : str
    known : iterable of str
    elsewhere : mapping
        For names in other libraries, in lower case without underscores, the names here, of which the first known one
        counts. Only the first word of a name has to be known, as in "beta1 and beta2".
    likeness : float in [0, 1]
        Minimum similarity of the letters, 1 for equal ones.

    Returns
    -------
    str, or None
    """
    from difflib import get_close_matches

    by_letters = {name.replace("_", ""): name for name in known}
    letters = letters_of(given)
    for name in elsewhere.get(letters, ()):
        if name.split()[0] in by_letters.values():
            return name
    close = get_close_matches(letters, by_letters, 1, likeness)
    return by_letters[close[0]] if close else None


def letters_of(name: str) -> str:
    """Return a name in lower case without underscores, hyphens and spaces."""
    return name.lower().translate({ord(character): None for character in "_- "})


def did_you_mean(name: str | None) -> str:
    """Return the end of a message that suggests a name: "; did you mean relu?", or nothing for None."""
    return "" if name is None else f"; did you mean {name}?"


def meant(given: object, known: Iterable[str]) -> str:
    """Return the end of a message about a name that is not ``known``: "; did you mean 'relu'?", or nothing."""
    known, text = list(known), str(getattr(given, "__name__", given))
    name = likely(text, known, _ELSEWHERE, 0.7) or likely(f"val_{text}", known, {}, 0.9)
    return did_you_mean(name and repr(name))
