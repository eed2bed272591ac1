"""Checks of a user's own results: which entries are wrong, and which common mistake gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet import reference
from fcnet._checks.public import public_in
from fcnet._inputs import arrays
from fcnet.explanation.numbers.printed import Printed
from fcnet.explanation.numbers.trace import Problem, Quantities

_COARSEST = 0.05  # of the largest number: what may be rounded away
_ONE = 0.01  # so many decimals a reader has at least

SLIPS = {
    "sign": "the sign of σ at the last layer: it is p − y, not y − p",
    "no F'": "F′ was forgotten: σ_i = σ_{i+1} W_{i+1}ᵀ ∘ F′_i(h_in_i)",
    "F' of h_out": "F′ was taken of h_out: it belongs to h_in",
    "no transpose": "W was not transposed: σ_i = σ_{i+1} W_{i+1}ᵀ ∘ F′_i(h_in_i)",
    "new weights": "σ went through the new weights: the backward pass is done with those before the update",
    "sum": "the sum over the batch instead of its mean",
    "mean twice": "divided by the number of samples twice",
    "first sample": "only the first sample was counted",
}


@public_in("fcnet.explanation")
@dataclass(frozen=True)
class Finding(Printed):
    """The result of checking an answer.

    Attributes
    ----------
    name : str
    right : bool
        Whether the answer is right, to the given number of decimals.
    wrong : tuple of (index, given, expected)
    slip : str, optional
        The common mistake that gives these numbers, in words.
    """

    name: str
    right: bool
    wrong: tuple[tuple[tuple[int, ...], float, float], ...] = ()
    slip: str | None = None

    def text(self) -> str:
        """Say whether the answer is right, and which entries are wrong."""
        if self.right:
            return f"{self.name}: right"
        entries = "; ".join(
            f"{self.name}{list(at) if at else ''} is {given:g}, should be {expected:.4g}"
            for at, given, expected in self.wrong[:8]
        )
        more = f"; and {len(self.wrong) - 8} more" if len(self.wrong) > 8 else ""
        return f"{self.name}: wrong. {entries}{more}." + (f" It looks like this: {self.slip}." if self.slip else "")


def _tolerance(given: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return half a unit of the last given decimal, limited relative to the numbers."""
    texts = [np.format_float_positional(float(v), trim="-") for v in given.ravel()]
    decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
    half = 0.5 * min(_ONE, 10.0**-decimals) * (1 + 1e-6)
    size = float(np.abs(expected).max(initial=0))
    return max(min(half, _COARSEST * size), 4e-7 * size, 1e-12)


def checked(answers: Mapping[str, ArrayLike], step: Quantities, problem: Problem) -> list[Finding]:
    """Check the answers.

    Parameters
    ----------
    answers : {name: array-like}
    step : dict
    problem : Problem

    Returns
    -------
    list of Finding

    Raises
    ------
    TypeError, ValueError : a name is unknown, or a shape is wrong.
    """
    if not isinstance(answers, Mapping):
        raise TypeError(f"answer is a {type(answers).__name__}: expected a dict like {{'dW_1': [[...]]}}")
    known = {name: np.asarray(value, float) for name, value in step.items()}
    return [_finding(name, given, known, problem) for name, given in answers.items()]


def _finding(name: str, given: ArrayLike, known: Quantities, problem: Problem) -> Finding:
    if name not in known:
        raise ValueError(f"answer has the name {name!r}: expected some of {', '.join(known)}")
    expected = known[name]
    mine = arrays.real(arrays.plain(given, f"answer[{name!r}]"), f"answer[{name!r}]").astype(float)
    if mine.shape != expected.shape:
        if mine.shape == expected.shape[::-1] and np.abs(mine.T - expected).max() <= _tolerance(mine, expected):
            return Finding(name, False, (), "it is the transpose of the right one")
        if mine.size != expected.size or max(mine.ndim, expected.ndim) > 1 + (1 in (*mine.shape, *expected.shape)):
            raise ValueError(f"answer[{name!r}] has shape {mine.shape}: expected {expected.shape}")
        mine = mine.reshape(expected.shape)
    limit = _tolerance(mine, expected)
    off = ~(np.abs(mine - expected) <= limit)
    if not off.any():
        return Finding(name, True)
    wrong = tuple((tuple(map(int, at)), float(mine[tuple(at)]), float(expected[tuple(at)])) for at in np.argwhere(off))
    for words, value in _candidates(name, known, problem):
        if value.shape == mine.shape and (np.abs(mine - value) <= limit).all():
            return Finding(name, False, wrong, words)
    return Finding(name, False, wrong)


def _candidates(name: str, known: Quantities, problem: Problem) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the common mistakes for a quantity, in words, and the numbers that they give."""
    match = re.fullmatch(r"(\w+?)(?:_(\d+))?", name)
    kind, layer = (match[1], int(match[2] or 0)) if match else (name, 0)
    right = known[name]
    direct: dict[str, Callable[[], list[tuple[str, NDArray[Any]]]]] = {
        "h_in": lambda: _affine(layer, known, ""),
        "h_in_new": lambda: _affine(layer, known, "_new"),
        "h_out": lambda: [("F was forgotten: this is h_in", known[f"h_in_{layer}"])],
        "h_out_new": lambda: [("F was forgotten: this is h_in", known[f"h_in_new_{layer}"])],
        "p": lambda: _output(problem, known),
        "L": lambda: _loss(problem, known),
        "W_new": lambda: _updated("W", layer, known, problem),
        "B_new": lambda: _updated("B", layer, known, problem),
        "gamma_new": lambda: _updated("gamma", layer, known, problem),
        "product_bias_new": lambda: _updated("product_bias", layer, known, problem),
        "mix_new": lambda: _updated("mix", layer, known, problem),
    }
    normalized = any(map(problem.normalized, problem.layers))  # for which the formulas below do not hold
    if kind in direct and not (normalized and kind.startswith("h_in")):
        yield from direct[kind]()
    if kind in ("sigma", "dW", "dB") and not normalized:
        if right.ndim == 2 and right.shape[0] == right.shape[1]:
            yield "it is the transpose of the right one", right.T
        if kind == "sigma":
            yield "σ belongs to each sample: the mean over the batch is taken in ∂L/∂W and ∂L/∂B", right * problem.share
        for count in (1, 2):
            for slips in combinations(SLIPS, count):
                value = _slipped(set(slips), kind, layer, known, problem)
                if value is not None:
                    yield "; and ".join(SLIPS[slip] for slip in slips), value
    yield "the sign", -right


def _affine(i: int, known: Quantities, new: str) -> list[tuple[str, NDArray[Any]]]:
    h = known["I"] if i == 1 else known[f"h_out{new}_{i - 1}"]
    w, b = known[f"W{new}_{i}"], known[f"B{new}_{i}"]
    found = [("the bias was forgotten", h @ w)]
    if w.shape[0] == w.shape[1]:
        found.append(("W was transposed: it is h W, not h Wᵀ", h @ w.T + b))
    if i > 1:
        found.append(("F of the layer before was forgotten", known[f"h_in{new}_{i - 1}"] @ w + b))
    return found


def _output(problem: Problem, known: Quantities) -> list[tuple[str, NDArray[Any]]]:
    h = known[f"h_in_{problem.layers[-1]}"]
    found = [("F was forgotten: this is h_in", h)]
    if problem.activation(problem.layers[-1]) == "softmax":
        with np.errstate(all="ignore"):
            found += [
                ("exp was forgotten: p = exp(h) / Σ exp(h)", h / h.sum(axis=1, keepdims=True)),
                ("not divided by the sum: p = exp(h) / Σ exp(h)", np.exp(h)),
                ("it is the sigmoid of each output, not the softmax of all", 1 / (1 + np.exp(-h))),
            ]
    return found


def _loss(problem: Problem, known: Quantities) -> list[tuple[str, NDArray[Any]]]:
    value, n, m = known["L"], len(known["I"]), known["p"].shape[1]
    found = [("the sum over the batch instead of its mean", n * value)] if n > 1 else []
    if "cross_entropy" in problem.architecture.loss.name:
        found += [
            ("the logarithm is the natural one, not that to base 10", value / np.log(10)),
            ("the logarithm is the natural one, not that to base 2", value / np.log(2)),
        ]
        if problem.architecture.takes_labels:
            with np.errstate(all="ignore"):
                wrong = -(np.log(known["p"]) * (1 - known["y"])).sum(axis=1).mean()
            found.append(("ln p of the wrong class: y is 1 for the right one", np.asarray(wrong)))
    elif m > 1:
        found.append(("the sum over the outputs instead of their mean", m * value))
    return found


def _updated(which: str, i: int, known: Quantities, problem: Problem) -> list[tuple[str, NDArray[Any]]]:
    old, gradient, rate = known[f"{which}_{i}"], known[f"d{which}_{i}"], problem.rate(which, i)
    found = [
        ("the step went up the gradient: x ← x − α ∂L/∂x", old + rate * gradient),
        ("α was forgotten", old - gradient),
        ("α was forgotten, and the step went up the gradient", old + gradient),
        ("it is the change, not the new value", -rate * gradient),
    ]
    if problem.factor(which, i) != 1:
        found.append(("the factor before α was forgotten", old - problem.learning_rate * gradient))
    if len(known["I"]) > 1 and problem.is_mean:
        found.append(("the sum over the batch instead of its mean", old - rate * gradient / problem.share))
    return found


def _slipped(slips: set[str], kind: str, layer: int, known: Quantities, problem: Problem) -> NDArray[Any] | None:
    """Compute sigma, dW or dB of a layer with mistakes in the backward pass; None if one of them is not possible."""
    last = problem.layers[-1]
    sigma = known[f"sigma_{last}"] * (-1 if "sign" in slips else 1)
    for i in range(last - 1, layer - 1, -1):
        w = known[f"W{'_new' if 'new weights' in slips else ''}_{i + 1}"]
        if "no transpose" in slips and w.shape[0] != w.shape[1]:
            return None
        slope = sigma @ (w if "no transpose" in slips else w.T)
        f, h_in, mix = problem.activation(i), known[f"h_in_{i}"], known.get(f"mix_{i}")
        if "no F'" in slips:
            sigma = slope
        elif "F' of h_out" in slips and f != "softmax":
            sigma = slope * reference.activation_derivative(known[f"h_out_{i}"], f, mix)
        else:
            sigma = reference.through_activation(slope, h_in, f, mix)
    batch = slips & {"sum", "mean twice", "first sample"}
    if batch and (kind == "sigma" or len(sigma) == 1 or not problem.is_mean):
        return None
    if kind == "sigma":
        return sigma
    h = known["I"] if layer == 1 else known[f"h_out_{layer - 1}"]
    rows = slice(0, 1) if "first sample" in slips else slice(None)
    dw, db = reference.weight_gradient(sigma[rows], h[rows])
    share = 1.0 if slips & {"sum", "first sample"} else problem.share**2 if "mean twice" in slips else problem.share
    return np.asarray(share * (dw if kind == "dW" else db))
