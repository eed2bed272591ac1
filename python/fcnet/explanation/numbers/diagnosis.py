"""How a network is doing on some data: each layer's numbers in figures, and advice in words with its evidence."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet import _native, kernels, reference
from fcnet._inputs.feature_names import Name, shown
from fcnet._inputs.sparse import SparseRows
from fcnet._model.architecture import Architecture
from fcnet._model.normalization import BatchNorm
from fcnet._training.dataset import Dataset
from fcnet._training.divergence import DivergenceError
from fcnet._training.fit import train_step
from fcnet._training.train_state import TrainState
from fcnet.explanation.numbers.figures import Figures
from fcnet.explanation.numbers.kinks import first_product
from fcnet.explanation.numbers.printed import Printed
from fcnet.layers import Layer
from fcnet.losses import Custom
from fcnet.optimizers import SGD

Array = NDArray[Any]

_MOST = 20_000_000  # numbers of sparse rows, with their zeros, whose distribution is looked at
# F whose outputs stay between two values: where they are this close to one of them, almost nothing comes back
_BOUNDED = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
_CLOSE = 0.01
_DYING = ("relu",)
_LARGE, _UNEVEN = 10, 100  # inputs of this size; a column that varies so many times as much as usual


@dataclass(frozen=True, eq=False)
class LayerDiagnosis:
    """One layer, ``net.layers[layer]``.

    Attributes
    ----------
    layer : int
    activation : str
    weights, outputs, gradients : Figures
        W, h_out and dL/dW.
    dead : float
        The share of ReLU units that put out 0 for every sample; 0 for other activations.
    saturated : float
        The share of outputs within 1 % of a bound of sigmoid or tanh; 0 for other activations.
    gradient_norm, weight_norm : float
    update_ratio : float
        ``learning_rate * gradient_norm / weight_norm``: how much a step changes the weights.
    """

    layer: int
    activation: str
    weights: Figures
    outputs: Figures
    gradients: Figures
    dead: float
    saturated: float
    gradient_norm: float
    weight_norm: float
    update_ratio: float

    def __repr__(self) -> str:
        of = f"dead {self.dead:.0%}, saturated {self.saturated:.0%}, update_ratio {self.update_ratio:.2g}"
        return f"LayerDiagnosis(layers[{self.layer}], {self.activation}, {of})"


@dataclass(frozen=True)
class Advice(Printed):
    """Something to do, and what speaks for it."""

    advice: str
    evidence: str

    def text(self) -> str:
        """The advice, and its evidence."""
        return f"{self.advice} ({self.evidence})"


@dataclass(frozen=True, eq=False)
class Diagnosis(Printed):
    """What ``Network.diagnose`` found.

    Attributes
    ----------
    loss, loss_after : float
        Before one step of gradient descent on all samples, and after it; NaN where it diverges.
    learning_rate : float
    inputs : Figures
        Of x as the first layer sees it; of more than 20 million numbers in sparse rows, of evenly spaced rows.
    layers : tuple of LayerDiagnosis
    advice : tuple of Advice
        Empty where nothing is wrong.
    """

    loss: float
    loss_after: float
    learning_rate: float
    inputs: Figures
    layers: tuple[LayerDiagnosis, ...]
    advice: tuple[Advice, ...]

    def __repr__(self) -> str:
        count = "1 layer" if len(self.layers) == 1 else f"{len(self.layers)} layers"
        words = "; ".join(each.advice for each in self.advice) or "nothing looks wrong"
        return f"Diagnosis({count}, loss {self.loss:.4g}, after a step {self.loss_after:.4g}: {words})"

    def text(self) -> str:
        """Each layer's figures, and the advice."""
        parts = [
            f"One step with α = {self.learning_rate:g} takes the loss from {self.loss:.4g} to {self.loss_after:.4g}.",
            f"inputs       {self.inputs.text()}",
        ]
        for each in self.layers:
            more = [f"‖∂L/∂W‖ {each.gradient_norm:.3g}", f"a step changes W by {each.update_ratio:.2g} of its size"]
            more += [f"dead {each.dead:.0%}"] if each.activation in _DYING else []
            more += [f"saturated {each.saturated:.0%}"] if each.activation in _BOUNDED else []
            parts += [
                f"\nlayers[{each.layer}], {each.activation}: {', '.join(more)}",
                f"  weights    {each.weights.text()}",
                f"  outputs    {each.outputs.text()}",
                f"  gradients  {each.gradients.text()}",
            ]
        words = [f"- {each.text()}" for each in self.advice] or ["Nothing looks wrong."]
        return "\n".join([*parts, "", *words])


def diagnosed(state: TrainState, x: ArrayLike, y: ArrayLike, optimizer: SGD) -> Diagnosis:
    """Look at a network, as ``Network.diagnose`` documents it; a step of the optimizer changes the state.

    Raises
    ------
    TypeError, ValueError : an argument is not as there.
    """
    dataset = state.dataset(x, y).not_empty("x")
    inputs = _inputs(state.architecture, dataset.x)
    layers, h = [], np.empty(0)
    fresh = [i for i, layer in enumerate(state.layers) if _is_fresh(layer)] if state.model.epochs else []
    said = [_unlearnt(i) for i in fresh]
    with np.errstate(all="ignore"):
        loss, gradients = _loss(state, dataset), state.gradients(dataset)
        for i, (layer, (dw, *_)) in enumerate(zip(state.layers, gradients, strict=True)):
            if i == 0:
                product = first_product(state.architecture, dataset, (layer.W, layer.B))
            else:
                product = kernels.linear(h, layer.W, 0 * layer.B if layer.normalization else layer.B)
            h = _native.activation(_normal(product, layer), layer.activation)
            layers.append(_layer(i, layer, h, dw, optimizer.learning_rate))
            if len(h) > 1 and (h == h[0]).all() and layers[-1].dead < 1:
                said.append(
                    Advice(
                        f"give layers[{i}] more units or another activation", "it puts out the same for every sample"
                    )
                )
    try:
        with warnings.catch_warnings():  # of digits that float32 loses: the advice says so
            warnings.simplefilter("ignore")
            train_step(state, dataset, optimizer)
        after = _loss(state, dataset)
    except DivergenceError:
        after = float("nan")
    found = Diagnosis(loss, after, optimizer.learning_rate, Figures.of(inputs), tuple(layers), ())
    sparse = isinstance(dataset.x, SparseRows)
    return Diagnosis(**{**vars(found), "advice": (*said, *_advice(found, inputs, state.feature_names, sparse))})


def _is_fresh(layer: Layer) -> bool:
    """Whether its batch normalisation has the running statistics that it began with."""
    return isinstance(layer.normalization, BatchNorm) and not layer.mean.any() and bool((layer.variance == 1).all())


def _unlearnt(layer: int) -> Advice:
    return Advice(
        f"train layers[{layer}] with batches of more than one sample: its batch normalisation has learnt nothing",
        "its running means are 0 and its variances 1, as at the beginning",
    )


def _loss(state: TrainState, dataset: Dataset) -> float:
    """By the statistics of the batch, as in a step, where a layer is normalised by those."""
    x, y, _ = dataset.of_loss(state.architecture)
    if any(isinstance(layer.normalization, BatchNorm) for layer in state.layers):
        return state.model.gradients(x, y)[0]
    loss = state.architecture.loss
    return (
        loss(state.model.predict(x), dataset.y, None)[0] if isinstance(loss, Custom) else state.model.evaluate(x, y)[0]
    )


def _inputs(architecture: Architecture, x: Any) -> Array:
    """What the first layer sees, in float64; of many sparse rows, of some that are evenly spaced."""
    if isinstance(x, SparseRows):
        x = x[np.arange(0, len(x), -(-x.shape[0] * x.shape[1] // _MOST) or 1)].dense()
    return replace(architecture, dtype=np.dtype(np.float64)).scaled(x)


def _normal(product: Array, layer: Layer) -> Array:
    """h_in of a layer, normalised as in a step where it is."""
    norm = layer.normalization
    if norm is None:
        return product
    normal = reference.normalize(product, norm.name, epsilon=norm.epsilon)[0]
    return np.asarray(layer.gamma * normal + layer.B, product.dtype)


def _layer(i: int, layer: Layer, h: Array, dw: Array, rate: float) -> LayerDiagnosis:
    f = layer.activation
    dead = float((h <= 0).all(axis=0).mean()) if f in _DYING else 0.0
    low, high = _BOUNDED.get(f, (-np.inf, np.inf))
    near = _CLOSE * (high - low) if f in _BOUNDED else 0.0
    saturated = float(((h < low + near) | (h > high - near)).mean()) if f in _BOUNDED else 0.0
    norm, size = (float(np.linalg.norm(a.astype(float))) for a in (dw, layer.W))
    ratio = rate * norm / size if size else float("inf") if norm else 0.0
    weights, outputs, gradients = (Figures.of(values) for values in (layer.W, h, dw))
    return LayerDiagnosis(i, f, weights, outputs, gradients, dead, saturated, norm, size, ratio)


def _scaling(spread: Array, alike: bool, sparse: bool) -> str:
    """What to give a network whose columns vary so; ``alike``: about as much each, and about the same mean."""
    if sparse:
        return "scale=1 / abs(x).max()"
    if not spread.any():
        return "scale=1, offset=x.mean(axis=0)"
    if alike:
        return "scale=1 / x.std(), offset=x.mean()"
    std = "x.std(axis=0)" if spread.all() else "np.where(x.std(axis=0) > 0, x.std(axis=0), 1)"
    return f"scale=1 / {std}, offset=x.mean(axis=0)"


def _advice(found: Diagnosis, inputs: Array, names: tuple[Name, ...] | None, sparse: bool) -> list[Advice]:
    broken = [each.layer for each in found.layers if not np.isfinite((each.weights.least, each.weights.most)).all()]
    if broken:
        return [Advice(f"set the weights of layers[{broken[0]}] anew", "some of them are NaN or infinite")]
    said = []
    if not found.loss_after < found.loss and any(layer.gradient_norm for layer in found.layers):
        change = f"one step of {found.learning_rate:g} takes the loss from {found.loss:.4g} to {found.loss_after:.4g}"
        said.append(Advice("lower the learning rate: it is too high", change))
    spread = inputs.astype(float).std(axis=0)
    largest, middle = float(np.abs(inputs).max()), float(np.median(spread))
    uneven = bool(spread.max() > _UNEVEN * middle > 0) and not sparse
    if largest > _LARGE or uneven:
        column = int(spread.argmax())
        name = f"column {column}" if names is None else shown(names[column])
        how = f"inputs reach {largest:.3g}; {name} varies by {spread[column]:.3g}, half of them by {middle:.3g} or less"
        alike = not uneven and float(inputs.std()) < 2 * middle
        said.append(Advice(f"scale the inputs, like Network({_scaling(spread, alike, sparse)})", how))
    for layer in found.layers:
        where = f"layers[{layer.layer}]"
        if layer.dead > 0.2:
            said.append(
                Advice(
                    f"units of {where} are dead: try a lower learning rate, activation='leaky_relu' or smaller inputs",
                    f"{layer.dead:.0%} put out 0 for every sample, and nothing comes back through them",
                )
            )
        if layer.saturated > 0.5:
            said.append(
                Advice(
                    f"{where} is saturated: start with smaller weights or scale what goes in, or use relu",
                    f"{layer.saturated:.0%} of its outputs lie within 1 % of the bounds of {layer.activation}",
                )
            )
    norms = [layer.gradient_norm / np.sqrt(layer.weights.counts.sum()) for layer in found.layers]
    if len(norms) > 2 and norms[-1] > 0:
        if norms[0] < 1e-4 * norms[-1]:
            said.append(
                Advice(
                    "gradients vanish on their way back: try relu or fewer layers",
                    f"an entry of ∂L/∂W of layers[0] is some {norms[0] / norms[-1]:.1e} of one of the last layer",
                )
            )
        elif norms[0] > 1e4 * norms[-1]:
            said.append(
                Advice(
                    "gradients explode on their way back: start with smaller weights, or clip_norm of the optimizer",
                    f"an entry of ∂L/∂W of layers[0] is some {norms[0] / norms[-1]:.1e} times one of the last layer",
                )
            )
    ratios = [layer.update_ratio for layer in found.layers]
    if max(ratios) < 1e-6 and any(layer.gradient_norm for layer in found.layers):
        said.append(
            Advice("raise the learning rate: it is too low", f"a step changes W by {max(ratios):.1e} of its size")
        )
    if not any(layer.gradient_norm for layer in found.layers):
        said.append(Advice("no gradient comes back: begin with other weights", "every ∂L/∂W is 0"))
    return said
