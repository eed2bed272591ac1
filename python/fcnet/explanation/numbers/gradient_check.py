"""Gradient check: backpropagation, and the derivative of a custom loss, against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._checks.public import public_in
from fcnet._inputs.sparse import SparseRows
from fcnet._model.architecture import Architecture
from fcnet._model.layer_spec import LayerSpec
from fcnet._model.normalization import BatchNorm
from fcnet._native import Model
from fcnet._training.dataset import Dataset
from fcnet._training.train_state import TrainState
from fcnet.explanation.numbers.kinks import Kinks, Parameters, embedded
from fcnet.losses import Custom

Array = NDArray[Any]

_STEP = 2.0**-17  # about eps^(1/3) of float64, which balances rounding and truncation errors
_SMALLER = 16  # ratio of a step to the next one, if it crosses a kink
_NOISE = 64 * 2.0**-52  # rounding errors in differences of the loss, relative to it
_EXPONENTIALS = 1 / 16  # a smaller loss is the logarithm of a sum near 1, which is rounded to 4 eps
_TINY = float(np.finfo(float).tiny)
_LARGEST = 1e9  # largest inputs for which a step is made smaller
_ROUNDING = {"float32": 1e-3, "float64": 1e-6}  # of the largest entry of a gradient


@public_in("fcnet.explanation")
@dataclass(frozen=True, eq=False)
class Difference:
    """A derivative by backpropagation (or from a custom loss) and by finite differences.

    Attributes
    ----------
    name : str
        Like "layers[1].W[0, 1]", or "output[3, 0]" for the derivative of a custom loss.
    claimed, measured : float
    error : float
        Their difference, relative to the largest entry of that gradient.
    """

    name: str
    claimed: float
    measured: float
    error: float

    def __str__(self) -> str:
        return f"{self.name}: {self.claimed:.6g}, by finite differences {self.measured:.6g} (error {self.error:.1e})"


@public_in("fcnet.explanation")
@dataclass(frozen=True, eq=False)
class GradientCheck:
    """The result of ``Network.check_gradients``.

    Attributes
    ----------
    worst : Difference
        Worst difference of backpropagation, over all weights and biases that were checked.
    worst_of_loss : Difference, optional
        Worst difference of the derivative that a custom loss returns.
    checked : int
        Number of weights and biases that were checked.
    kinks : int
        Number of weights and biases that were skipped, because even a small step crosses a kink, such as that of ReLU.
    tolerance : float
    """

    worst: Difference
    worst_of_loss: Difference | None
    checked: int
    kinks: int
    tolerance: float

    @property
    def loss_passed(self) -> bool:
        """Whether the derivative of a custom loss is right; True for built-in losses."""
        return self.worst_of_loss is None or self.worst_of_loss.error <= self.tolerance

    @property
    def enough(self) -> bool:
        """Whether at least half of the chosen weights and biases could be compared."""
        return self.checked >= max(1, self.kinks)

    @property
    def passed(self) -> bool:
        """Whether all compared derivatives are right, and enough of them were compared."""
        return self.loss_passed and self.worst.error <= self.tolerance and self.enough

    def __str__(self) -> str:
        kinks = f"; {self.kinks} more lie at kinks and were left out" if self.kinks else ""
        lines = [f"{self.checked} weights and biases checked{kinks}; errors up to {self.tolerance:.0e} are rounding"]
        if not self.loss_passed:
            lines.append(f"wrong: the derivative that the loss returns, worst at {self.worst_of_loss}")
            lines.append("so the gradients are wrong too; backpropagation itself is not to blame")
        elif self.worst.error > self.tolerance:
            lines.append(f"wrong: worst at {self.worst}")
        elif self.enough:
            lines.append(f"right, worst at {self.worst}")
        else:
            lines.append("too few to say that the gradients are right: take fewer or other samples, or other weights")
        return "\n".join(lines)


def checked(state: TrainState, x: ArrayLike, y: ArrayLike, most: int) -> GradientCheck:
    """Check the gradients of a network, as ``Network.check_gradients`` documents it.

    Raises
    ------
    TypeError, ValueError : x or y is not as for fit, or the loss is not finite.
    """
    architecture, dataset = state.architecture, state.dataset(x, y).not_empty("x")
    gradients = state.gradients(dataset)
    wide = replace(
        architecture,
        dtype=np.dtype(np.float64),
        scale=architecture.scale.astype(architecture.dtype).astype(np.float64),
        offset=architecture.offset_for(dataset.number_type).astype(np.float64),
    )
    parameters = [tuple(part.astype(np.float64) for part in parts) for parts in state.model.state()[0]]
    answered = replace(dataset, y=_widened(dataset.y))
    places = Kinks(architecture, wide, answered, parameters)
    loss = _Loss(wide, answered, parameters, places)
    rng = np.random.default_rng(architecture.seed)
    tolerance = _ROUNDING[architecture.dtype.name]
    sizes = [_size_of_inputs(wide, dataset, parameters), *(min(size, _LARGEST) for size in places.largest)]
    rounded = loss.rounding(gradients, tolerance) if architecture.dtype == np.float32 else None
    found, kinks = [], 0
    names = [spec.trained_parts for spec in architecture.specs]
    if architecture.columns is not None:
        names.append(tuple(architecture.columns.shapes))
    for i, (slopes, letters) in enumerate(zip(gradients, names, strict=True)):
        spec = architecture.specs[i] if i < len(architecture.specs) else None
        for j, (letter, gradient) in enumerate(zip(letters, slopes, strict=True)):
            if spec is not None and letter == "B" and not spec.bias:
                continue
            size = float(np.abs(gradient).max()) or 1.0
            if spec is None:
                inputs = 2 * np.pi * _size_of_x(wide, dataset) if letter == "frequencies" else 1.0
            else:
                inputs = _inputs(letter, sizes[i], spec, parameters[i])
                inputs = places.largest_excess(i) if letter == "mix" else inputs
            saturated = float(np.finfo(architecture.dtype).eps) * inputs  # rounding of numbers near 1
            chosen = np.arange(gradient.size)
            if len(chosen) > most:
                chosen = np.sort(rng.choice(gradient.size, most, replace=False))
            for flat in chosen:
                at = np.unravel_index(int(flat), gradient.shape)
                slope = loss.slope(i, j, at, inputs, tolerance * size)
                if slope is None:
                    kinks += 1
                    continue
                owner = "columns" if spec is None else f"layers[{i}]"
                name = f"{owner}.{letter}[{', '.join(map(str, map(int, at)))}]"
                rounding = saturated if rounded is None else saturated + float(rounded[i][j][at])
                found.append(slope.beside(name, float(gradient[at]), rounding, size))
    of_loss = None
    if isinstance(architecture.loss, Custom):
        of_loss = _of_loss(architecture.loss, state.model.predict(dataset.x), dataset, tolerance, most, rng)
    return GradientCheck(_worst(found), of_loss, len(found), kinks, tolerance)


def _inputs(letter: str, size: float, spec: LayerSpec, parts: tuple[Array, ...]) -> float:
    """Return the size of the numbers that a parameter is multiplied by; ``size`` is that of the layer's inputs."""
    if letter == "scale":
        return size * float(np.abs(parts[0]).max())
    if letter != "W":
        return 1.0
    return size * float(np.abs(parts[spec.parts.index("scale")]).max()) if spec.scale else size


def _worst(found: list[Difference]) -> Difference:
    return max(found, key=lambda each: each.error, default=Difference("none", 0.0, 0.0, 0.0))


def _widened(y: Array) -> Array:
    return y.astype(np.float64) if y.dtype.kind == "f" else y


@dataclass(frozen=True)
class _Slope:
    """A derivative by finite differences, and a bound of its rounding error."""

    value: float
    noise: float

    def beside(self, name: str, claimed: float, rounding: float, size: float) -> Difference:
        """Return the difference from a claimed derivative, beyond rounding errors."""
        error = max(abs(claimed - self.value) - self.noise - rounding, 0.0) / size
        return Difference(name, claimed, self.value, error if np.isfinite(error) else np.inf)


def _measured(
    value: Callable[[float], float], here: float, h: float, noise: float, close: float | None
) -> _Slope | None:
    """Return the derivative from a function's values at steps up to h to both sides; None if they reveal a kink.

    It extrapolates central differences of two steps (Richardson 1911). If the function is smooth, the difference
    between its slopes on both sides halves with the step. ``close`` is None if the function is known to be smooth.
    """
    pairs = [(value(step), value(-step)) for step in ((h, h / 2) if close is None else (h, h / 2, h / 4))]
    if close is not None:
        jumps = [(up - 2 * here + down) * 2**i / h for i, (up, down) in enumerate(pairs)]
        if any(abs(half - whole / 2) > close / 2 + noise for whole, half in pairwise(jumps)):
            return None
    whole, half = (up - down for up, down in pairs[:2])
    return _Slope((8 * half - whole) / (6 * h), noise)


class _Loss:
    """The loss as a function of a weight or bias, in float64."""

    def __init__(self, architecture: Architecture, dataset: Dataset, parameters: Parameters, kinks: Kinks) -> None:
        self._architecture, self._dataset, self._parameters, self._kinks = architecture, dataset, parameters, kinks
        self._model: Model = architecture.model(parameters)
        self._here = self._value()
        if not np.isfinite(self._here):
            raise ValueError(
                f"the loss of x and y is {self._here}: expected a finite one, which has a gradient to check"
            )

        near_one = _EXPONENTIALS if "entropy" in architecture.loss.name else 0.0
        self._rounding = _NOISE * max(abs(self._here), near_one, _TINY)

    def rounding(self, gradients: Sequence[tuple[Array, ...]], share: float) -> list[list[Array]] | None:
        """Return gradients' differences from float64, at most a ``share`` of the largest; None without normalisation.

        If few numbers are normalised (two neurons, or a batch of two), the terms of a gradient may cancel to rounding
        errors.
        """
        if all(spec.normalization is None for spec in self._architecture.specs):
            return None
        wide, most = self._gradients()[1], max(float(np.abs(each).max()) for parts in gradients for each in parts)
        pairs = (zip(parts, others, strict=False) for parts, others in zip(gradients, wide, strict=True))
        return [[np.minimum(np.abs(a - b), share * most) for a, b in pair] for pair in pairs]

    def _gradients(self) -> tuple[float, list[tuple[Array, ...]]]:
        """Return the loss, with batch normalisation by the statistics of the batch, and the gradients."""
        return self._model.gradients(*self._dataset.of_loss(self._architecture)[:2])

    def _value(self) -> float:
        loss, dataset = self._architecture.loss, self._dataset
        if any(isinstance(spec.normalization, BatchNorm) for spec in self._architecture.specs):
            return self._gradients()[0]
        if isinstance(loss, Custom):
            return loss(self._model.predict(dataset.x), dataset.y, None)[0]
        return self._model.evaluate(dataset.x, dataset.y)[0]

    def _at(self, layer: int, which: int, at: tuple[Any, ...], step: float) -> float:
        changed = self._parameters[layer][which].copy()
        changed[at] += step
        specs, columns = self._architecture.specs, self._architecture.columns
        name = specs[layer].parts[which] if columns is None or layer < len(specs) else [*columns.shapes][which]
        self._model.set_parameter(layer, name, changed)
        try:
            return self._value()
        finally:
            self._model.set_parameter(layer, name, self._parameters[layer][which])

    def slope(self, layer: int, which: int, at: tuple[Any, ...], size: float, close: float) -> _Slope | None:
        """Return the derivative by a weight or bias whose inputs have this ``size``; None at a kink.

        If a step crosses a kink, smaller steps are tried as long as rounding errors stay well below ``close``.
        """
        h = _STEP * max(1.0, abs(float(self._parameters[layer][which][at]))) / max(1.0, size)
        known = not isinstance(self._architecture.loss, Custom)
        for step in (h, h / _SMALLER, h / _SMALLER**2):
            noise = self._rounding / step
            if step < h and 4 * noise > close:
                return None
            if self._kinks.crossed(layer, which, at, step):
                continue
            value = partial(self._at, layer, which, at)
            found = _measured(value, self._here, step, noise, None if known else close)
            if found is not None:
                return found
        return None


def _size_of_inputs(architecture: Architecture, dataset: Dataset, parameters: Parameters) -> float:
    """Return the size of the first layer's largest input."""
    if architecture.columns is None:
        return _size_of_x(architecture, dataset)
    return min(float(np.abs(embedded(architecture, dataset.x, parameters[-1])).max()), _LARGEST)


def _size_of_x(architecture: Architecture, dataset: Dataset) -> float:
    """Return the size of the largest number of x after scaling."""
    if isinstance(dataset.x, SparseRows):
        return max(1.0, float(np.abs(dataset.x.data).max(initial=0)))
    return min(float(np.abs(architecture.scaled(dataset.x)).max()), _LARGEST)


def _of_loss(
    loss: Custom, output: Array, dataset: Dataset, tolerance: float, most: int, rng: np.random.Generator
) -> Difference:
    """Return the worst entry of a custom loss's derivative at the network's output, measured in float64 if possible."""
    claimed = loss(output, dataset.y, None)[1]
    wide, y = output.astype(np.float64), _widened(dataset.y)
    here, size = loss(wide, y, None)[0], float(np.abs(claimed).max()) or 1.0
    found = []
    chosen = np.arange(wide.size) if wide.size <= most else rng.choice(wide.size, most, replace=False)
    for flat in chosen:
        at = tuple(map(int, np.unravel_index(int(flat), wide.shape)))

        def value(step: float, at: tuple[int, ...] = at) -> float:
            changed = wide.copy()
            changed[at] += step
            return loss(changed, y, None)[0]

        h = _STEP * max(1.0, abs(float(wide[at])))
        slope = _measured(value, here, h, _NOISE * max(abs(here), _TINY) / h, tolerance * size)
        if slope is not None:
            found.append(slope.beside(f"output[{', '.join(map(str, at))}]", float(claimed[at]), 0.0, size))
    return _worst(found)
