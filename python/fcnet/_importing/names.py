"""Types and activations of other libraries by their names, so that none of these libraries is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fcnet._importing.assembly import refused
from fcnet._model.steps import Function
from fcnet.activations import ELU, LeakyReLU


def qualified(cls: type) -> str:
    """Return the module and name of a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def bases(given: object) -> list[str]:
    """Return the names of the classes of an object: its own, then those that it inherits from."""
    return [qualified(cls) for cls in type(given).__mro__]


def owner(given: object, method: str) -> type:
    """Return the class that a method of an object comes from: what the object computes is what that class does."""
    return next((cls for cls in type(given).__mro__ if method in vars(cls)), type(given))


# Activations of other libraries, in lower case without underscores: the name here, and the options that it needs.
_KNOWN: dict[str, tuple[str, dict[str, tuple[Any, ...]]]] = {
    "identity": ("identity", {}),
    "linear": ("identity", {}),
    "relu": ("relu", {"max_value": (None,), "negative_slope": (0,), "threshold": (0,)}),
    "leakyrelu": ("leaky_relu", {}),
    "elu": ("elu", {}),
    "selu": ("selu", {}),
    "sigmoid": ("sigmoid", {}),
    "logistic": ("sigmoid", {}),
    "tanh": ("tanh", {}),
    "softplus": ("softplus", {"beta": (1,)}),
    "exp": ("exp", {}),
    "exponential": ("exp", {}),
    "gelu": ("gelu", {"approximate": ("none", False)}),
    "silu": ("silu", {}),
    "swish": ("silu", {}),
    "mish": ("mish", {}),
    "relu6": ("relu6", {}),
    "hardswish": ("hard_swish", {}),
    "hardsilu": ("hard_swish", {}),
    "softmax": ("softmax", {"dim": (-1, 1, None), "axis": (-1, 1)}),
    "logsoftmax": ("softmax", {"dim": (-1, 1, None), "axis": (-1, 1)}),
}
# Those with a constant, the option that has it, and the activation here.
_WITH_CONSTANT: dict[str, tuple[str, type[LeakyReLU | ELU]]] = {
    "leakyrelu": ("negative_slope", LeakyReLU),
    "elu": ("alpha", ELU),
}


def options_of(name: str) -> tuple[str, ...]:
    """Return the names of the options that an activation of another library may have."""
    constant = _WITH_CONSTANT.get(_letters(name), ())[:1]
    return (*_KNOWN.get(_letters(name), ("", {}))[1], *constant)


def is_activation(name: str) -> bool:
    """Whether the name is that of an activation which fcnet has."""
    return _letters(name) in _KNOWN


def is_log_softmax(name: str) -> bool:
    """Whether the name is that of a logarithm of softmax, of which only softmax is held."""
    return _letters(name) == "logsoftmax"


def activation(place: str, name: str, options: Mapping[str, Any]) -> Function:
    """Return an activation of another library by its name and options.

    Raises
    ------
    ValueError : fcnet does not have it.
    """
    if not is_activation(name):
        raise refused(place, f"is {name}", "expected an activation that fcnet.Dense lists")
    found, expected = _KNOWN[_letters(name)]
    if found == "gelu" and options.get("approximate") in ("tanh", True):
        return Function(place, "gelu_tanh")
    if found == "relu" and options.get("max_value") == 6:
        found, options = "relu6", {**options, "max_value": None}
    constant, kind = _WITH_CONSTANT.get(_letters(name), ("", None))
    if kind is not None and constant in options:
        try:
            return Function(place, kind(options[constant]).name_or_self())
        except ValueError as error:
            raise refused(place, f"is {name}, whose {error}", "see fcnet.activations") from None
    for option, allowed in expected.items():
        if option in options and options[option] not in allowed:
            what = f"is {name} with {option}={options[option]!r}"
            raise refused(place, what, f"expected {option}={allowed[0]!r}, as fcnet has it")
    return Function(place, found)


def _letters(name: str) -> str:
    return name.lower().replace("_", "")
