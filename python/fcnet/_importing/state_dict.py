"""Networks from the arrays of other libraries, whose names tell how they lie."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet._checks.keywords import suggesting
from fcnet._importing.assembly import finite
from fcnet._importing.from_torch import array_of
from fcnet._model.activation import Parametric
from fcnet._model.architecture import Architecture
from fcnet._model.columns import Columns
from fcnet._model.dense import Dense
from fcnet._model.layer_spec import refuse_constants
from fcnet._model.normalization import LayerNorm
from fcnet._model.scale import Scale
from fcnet._saving import safetensors
from fcnet._training.train_state import TrainState
from fcnet.activations import Activation, ActivationName
from fcnet.losses import Loss, LossFunction, LossName
from fcnet.network import Network

Array = NDArray[Any]
_COLLECTIONS = ("params", "batch_stats")  # of Flax
_IGNORED = ("num_batches_tracked", "rngs", "count", "key")
_WEIGHTS = ("weight", "kernel")  # (outputs, inputs) of PyTorch, (inputs, outputs) of Flax and Keras
_NORMAL = {  # arrays of normalisation, by the names of PyTorch, Flax and Keras
    **dict.fromkeys(("weight", "scale", "gamma"), "gamma"),
    **dict.fromkeys(("bias", "beta"), "B"),
    **dict.fromkeys(("running_mean", "mean", "moving_mean"), "mean"),
    **dict.fromkeys(("running_var", "var", "moving_variance"), "variance"),
}
_ONES = ("gamma", "variance")  # what they are before training; mix, scale and W are always given
_EXPECTED = (
    "expected names of PyTorch, Flax or Keras, whose last parts are weight or kernel, bias, and of normalisation "
    "weight, scale or gamma, bias or beta, and running_mean, running_var or mean, var"
)


@dataclass
class _Groups:
    """The arrays of the layers, of the normalisations and of what else a network has, each by its last name."""

    products: dict[str, dict[str, Array]]
    norms: dict[str, dict[str, Array]]
    mixes: dict[str, Array]
    factors: dict[str, Array]
    scaling: dict[str, Array]


def _flat(given: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield names, joined by dots, and arrays of nested dicts; and of Flax' states, which are not dicts."""
    for key, value in given.items():
        name = str(key).replace("/", ".")
        if name in _IGNORED or name.rpartition(".")[2] in _IGNORED:
            continue
        full = before + ("" if not before and name in _COLLECTIONS else name)
        if isinstance(value, Mapping) or hasattr(value, "items"):
            yield from _flat(value, f"{full}." if full else "")
        else:
            yield full, value


def _array(name: str, value: Any) -> Array:
    if hasattr(value, "detach") and hasattr(value, "dtype"):
        return array_of(value, name, "tensor")
    array = np.asarray(value.__array__() if hasattr(value, "__array__") else value)
    if array.dtype.kind not in "fV":
        raise ValueError(f"{name} is of {array.dtype}: expected numbers of float32, float64 or a half type")
    return array if array.dtype == np.float64 else array.astype(np.float32)


def _groups(arrays: dict[str, Array]) -> _Groups:
    """Sort arrays by what their names and numbers of axes say.

    Raises
    ------
    ValueError : a name says nothing.
    """
    by_place: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        place, _, last = name.rpartition(".")
        by_place.setdefault(place, {})[last] = array
    found = _Groups({}, {}, {}, {}, {})
    for place, parts in by_place.items():
        weights = [last for last in parts if last in _WEIGHTS and parts[last].ndim == 2]
        if len(weights) == 1 and set(parts) <= {weights[0], "bias"}:
            found.products[place] = parts
        elif set(parts) == {"offset", "scale"}:
            found.scaling = parts
        elif set(parts) == {"mix"}:
            found.mixes[place] = parts["mix"]
        elif set(parts) == {"factor"}:
            found.factors[place] = parts["factor"]
        elif set(parts) <= set(_NORMAL) and all(array.ndim == 1 for array in parts.values()):
            found.norms[place] = parts
        else:
            names = ", ".join(f"{place}.{last} {array.shape}".lstrip(".") for last, array in parts.items())
            raise ValueError(f"state has {names}: {_EXPECTED}")
    return found


def _numbered(name: str) -> tuple[str, list[int]]:
    return re.sub(r"\d+", "#", name), [int(number) for number in re.findall(r"\d+", name)]


def _in_order(groups: dict[str, Any], is_file: bool) -> list[tuple[str, Any]]:
    """Return the groups in the order of their layers: by the numbers in their names, or as they were given.

    Raises
    ------
    ValueError : they come from a file, which is sorted by names that are not numbered.
    """
    if len({_numbered(name)[0] for name in groups}) < 2:
        return sorted(groups.items(), key=lambda each: _numbered(each[0])[1])
    if is_file:
        raise ValueError(
            f"the names {', '.join(groups)} do not tell the order of the layers: expected numbered ones, or a dict in "
            "the order of the layers"
        )
    return list(groups.items())


def _assign(layer: Any, name: str, array: Array, of: str) -> None:
    try:
        setattr(layer, name, array)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"state does not fit sizes: {of} for {error}") from None


def _blank(sizes: Any, loss: Any, dtype: Any, activation: Any, scale: Any, offset: Any) -> Network:
    """Return a network whose arrays are those of no training, but W: 0, which saves drawing what is replaced."""
    architecture = Architecture.of(sizes, loss, 0, dtype, scale, offset, activation, None)
    refuse_constants(architecture.sizes, architecture.specs)
    if architecture.columns is not None:
        raise ValueError("sizes[0] is Columns, whose arrays other libraries do not have: expected a number of inputs")
    arrays = [
        [np.full(architecture.shape_of(i, part), float(part in _ONES), architecture.dtype) for part in spec.parts]
        for i, spec in enumerate(architecture.specs)
    ]
    net = Network.__new__(Network)
    net._begin(TrainState(architecture, arrays), scale, offset)
    return net


def _paired(net: Network, has: str, groups: list[tuple[str, Any]], what: str) -> Iterator[tuple[int, str, Any]]:
    """Yield the index of each layer that has such an array, and the group for it."""
    indices = [i for i, layer in enumerate(net.layers) if hasattr(layer, has)]
    if len(indices) != len(groups):
        names = ", ".join(name for name, _ in groups) or "none"
        raise ValueError(f"state has {len(groups)} {what} ({names}): expected {len(indices)}, as sizes say")
    for i, (name, parts) in zip(indices, groups, strict=True):
        yield i, name, parts


def _read(given: Any) -> tuple[dict[str, Array], bool]:
    """Return the arrays by their names, and whether they come from a file."""
    is_file = not hasattr(given, "items")
    if is_file:
        if not isinstance(given, str | os.PathLike):
            what = f"state is a {type(given).__name__}"
            raise TypeError(f"{what}: expected a dict of arrays, or the path of a safetensors file")
        try:
            given, metadata = safetensors.read(path := os.fspath(given), foreign=True)
        except ValueError as error:
            raise ValueError(f"{error}; load a file of another kind by its library, and pass the object") from None
        if metadata.get("format", "").partition(".")[0] == "fcnet":
            raise ValueError(f"{path!r} holds a network of fcnet: see fcnet.load")
    arrays = {name: _array(name, value) for name, value in _flat(given)}
    return {name: finite(array, "state", name) for name, array in arrays.items()}, is_file


@suggesting
def from_state_dict(
    state: Mapping[str, Any] | str | os.PathLike[str],
    sizes: Sequence[int | Dense | Scale | Columns],
    *,
    loss: LossName | Loss | LossFunction | None = None,
    dtype: DTypeLike | None = None,
    scale: ArrayLike = 1,
    offset: ArrayLike = 0,
    activation: ActivationName | Activation | Parametric | Sequence[ActivationName | Activation | Parametric] = "relu",
) -> Network:
    """Return a network with the arrays of a state dict of PyTorch, Flax or Keras, or of a safetensors file of them.

    A state has arrays only: ``sizes`` and the other arguments say what the network is, as for ``Network``. The names
    say how arrays lie: ``weight`` as in PyTorch, (outputs, inputs), ``kernel`` as in Flax and Keras. The layers follow
    the numbers in their names, or, where names differ otherwise, the order of the dict.

    Parameters
    ----------
    state : dict of arrays or tensors, also nested, or path of a safetensors file
        Such as ``module.state_dict()``, ``{"params": ..., "batch_stats": ...}``, ``nnx.state(model)`` or
        ``net.state_dict()``. Files of other kinds, which may contain code, are not opened: open them by their library.
    sizes, loss, scale, offset, activation : as for Network
        Normalised layers are given by ``Dense``. A bias of PyTorch before batch normalisation goes into the mean.
    dtype : {"float32", "float64"}, optional
        By default, float64 if there is an array of that type, and float32 for all others.

    Returns
    -------
    Network
        Its seed is 0.

    Raises
    ------
    TypeError, ValueError : an argument is not as above, the arrays do not fit the sizes, or their names do not tell
        how they lie.
    OSError : the file cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> import fcnet as fc
    >>> state = {"fc1.weight": np.ones((8, 4)), "fc1.bias": np.zeros(8), "fc2.weight": np.ones((3, 8))}
    >>> fc.from_state_dict(state, [4, 8, 3], activation="tanh").layers[0].W.shape
    (4, 8)
    """
    arrays, is_file = _read(state)
    found = _groups(arrays)
    if dtype is None:
        dtype = "float64" if any(array.dtype == np.float64 for array in arrays.values()) else "float32"
    scaling: Any = found.scaling or {"scale": scale, "offset": offset}
    net = _blank(sizes, loss, dtype, activation, **scaling)
    for i, name, parts in _paired(net, "W", _in_order(found.products, is_file), "layers"):
        layer = net.layers[i]
        last = "weight" if "weight" in parts else "kernel"
        _assign(layer, "W", parts[last].T if last == "weight" else parts[last], f"{name}.{last} {parts[last].shape}")
        if layer.normalization is None:
            _assign(layer, "B", parts.get("bias", np.zeros(layer.B.shape)), f"{name}.bias")
    biases = [parts.get("bias") for _, parts in _in_order(found.products, is_file)]
    for i, name, parts in _paired(net, "gamma", _in_order(found.norms, is_file), "normalisations"):
        layer, before = net.layers[i], biases[i]
        own = {_NORMAL[last]: array for last, array in parts.items()}
        if before is not None and isinstance(layer.normalization, LayerNorm):
            if not layer.normalization.product_bias:
                expected = "expected LayerNorm(product_bias=True)"
                raise ValueError(f"state has a bias before the layer normalisation {name}: {expected}")
            own["product_bias"] = before
        if before is not None and "mean" in own:
            own["mean"] = own["mean"].astype(np.float64) - before
        own.setdefault("B", np.zeros(layer.B.shape))
        for part, array in own.items():
            _assign(layer, part, array, f"{name}, {part}")
    for what, groups in (("mix", found.mixes), ("scale", found.factors)):
        for i, name, array in _paired(net, what, _in_order(groups, is_file), f"arrays of {what}"):
            _assign(net.layers[i], what, array, name)
    return net
