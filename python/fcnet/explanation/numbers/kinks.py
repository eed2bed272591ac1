"""Kinks, where the loss has no first or second derivative, and whether a finite-difference step crosses one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet import kernels, reference
from fcnet._inputs import tensors
from fcnet._inputs.sparse import SparseRows
from fcnet._model.architecture import Architecture
from fcnet._model.layer_spec import LayerSpec
from fcnet._model.normalization import without_product_bias
from fcnet._training.dataset import Dataset
from fcnet.activations import kinks_of
from fcnet.explanation.numbers.single_layers import activated, normalized
from fcnet.losses import MSE

Array = NDArray[Any]
Parts = tuple[Array, ...]
Parameters = list[Parts]


class Kinks:
    """The kinks of the built-in activations and losses; those of a custom loss are not known.

    Parameters
    ----------
    architecture : Architecture
        Architecture of the network, in whose dtype backpropagation has chosen a side of every kink.
    wide : Architecture
        The architecture in the type of the finite differences.
    dataset : Dataset
    parameters : [(W, B), ...]
        Parameters in the type of ``wide``; (W, B, gamma, ...) for normalised layers. Last the arrays of the columns, if
        they are embedded.
    """

    def __init__(
        self, architecture: Architecture, wide: Architecture, dataset: Dataset, parameters: Parameters
    ) -> None:
        self._architecture, self._dataset, self._parameters = wide, dataset, parameters
        passed = list(self._pass(self._first_product(wide, parameters), 0, parameters))
        self._products, self._passed = ([each[i] for each in passed] for i in (0, 1))
        own = [tuple(part.astype(architecture.dtype) for part in parts) for parts in parameters]
        places = self._places(self._pass(self._first_product(architecture, own), 0, own, native=True), 0)
        self._sides = [place > 0 for place in [*self._embeddings(own), *places]]

    @property
    def largest(self) -> list[float]:
        """The largest input of every layer except the first."""
        return [float(np.abs(self._output(i)).max()) for i in range(len(self._architecture.specs) - 1)]

    def largest_excess(self, layer: int) -> float:
        """Return the largest ``F(h_in) - h_in`` of a layer, which the mix of a parametric activation multiplies."""
        h_in = self._passed[layer]
        return float(np.abs(activated(h_in, self._architecture.specs[layer].activation) - h_in).max())

    def crossed(self, layer: int, which: int, at: tuple[Any, ...], step: float) -> bool:
        """Whether a kink lies between ``-step`` and ``step`` from the entry [at] of a layer's parameter.

        This is so if the quantity that decides the side (h_in, or p - y) changes, and is not on backpropagation's side
        at both ends.
        """
        ends = []
        if layer == len(self._architecture.specs):
            return self._crossed_by_columns(which, at, step)
        for change in (step, -step):
            product, parameters = self._products[layer].copy(), list(self._parameters)
            name = self._architecture.specs[layer].parts[which]
            if name == "W":
                factor = _scale(self._architecture.specs[layer], self._parameters[layer])
                product[:, at[-1]] += change * factor[at[0]] * self._inputs(layer, at[0])
            elif name == "scale":
                product += np.outer(change * self._inputs(layer, at[0]), parameters[layer][0][at[0]])
            elif name == ("B" if self._architecture.specs[layer].normalization is None else "product_bias"):
                product[:, at[-1]] += change
            else:
                parts = [part.copy() for part in parameters[layer]]
                parts[which][at] += change
                parameters[layer] = tuple(parts)
            ends.append(self._places(self._pass(product, layer, parameters), layer))
        return self._are_crossed(ends)

    def _crossed_by_columns(self, which: int, at: tuple[Any, ...], step: float) -> bool:
        """As ``crossed``, for an array of the columns that are embedded."""
        ends = []
        for change in (step, -step):
            *layers, arrays = self._parameters
            changed = [array.copy() for array in arrays]
            changed[which][at] += change
            parameters = [*layers, tuple(changed)]
            product = self._first_product(self._architecture, parameters)
            places = self._places(self._pass(product, 0, self._parameters), 0)
            ends.append([*self._embeddings(parameters), *places])
        return self._are_crossed(ends)

    def _embeddings(self, parameters: Parameters) -> list[Array]:
        """Return the embeddings of numbers if they go through ReLU, in a list."""
        columns = self._architecture.columns
        if columns is None or columns.embedding is None or not columns.embedding.of_rows().get("relu"):
            return []
        inputs = embedded(self._architecture, self._dataset.x, parameters[-1])
        return [inputs[:, : columns.numbers * columns.embedding.size]]

    def _first_product(self, architecture: Architecture, parameters: Parameters) -> Array:
        return first_product(architecture, self._dataset, parameters[0], parameters[len(architecture.specs) :])

    def _are_crossed(self, ends: list[list[Array]]) -> bool:
        """Whether a kink lies between the quantities of both ends."""
        sides = self._sides[len(self._sides) - len(ends[0]) :]
        return any(
            bool(((up != down) & (((up > 0) != side) | ((down > 0) != side))).any())
            for up, down, side in zip(*ends, sides, strict=True)
        )

    def _pass(
        self, product: Array, layer: int, parameters: Parameters, *, native: bool = False
    ) -> Iterator[tuple[Array, Array]]:
        """Yield the product and h_in of the layer and all layers after it.

        With ``native``, roundings are those of the core, which decide on which side of a kink backpropagation is.
        """
        specs = self._architecture.specs
        for i in range(layer, len(specs)):
            norm, h_in = specs[i].normalization, product
            if norm is not None and native:
                same = np.eye(product.shape[1], dtype=product.dtype)
                h_in = normalized(product, (same, *parameters[i][1:3]), without_product_bias(norm))
            elif norm is not None:
                h_in = parameters[i][2] * reference.normalize(product, norm.name, epsilon=norm.epsilon)[0]
                h_in += parameters[i][1]
            yield product, h_in
            if i + 1 < len(specs):
                w, b = parameters[i + 1][0], _added(specs[i + 1], parameters[i + 1])
                h = _outputs(h_in, specs[i], parameters[i], native=native)
                product = kernels.linear(h * _scale(specs[i + 1], parameters[i + 1]), w, b)

    def _places(self, passed: Iterator[tuple[Array, Array]], layer: int) -> list[Array]:
        """Return the quantities, from a layer on, that have a kink at 0."""
        specs, places, last = self._architecture.specs[layer:], [], np.empty(0)
        for (_, last), spec in zip(passed, specs, strict=True):
            places += [kink - last if kink > 0 else last - kink for kink in kinks_of(spec.activation)]
        loss, y = self._architecture.loss, self._dataset.y
        if loss.name in ("mae", "quantile", "huber"):
            error = activated(last, specs[-1].activation) - y.reshape(last.shape)
            places.append(abs(error) - loss.parameter if loss.name == "huber" else error)
        return places

    def _output(self, layer: int) -> Array:
        return _outputs(self._passed[layer], self._architecture.specs[layer], self._parameters[layer])

    def _inputs(self, layer: int, column: int) -> Array:
        """Return the input of a layer's weight, for every sample."""
        if layer:
            return self._output(layer - 1)[:, column]
        x = self._dataset.x
        if self._architecture.columns is not None:
            return embedded(self._architecture, x, self._parameters[-1])[:, column]
        if isinstance(x, SparseRows):
            values, here = np.zeros(len(x)), x.indices == column
            values[np.repeat(np.arange(len(x)), np.diff(x.starts))[here]] = x.data[here]
        else:
            values = tensors.widened(x[:, column]).astype(np.float64)
        scale, offset = (
            np.broadcast_to(each, x.shape[1]) for each in (self._architecture.scale, self._architecture.offset)
        )
        return np.asarray(scale[column] * (values - offset[column]))


def _outputs(h_in: Array, spec: LayerSpec, parts: Parts, *, native: bool = False) -> Array:
    """Return h_out of a layer; that of a parametric activation with the core's roundings only where ``native``."""
    if not spec.parametric:
        return activated(h_in, spec.activation)
    mix = np.asarray(parts[spec.parts.index("mix")])
    return activated(h_in, spec.activation, mix) if native else reference.activation(h_in, spec.activation, mix)


def bias_of_product(spec: LayerSpec, parts: Mapping[str, Array]) -> Array:
    """Return the bias to add to the product; in a normalised layer B is added later."""
    return parts["B"] if spec.normalization is None else parts.get("product_bias", np.zeros_like(parts["B"]))


def _added(spec: LayerSpec, parts: Parts) -> Array:
    return bias_of_product(spec, dict(zip(spec.parts, parts, strict=False)))


def _scale(spec: LayerSpec, parts: Parts) -> Array:
    """Return the scale of each of a layer's inputs, 1 without one."""
    inputs = len(parts[0])
    return np.asarray(parts[spec.parts.index("scale")]) if spec.scale else np.ones(inputs, parts[0].dtype)


def embedded(architecture: Architecture, x: Any, arrays: Parts) -> Array:
    """Return the inputs of the first layer for x, whose columns are embedded."""
    assert architecture.columns is not None
    return reference.embed(architecture.scaled(x), arrays, **architecture.columns.embedding_of_rows())


def first_product(architecture: Architecture, dataset: Dataset, parts: Parts, columns: Parameters) -> Array:
    """Return the product of the first layer for x of any kind, plus its bias, which is not B in a normalised layer.

    ``columns`` has the arrays of the columns that are embedded as its only entry, or none.
    """
    spec = architecture.specs[0]
    one = replace(
        architecture,
        sizes=architecture.sizes[:2],
        specs=(LayerSpec("identity", scale=spec.scale),),
        loss=MSE(),
        inits=architecture.inits[:1],
    )
    scale = (parts[spec.parts.index("scale")],) if spec.scale else ()
    return one.model([(parts[0], _added(spec, parts), *scale), *columns]).predict(dataset.x)
