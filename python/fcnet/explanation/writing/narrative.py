"""A training step in the order of the article: sections of equations with their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fcnet._model.normalization import BatchNorm
from fcnet.activations import name_and_constant
from fcnet.explanation.numbers.oracle import slope_of_product
from fcnet.explanation.numbers.trace import Problem, Quantities
from fcnet.explanation.writing.expressions import (
    Applied,
    Expression,
    Fraction,
    Numbers,
    Root,
    Sum,
    Symbol,
    Transposed,
    with_signs,
)
from fcnet.explanation.writing.loss_formulas import LINKED, LOSSES
from fcnet.explanation.writing.normalization_formulas import (
    normalized_product,
    normalized_symbol,
    running_update,
    slope_by_product,
)
from fcnet.explanation.writing.words import beside, course, loss_name, numbering

_FUNCTIONS = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "relu6": "ReLU6",
    "hard_swish": "HardSwish",
}
_SYMBOLS = {"gamma": "γ", "product_bias": "c", "mix": "a"}


@dataclass(frozen=True)
class Equation:
    """An equation of a quantity: its name, its symbol, and the right-hand sides, line by line."""

    name: str
    left: Expression
    lines: tuple[Expression, ...]
    sign: str = "="


@dataclass(frozen=True)
class Section:
    """A section with a title, a sentence and equations."""

    title: str
    text: str
    equations: tuple[Equation, ...]


def _d(of: Expression, by: Expression) -> Fraction:
    return Fraction(("∂", of), ("∂", by))


def _mixed(a: Expression, f: Expression, h: Expression) -> Expression:
    """Return the formula of a parametric activation, or of its derivative where h is 1."""
    return (h, "+", a, "∘", "(", f, "−", h, ")")


class Narrative:
    """The sections of a step.

    Parameters
    ----------
    problem : Problem
    step : dict
        As from ``trace.descent``.
    """

    def __init__(self, problem: Problem, step: Quantities) -> None:
        self._problem, self._step = problem, step
        self._n, self._m = step["p"].shape
        self._last = problem.layers[-1]

    def sections(self) -> list[Section]:
        """Return the sections: forward pass, loss, backward pass, update, and the forward pass again."""
        layers, name = self._problem.layers, loss_name(self._problem)
        mean = "its mean over the samples" if self._n > 1 and self._problem.is_mean else "one number"
        frozen = [i for i, trained in zip(layers, self._problem.trainable, strict=True) if not trained]
        frozen_text = f" Frozen, and so unchanged: {', '.join(f'layers[{i - 1}]' for i in frozen)}." if frozen else ""
        per_sample = (
            f" Every gradient is the mean over the {self._n} samples." if self._n > 1 and self._problem.is_mean else ""
        )
        if self._problem.over_batch and self._n > 1:
            per_sample += " A sample's σ takes in what it does to the others by the mean and variance of the batch."
        again = self._pass("_new")
        return [
            Section(
                "Forward pass",
                "Each layer multiplies its inputs by its weights, adds its biases and applies F."
                + numbering(self._problem)
                + beside(self._problem),
                self._pass(""),
            ),
            Section("Loss", f"The loss of the prediction p for the target y: {name}, {mean}.", (self._loss(""),)),
            Section(
                "Backward pass",
                "From the last layer to the first: σ is the gradient of the loss with respect to the argument of F."
                + per_sample,
                tuple(each for i in reversed(layers) for each in self._backward(i)),
            ),
            Section(
                "Gradient descent",
                f"Every weight and bias is decreased by α times its gradient.{frozen_text}",
                tuple(each for i in layers for each in self._updates(i)),
            ),
            Section("Forward pass again", course(self._step), (*again, self._loss("_new"))),
        ]

    def _numbers(self, name: str, *, transposed: bool = False) -> Numbers:
        return Numbers(name, self._step[name], transposed=transposed)

    def _of(self, letter: str, i: int, sup: str = "") -> Expression:
        if letter == "h" and i == 0:
            return Symbol("I")
        return Symbol(letter, str(i), sup)

    def _function(self, i: int) -> str:
        name, _ = name_and_constant(self._problem.activation(i))
        return _FUNCTIONS.get(name, name.replace("_", " "))

    def _inputs(self, i: int, new: str = "", *, transposed: bool = False) -> Numbers:
        return self._numbers("I" if i == 1 else f"h_out{new}_{i - 1}", transposed=transposed)

    def _pass(self, new: str) -> tuple[Equation, ...]:
        equations = []
        for i in self._problem.layers:
            bias = self._problem.architecture.specs[i - 1].bias
            b, h_in = (f"{name}{new}_{i}" for name in ("B", "h_in"))
            symbols: Expression = (self._of("h", i - 1, "out"), "·", Symbol("W", str(i)))
            numbers: Expression = (self._inputs(i, new), "·", self._numbers(f"W{new}_{i}"))
            if self._problem.normalized(i):
                z = self._numbers(f"z{new}_{i}")
                if "product_bias" in self._problem.parts(i):
                    symbols = (*symbols, "+", Symbol("c", str(i)))
                    numbers = (*numbers, "+", self._numbers(f"product_bias{new}_{i}"))
                equations.append(Equation(z.name, Symbol("z", str(i)), (symbols, numbers, z)))
                normal = self._numbers(f"normal{new}_{i}")
                equations.append(Equation(normal.name, normalized_symbol(i), (normalized_product(i), normal)))
                symbols = (Symbol("γ", str(i)), "∘", normalized_symbol(i))
                numbers = (self._numbers(f"gamma{new}_{i}"), "∘", normal)
            if bias:
                symbols, numbers = (*symbols, "+", Symbol("B", str(i))), (*numbers, "+", self._numbers(b))
            equations.append(Equation(h_in, self._of("h", i, "in"), (symbols, numbers, self._numbers(h_in))))
            h_out, f = f"h_out{new}_{i}", self._function(i)
            left = (self._of("h", i, "out"),) if i < self._last else ("p", "=", self._of("h", i, "out"))
            h, values = self._of("h", i, "in"), self._numbers(h_in)
            symbols, numbers = Applied(Symbol("F", str(i)), h), Applied(f, values)
            if self._problem.parametric(i):
                symbols = _mixed(Symbol("a", str(i)), Applied(f, h), h)
                numbers = _mixed(self._numbers(f"mix{new}_{i}"), numbers, values)
            equations.append(Equation(h_out, left, (symbols, numbers, self._numbers(h_out))))
        return tuple(equations)

    def _loss(self, new: str) -> Equation:
        loss, name = self._problem.architecture.loss, f"L{new}"
        if loss.name not in LOSSES:
            return Equation(name, "L", (Applied("loss", ("p", ",", "y")), self._numbers(name)))
        term, _ = LOSSES[loss.name]
        shares = [str(self._n)] if self._n > 1 else []
        shares += [str(self._m)] if self._m > 1 and loss.name != "cross_entropy" else []
        factor = (Fraction("1", (*with_signs(shares, "·"),)),) if shares else ()
        total: Expression = Sum("j", term) if self._m > 1 or loss.name == "cross_entropy" else term
        total = Sum("n", total) if self._n > 1 else total
        if loss.name == "cross_entropy":
            total = ("−", *factor, Sum("n", Sum("j", term[1:])) if self._n > 1 else Sum("j", term[1:]))
        else:
            total = (*factor, total)
        lines = [Root(total) if loss.name == "rmse" else total]
        numbers = self._loss_numbers(new)
        return Equation(name, "L", (*lines, *([numbers] if numbers else []), self._numbers(name)))

    def _loss_numbers(self, new: str) -> Expression:
        """Return L as a sum of numbers, or None if it is too long."""
        loss, step = self._problem.architecture.loss.name, self._step
        if self._n > 1:
            if f"L_n{new}" not in step or self._n > 6:
                return None
            each = [Numbers(f"L_n{new}", step[f"L_n{new}"][r], (r,)) for r in range(self._n)]
            return (Fraction("1", str(self._n)), "·", "(", *with_signs(each, "+"), ")")
        p, y = ([Numbers(name, step[name][0, j], (0, j)) for j in range(self._m)] for name in (f"p{new}", "y"))
        if self._m > 6:
            return None
        terms: list[Expression]
        if loss == "cross_entropy":
            terms = [(a, "·", "ln", b) for a, b in zip(y, p, strict=True)]
            return ("−", "(", *with_signs(terms, "+"), ")")
        if loss in ("mse", "rmse"):
            terms = [("(", a, "−", b, Symbol(")", "", "2")) for a, b in zip(p, y, strict=True)]
            inside = (*((Fraction("1", str(self._m)), "·") if self._m > 1 else ()), "(", *with_signs(terms, "+"), ")")
            return Root(inside) if loss == "rmse" else inside
        return None

    def _backward(self, i: int) -> list[Equation]:
        h_in, softmax = self._of("h", i, "in"), self._problem.activation(i) == "softmax"
        f_prime = Applied(Symbol("F", str(i), "′"), h_in)
        equations = []
        linked = i == self._last and LINKED.get(self._problem.architecture.loss.name) == self._problem.activation(i)
        if not softmax and not linked:
            value, f = self._numbers(f"F_prime_{i}"), f"{self._function(i)}′"
            numbers: Expression = Applied(f, self._numbers(f"h_in_{i}"))
            if self._problem.parametric(i):
                symbols = _mixed(Symbol("a", str(i)), Applied(f, h_in), "1")
                equations.append(
                    Equation(value.name, f_prime, (symbols, _mixed(self._numbers(f"mix_{i}"), numbers, "1"), value))
                )
            else:
                equations.append(Equation(value.name, f_prime, (numbers, value)))
        lines = self._sigma_last(f_prime, linked=linked) if i == self._last else self._sigma(i, f_prime)
        left: Expression = Symbol("σ", str(i))
        equations.append(Equation(f"sigma_{i}", left, (*lines, self._numbers(f"sigma_{i}"))))
        mean = (Fraction("1", str(self._n)),) if self._n > 1 and self._problem.is_mean else ()
        if self._problem.normalized(i):
            tau = self._numbers(f"tau_{i}")
            equations.append(Equation(tau.name, self._slope(i), (slope_by_product(i), tau)))
        slope = self._numbers(f"{slope_of_product(self._problem, i)}_{i}")
        lines = (
            (*mean, Transposed(self._of("h", i - 1, "out")), self._slope(i)),
            (*mean, self._inputs(i, transposed=True), "·", slope),
            self._numbers(f"dW_{i}"),
        )
        equations.append(Equation(f"dW_{i}", _d("L", Symbol("W", str(i))), lines))
        if self._problem.architecture.specs[i - 1].bias:
            total = (*mean, Sum("n", Symbol("σ", f"{i},n"))) if self._n > 1 else Symbol("σ", str(i))
            equations.append(Equation(f"dB_{i}", _d("L", Symbol("B", str(i))), (total, self._numbers(f"dB_{i}"))))
        if self._problem.normalized(i):
            of = f"{i},n" if self._n > 1 else str(i)
            each: Expression = (Symbol("σ", of), "∘", normalized_symbol(of))
            lines = ((*mean, Sum("n", each)) if self._n > 1 else each, self._numbers(f"dgamma_{i}"))
            equations.append(Equation(f"dgamma_{i}", _d("L", Symbol("γ", str(i))), lines))
        if "product_bias" in self._problem.parts(i):
            total = (*mean, Sum("n", Symbol("τ", f"{i},n"))) if self._n > 1 else Symbol("τ", str(i))
            lines = (total, self._numbers(f"dproduct_bias_{i}"))
            equations.append(Equation(f"dproduct_bias_{i}", _d("L", Symbol("c", str(i))), lines))
        if self._problem.parametric(i):
            n = ",n" if self._n > 1 else ""
            h, behind = Symbol("h", f"{i}{n}", "in"), Symbol(self._slope(i + 1).letter, f"{i + 1}{n}")
            each = (behind, Transposed(Symbol("W", str(i + 1))), "∘", "(", Applied(self._function(i), h), "−", h, ")")
            lines = ((*mean, Sum("n", each)) if n else each, self._numbers(f"dmix_{i}"))
            equations.append(Equation(f"dmix_{i}", _d("L", Symbol("a", str(i))), lines))
        return equations

    def _slope(self, i: int) -> Symbol:
        """Return the symbol of the derivative by a layer's product."""
        return Symbol("τ" if self._problem.normalized(i) else "σ", str(i))

    def _sigma(self, i: int, f_prime: Expression) -> tuple[Expression, ...]:
        product = (self._slope(i + 1), Transposed(Symbol("W", str(i + 1))))
        behind = self._numbers(f"{slope_of_product(self._problem, i + 1)}_{i + 1}")
        numbers = (behind, "·", self._numbers(f"W_{i + 1}", transposed=True))
        if self._problem.activation(i) == "softmax":
            s = Symbol("s")
            h = Symbol("h", str(i), "out")
            return ((h, "∘", "(", s, "−", Sum("j", (Symbol("s", "j"), Symbol("h", "j"))), ")", ",", s, "=", *product),)
        return (*product, "∘", f_prime), (*numbers, "∘", self._numbers(f"F_prime_{i}"))

    def _sigma_last(self, f_prime: Expression, *, linked: bool) -> tuple[Expression, ...]:
        loss = self._problem.architecture.loss.name
        share = (Fraction("1", str(self._m)),) if self._m > 1 and loss not in ("cross_entropy", "custom") else ()
        if loss == "rmse" and self._n * self._m > 1:
            share = (Fraction("1", str(self._n * self._m)),)
        p_y: tuple[Any, ...] = ("p", "−", "y")
        numbers: tuple[Any, ...] = (self._numbers("p"), "−", self._numbers("y")) if "y" in self._step else ()
        brackets = (lambda inside: ("(", *inside, ")")) if share else (lambda inside: inside)
        if linked:
            return (*share, *brackets(p_y)), (*share, *brackets(numbers))
        slope = LOSSES[loss][1] if loss in LOSSES else _d("L", "p")
        times = (*share, "·") if share else ()
        if self._problem.activation(self._last) == "softmax":
            s = Symbol("s")
            total = Sum("j", (Symbol("s", "j"), Symbol("p", "j")))
            return (("p", "∘", "(", s, "−", total, ")", ",", s, "=", *times, slope),)
        symbols = (*times, slope, "∘", f_prime)
        if loss != "mse":
            return (symbols,)
        return symbols, (*times, "2", "·", "(", *numbers, ")", "∘", self._numbers(f"F_prime_{self._last}"))

    def _updates(self, i: int) -> list[Equation]:
        learned = [self._update(i, which) for which in self._problem.parts(i)]
        norm, equations = self._problem.architecture.specs[i - 1].normalization, []
        for part in self._problem.running(i):
            assert isinstance(norm, BatchNorm)
            left, new = running_update(part, i, norm, self._n)
            name = f"{part}_new_{i}"
            equations.append(Equation(name, left, (new, self._numbers(name)), "←"))
        return learned + equations

    def _update(self, i: int, which: str) -> Equation:
        rate, symbol = f"{self._problem.rate(which, i):g}", Symbol(_SYMBOLS.get(which, which), str(i))
        factor = self._problem.factor(which, i)
        old, gradient, name = f"{which}_{i}", f"d{which}_{i}", f"{which}_new_{i}"
        if not self._problem.trainable[i - 1] or (which == "B" and not self._problem.architecture.specs[i - 1].bias):
            return Equation(name, symbol, (self._numbers(name),))
        lines = (
            (symbol, "−", *((f"{factor:g}", "·") if factor != 1 else ()), "α", _d("L", symbol)),
            (self._numbers(old), "−", rate, "·", self._numbers(gradient)),
            self._numbers(name),
        )
        return Equation(name, symbol, lines, "←")
