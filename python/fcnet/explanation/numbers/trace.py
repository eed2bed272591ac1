"""Steps of gradient descent with all quantities by the article's names, computed by the native core.

A step is a dict: ``I`` and ``y``; for layer i ``W_i``, ``B_i``, ``h_in_i``, ``h_out_i``; ``p``, ``L``, and ``L_n`` of
each sample; ``F_prime_i``, ``sigma_i``, ``dW_i``, ``dB_i``; and after the update ``W_new_i``, ``B_new_i``,
``h_in_new_i``, ``h_out_new_i``, ``p_new``, ``L_new``, ``L_n_new``. A normalised layer also has its product ``z_i``, the
normalised product ``normal_i``, ``gamma_i``, the derivative ``tau_i`` by z, ``dgamma_i`` and ``gamma_new_i``; with
a bias before the normalisation also ``product_bias_i``, ``dproduct_bias_i`` and ``product_bias_new_i``; with
batch normalisation also the running ``mean_i`` and ``variance_i``, and their new values. A layer with a parametric
activation also has ``mix_i``, ``dmix_i`` and ``mix_new_i``; its ``F_prime_i`` is the derivative of the whole. L is the
mean of the samples' losses, and sigma the derivative of a sample's own loss by h_in (with batch normalisation, where
samples interact, n times the derivative of L). If L is not a mean over samples (RMSE, custom losses), sigma is the
derivative of L, and there is no L_n.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet import kernels
from fcnet._inputs import tensors
from fcnet._inputs.sparse import SparseRows
from fcnet._model.architecture import Architecture
from fcnet._model.normalization import BatchNorm
from fcnet._native import Model
from fcnet._training.dataset import Dataset
from fcnet._training.divergence import DivergenceError
from fcnet._training.single_steps import train_step
from fcnet._training.train_state import TrainState
from fcnet.activations import Activation
from fcnet.explanation.numbers.single_layers import (
    activated,
    derivative,
    normalized,
    output_layer,
    sigma_before,
    sigma_of_output,
    through_normalization,
)
from fcnet.losses import MSE, RMSE, Custom
from fcnet.optimizers import SGD

Array = NDArray[Any]
Quantities = dict[str, Array]

_MOST_NUMBERS = 20_000_000


@dataclass(frozen=True, eq=False)
class Problem:
    """The problem to explain: a network, a checked dataset, and gradient descent on it."""

    architecture: Architecture
    dataset: Dataset
    trainable: tuple[bool, ...]
    learning_rate: float

    @property
    def layers(self) -> range:
        """The layers' numbers in the article, from 1."""
        return range(1, len(self.architecture.sizes))

    @property
    def rows(self) -> Array:
        """X as a dense array."""
        x = self.dataset.x
        return x.dense() if isinstance(x, SparseRows) else tensors.widened(np.asarray(x))

    @property
    def is_mean(self) -> bool:
        """Whether L is the mean of the samples' losses."""
        return not isinstance(self.architecture.loss, RMSE | Custom)

    @property
    def share(self) -> float:
        """The factor of dW = h^T sigma."""
        return 1 / len(self.dataset.x) if self.is_mean else 1.0

    @property
    def scaled(self) -> bool:
        """Whether inputs are scaled or shifted, so that I differs from x."""
        return self.architecture.scales

    def activation(self, layer: int) -> str | Activation:
        """Return F of a layer, counted from 1."""
        return self.architecture.specs[layer - 1].activation

    def parametric(self, layer: int) -> bool:
        """Whether the activation of a layer, counted from 1, is parametric."""
        return self.architecture.specs[layer - 1].parametric is not None

    def normalized(self, layer: int) -> bool:
        """Whether a layer, counted from 1, is normalised."""
        return self.architecture.specs[layer - 1].normalization is not None

    @property
    def over_batch(self) -> bool:
        """Whether a layer has batch normalisation, in which samples interact."""
        return any(isinstance(spec.normalization, BatchNorm) for spec in self.architecture.specs)

    def parts(self, layer: int) -> tuple[str, ...]:
        """Return the names of a layer's trainable parameters."""
        return self.architecture.specs[layer - 1].trained_parts

    def running(self, layer: int) -> tuple[str, ...]:
        """Return the names of a layer's running statistics."""
        return self.architecture.specs[layer - 1].running_parts

    def factor(self, which: str, layer: int) -> float:
        """Return the factor on the learning rate for a parameter of a layer, counted from 1: W, B or gamma."""
        return self.architecture.specs[layer - 1].step_factor(which, self.architecture.sizes[layer - 1])

    def rate(self, which: str, layer: int) -> float:
        """Return the learning rate for a parameter of a layer, counted from 1."""
        return self.learning_rate * self.factor(which, layer)

    def check(self, steps: int) -> None:
        """Raise ValueError if the network or the number of steps cannot be explained."""
        sizes = self.architecture.sizes
        if self.architecture.columns is not None:
            raise ValueError(
                "the network has fcnet.Columns, which explain does not show: see Network.check_gradients and "
                "Network.diagnose"
            )
        for i in self.layers:
            if self.architecture.specs[i - 1].scale:
                raise ValueError(
                    f"layers[{i - 1}] has an fcnet.Scale before it, which explain does not show: see "
                    "Network.check_gradients and Network.diagnose"
                )
            if self.running(i) and not self.trainable[i - 1]:
                raise ValueError(
                    f"layers[{i - 1}] is frozen, and so normalised by its running statistics: expected trainable"
                )
        weights = sum(k * m for k, m in pairwise(sizes))
        numbers = (
            steps * (3 * weights + 8 * len(self.dataset.x) * sum(sizes)) + self.over_batch * len(self.dataset.x) ** 2
        )
        if numbers > _MOST_NUMBERS:
            raise ValueError(
                f"explaining {steps} steps of {sizes} on {len(self.dataset.x)} samples takes {numbers:,} numbers: "
                f"expected at most {_MOST_NUMBERS:,}; see Network.diagnose"
            )

    def targets(self) -> Array | None:
        """Return y as an array of p's shape, with label smoothing applied; None if y has no such form."""
        y, m = self.dataset.y, self.architecture.sizes[-1]
        if self.architecture.takes_labels and y.ndim == 1:
            hot, s = np.equal(y[:, None], np.arange(m)), self.architecture.loss.parameter
            return np.asarray((1 - s) * hot + s / m, self.architecture.dtype)
        numeric = y.dtype.kind in "fiub" and y.shape == (len(y), m)
        return y.astype(self.architecture.dtype) if numeric else None


def _sigmas(model: Model, problem: Problem, p: Array, loss: float) -> list[Array]:
    """Return sigma (n, m) of every layer, which is the gradient of the biases for each sample alone."""
    architecture, x, y = problem.architecture, problem.rows, problem.dataset.y
    slope = architecture.loss(p, y, None)[1] if isinstance(architecture.loss, Custom) else None
    factor, plain = 1.0, architecture.loss
    if isinstance(architecture.loss, RMSE):  # its derivative is that of MSE, divided by 2 RMSE
        factor, plain = 1 / (2 * len(y) * loss) if loss else 0.0, MSE()
    biased = tuple(spec._replace(bias=True) for spec in architecture.specs)  # also of layers without bias
    model = replace(architecture, specs=biased, loss=plain).model(model.state()[0])
    of_samples = []
    for r in range(len(y)):
        row = slice(r, r + 1)
        target = y[row] if slope is None else (lambda output, _, row=row: (0.0, slope[row]))
        of_samples.append([db for _, db, *_ in model.gradients(x[row], target)[1]])
    return [np.asarray(factor * np.stack(rows), architecture.dtype) for rows in zip(*of_samples, strict=True)]


def _backward(model: Model, problem: Problem, step: Quantities) -> Quantities:
    """Return sigma of every layer, and tau of normalised layers."""
    alone = None if problem.over_batch else _sigmas(model, problem, step["p"], float(step["L"]))
    found: Quantities = {}
    behind, last, loss = np.empty(0), problem.layers[-1], problem.architecture.loss
    for i in reversed(problem.layers):
        h_in, f, norm = step[f"h_in_{i}"], problem.activation(i), problem.architecture.specs[i - 1].normalization
        if alone is not None:
            sigma = alone[i - 1]
        elif i == last:
            y = problem.dataset.of_loss(problem.architecture)[1]
            sigma = sigma_of_output(h_in, f, loss, y) / problem.architecture.dtype.type(problem.share)
        else:
            sigma = sigma_before(h_in, f, step[f"W_{i + 1}"], behind, step.get(f"mix_{i}"))
        found[f"sigma_{i}"] = behind = sigma
        if norm is not None:
            behind = through_normalization(step[f"z_{i}"], step[f"gamma_{i}"], sigma, norm)
            found[f"tau_{i}"] = behind
    return found


def _forward(model: Model, problem: Problem, inputs: Array, new: str) -> Quantities:
    """Return the quantities of the forward pass and the loss; ``new`` is part of their names."""
    found, h, h_in = {}, inputs, inputs
    for i, arrays in zip(problem.layers, model.state()[0], strict=True):
        spec = problem.architecture.specs[i - 1]
        parts, norm = dict(zip(spec.parts, arrays, strict=True)), spec.normalization
        w, b = parts["W"], parts["B"]
        h_in = kernels.linear(h, w, b)
        if norm is not None:
            none, ones = np.zeros_like(b), np.ones_like(b)
            before = [parts["product_bias"]] if "product_bias" in parts else []
            found[f"z{new}_{i}"] = kernels.linear(h, w, *before or [none])
            found[f"normal{new}_{i}"] = normalized(h, (w, none, ones, *before), norm)
            h_in = normalized(h, (w, b, parts["gamma"], *before), norm)
        found[f"h_in{new}_{i}"] = h_in
        found[f"h_out{new}_{i}"] = h = activated(h_in, spec.activation, parts.get("mix"))
    found[f"p{new}"] = h
    x, y, architecture = problem.rows, problem.dataset.y, problem.architecture
    if problem.over_batch:  # predictions would use the running statistics
        model, x = output_layer(h_in, problem.activation(problem.layers[-1]), architecture.loss)
    loss = architecture.loss(h, y, None)[0] if isinstance(architecture.loss, Custom) else model.evaluate(x, y)[0]
    found[f"L{new}"] = np.asarray(loss)
    if problem.is_mean:
        found[f"L_n{new}"] = np.array([model.evaluate(x[r : r + 1], y[r : r + 1])[0] for r in range(len(y))])
    return found


def descent(state: TrainState, problem: Problem, count: int) -> Iterator[Quantities]:
    """Run ``count`` steps of gradient descent on all samples as one batch; the network itself does not change.

    Parameters
    ----------
    state : TrainState
    problem : Problem
    count : int

    Yields
    ------
    dict

    Raises
    ------
    DivergenceError : a step leads to infinite or NaN numbers.
    """
    architecture, optimizer = problem.architecture, SGD(problem.learning_rate)
    without_dropout = replace(architecture, specs=tuple(spec._replace(dropout=0.0) for spec in architecture.specs))
    copy = TrainState(without_dropout, state.model.state()[0])
    for layer, trained in zip(copy.layers, problem.trainable, strict=True):
        layer.trainable = trained
    model = copy.model
    inputs = architecture.scaled(problem.rows) if architecture.scales else problem.rows.astype(architecture.dtype)
    targets = problem.targets()
    before = _forward(model, problem, inputs, "")
    for _ in range(count):
        step = {"I": inputs} | ({} if targets is None else {"y": targets}) | before
        for i, parts in zip(problem.layers, model.state()[0], strict=True):
            step |= {f"{name}_{i}": part for name, part in zip(architecture.specs[i - 1].parts, parts, strict=True)}
            if problem.activation(i) != "softmax":
                step[f"F_prime_{i}"] = derivative(step[f"h_in_{i}"], problem.activation(i), step.get(f"mix_{i}"))
        step |= _backward(model, problem, step)
        with np.errstate(all="ignore"):  # numbers that are not finite raise an error below
            gradients = copy.gradients(problem.dataset)
        for i, slopes in zip(problem.layers, gradients, strict=True):
            step |= {f"d{name}_{i}": slope for name, slope in zip(problem.parts(i), slopes, strict=True)}
        loss = train_step(copy, problem.dataset, optimizer)["loss"]
        for i, parts in zip(problem.layers, model.state()[0], strict=True):
            step |= {f"{name}_new_{i}": part for name, part in zip(architecture.specs[i - 1].parts, parts, strict=True)}
        after = _forward(model, problem, inputs, "_new")
        if not all(np.isfinite(value).all() for value in after.values()):
            raise DivergenceError.of("this step", loss, optimizer, architecture)
        yield step | after
        before = {name.replace("_new", ""): value for name, value in after.items()}
