"""Diagnosis of a network on a dataset: statistics of each layer, and advice with its evidence."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet import kernels, reference
from fcnet._checks.public import public_in
from fcnet._inputs.feature_names import Name, shown
from fcnet._inputs.sparse import SparseRows
from fcnet._model.architecture import Architecture
from fcnet._model.normalization import BatchNorm
from fcnet._training.dataset import Dataset
from fcnet._training.divergence import DivergenceError
from fcnet._training.single_steps import train_step
from fcnet._training.train_state import TrainState
from fcnet.explanation.numbers.figures import Figures
from fcnet.explanation.numbers.kinks import bias_of_product, embedded, first_product
from fcnet.explanation.numbers.printed import Printed
from fcnet.explanation.numbers.single_layers import activated
from fcnet.layers import Layer
from fcnet.losses import Custom
from fcnet.optimizers import SGD

Array = NDArray[Any]

_MOST = 20_000_000  # numbers of sparse rows, as dense ones, up to which all are examined
# bounds of saturating activations; outputs as close as _CLOSE to a bound have almost no gradient
_BOUNDED = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
_CLOSE = 0.01
_DYING = ("relu", "relu6")
_LARGE, _UNEVEN = 10, 100  # size of inputs; ratio of a column's standard deviation to the median


@public_in("fcnet.explanation")
@dataclass(frozen=True, eq=False)
class LayerDiagnosis:
    """The diagnosis of a layer, ``net.layers[layer]``.

    Attributes
    ----------
    layer : int
    activation : str
    weights, outputs, gradients : Figures
        Statistics of W, h_out and dL/dW.
    dead : float
        Fraction of units with relu or relu6 whose output is 0 for every sample; 0 for other activations.
    saturated : float
        Fraction of outputs within 1 % of a bound of sigmoid or tanh; 0 for other activations.
    gradient_norm, weight_norm : float
    update_ratio : float
        ``learning_rate * gradient_norm / weight_norm``: the relative change of the weights in a step. The layer's rate
        factor and parametrisation are part of the learning rate.
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


@public_in("fcnet.explanation")
@dataclass(frozen=True)
class Advice(Printed):
    """Advice, and the evidence for it."""

    advice: str
    evidence: str

    def text(self) -> str:
        """Return the advice and its evidence."""
        return f"{self.advice} ({self.evidence})"


@public_in("fcnet.explanation")
@dataclass(frozen=True, eq=False)
class Diagnosis(Printed):
    """The result of ``Network.diagnose``.

    Attributes
    ----------
    loss, loss_after : float
        Loss before and after a step of gradient descent on all samples; NaN if it diverges.
    learning_rate : float
    inputs : Figures
        Statistics of the first layer's inputs; those of evenly spaced rows if sparse rows have more than 20 million
        numbers.
    layers : tuple of LayerDiagnosis
    advice : tuple of Advice
        Empty if no problem was found.
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
        """Return the statistics of each layer, and the advice."""
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
    """Diagnose a network, as ``Network.diagnose`` documents it; a step of the optimizer changes the state.

    Raises
    ------
    TypeError, ValueError : an argument is not as documented there.
    """
    dataset = state.dataset(x, y).not_empty("x")
    inputs = _inputs(state.architecture, dataset.x)
    own = [] if state.architecture.columns is None else [state.model.state()[0][-1]]
    layers, h = [], np.empty(0)
    initial = [i for i, layer in enumerate(state.layers) if _is_initial(layer)] if state.model.epochs else []
    advice = [_unlearnt(i) for i in initial]
    with np.errstate(all="ignore"):
        loss, gradients = _loss(state, dataset), state.gradients(dataset)
        for i, (layer, (dw, *_)) in enumerate(zip(state.layers, gradients, strict=False)):
            if i == 0:
                parts = tuple(getattr(layer, name) for name in state.architecture.specs[0].trained_parts)
                product = first_product(state.architecture, dataset, parts, own)
            else:
                scaled = h * layer.scale if state.architecture.specs[i].scale else h
                biases = {name: getattr(layer, name) for name in ("B", "product_bias") if hasattr(layer, name)}
                product = kernels.linear(scaled, layer.W, bias_of_product(state.architecture.specs[i], biases))
            spec = state.architecture.specs[i]
            h = activated(_normal(product, layer), spec.activation, layer.mix if spec.parametric else None)
            rate = optimizer.learning_rate * spec.step_factor("W", state.architecture.sizes[i])
            layers.append(_layer(i, spec.activation_name, layer.W, h, dw, rate))
            if len(h) > 1 and (h == h[0]).all() and layers[-1].dead < 1:
                advice.append(
                    Advice(
                        f"give layers[{i}] more units or another activation", "its output is the same for every sample"
                    )
                )
    try:
        with warnings.catch_warnings():  # of precision lost in float32, which the advice covers
            warnings.simplefilter("ignore")
            train_step(state, dataset, optimizer)
        after = _loss(state, dataset)
    except DivergenceError:
        after = float("nan")
    into_first = inputs if not own else embedded(state.architecture, dataset.x, own[0])
    found = Diagnosis(loss, after, optimizer.learning_rate, Figures.of(into_first), tuple(layers), ())
    sparse = isinstance(dataset.x, SparseRows)
    by_adapt = state.architecture.columns is not None
    more = _advice(found, inputs, state.feature_names, sparse, by_adapt=by_adapt)
    return Diagnosis(**{**vars(found), "advice": (*advice, *more)})


def _is_initial(layer: Layer) -> bool:
    """Whether the layer has batch normalisation with its initial running statistics."""
    return isinstance(layer.normalization, BatchNorm) and not layer.mean.any() and bool((layer.variance == 1).all())


def _unlearnt(layer: int) -> Advice:
    return Advice(
        f"train layers[{layer}] with batches of more than one sample: its running statistics were never updated",
        "its running means are 0 and its running variances 1, their initial values",
    )


def _loss(state: TrainState, dataset: Dataset) -> float:
    """Return the loss, with batch normalisation by the statistics of the batch, as in a training step."""
    x, y, _ = dataset.of_loss(state.architecture)
    if any(isinstance(layer.normalization, BatchNorm) for layer in state.layers):
        return state.model.gradients(x, y)[0]
    loss = state.architecture.loss
    return (
        loss(state.model.predict(x), dataset.y, None)[0] if isinstance(loss, Custom) else state.model.evaluate(x, y)[0]
    )


def _inputs(architecture: Architecture, x: Any) -> Array:
    """Return x after scaling, without codes, in float64; of large sparse data, for some evenly spaced rows."""
    if isinstance(x, SparseRows):
        x = x[np.arange(0, len(x), -(-x.shape[0] * x.shape[1] // _MOST) or 1)].dense()
    scaled = replace(architecture, dtype=np.dtype(np.float64)).scaled(x)
    return scaled if architecture.codes is None else scaled[:, : architecture.codes.first]


def _normal(product: Array, layer: Layer) -> Array:
    """Return h_in of a layer, normalised as in a training step."""
    norm = layer.normalization
    if norm is None:
        return product
    normal = reference.normalize(product, norm.name, epsilon=norm.epsilon)[0]
    return np.asarray(layer.gamma * normal + layer.B, product.dtype)


def _layer(i: int, f: str, w: Array, h: Array, dw: Array, rate: float) -> LayerDiagnosis:
    dead = float((h <= 0).all(axis=0).mean()) if f in _DYING else 0.0
    low, high = _BOUNDED.get(f, (-np.inf, np.inf))
    near = _CLOSE * (high - low) if f in _BOUNDED else 0.0
    saturated = float(((h < low + near) | (h > high - near)).mean()) if f in _BOUNDED else 0.0
    norm, size = (float(np.linalg.norm(a.astype(float))) for a in (dw, w))
    ratio = rate * norm / size if size else float("inf") if norm else 0.0
    weights, outputs, gradients = (Figures.of(values) for values in (w, h, dw))
    return LayerDiagnosis(i, f, weights, outputs, gradients, dead, saturated, norm, size, ratio)


def _scaling(spread: Array, alike: bool, sparse: bool) -> str:
    """Return arguments for the input scaling; ``alike`` tells that all columns have similar means and deviations."""
    if sparse:
        return "scale=1 / abs(x).max()"
    if not spread.any():
        return "scale=1, offset=x.mean(axis=0)"
    if alike:
        return "scale=1 / x.std(), offset=x.mean()"
    std = "x.std(axis=0)" if spread.all() else "np.where(x.std(axis=0) > 0, x.std(axis=0), 1)"
    return f"scale=1 / {std}, offset=x.mean(axis=0)"


def _advice(
    found: Diagnosis, inputs: Array, names: tuple[Name, ...] | None, sparse: bool, *, by_adapt: bool
) -> list[Advice]:
    broken = [each.layer for each in found.layers if not np.isfinite((each.weights.least, each.weights.most)).all()]
    if broken:
        return [Advice(f"set the weights of layers[{broken[0]}] again", "some of them are NaN or infinite")]
    advice = []
    if not found.loss_after < found.loss and any(layer.gradient_norm for layer in found.layers):
        change = f"one step of {found.learning_rate:g} takes the loss from {found.loss:.4g} to {found.loss_after:.4g}"
        advice.append(Advice("lower the learning rate: it is too high", change))
    spread = inputs.astype(float).std(axis=0) if inputs.size else np.zeros(1)
    largest, middle = float(np.abs(inputs).max(initial=0)), float(np.median(spread))
    uneven = bool(spread.max() > _UNEVEN * middle > 0) and not sparse
    if largest > _LARGE or uneven:
        column = int(spread.argmax())
        name = f"column {column}" if names is None else shown(names[column])
        how = f"inputs reach {largest:.3g}; {name} varies by {spread[column]:.3g}, half of them by {middle:.3g} or less"
        alike = not uneven and float(inputs.std()) < 2 * middle
        by = "by adapt(x) of a new network" if by_adapt else f"like Network({_scaling(spread, alike, sparse)})"
        advice.append(Advice(f"scale the inputs, {by}", how))
    for layer in found.layers:
        where = f"layers[{layer.layer}]"
        if layer.dead > 0.2:
            advice.append(
                Advice(
                    f"units of {where} are dead: try a lower learning rate, activation='leaky_relu' or smaller inputs",
                    f"the output of {layer.dead:.0%} is 0 for every sample, so that they have no gradient",
                )
            )
        if layer.saturated > 0.5:
            advice.append(
                Advice(
                    f"{where} is saturated: start with smaller weights, scale the inputs, or use relu",
                    f"{layer.saturated:.0%} of its outputs lie within 1 % of the bounds of {layer.activation}",
                )
            )
    norms = [layer.gradient_norm / np.sqrt(layer.weights.counts.sum()) for layer in found.layers]
    if len(norms) > 2 and norms[-1] > 0:
        if norms[0] < 1e-4 * norms[-1]:
            advice.append(
                Advice(
                    "gradients vanish: try relu or fewer layers",
                    f"an entry of ∂L/∂W of layers[0] is some {norms[0] / norms[-1]:.1e} of one of the last layer",
                )
            )
        elif norms[0] > 1e4 * norms[-1]:
            advice.append(
                Advice(
                    "gradients explode: start with smaller weights, or use clip_norm of the optimizer",
                    f"an entry of ∂L/∂W of layers[0] is some {norms[0] / norms[-1]:.1e} times one of the last layer",
                )
            )
    ratios = [layer.update_ratio for layer in found.layers]
    if max(ratios) < 1e-6 and any(layer.gradient_norm for layer in found.layers):
        advice.append(
            Advice("raise the learning rate: it is too low", f"a step changes W by {max(ratios):.1e} of its size")
        )
    if not any(layer.gradient_norm for layer in found.layers):
        advice.append(Advice("all gradients are 0: start with other weights", "every ∂L/∂W is 0"))
    return advice
