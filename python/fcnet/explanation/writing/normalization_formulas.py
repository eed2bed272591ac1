"""How normalisation is written: z made normal, the derivative by z, what is remembered of batches."""

from __future__ import annotations

from fcnet._model.normalization import BatchNorm, Normalization
from fcnet.explanation.writing.expressions import Applied, Expression, Fraction, Root, Symbol


def made_normal(i: int | str) -> Symbol:
    """What z of a layer is called once it is normalised."""
    return Symbol("ẑ", str(i))


def _deviation(i: int) -> Root:
    return Root((Applied("variance", Symbol("z", str(i))), "+", "ε"))


def normalized_product(i: int) -> Expression:
    """What ẑ is."""
    z = Symbol("z", str(i))
    return Fraction((z, "−", Applied("mean", z)), _deviation(i))


def slope_by_product(i: int) -> Expression:
    """What τ, the derivative by z, is."""
    of = made_normal(i)
    above = ("g", "−", Applied("mean", "g"), "−", of, "∘", Applied("mean", ("g", "∘", of)))
    return (Fraction(above, _deviation(i)), ",", "g", "=", Symbol("σ", str(i)), "∘", Symbol("γ", str(i)))


def remembered(part: str, i: int, norm: BatchNorm, samples: int) -> tuple[Expression, Expression]:
    """A running mean or variance, and what it becomes: the variance has n - 1 in place of n."""
    of, m = Symbol(part, str(i)), f"{norm.momentum:g}"
    new: Expression = Applied(part, Symbol("z", str(i)))
    if part == "variance":
        new = (Fraction(str(samples), str(samples - 1)), new)
    return of, (of, "+", m, "·", "(", new, "−", of, ")")


def in_words(norm: Normalization) -> str:
    """What the mean and variance are of."""
    if isinstance(norm, BatchNorm):
        return "mean and variance are those of a neuron over the samples"
    return "mean and variance are those of a sample over its neurons"
