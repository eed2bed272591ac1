"""How layer normalisation is written: z made normal, and the derivative by z."""

from __future__ import annotations

from fcnet.explanation.expressions import Applied, Expression, Fraction, Root, Symbol


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
