"""A chain of products, factors, sums, normalizations and activations as the layers of a network.

In front of the first product factors and sums become scale and offset; behind a product they go into W and B, and
between an activation and the next product into the latter's. All of that is computed in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._importing.offsets import before_scale
from fcnet._inputs import class_names, feature_names
from fcnet._model.architecture import Architecture
from fcnet._model.dense import Dense
from fcnet._model.layer_spec import refuse_constants
from fcnet._model.normalization import BatchNorm, LayerNorm, Normalization
from fcnet._training.train_state import TrainState
from fcnet.losses import Loss, LossName, loss_of
from fcnet.network import Network

Vector = NDArray[np.float64]
_LOSSES: dict[Any, LossName] = {
    "softmax": "cross_entropy",
    "sigmoid": "binary_cross_entropy",
    "exp": "poisson",
    "softplus": "poisson",
}


def _plus(a: Vector | None, b: Vector) -> Vector:
    return b if a is None else a + b


def _times(a: Vector | None, b: Vector) -> Vector:
    return b if a is None else a * b


@dataclass
class _Layer:
    """A layer so far: W (k, m), then a factor and B, or those and the statistics of a normalization."""

    weights: NDArray[Any]
    factor: Vector | None = None  # of W's columns
    bias: Vector | None = None
    normalization: Normalization | None = None
    before: Vector | None = None  # what is added in front of layer normalization
    statistics: dict[str, Vector] = field(default_factory=dict)  # gamma, mean, variance, product_bias
    activation: Any = None
    input_factor: Vector | None = None
    input_bias: Vector | None = None

    @property
    def units(self) -> int:
        return int(self.weights.shape[1])

    def without_batch_norm(self) -> None:
        """Fold the batch normalisation into W and B."""
        assert isinstance(self.normalization, BatchNorm)
        gamma, mean, variance = (self.statistics.pop(name) for name in ("gamma", "mean", "variance"))
        factor = gamma / np.sqrt(variance + self.normalization.epsilon)
        self.bias = _plus(self.bias, -mean * factor)
        self.factor, self.normalization = _times(self.factor, factor), None

    def with_input_bias(self) -> None:
        """Move what is added to the inputs behind the product."""
        if self.input_bias is not None:
            shift = np.broadcast_to(self.input_bias, len(self.weights)) @ self.weights.astype(np.float64)
            shift = shift if self.factor is None else shift * self.factor
            if self.normalization is None:
                self.bias = _plus(self.bias, shift)
            elif isinstance(self.normalization, BatchNorm):
                self.statistics["mean"] = self.statistics["mean"] - shift
            else:
                self.before = _plus(self.before, shift)
        if self.before is not None and self.before.any():
            assert isinstance(self.normalization, LayerNorm)
            self.normalization = LayerNorm(self.normalization.epsilon, product_bias=True)
            self.statistics["product_bias"] = self.before

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The parameters."""
        weights = self.weights
        if self.input_factor is not None or self.factor is not None:
            weights = weights.astype(np.float64)
            if self.input_factor is not None:
                weights *= self.input_factor[:, None]
            if self.factor is not None:
                weights *= self.factor
        found = dict(self.statistics) if self.bias is None else self.statistics | {"B": self.bias}
        return {"W": weights} | {name: np.broadcast_to(array, self.units) for name, array in found.items()}


class Chain:
    """The layers so far. Each method adds an operation behind them, and raises ValueError where no network has it.

    Parameters
    ----------
    width : int, optional
        The number of columns of x, where it is known.
    most : int
        The most bytes of weights, counted as often as products share them: each layer has weights of its own.
    """

    def __init__(self, width: int | None, most: int) -> None:
        self.width = width
        self._left = most
        self._layers: list[_Layer] = []
        self._scale: Vector | None = None
        self._offset: Vector | None = None
        self._shift: Vector | None = None  # what is added behind a scale of 0
        self._factor: Vector | None = None  # between an activation and the next product
        self._bias: Vector | None = None

    @property
    def has_layers(self) -> bool:
        """Whether there was a product."""
        return bool(self._layers)

    @property
    def last_activation(self) -> Any:
        """The activation of the last layer, None where there is none, or something behind it."""
        is_last = self._layers and self._factor is None and self._bias is None
        return self._layers[-1].activation if is_last else None

    def product(self, weights: NDArray[Any]) -> None:
        """``h W``."""
        if weights.dtype.kind != "f" or weights.ndim != 2 or 0 in weights.shape:
            raise ValueError(f"the weights are {weights.dtype} {weights.shape}: expected a matrix of real numbers")
        if not np.isfinite(weights).all():
            raise ValueError("the weights are not finite")
        self._check_width(len(weights))
        self._left -= weights.nbytes
        if self._left < 0:
            raise ValueError("the weights that products share take much more memory than the file has bytes")
        layer = _Layer(weights, input_factor=self._factor, input_bias=self._bias)
        if self._layers and self._layers[-1].activation is None:
            self._layers[-1].activation = "identity"
        if not self._layers:
            layer.input_bias = self._shift
        self._layers.append(layer)
        self._factor = self._bias = None
        self.width = layer.units

    def multiply(self, factor: Vector) -> None:
        """``factor h``."""
        self._check_vector(factor)
        if not self._layers:
            self._scale = _times(self._scale, factor)
            if self._shift is not None:
                self._shift = self._shift * factor
        elif self._layers[-1].activation is not None:
            self._factor = _times(self._factor, factor)
            if self._bias is not None:
                self._bias = self._bias * factor
        else:
            layer = self._layers[-1]
            if layer.normalization is None:
                layer.factor = _times(layer.factor, factor)
            else:
                layer.statistics["gamma"] = layer.statistics["gamma"] * factor
            if layer.bias is not None:
                layer.bias = layer.bias * factor

    def add(self, summand: Vector) -> None:
        """``h + summand``."""
        self._check_vector(summand)
        if not self._layers:
            self._subtract_from_inputs(-summand)
        elif self._layers[-1].activation is not None:
            self._bias = _plus(self._bias, summand)
        else:
            self._layers[-1].bias = _plus(self._layers[-1].bias, summand)

    def _subtract_from_inputs(self, value: Vector) -> None:
        """As an offset, which is subtracted before the scale; where that is 0, the value goes into the first B."""
        if self._scale is None:
            self._offset = _plus(self._offset, value)
            return
        moved, rest = before_scale(value, self._scale)
        if rest is not None:
            self._shift = _plus(self._shift, -rest)
        self._offset = _plus(self._offset, moved)

    def batch_norm(self, gamma: Vector, beta: Vector, mean: Vector, variance: Vector, options: BatchNorm) -> None:
        """``gamma (h - mean) / sqrt(variance + epsilon) + beta``."""
        for vector in (gamma, beta, mean, variance):
            self._check_vector(vector)
        if (variance < 0).any():
            raise ValueError("a variance is below 0")
        layer = self._layers[-1] if self._layers else None
        if layer is None or layer.activation is not None or layer.normalization is not None:
            self.add(-mean)
            self.multiply(gamma / np.sqrt(variance + options.epsilon))
            self.add(beta)
            return
        layer.normalization, before, layer.bias = options, layer.bias, beta
        layer.statistics = {"gamma": gamma, "mean": mean if before is None else mean - before, "variance": variance}

    def layer_norm(self, gamma: Vector, beta: Vector | None, options: LayerNorm) -> None:
        """``gamma (h - mean of h) / sqrt(variance of h + epsilon) + beta``."""
        for vector in (gamma, *(() if beta is None else (beta,))):
            self._check_vector(vector)
        layer = self._layers[-1] if self._layers else None
        if layer is None or layer.activation is not None or layer.normalization is not None:
            raise ValueError("it normalises inputs or activations: expected it between a product and an activation")
        layer.normalization, layer.before, layer.bias = options, layer.bias, beta
        layer.statistics = {"gamma": gamma}

    def activate(self, activation: Any) -> None:
        """``F(h)``."""
        if not self._layers:
            raise ValueError("it is an activation before the first product: expected a product first")
        layer = self._layers[-1]
        if layer.activation is not None:
            raise ValueError(f"it follows the activation {layer.activation!r}: expected a product between them")
        layer.activation = activation

    def network(
        self, loss: Loss | None, seed: int, classes: Sequence[Any] | None, names: Sequence[Any] | None
    ) -> Network:
        """Return the network.

        Parameters
        ----------
        loss : Loss, optional
            None: that of the last activation.
        seed : int
        classes : of the outputs, optional
        names : of columns as ``json`` brings them, optional
        """
        if not self._layers:
            raise ValueError("there is no product with a matrix of weights: expected layers")
        if self._factor is not None or self._bias is not None:
            raise ValueError("there are factors or sums behind the last activation: expected none")
        last = self._layers[-1]
        if loss is None:  # where there is one, it has the activation that belongs to the logits
            last.activation = last.activation or "identity"
        for layer in self._layers:
            if isinstance(layer.normalization, BatchNorm) and (layer is last or layer.activation == "softmax"):
                layer.without_batch_norm()
            layer.with_input_bias()
        if last.normalization is not None:
            raise ValueError("there is layer normalisation in the last layer: expected none")
        types = {layer.weights.dtype.type for layer in self._layers}
        dtype = np.dtype(np.float64 if np.float64 in types else np.float32)
        inputs = len(self._layers[0].weights)
        scale, offset = (
            neutral if value is None else np.full(inputs, value)
            for value, neutral in ((self._scale, 1), (self._offset, 0))
        )
        arrays = [layer.arrays() for layer in self._layers]
        sizes = [
            Dense(layer.units, layer.activation, "B" in found, normalization=layer.normalization)
            for layer, found in zip(self._layers, arrays, strict=True)
        ]
        chosen = _LOSSES.get(str(last.activation), "mse") if loss is None else loss
        has_classes = class_names.number(loss_of(chosen), last.units) is not None
        given = class_names.given(classes if has_classes else None)
        architecture = Architecture.of([inputs, *sizes], chosen, seed, dtype, scale, offset, "relu", given)
        refuse_constants(architecture.sizes, architecture.specs)
        parameters = [
            tuple(found.get(part, np.zeros(layer.units)) for part in spec.parts)
            for layer, found, spec in zip(self._layers, arrays, architecture.specs, strict=True)
        ]
        state = TrainState(architecture, parameters)
        state.feature_names = feature_names.checked(names, architecture.inputs)
        return Network._of(state)

    def _check_vector(self, vector: Vector) -> None:
        if len(vector) > 1:
            self._check_width(len(vector))

    def _check_width(self, width: int) -> None:
        if self.width is None:
            self.width = width
        if width != self.width:
            raise ValueError(f"it takes {width} columns, and there are {self.width}")
