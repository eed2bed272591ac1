"""Formulas of normalisation: normalised z, the derivative by z, and the running statistics."""

from __future__ import annotations

from fcnet._model.normalization import BatchNorm, Normalization
from fcnet.explanation.writing.expressions import Applied, Expression, Fraction, Root, Symbol


def normalized_symbol(i: int | str) -> Symbol:
    """Return the symbol of a layer's normalised z."""
    return Symbol("ẑ", str(i))


def _deviation(i: int) -> Root:
    return Root((Applied("variance", Symbol("z", str(i))), "+", "ε"))


def normalized_product(i: int) -> Expression:
    """Return the formula of ẑ."""
    z = Symbol("z", str(i))
    return Fraction((z, "−", Applied("mean", z)), _deviation(i))


def slope_by_product(i: int) -> Expression:
    """Return the formula of τ, the derivative by z."""
    of = normalized_symbol(i)
    above = ("g", "−", Applied("mean", "g"), "−", of, "∘", Applied("mean", ("g", "∘", of)))
    return (Fraction(above, _deviation(i)), ",", "g", "=", Symbol("σ", str(i)), "∘", Symbol("γ", str(i)))


def running_update(part: str, i: int, norm: BatchNorm, samples: int) -> tuple[Expression, Expression]:
    """Return a running mean or variance, and its update, where the variance has n - 1 in place of n."""
    of, m = Symbol(part, str(i)), f"{norm.momentum:g}"
    new: Expression = Applied(part, Symbol("z", str(i)))
    if part == "variance":
        new = (Fraction(str(samples), str(samples - 1)), new)
    return of, (of, "+", m, "·", "(", new, "−", of, ")")


def in_words(norm: Normalization) -> str:
    """Say over what the mean and variance are computed."""
    if isinstance(norm, BatchNorm):
        return "mean and variance are those of a neuron over the samples"
    return "mean and variance are those of a sample over its neurons"
