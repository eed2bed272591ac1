"""Steps of gradient descent, quantity by quantity, under the article's names and with the native core's numbers.

A step is a dict: ``I`` and ``y``; of layer i ``W_i``, ``B_i``, ``h_in_i``, ``h_out_i``; ``p``, ``L``, ``L_n`` of each
sample; ``F_prime_i``, ``sigma_i``, ``dW_i``, ``dB_i``; and after the update ``W_new_i``, ``B_new_i``, ``h_in_new_i``,
``h_out_new_i``, ``p_new``, ``L_new``, ``L_n_new``. sigma is the derivative by h_in of a sample's own loss, whose mean
over the n samples L is; where L is no mean over samples (RMSE, a loss of the user's), of L itself, and there is no L_n.
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
        """x, which is not sparse."""
        return tensors.widened(np.asarray(self.examples.x))

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

    def check(self, steps: int) -> None:
        """ValueError or TypeError for what cannot be explained."""
        if isinstance(self.examples.x, SparseRows):
            raise TypeError("x is sparse: expected a dense array, see its method toarray()")
        check_covered(self.made)
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
        of_samples.append([db for _, db in model.gradients(x[row], answer)[1]])
    return [np.asarray(factor * np.stack(rows), made.dtype) for rows in zip(*of_samples, strict=True)]


def _forward(model: Model, problem: Problem, inputs: Array, new: str) -> Quantities:
    """The forward pass and the loss; the names end in ``new``."""
    found, h = {}, inputs
    for i, (w, b) in zip(problem.layers, model.state()[0], strict=True):
        found[f"h_in{new}_{i}"] = h_in = kernels.linear(h, w, b)
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
    model = learner._model
    inputs = problem.rows.astype(made.dtype)
    if problem.scaled:
        inputs = made.scale * (inputs - made.offset)
    targets = problem.targets()
    before = _forward(model, problem, inputs, "")
    for _ in range(count):
        step = {"I": inputs} | ({} if targets is None else {"y": targets}) | before
        for i, (w, b) in zip(problem.layers, model.state()[0], strict=True):
            step |= {f"W_{i}": w, f"B_{i}": b}
            if problem.activation(i) != "softmax":
                step[f"F_prime_{i}"] = _derivative(step[f"h_in_{i}"], problem.activation(i), made.dtype)
        for i, sigma in zip(problem.layers, _sigmas(model, problem, step["p"], float(step["L"])), strict=True):
            step[f"sigma_{i}"] = sigma
        with np.errstate(all="ignore"):  # what is not finite ends the step
            gradients = learner.gradients(x, y)
        for i, (dw, db) in zip(problem.layers, gradients, strict=True):
            step |= {f"dW_{i}": dw, f"dB_{i}": db}
        loss = learner.train_on_batch(x, y, optimizer=optimizer)["loss"]
        for i, (w, b) in zip(problem.layers, model.state()[0], strict=True):
            step |= {f"W_new_{i}": w, f"B_new_{i}": b}
        after = _forward(model, problem, inputs, "_new")
        if not all(np.isfinite(value).all() for value in after.values()):
            raise DivergenceError.of("this step", loss, optimizer, made.classifies)
        yield step | after
        before = {name.replace("_new", ""): value for name, value in after.items()}
