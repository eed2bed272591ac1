"""Functions of one number x in a normal form, so that an activation is known however an exporter has written it.

An expression is a polynomial: a sorted tuple of terms, each a coefficient and a product of atoms. An atom is x, or a
function of polynomials, such as tanh; it is known by a number, so that expressions stay small however deep they are.
Coefficients that agree to 2e-6 count as one, since exporters write constants as float32.
"""

from __future__ import annotations

import copy
import math
from typing import Any

_TOLERANCE = 2e-6
_MOST_TERMS, _MOST_ATOMS, _MOST_NUMBERS = 16, 6, 100

SELU_ALPHA, SELU_FACTOR = 1.6732632423543772848, 1.0507009873554804934

Monomial = tuple[int, ...]
Expression = tuple[tuple[Monomial, float], ...]


class Algebra:
    """The atoms and numbers of some expressions, which can be compared with ``==`` and with those of activations."""

    def __init__(self) -> None:
        self._atoms: dict[Any, int] = {}
        self._numbers: list[float] = []
        self.x: Expression = (((self._atom("x"),), 1.0),)
        for value in (1.0, 0.5, math.sqrt(0.5), math.sqrt(2 / math.pi), 0.044715 * math.sqrt(2 / math.pi), 3.0, 6.0):
            self._number(value)
        self._known = {form: name for name, form in self._forms()}

    def copy(self) -> Algebra:
        """Return one with the same atoms and numbers, to which others can be added."""
        other = copy.copy(self)
        other._atoms, other._numbers = dict(self._atoms), list(self._numbers)
        return other

    def _forms(self) -> list[tuple[str, Expression]]:
        x = self.x
        return [
            *((name, self.function(name, x)) for name in ("exp", "sigmoid", "softplus", "tanh")),
            ("softplus", self.stable_softplus(x)),
            ("selu", self.scaled(self.elu(x, SELU_ALPHA), SELU_FACTOR)),
            ("relu", self.clip(x, 0.0, math.inf)),
            ("relu6", self.clip(x, 0.0, 6.0)),
            ("silu", self.silu(x)),
            ("mish", self.mish(x)),
            ("mish", self.times(x, self.function("tanh", self.stable_softplus(x)))),
            ("gelu", self.gelu(x)),
            ("gelu_tanh", self.gelu_tanh(x)),
            ("hard_swish", self.hard_swish(x)),
        ]

    def activation(self, found: Expression) -> tuple[str, float | None] | None:
        """Return name and slope, or alpha, of the activation that an expression is; None for another function."""
        if found in self._known:
            return self._known[found], None
        terms = dict(found)
        [(of_x, _)] = self.x
        slope, alpha = terms.get(of_x), -terms.get((), 0.0)
        if slope is not None and len(terms) == 2 and not alpha and found == self.leaky_relu(self.x, slope):
            return "leaky_relu", slope
        if alpha and len(terms) == 3 and found == self.elu(self.x, alpha):
            return "elu", alpha
        return None

    def constant(self, value: float) -> Expression:
        """The expression that is a number."""
        return self._sorted({(): value})

    def plus(self, a: Expression, b: Expression, factor: float = 1.0) -> Expression:
        """``a + factor b``."""
        terms = dict(a)
        for monomial, value in b:
            terms[monomial] = terms.get(monomial, 0.0) + factor * value
        return self._sorted(terms)

    def scaled(self, a: Expression, factor: float) -> Expression:
        """``factor a``."""
        return self._sorted({monomial: factor * value for monomial, value in a})

    def times(self, a: Expression, b: Expression) -> Expression:
        """``a b``."""
        terms: dict[Monomial, float] = {}
        for left, value in a:
            for right, other in b:
                monomial = tuple(sorted(left + right))
                terms[monomial] = terms.get(monomial, 0.0) + value * other
        return self._sorted(terms)

    def function(self, name: str, a: Expression, *others: Any) -> Expression:
        """A function of an expression; reciprocals and logarithms that are sigmoid and softplus become these."""
        terms = dict(a)
        if name in ("reciprocal", "log") and terms.pop((), None) == 1.0 and list(terms.values()) == [1.0]:
            [(monomial, _)] = terms.items()
            key = self._key("exp", monomial)
            if key is not None:
                inner = key[1]
                return (
                    self.function("softplus", inner)
                    if name == "log"
                    else self.function("sigmoid", self.scaled(inner, -1))
                )
        if name == "reciprocal" and set(dict(a)) == {()}:
            return self.constant(1 / a[0][1])
        return (((self._atom((name, a, *others)),), 1.0),)

    def _key(self, name: str, monomial: Monomial) -> Any:
        """The function and arguments that a monomial is, if it is that function of something."""
        return next((key for key, atom in self._atoms.items() if (atom,) == monomial and key[0] == name), None)

    def clip(self, a: Expression, low: float, high: float) -> Expression:
        """``min(max(a, low), high)``, as a difference of ``max``, so that there is one form of it."""
        if low > high:
            return self.constant(high)
        if high < math.inf:  # min(b, high) = b - max(b, high) + high
            below = a if low == -math.inf else self._max(a, low)
            return self.plus(self.plus(below, self._max(a, high), -1.0), self.constant(high))
        return a if low == -math.inf else self._max(a, low)

    def _max(self, a: Expression, low: float) -> Expression:
        """``max(a, low)``; the atom has an argument without constant, whose first coefficient is 1."""
        terms = dict(a)
        shift = terms.pop((), 0.0)
        if not terms:
            return self.constant(max(shift, low))
        bare = self._sorted(terms)
        factor = bare[0][1]
        bare, low = self.scaled(bare, 1 / factor), (low - shift) / factor
        [(monomial, _), *others] = bare
        within = None if others else self._key("max", monomial)
        if within is not None and factor > 0:  # max(max(b, other), low)
            _, bare, other = within
            low = max(other, low)
        atom: Expression = (((self._atom(("max", bare, self._number(low))),), 1.0),)
        if factor < 0:  # min(b, low) = b + low - max(b, low)
            atom = self.plus(self.plus(bare, self.constant(low)), atom, -1.0)
        return self.plus(self.scaled(atom, factor), self.constant(shift))

    def where_above(self, a: Expression, threshold: float, yes: Expression, no: Expression) -> Expression:
        """``yes`` where ``a > threshold``, ``no`` elsewhere; torch's softplus, which is x above 20, is softplus."""
        if yes == a and threshold >= 15 and no == self.function("softplus", a):
            return no
        alpha = dict(no).get((), 0.0)
        if yes == a and threshold == 0 and no == self.scaled(self._power_less_one(a), -alpha):
            return self.elu(a, -alpha)
        difference = self.plus(yes, no, -1.0)
        above = self.plus(a, self.constant(threshold), -1.0)
        for monomial, value in difference[:1]:
            factor = value / dict(above).get(monomial, math.nan)
            if math.isfinite(factor) and difference == self.scaled(above, factor):
                return self.plus(no, self.scaled(self.clip(above, 0.0, math.inf), factor))
        if not difference:
            return no
        atom = self._atom(("where", a, self._number(threshold), difference))
        return self.plus(no, (((atom,), 1.0),))

    def silu(self, a: Expression) -> Expression:
        """``a sigmoid(a)``."""
        return self.times(a, self.function("sigmoid", a))

    def mish(self, a: Expression) -> Expression:
        """``a tanh(softplus(a))``."""
        return self.times(a, self.function("tanh", self.function("softplus", a)))

    def gelu(self, a: Expression) -> Expression:
        """``a / 2 (1 + erf(a / sqrt(2)))``."""
        return self._gated(a, self.function("erf", self.scaled(a, math.sqrt(0.5))))

    def gelu_tanh(self, a: Expression) -> Expression:
        """``a / 2 (1 + tanh(sqrt(2 / pi) (a + 0.044715 a^3)))``."""
        inner = self.plus(a, self.times(a, self.times(a, a)), 0.044715)
        return self._gated(a, self.function("tanh", self.scaled(inner, math.sqrt(2 / math.pi))))

    def _gated(self, a: Expression, gate: Expression) -> Expression:
        return self.times(self.scaled(a, 0.5), self.plus(self.constant(1.0), gate))

    def hard_swish(self, a: Expression) -> Expression:
        """``a min(max(a + 3, 0), 6) / 6``."""
        inner = self.plus(self.clip(a, -3.0, 3.0), self.constant(3.0))
        return self.scaled(self.times(a, inner), 1 / 6)

    def leaky_relu(self, a: Expression, slope: float) -> Expression:
        """``max(a, 0) + slope min(a, 0)``."""
        return self.plus(self.scaled(self.clip(a, 0.0, math.inf), 1 - slope), self.scaled(a, slope))

    def elu(self, a: Expression, alpha: float) -> Expression:
        """``max(a, 0) + alpha (exp(min(a, 0)) - 1)``."""
        below = self._power_less_one(self.clip(a, -math.inf, 0.0))
        return self.plus(self.clip(a, 0.0, math.inf), below, alpha)

    def _power_less_one(self, a: Expression) -> Expression:
        return self.plus(self.function("exp", a), self.constant(1.0), -1.0)

    def magnitude(self, a: Expression) -> Expression:
        """``|a|``."""
        return self.plus(self.scaled(self.clip(a, 0.0, math.inf), 2.0), a, -1.0)

    def stable_softplus(self, a: Expression) -> Expression:
        """``max(a, 0) + log(1 + exp(-|a|))``, which does not overflow."""
        log = self.function("softplus", self.scaled(self.magnitude(a), -1.0))
        return self.plus(self.clip(a, 0.0, math.inf), log)

    def _atom(self, key: Any) -> int:
        return self._atoms.setdefault(key, len(self._atoms))

    def _number(self, value: float) -> float:
        """The number that stands for this one: the first that agrees with it, or itself."""
        for known in self._numbers:
            for signed in (known, -known):
                if abs(value - signed) <= _TOLERANCE * abs(signed):
                    return signed
        if not math.isfinite(value) or len(self._numbers) >= _MOST_NUMBERS:
            raise ValueError(f"the number {value} is none of an activation's")
        self._numbers.append(value)
        return value

    def _sorted(self, terms: dict[Monomial, float]) -> Expression:
        kept = {monomial: value for monomial, value in terms.items() if abs(value) > 1e-12}
        if len(kept) > _MOST_TERMS or any(len(monomial) > _MOST_ATOMS for monomial in kept):
            raise ValueError("the expression is longer than those of activations")
        return tuple(sorted((monomial, self._number(value)) for monomial, value in kept.items()))
