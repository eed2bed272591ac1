"""A network of the steps of a chain that another library's object has, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fcnet._checks import console
from fcnet._importing.offsets import before_scale
from fcnet._inputs import class_names
from fcnet._model import steps
from fcnet._model.activation import Parametric
from fcnet._model.architecture import Architecture
from fcnet._model.dense import Dense
from fcnet._model.layer_spec import refuse_constants
from fcnet._model.normalization import BatchNorm, LayerNorm
from fcnet._model.scale import Scale
from fcnet._training.train_state import TrainState
from fcnet.activations import name_and_constant
from fcnet.losses import loss_of
from fcnet.network import Network

Array = NDArray[Any]
_SEED = 0
_HOMOGENEOUS = ("relu", "leaky_relu")  # of which dropout may stand before or behind


def refused(place: str, what: str, instead: str = "") -> ValueError:
    """Return the error about a step that a network cannot hold."""
    return ValueError(f"{place} {what}{': ' if instead else ''}{instead}")


def finite(array: Array, place: str, name: str) -> Array:
    """Return the array; ValueError if it has infinite or NaN numbers."""
    if not np.isfinite(array).all():
        raise refused(place, f"has a {name} with infinite or NaN numbers", "expected finite ones, as for fcnet.load")
    return array


@dataclass(eq=False)
class _Layer:
    """A layer as its steps come."""

    product: steps.Product
    scaling: steps.Scaling | None
    B: Array | None = None
    normalized: steps.Normalized | None = None
    function: steps.Function | None = None
    dropout: steps.Dropout | None = None

    def normalize(self, step: steps.Normalized) -> None:
        if self.normalized or self.function or self.dropout:
            raise refused(
                step.place,
                "normalises what is not the product of a layer",
                "expected it directly behind a layer, before the activation; fcnet.from_onnx folds batch normalisation "
                "that stands elsewhere into the next layer, of a file that torch.onnx.export writes",
            )
        self.normalized = step

    def apply(self, step: steps.Function) -> None:
        if step.name == "identity" and step.mix is None:
            return
        if self.function is not None:
            raise refused(step.place, f"is an activation behind that of {self.function.place}", "expected one")
        if self.dropout and (name_and_constant(step.name)[0] not in _HOMOGENEOUS or step.mix is not None):
            raise refused(step.place, f"is {step.name} behind the dropout {self.dropout.place}", "expected it before")
        self.function = step

    def drop(self, step: steps.Dropout) -> None:
        if self.dropout is not None:
            raise refused(step.place, f"is a dropout behind that of {self.dropout.place}", "expected one")
        self.dropout = step

    def is_trainable(self, at: str) -> bool:
        """Whether all parts are trained; with a warning where only some are, as a layer is frozen as a whole."""
        parts = [step for step in (self.scaling, self.product, self.normalized, self.function) if step is not None]
        flags = [
            (f"{name} of {step.place.partition(': ')[2]}", on) for step in parts for name, on in step.trains.items()
        ]
        frozen, trained = ([part for part, on in flags if on is kind] for kind in (False, True))
        if frozen and trained:
            console.warn(
                f"{at} is frozen as a whole, as a layer has one flag for all its parts: frozen were "
                f"{', '.join(frozen)}, "
                f"trainable {', '.join(trained)}; net.{at}.trainable = True trains all of them"
            )
        return not frozen

    def dense(self, *, output: bool) -> Dense:
        """Return the specification; where ``output``, the loss may determine the activation."""
        name: Any = None if output else "identity"
        if self.function is not None:
            name = self.function.name if self.function.mix is None else Parametric(self.function.name)  # type: ignore[arg-type]
        bias = self.B if self.normalized is None else self.normalized.B
        rate, spec = self.dropout.rate if self.dropout else 0.0, self.normalized.spec if self.normalized else None
        if isinstance(spec, LayerNorm) and self.B is not None:
            spec = replace(spec, product_bias=True)
        return Dense(self.product.W.shape[1], name, bias=bias is not None, dropout=rate, normalization=spec)

    def parameters(self) -> dict[str, Array]:
        """Return the arrays of the layer by their names."""
        norm, bias = self.normalized, self.B
        arrays: dict[str, Array | None] = {"W": self.product.W, "B": bias}
        if norm is not None:
            arrays |= {"B": norm.B, "gamma": norm.gamma, "mean": norm.mean, "variance": norm.variance}
            arrays["product_bias"] = bias if isinstance(norm.spec, LayerNorm) else None
            if bias is not None and norm.mean is not None:
                arrays["mean"] = norm.mean.astype(np.float64) - bias  # (z + b) - mean
        arrays["scale"] = self.scaling.values if self.scaling else None
        arrays["mix"] = self.function.mix if self.function else None
        return {"B": np.zeros(self.product.W.shape[1])} | {
            name: array for name, array in arrays.items() if array is not None
        }


@dataclass(eq=False)
class _Chain:
    """What the steps have made so far."""

    offset: Array = field(default_factory=lambda: np.zeros(()))
    scale: Array = field(default_factory=lambda: np.ones(()))
    constant: Array = field(default_factory=lambda: np.zeros(()))  # what is added behind a scale of 0
    scaling: steps.Scaling | None = None
    layers: list[_Layer] = field(default_factory=list)
    end: steps.Step | None = None  # which no step may follow

    def add(self, step: steps.Step) -> None:
        if self.end is not None:
            raise refused(step.place, f"is behind {self.end.place}", "expected nothing behind it")
        layer = self.layers[-1] if self.layers else None
        if self.scaling is not None and not isinstance(step, steps.Product):
            raise refused(self.scaling.place, "multiplies by a trainable scale", "expected a layer directly behind it")
        match step:
            case steps.Product():
                self.multiply(step)
            case steps.Affine():
                self.shift(step)
            case steps.Scaling():
                self.scaling = step
            case steps.Sorting():
                self.end = step
            case steps.Reshaping(at_end=True):
                self.end = step
            case steps.Reshaping():
                if layer is not None:
                    raise refused(step.place, "reshapes outputs of a layer", "expected it before the first layer")
            case steps.Normalized() if layer is None:
                for affine in _standardization(step):
                    self.shift(affine)
            case steps.Normalized():
                layer.normalize(step)  # type: ignore[union-attr]
            case steps.Function():
                if layer is None and step.name != "identity":
                    raise refused(step.place, "is an activation before the first layer", "expected a layer before it")
                if layer is not None:
                    layer.apply(step)
            case steps.Dropout() if step.rate:
                if layer is None:
                    raise refused(step.place, "is a dropout of inputs", "expected a layer before it")
                layer.drop(step)

    def multiply(self, step: steps.Product) -> None:
        before = self.layers[-1].product if self.layers else None
        if before is not None and before.W.shape[1] != step.W.shape[0]:
            was, now = f"{before.place} has {before.W.shape[1]} outputs", f"{step.W.shape[0]} inputs"
            raise refused(step.place, f"has {now}", f"expected as many as {was}")
        bias = step.B
        if before is None and self.constant.any():
            inputs = self.constant if self.scaling is None else self.constant * self.scaling.values
            shift = np.broadcast_to(inputs, len(step.W)) @ step.W.astype(np.float64)
            bias = shift if bias is None else bias + shift
        self.layers.append(_Layer(step, self.scaling, bias))
        self.scaling = None

    def shift(self, step: steps.Affine) -> None:
        if self.layers:
            raise refused(step.place, "scales or shifts what is not an input", "expected it before the first layer")
        offset, scale = np.asarray(step.offset, np.float64), np.asarray(step.scale, np.float64)
        moved, rest = before_scale(offset, self.scale)
        self.offset = self.offset + moved
        self.constant = (self.constant if rest is None else self.constant - rest) * scale
        self.scale = self.scale * scale


def _standardization(step: steps.Normalized) -> list[steps.Affine]:
    """Return what a batch normalisation of the inputs does in prediction."""
    if step.mean is None or step.variance is None:
        raise refused(step.place, "is a layer normalisation of the inputs", "expected a layer before it")
    factor = step.gamma.astype(np.float64) / np.sqrt(step.variance.astype(np.float64) + step.spec.epsilon)
    shift = np.zeros(()) if step.B is None else step.B.astype(np.float64)
    return [steps.Affine(step.place, step.mean, factor), steps.Affine(step.place, -shift, np.ones(()))]


def _check_finite(found: Iterable[steps.Step]) -> None:
    for step in found:
        for each in fields(step):
            array = getattr(step, each.name)
            if isinstance(array, np.ndarray):
                finite(array, step.place, each.name)


def _dtype(found: Iterable[steps.Step], given: DTypeLike | None) -> DTypeLike:
    if given is not None:
        return given
    types = [step.W.dtype for step in found if isinstance(step, steps.Product)]
    return np.dtype(np.float64 if np.dtype(np.float64) in types else np.float32)


def network_of(
    found: Sequence[steps.Step],
    what: str,
    *,
    loss: Any = None,
    dtype: DTypeLike | None = None,
    classes: Sequence[Any] | None = None,
    seed: int = _SEED,
) -> Network:
    """Return the network of the steps.

    Parameters
    ----------
    found : sequence of Step
    what : str
        What messages call the object that has them.
    loss : as for Network
        None: that of the last activation.
    dtype : as for Network
        None: float64 if a product has that type, otherwise float32.
    classes, seed : as for Network

    Raises
    ------
    ValueError : there is none, or an array is not finite.
    """
    _check_finite(found)
    made = _Chain()
    for step in found:
        made.add(step)
    if not made.layers:
        raise ValueError(f"{what} has no fully connected layer: expected at least one")
    if made.scaling is not None:
        raise refused(made.scaling.place, "multiplies the outputs by a trainable scale", "expected a layer behind it")
    last = made.layers[-1]
    for of_last in (last.normalized, last.dropout):
        if of_last is not None:
            raise refused(of_last.place, "is behind the last layer", "expected the outputs, or an activation of them")
    if last.function is not None and last.function.mix is not None:
        raise refused(last.function.place, "is a parametric activation of the outputs", "expected a plain one")
    sizes: list[Any] = [made.layers[0].product.W.shape[0]]
    for layer in made.layers:
        sizes += [Scale()] if layer.scaling else []
        sizes.append(layer.dense(output=layer is last and loss is not None))
    if loss is None and last.function is None:
        loss = "mse"
    if isinstance(made.end, steps.Sorting) and len(loss_of(loss).quantiles) != made.end.quantiles:
        expected = f"expected loss=fcnet.losses.Quantile of {made.end.quantiles} quantiles"
        raise refused(made.end.place, "sorts outputs", expected)
    given: Any = loss, seed, _dtype(found, dtype), made.scale, made.offset, "relu", class_names.given(classes)
    architecture = Architecture.of(sizes, *given)
    refuse_constants(architecture.sizes, architecture.specs)
    arrays = [layer.parameters() for layer in made.layers]
    parameters = [[of[name] for name in spec.parts] for of, spec in zip(arrays, architecture.specs, strict=True)]
    net = Network._of(TrainState(architecture, parameters))
    for i, layer in enumerate(made.layers):
        net.layers[i].trainable = layer.is_trainable(f"layers[{i}]")
    return net


def normalization(place: str, kind: type[BatchNorm | LayerNorm], **options: Any) -> BatchNorm | LayerNorm:
    """Return a normalisation with these options, which may be those of another library's object.

    Raises
    ------
    ValueError : they are none that fcnet has.
    """
    try:
        numbers: Any = {name: float(value) for name, value in options.items()}
        return kind(**numbers)
    except (TypeError, ValueError) as error:
        raise refused(place, "is a normalisation that fcnet does not have", str(error)) from None
