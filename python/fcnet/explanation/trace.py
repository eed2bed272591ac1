"""Steps of gradient descent, quantity by quantity, under the article's names and with the native core's numbers.

A step is a dict: ``I`` and ``y``; of layer i ``W_i``, ``B_i``, ``h_in_i``, ``h_out_i``; ``p``, ``L``, ``L_n`` of each
sample; ``F_prime_i``, ``sigma_i``, ``dW_i``, ``dB_i``; and after the update ``W_new_i``, ``B_new_i``, ``h_in_new_i``,
``h_out_new_i``, ``p_new``, ``L_new``, ``L_n_new``. A normalised layer has ``z_i``, its product, ``normal_i``, which is
that normalised, ``gamma_i``, ``tau_i``, the derivative by z, and ``dgamma_i``, ``gamma_new_i`` besides. sigma is the
derivative by h_in of a sample's own loss, whose mean over the n samples L is; where L is no mean over samples (RMSE, a
loss of the user's), of L itself, and there is no L_n.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet import _native, kernels, tensors
from fcnet._native import Model
from fcnet.architecture import Architecture
from fcnet.examples import Examples
from fcnet.explanation.covered import check_covered
from fcnet.kinds import Kind
from fcnet.losses import MSE, RMSE, Custom
from fcnet.normalization import Normalization
from fcnet.optimizers import SGD
from fcnet.sparse import SparseRows
from fcnet.training import DivergenceError

Array = NDArray[Any]
Quantities = dict[str, Array]

_MOST_NUMBERS = 20_000_000


@dataclass(frozen=True, eq=False)
class Problem:
    """What is explained: a network, checked examples, and the gradient descent on them."""

    made: Architecture
    examples: Examples
    trainable: tuple[bool, ...]
    learning_rate: float

    @property
    def layers(self) -> range:
        """The article's numbers of the layers, from 1."""
        return range(1, len(self.made.sizes))

    @property
    def rows(self) -> Array:
        """x, with its zeros where it is sparse."""
        x = self.examples.x
        return x.dense() if isinstance(x, SparseRows) else tensors.widened(np.asarray(x))

    @property
    def is_mean(self) -> bool:
        """Whether L is the mean of losses of the samples."""
        return not isinstance(self.made.loss, RMSE | Custom)

    @property
    def share(self) -> float:
        """What dW = h^T sigma is multiplied with."""
        return 1 / len(self.examples.x) if self.is_mean else 1.0

    @property
    def scaled(self) -> bool:
        """Whether I is not x itself."""
        return bool((self.made.scale != 1).any() or (self.made.offset != 0).any())

    def activation(self, layer: int) -> str:
        """F of a layer, counted from 1."""
        return self.made.kinds[layer - 1].activation

    def normalized(self, layer: int) -> bool:
        """Whether a layer, counted from 1, is."""
        return self.made.kinds[layer - 1].normalization is not None

    def parts(self, layer: int) -> tuple[str, ...]:
        """The names of what a layer learns."""
        return self.made.kinds[layer - 1].parts

    def check(self, steps: int) -> None:
        """ValueError for what cannot be explained."""
        check_covered(self.made, "dropout", "LayerNorm")
        sizes = self.made.sizes
        weights = sum(k * m for k, m in pairwise(sizes))
        numbers = steps * (3 * weights + 8 * len(self.examples.x) * sum(sizes))
        if numbers > _MOST_NUMBERS:
            raise ValueError(
                f"to explain {steps} steps of {sizes} on {len(self.examples.x)} samples takes {numbers:,} numbers: "
                f"expected at most {_MOST_NUMBERS:,}; see Network.diagnose"
            )

    def targets(self) -> Array | None:
        """Y as rows beside p, smoothed where the loss does that; None for what is no such rows."""
        y, m = self.examples.y, self.made.sizes[-1]
        if self.made.takes_labels and y.ndim == 1:
            hot, s = np.equal(y[:, None], np.arange(m)), self.made.loss.parameter
            return np.asarray((1 - s) * hot + s / m, self.made.dtype)
        numeric = y.dtype.kind in "fiub" and y.shape == (len(y), m)
        return y.astype(self.made.dtype) if numeric else None


def _derivative(h_in: Array, activation: str, dtype: np.dtype[Any]) -> Array:
    """F'(h_in): what comes back through a layer whose h_in are these, from a loss that grows like its outputs."""
    n, one = h_in.size, np.zeros((1, 1), dtype)
    parameters = [(np.zeros((1, n), dtype), h_in.ravel())]
    layer = Model([1, n], [Kind(activation).native()], "custom", 0.0, dtype.name, 0, None, None, parameters)
    return layer.gradients(one, lambda output, _: (0.0, np.ones_like(output)))[1][0][1].reshape(h_in.shape)


def _normalized(h: Array, parts: tuple[Array, ...], norm: Normalization, dtype: np.dtype[Any]) -> Array:
    """h_in of a layer with these W, B and gamma."""
    m = parts[0].shape[1]
    kinds = [Kind("identity", normalization=norm).native(), Kind("identity").native()]  # the last is never normalised
    behind = (np.eye(m, dtype=dtype), np.zeros(m, dtype))
    model = Model([len(parts[0]), m, m], kinds, "custom", 0.0, dtype.name, 0, None, None, [parts, behind])
    return model.predict(h)


def _through_normalization(z: Array, gamma: Array, sigma: Array, norm: Normalization) -> Array:
    """dL/dz, row by row: the gradient by weights z, where the inputs are the rows of the unit matrix."""
    (n, m), dtype = z.shape, z.dtype
    kinds = [Kind("identity", False).native(), Kind("identity", normalization=norm).native(), Kind("identity").native()]
    nothing, same = np.zeros(m, dtype), np.eye(m, dtype=dtype)
    layers = [(z, nothing), (same, nothing, gamma), (same, nothing)]
    model = Model([n, m, m, m], kinds, "custom", 0.0, dtype.name, 0, None, None, layers)
    return model.gradients(np.eye(n, dtype=dtype), lambda output, _: (0.0, sigma))[1][0][0]


def _sigmas(model: Model, problem: Problem, p: Array, loss: float) -> list[Array]:
    """Of every layer (n, m): what biases' gradients are where there is but one sample."""
    made, x, y = problem.made, problem.rows, problem.examples.y
    slope = made.loss(p, y, None)[1] if isinstance(made.loss, Custom) else None
    factor, plain = 1.0, made.loss
    if isinstance(made.loss, RMSE):  # its derivative is that of its square, over twice the root
        factor, plain = 1 / (2 * len(y) * loss) if loss else 0.0, MSE()
    biased = tuple(kind._replace(bias=True) for kind in made.kinds)  # also where they are 0
    model = replace(made, kinds=biased, loss=plain).model(model.state()[0])
    of_samples = []
    for r in range(len(y)):
        row = slice(r, r + 1)
        answer = y[row] if slope is None else (lambda output, _, row=row: (0.0, slope[row]))
        of_samples.append([db for _, db, *_ in model.gradients(x[row], answer)[1]])
    return [np.asarray(factor * np.stack(rows), made.dtype) for rows in zip(*of_samples, strict=True)]


def _forward(model: Model, problem: Problem, inputs: Array, new: str) -> Quantities:
    """The forward pass and the loss; the names end in ``new``."""
    found, h = {}, inputs
    for i, (w, b, *gamma) in zip(problem.layers, model.state()[0], strict=True):
        h_in, norm = kernels.linear(h, w, b), problem.made.kinds[i - 1].normalization
        if norm is not None:
            none, ones = np.zeros_like(b), np.ones_like(b)
            found[f"z{new}_{i}"] = kernels.linear(h, w, none)
            found[f"normal{new}_{i}"] = _normalized(h, (w, none, ones), norm, w.dtype)
            h_in = _normalized(h, (w, b, *gamma), norm, w.dtype)
        found[f"h_in{new}_{i}"] = h_in
        found[f"h_out{new}_{i}"] = h = _native.activation(h_in, problem.activation(i))
    found[f"p{new}"] = h
    x, y, made = problem.rows, problem.examples.y, problem.made
    loss = made.loss(h, y, None)[0] if isinstance(made.loss, Custom) else model.evaluate(x, y)[0]
    found[f"L{new}"] = np.asarray(loss)
    if problem.is_mean:
        found[f"L_n{new}"] = np.array([model.evaluate(x[r : r + 1], y[r : r + 1])[0] for r in range(len(y))])
    return found


def descent(net: Any, problem: Problem, x: ArrayLike, y: ArrayLike, count: int) -> Iterator[Quantities]:
    """So many steps of gradient descent on all examples at once; the network stays as it is.

    Parameters
    ----------
    net : Network
    problem : Problem
    x, y : as the user gives them
    count : int

    Yields
    ------
    dict

    Raises
    ------
    DivergenceError : a step leads to what is not finite.
    """
    made, optimizer = problem.made, SGD(problem.learning_rate)
    learner = copy.deepcopy(net)
    learner._begin(replace(made, kinds=tuple(kind._replace(dropout=0.0) for kind in made.kinds)), net._model.state()[0])
    for layer, trained in zip(learner.layers, problem.trainable, strict=True):
        layer.trainable = trained
    model = learner._model
    inputs = problem.rows.astype(made.dtype)
    if problem.scaled:
        inputs = made.scale * (inputs - made.offset)
    targets = problem.targets()
    before = _forward(model, problem, inputs, "")
    for _ in range(count):
        step = {"I": inputs} | ({} if targets is None else {"y": targets}) | before
        for i, parts in zip(problem.layers, model.state()[0], strict=True):
            step |= {f"{name}_{i}": part for name, part in zip(problem.parts(i), parts, strict=True)}
            if problem.activation(i) != "softmax":
                step[f"F_prime_{i}"] = _derivative(step[f"h_in_{i}"], problem.activation(i), made.dtype)
        for i, sigma in zip(problem.layers, _sigmas(model, problem, step["p"], float(step["L"])), strict=True):
            step[f"sigma_{i}"], norm = sigma, made.kinds[i - 1].normalization
            if norm is not None:
                step[f"tau_{i}"] = _through_normalization(step[f"z_{i}"], step[f"gamma_{i}"], sigma, norm)
        with np.errstate(all="ignore"):  # what is not finite ends the step
            gradients = learner.gradients(x, y)
        for i, slopes in zip(problem.layers, gradients, strict=True):
            step |= {f"d{name}_{i}": slope for name, slope in zip(problem.parts(i), slopes, strict=True)}
        loss = learner.train_on_batch(x, y, optimizer=optimizer)["loss"]
        for i, parts in zip(problem.layers, model.state()[0], strict=True):
            step |= {f"{name}_new_{i}": part for name, part in zip(problem.parts(i), parts, strict=True)}
        after = _forward(model, problem, inputs, "_new")
        if not all(np.isfinite(value).all() for value in after.values()):
            raise DivergenceError.of("this step", loss, optimizer, made.classifies)
        yield step | after
        before = {name.replace("_new", ""): value for name, value in after.items()}
