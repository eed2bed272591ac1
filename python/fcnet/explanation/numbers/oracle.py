"""The NumPy reference of all quantities, each computed from those before it, and bounds of the rounding errors.

The bounds are of first order: the number of roundings (those of a sum, plus some tens for a function) times the sizes
of the terms (Higham 2002, section 3.1).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from fcnet import reference
from fcnet._model.normalization import BatchNorm, Normalization
from fcnet.activations import Activation, kinks_of
from fcnet.explanation.numbers.trace import Array, Problem, Quantities
from fcnet.losses import Custom
from fcnet.reference.normalization import AXES

_FUNCTION = 64  # roundings of an activation or a loss; the functions themselves have an error of 16 at most
_NORMALIZED = ("z", "sigma", "gamma")
_SQUARES = ("mse", "rmse", "huber", "custom")


def _forward(known: Quantities, problem: Problem, new: str) -> Iterator[tuple[str, Array, Any, int]]:
    h = known["I"]
    for i in problem.layers:
        w, b = known[f"W{new}_{i}"], known[f"B{new}_{i}"]
        norm = problem.architecture.specs[i - 1].normalization
        if norm is None:
            size = np.abs(h) @ np.abs(w) + np.abs(b)
            yield f"h_in{new}_{i}", reference.linear(h, w, b), size, len(w) + 1
        else:
            c = known.get(f"product_bias{new}_{i}", np.zeros_like(b))
            yield f"z{new}_{i}", reference.linear(h, w, c), np.abs(h) @ np.abs(w) + np.abs(c), len(w) + 1
            normal, steep = _normalized(known[f"z{new}_{i}"], norm)
            yield f"normal{new}_{i}", normal, steep + np.abs(normal), _FUNCTION + len(w) + sum(normal.shape)
            normal, gamma = known[f"normal{new}_{i}"], known[f"gamma{new}_{i}"]
            yield f"h_in{new}_{i}", gamma * normal + b, np.abs(gamma * normal) + np.abs(b), _FUNCTION
        h_in = known[f"h_in{new}_{i}"]
        value, size = _activated(h_in, problem.activation(i), known.get(f"mix{new}_{i}"))
        yield f"h_out{new}_{i}", value, size, _FUNCTION + h_in.shape[1]
        h = known[f"h_out{new}_{i}"]
    yield f"p{new}", h, 0 * h, 1


def _activated(h_in: Array, f: str | Activation, mix: Array | None) -> tuple[Array, Array]:
    """Return h_out, and the size of its rounding errors."""
    value = reference.activation(h_in, f)
    size = np.abs(value) * (1 + np.abs(h_in).max(axis=1, keepdims=True) ** (3 if f == "gelu_tanh" else 1))
    if mix is None:
        return value, size
    return reference.activation(h_in, f, mix), np.abs(mix) * size + np.abs((1 - mix) * h_in)


def _normalized(z: Array, norm: Normalization) -> tuple[Array, Array]:
    """Return the normalised z, and the size of its rounding errors, which are larger if z varies little."""
    normal, deviation = reference.normalize(z, norm.name, epsilon=norm.epsilon)
    return normal, np.abs(z).max(axis=AXES[norm.name], keepdims=True) / deviation * (1 + np.abs(normal) ** 2)


def _loss(known: Quantities, problem: Problem, new: str) -> Iterator[tuple[str, Array, Any, int]]:
    h_in, p, y = known[f"h_in{new}_{problem.layers[-1]}"], known[f"p{new}"], known.get("y")
    size = 1 + np.abs(h_in).max() + np.abs(p).max() + (0 if y is None else np.abs(y).max())
    size = size**2 if problem.architecture.loss.name in _SQUARES else size
    value, _, _ = _loss_and_sigma(known, problem, new)
    yield f"L{new}", np.asarray(value), size + abs(value), _FUNCTION + h_in.size
    if problem.is_mean:
        rows = [slice(r, r + 1) for r in range(len(p))]
        values = np.array([_loss_and_sigma(known, problem, new, row)[0] for row in rows], h_in.dtype)
        yield f"L_n{new}", values, size + abs(values), _FUNCTION + h_in.shape[1]


def _loss_and_sigma(known: Quantities, problem: Problem, new: str = "", rows: slice = slice(None)) -> Any:
    last, loss = problem.layers[-1], problem.architecture.loss
    h_in = known[f"h_in{new}_{last}"][rows]
    if isinstance(loss, Custom):  # a custom loss gets the same type as in a fit
        p = known[f"p{new}"].astype(problem.architecture.dtype)
        value, slope = loss(p, problem.dataset.y, None)
        return value, reference.through_activation(slope.astype(h_in.dtype), h_in, problem.activation(last)), 1
    parameter: Any = 0.0 if "label_smoothing" in loss.plain() else loss.parameter  # y is smoothed already
    if loss.quantiles:
        parameter = np.resize(loss.quantiles, h_in.shape[1])
    return reference.loss_and_sigma(
        h_in, known["y"][rows].astype(h_in.dtype), loss.name, output=problem.activation(last), parameter=parameter
    )


def _backward(known: Quantities, problem: Problem) -> Iterator[tuple[str, Array, Any, int]]:
    n, last = len(known["I"]), problem.layers[-1]
    terms = None  # after a normalised layer, the size of a derivative's terms, which may have cancelled
    for i in reversed(problem.layers):
        h_in, f, mix = known[f"h_in_{i}"], problem.activation(i), known.get(f"mix_{i}")
        slope = np.ones_like(h_in) if f == "softmax" else reference.activation_derivative(h_in, f, mix)
        steep = (1 + np.abs(slope)) * (1 + np.abs(h_in)) ** (3 if f == "gelu_tanh" else 1)
        steep = steep if mix is None else steep * (1 + np.abs(mix))
        if f != "softmax":
            yield f"F_prime_{i}", slope, steep, _FUNCTION
        if i == last:
            _, sigma, scale = _loss_and_sigma(known, problem)
            sigma = sigma * scale / problem.share
            p, y = known["p"], known.get("y")
            size = np.abs(sigma) + (1 + np.abs(p) + (0 if y is None else np.abs(y))) * steep
            if problem.architecture.loss.name in ("mae", "quantile") and y is not None:  # their kinks
                near = np.abs(p - y) <= 1e3 * np.finfo(problem.architecture.dtype).eps * (np.abs(p) + np.abs(y))
                size = np.where(near, np.inf, size)
        else:
            w, behind = known[f"W_{i + 1}"], known[f"{slope_of_product(problem, i + 1)}_{i + 1}"]
            sigma = reference.through_activation(behind @ w.T, h_in, f, mix)
            size = (np.abs(behind) if terms is None else terms) @ np.abs(w).T
            if mix is not None:
                dmix = behind @ w.T * (reference.activation(h_in, f) - h_in)
                most = size * (_activated(h_in, f, None)[1] + np.abs(h_in))
                roundings = _FUNCTION + n + w.shape[1]
                yield f"dmix_{i}", problem.share * dmix.sum(axis=0), problem.share * most.sum(axis=0), roundings
            size = size * steep
            size = size.max(axis=1, keepdims=True) + 0 * size if f == "softmax" else size
        yield f"sigma_{i}", sigma, size, _FUNCTION + (known[f"W_{i + 1}"].shape[1] if i < last else h_in.size)
        h, sigma = known["I"] if i == 1 else known[f"h_out_{i - 1}"], known[f"sigma_{i}"]
        terms = None if terms is None else np.maximum(np.abs(sigma), size)
        whole = np.abs(sigma) if terms is None else terms
        db, size_b = (problem.share * each.sum(axis=0) for each in (sigma, whole))
        yield f"dB_{i}", db * problem.architecture.specs[i - 1].bias, size_b, _FUNCTION + n
        if problem.normalized(i):
            terms = yield from _through_normalization(known, problem, i, whole)
        slope = known[f"{slope_of_product(problem, i)}_{i}"]
        whole = np.abs(slope) if terms is None else terms
        if "product_bias" in problem.parts(i):
            dc, size = (problem.share * each.sum(axis=0) for each in (slope, whole))
            yield f"dproduct_bias_{i}", dc, size, _FUNCTION + n
        dw, size = (problem.share * (a.T @ b) for a, b in ((h, slope), (np.abs(h), whole)))
        yield f"dW_{i}", dw, size, _FUNCTION + n


def _through_normalization(
    known: Quantities, problem: Problem, i: int, whole: Array
) -> Generator[tuple[str, Array, Any, int], None, Array]:
    """Yield the derivatives through a normalisation, for terms of sigma of size ``whole``; return the size of tau's."""
    norm, z, sigma, gamma = (
        problem.architecture.specs[i - 1].normalization,
        *(known[f"{of}_{i}"] for of in _NORMALIZED),
    )
    assert norm is not None
    normal, deviation = reference.normalize(z, norm.name, epsilon=norm.epsilon)
    _, steep = _normalized(z, norm)
    size = problem.share * (whole * (np.abs(normal) + steep)).sum(axis=0)
    yield f"dgamma_{i}", problem.share * (sigma * known[f"normal_{i}"]).sum(axis=0), size, _FUNCTION + sum(z.shape)
    tau = reference.through_normalization(sigma, normal, deviation, gamma, norm.name)
    g = whole * np.abs(gamma)
    axis = AXES[norm.name]
    size = (g + g.mean(axis=axis, keepdims=True) * (1 + normal**2)) / deviation
    size = size.max(axis=axis, keepdims=True) * (1 + steep)
    yield f"tau_{i}", tau, size, _FUNCTION + sum(z.shape)
    return np.asarray(size)


def _running(known: Quantities, problem: Problem, i: int) -> Iterator[tuple[str, Array, Any, int]]:
    """Yield the running statistics of batch normalisation after the step."""
    norm, z, n = problem.architecture.specs[i - 1].normalization, known[f"z_{i}"], len(known["I"])
    assert isinstance(norm, BatchNorm)
    mean, variance = known[f"mean_{i}"], known[f"variance_{i}"]
    most = np.abs(z).max(axis=0)
    sizes = np.abs(mean) + most, variance + most**2 * n / max(n - 1, 1)
    values = reference.running_statistics(mean, variance, z, norm.momentum)
    for name, value, size in zip(problem.running(i), values, sizes, strict=True):
        yield f"{name}_new_{i}", value, size, _FUNCTION + n


def slope_of_product(problem: Problem, i: int) -> str:
    """Return the name of the derivative by a layer's product h W: tau in a normalised layer, otherwise sigma."""
    return "tau" if problem.normalized(i) else "sigma"


def quantities(known: Quantities, problem: Problem) -> Iterator[tuple[str, Array, Any, int]]:
    """Yield every quantity that is computed from others.

    Parameters
    ----------
    known : dict
        The quantities to compute from: those of the native core, or the yielded ones, added as they come.
    problem : Problem

    Yields
    ------
    name, value, size of what was added up, roundings
    """
    yield from _forward(known, problem, "")
    yield from _loss(known, problem, "")
    yield from _backward(known, problem)
    for i, trained in zip(problem.layers, problem.trainable, strict=True):
        for which in problem.parts(i):
            old, gradient = known[f"{which}_{i}"], known[f"d{which}_{i}"]
            change = problem.rate(which, i) * gradient * trained
            yield f"{which}_new_{i}", old - change, np.abs(old) + np.abs(change), _FUNCTION
        if problem.running(i):
            yield from _running(known, problem, i)
    yield from _forward(known, problem, "_new")
    yield from _loss(known, problem, "_new")


def widened(known: Quantities, dtype: Any) -> Quantities:
    """Convert quantities to another type."""
    return {name: np.asarray(value).astype(dtype) for name, value in known.items()}


def wide(problem: Problem) -> Any:
    """Return a wider type, whose rounding errors are negligible compared with the network's."""
    return np.float64 if problem.architecture.dtype == np.float32 else np.longdouble


def computed(step: Quantities, problem: Problem, dtype: Any) -> Quantities:
    """Compute all quantities of a step by the reference alone, from the step's I, y, W and B."""
    known = widened({name: step[name] for name in step if name in ("I", "y") or is_given(name)}, dtype)
    for name, value, _, _ in quantities(known, problem):
        known[name] = value
    return known


def is_given(name: str) -> bool:
    """Whether the quantity is a parameter or running statistic before the step."""
    return name.startswith(("W_", "B_", "gamma_", "product_bias_", "mix_", "mean_", "variance_")) and "new" not in name


def check_step(step: Quantities, problem: Problem) -> None:
    """Check the native quantities of a step against the reference.

    Raises
    ------
    ArithmeticError : a difference is larger than rounding errors can explain.
    """
    u, least = np.finfo(problem.architecture.dtype).eps / 2, np.finfo(problem.architecture.dtype).smallest_normal
    known = widened(step, wide(problem))
    kinks: Quantities = {}
    for name, value, size, roundings in quantities(known, problem):
        bound = 2 * roundings * (u * size + 2 * least)
        layer = name.rpartition("_")[2]
        if name == f"h_in_{layer}":
            places = kinks_of(problem.activation(int(layer)))
            near = [np.abs(value - place) <= bound for place in places]
            kinks[layer] = np.where(np.any(near, axis=0), np.inf, 0.0) if near else np.zeros(1)
        elif name in (f"F_prime_{layer}", f"sigma_{layer}"):  # the derivative differs on both sides of a kink
            bound = bound + kinks[layer]
        apart = np.abs(np.asarray(step[name]).astype(value.dtype) - value)
        off = ~(apart <= bound) & np.isfinite(value)  # y ln p is NaN for p = 0, where the core does not use p
        if off.any():
            at = np.unravel_index(int(np.argmax(off)), apart.shape)
            raise ArithmeticError(
                f"{name}{list(map(int, at)) if at else ''} is {np.asarray(step[name])[at]:.9g} by the native core and "
                f"{value[at]:.9g} by fcnet.reference: apart by more than {np.broadcast_to(bound, apart.shape)[at]:.1e}"
            )
