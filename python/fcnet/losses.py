"""Loss functions: frozen dataclasses that a network takes as ``loss=``, by name or as an object with options.

A loss compares the network's output p with the target y. It is averaged over the samples, with their weights if there
are any, and, except for cross-entropy, over the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.callables import check_call
from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import check_numbers
from fcnet._checks.suggestions import meant

__all__ = ["MAE", "MSE", "RMSE", "BinaryCrossEntropy", "CrossEntropy", "Huber", "Loss", "Poisson", "Quantile"]

Array = NDArray[Any]
LossFunction = Callable[..., tuple[float, Array]]
LossName = Literal["cross_entropy", "binary_cross_entropy", "mse", "rmse", "mae", "huber", "poisson", "quantile"]

_SMOOTHING = ("0 <= label_smoothing < 1", lambda value: 0 <= value < 1)


@dataclass(frozen=True)
class Loss:
    """Base class of the losses."""

    name: ClassVar[str]
    # the activations of the last layer that the loss accepts, the default first; empty: any, by default identity
    outputs: ClassVar[tuple[str, ...]] = ()
    is_classifier: ClassVar[bool] = False  # whether a sample can be classified correctly

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles predicted for each target, if there are several; each target has as many outputs."""
        return ()

    @property
    def output(self) -> str:
        """The default activation of the last layer."""
        return self.outputs[0] if self.outputs else "identity"

    @property
    def parameter(self) -> float:
        """The hyperparameter that the native core takes; 0 where there is none."""
        return 0.0

    def plain(self) -> dict[str, Any]:
        """Return name and options in plain values, for a file."""
        return {"name": self.name, **{field.name: getattr(self, field.name) for field in fields(LOSSES[self.name])}}


@suggesting
@dataclass(frozen=True)
class CrossEntropy(Loss):
    """``L = -sum_j y_j ln p_j`` of softmax probabilities p.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default 0
        s: train towards ``(1 - s) y + s / classes`` (Szegedy et al. 2016, section 7).
    """

    name: ClassVar[str] = "cross_entropy"
    outputs: ClassVar[tuple[str, ...]] = ("softmax",)
    is_classifier: ClassVar[bool] = True
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        check_numbers(self, {"label_smoothing": _SMOOTHING})

    @property
    def parameter(self) -> float:
        """``label_smoothing``."""
        return self.label_smoothing


@suggesting
@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """``L = -y ln p - (1 - y) ln(1 - p)`` of sigmoid outputs p: binary or multi-label classification.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default 0
        s: train towards ``(1 - s) y + s / 2``.
    """

    name: ClassVar[str] = "binary_cross_entropy"
    outputs: ClassVar[tuple[str, ...]] = ("sigmoid",)
    is_classifier: ClassVar[bool] = True
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        check_numbers(self, {"label_smoothing": _SMOOTHING})

    @property
    def parameter(self) -> float:
        """``label_smoothing``."""
        return self.label_smoothing


@suggesting
@dataclass(frozen=True)
class MSE(Loss):
    """Mean squared error ``(p - y)^2``."""

    name: ClassVar[str] = "mse"


@suggesting
@dataclass(frozen=True)
class RMSE(Loss):
    """Root of the mean squared error of a batch."""

    name: ClassVar[str] = "rmse"


@suggesting
@dataclass(frozen=True)
class MAE(Loss):
    """Mean absolute error ``|p - y|``, whose minimum is the median; the derivative at 0 is 0."""

    name: ClassVar[str] = "mae"


@suggesting
@dataclass(frozen=True)
class Huber(Loss):
    """``e^2 / 2`` for errors ``e = p - y`` up to delta, ``delta (|e| - delta / 2)`` beyond (Huber 1964).

    Parameters
    ----------
    delta : float > 0, default 1
    """

    name: ClassVar[str] = "huber"
    delta: float = 1.0

    def __post_init__(self) -> None:
        check_numbers(self, {"delta": ("a positive, finite number", lambda value: 0 < value < np.inf)})

    @property
    def parameter(self) -> float:
        """``delta``."""
        return self.delta


@suggesting
@dataclass(frozen=True)
class Poisson(Loss):
    """Poisson loss ``p - y ln p`` of counts y; the output activation of the rate p is exp or softplus."""

    name: ClassVar[str] = "poisson"
    outputs: ClassVar[tuple[str, ...]] = ("exp", "softplus")


@suggesting
@dataclass(frozen=True)
class Quantile(Loss):
    """Pinball loss ``max(q (y - p), (1 - q) (p - y))``, whose minimum is the quantile q (Koenker and Bassett 1978).

    Two or more quantiles give prediction intervals. The network then has one output for each quantile of each target:
    first those of the first target in the order of q, then those of the next target. ``predict`` sorts them, so that
    quantiles do not cross (Chernozhukov et al. 2010); training, ``evaluate`` and ``activations`` use the outputs as
    they are.

    Parameters
    ----------
    q : float in (0, 1), or a sequence of them in ascending order, default 0.5
    """

    name: ClassVar[str] = "quantile"
    q: float | Sequence[float] = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.q, Real):
            check_numbers(self, {"q": ("0 < q < 1", lambda value: 0 < value < 1)})
            return
        if isinstance(self.q, str) or not isinstance(self.q, Sequence | np.ndarray) or np.ndim(self.q) != 1:
            raise TypeError(f"q is {self.q!r}: expected a number, or a list like [0.1, 0.5, 0.9]")
        for value in self.q:
            if isinstance(value, bool) or not isinstance(value, Real):
                raise TypeError(f"q contains {value!r}: expected numbers")
        quantiles = tuple(map(float, self.q))
        if not quantiles or not all(0 < value < 1 for value in quantiles):
            raise ValueError(f"q is {self.q!r}: expected numbers 0 < q < 1")
        if any(b <= a for a, b in pairwise(quantiles)):
            raise ValueError(f"q is {self.q!r}: expected ascending numbers")
        object.__setattr__(self, "q", quantiles)

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles, if q is a sequence."""
        return self.q if isinstance(self.q, tuple) else ()

    @property
    def parameter(self) -> float:
        """The quantile, or the first of several."""
        return self.quantiles[0] if self.quantiles else float(self.q)  # type: ignore[arg-type]


@dataclass(frozen=True)
class MissingFunction:
    """Placeholder for the custom loss function of a network that was loaded without it.

    Attributes
    ----------
    name : str
        Name of the function, ``module.name``. It is never imported.
    """

    name: str

    def __call__(self, *args: Any) -> tuple[float, Array]:
        """Raise ValueError, because there is no function to call.

        Raises
        ------
        ValueError : always; the message says how to load the network with its loss.
        """
        function = self.name.rpartition(".")[2]
        raise ValueError(
            f"loss is the function {self.name}, which the file of this network does not hold: "
            f"load it with fcnet.load(path, loss={function if function.isidentifier() else 'function'})"
        )

    def __repr__(self) -> str:
        return f"<missing function {self.name}>"


@dataclass(frozen=True)
class Custom(Loss):
    """A custom loss function ``loss(output, target) -> (value, d value / d output)``; files hold only its name."""

    name: ClassVar[str] = "custom"
    function: LossFunction

    def plain(self) -> dict[str, Any]:
        """Return the function's name, for a file."""
        function = self.function
        if isinstance(function, MissingFunction):
            return {"name": self.name, "function": function.name}
        named = function if hasattr(function, "__qualname__") else type(function)
        return {"name": self.name, "function": f"{named.__module__}.{named.__qualname__}"}

    def check_known(self) -> None:
        """Raise ValueError if the network was loaded without the function."""
        if isinstance(self.function, MissingFunction):
            self.function()

    def __call__(self, output: Array, target: Array, weights: Array | None) -> tuple[float, Array]:
        """Call the function and check the value and derivative that it returns; weights, if any, are a third argument.

        Raises
        ------
        TypeError, ValueError : the function does not return a number and an array of the shape of the outputs.
        """
        given = (output, target) if weights is None else (output, target, weights)
        result = self.function(*given)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise TypeError(f"loss returned a {type(result).__name__}: expected a pair (value, d value / d output)")
        value, slope = result
        if isinstance(value, bool) or not isinstance(value, Real | np.ndarray) or np.ndim(value):
            what = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) and value.ndim else repr(value)
            raise TypeError(f"loss returned {what} as its value: expected a number")
        slope = np.asarray(slope)
        if slope.dtype.kind not in "fiu" or slope.shape != output.shape:
            raise ValueError(
                f"loss returned a derivative of shape {slope.shape} and dtype {slope.dtype}: "
                f"expected real numbers {output.shape}"
            )
        with np.errstate(over="ignore"):  # an infinite loss ends the fit with a DivergenceError
            return float(value), slope.astype(output.dtype)

    def check_weighted(self) -> None:
        """Raise TypeError if the function does not take sample weights."""
        message = "samples have weights: expected a loss (output, target, weights)"
        check_call(self.function, 3, f"loss is the function {self.function!r}, and {message}")

    def of_rows(self, target: Array, weights: Array | None) -> Callable[[Array, Array], tuple[float, Array]]:
        """Return the loss as a function of the outputs and the indices of their rows."""
        return lambda output, rows: self(output, target[rows], None if weights is None else weights[rows])


LOSSES: dict[str, type[Loss]] = {
    loss.name: loss for loss in (CrossEntropy, BinaryCrossEntropy, MSE, RMSE, MAE, Huber, Poisson, Quantile)
}


def loss_of(given: object) -> Loss:
    """Return the loss that an argument ``loss``, or a result of ``Loss.plain``, describes.

    Parameters
    ----------
    given : str, Loss, callable or dict

    Returns
    -------
    Loss

    Raises
    ------
    TypeError, ValueError : the argument is not a loss.
    """
    if isinstance(given, Loss):
        if not isinstance(given, (*LOSSES.values(), Custom)):
            raise TypeError(f"loss is a {type(given).__name__}: expected one of fcnet.losses, or a function")
        return given
    if isinstance(given, type) and issubclass(given, Loss):
        raise TypeError(f"loss is the class {given.__name__}: expected one made of it, like {given.__name__}()")
    options: dict[str, Any] = dict(given) if isinstance(given, dict) else {"name": given}
    name = options.pop("name", None)
    function = options.get("function")
    if isinstance(name, str) and name == Custom.name and isinstance(function, str) and len(options) == 1:
        return Custom(MissingFunction(function))
    if not isinstance(name, str):
        if callable(given):
            return Custom(given)
        raise TypeError(f"loss is {given!r}: expected a name like 'mse', one of fcnet.losses, or a function")
    if name not in LOSSES:
        raise ValueError(f"loss is {name!r}: expected one of {', '.join(LOSSES)}{meant(name, LOSSES)}")
    if not set(options) <= {field.name for field in fields(LOSSES[name])}:
        raise ValueError(f"loss {name!r} has unknown options among {sorted(options)}")
    return LOSSES[name](**options)
