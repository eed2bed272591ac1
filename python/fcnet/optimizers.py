"""Optimizers: frozen dataclasses of hyperparameters; the native core computes the weight updates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import AT_LEAST_0, POSITIVE, Range, check_numbers, flag, share, whole_number
from fcnet._checks.representation import shown
from fcnet._checks.suggestions import meant

_LIMIT: Range = ("a positive number, or None", lambda value: value > 0)
_NATIVE_NAMES = {"momentum": "beta1", "rho": "beta2"}


@dataclass(frozen=True, repr=False)
class Optimizer:
    """Base class of the optimizers: learning rate, options and their checks.

    The gradients ``g = dL/dx`` are those of the mean loss over the samples of a step. They are clipped, then ``l2 W``
    is added to the gradients of weights, then the optimizer's equation applies. All options are off by default.

    The optimizer state (momentum, moving averages, step count) stays with the network after a fit, and in its files,
    pickles and copies. The next fit continues from it if its optimizer is of the same kind, that is, has the same
    state; the learning rate and options may differ. Assigning weights does not change the state. It is reset after a
    divergence, and when early stopping restores the weights of an earlier epoch.

    Parameters
    ----------
    learning_rate : float
        Positive and finite.
    l2 : float >= 0, default 0
        L2 regularization: the penalty ``l2 / 2 sum W**2`` on weights, not biases. The reported loss does not include
        it.
    l2_sum : float >= 0, default 0
        L2 regularization relative to the sum of a step's losses instead of their mean (scikit-learn's ``alpha``). It
        adds ``l2_sum / samples`` to l2, where samples is the number of samples in the step, or their total weight.
    decay_biases : bool, default False
        Apply these penalties and weight_decay to all parameters, also to biases, to the gamma of normalised layers, to
        ``Scale`` and to the mix of ``Parametric``.
    clip_value : float > 0, optional
        Gradient clipping by value: every entry of g is clipped to [-clip_value, clip_value].
    clip_norm : float > 0, optional
        Gradient clipping by norm: g is scaled down where its norm over all parameters of the network exceeds clip_norm
        (Pascanu et al. 2013). This takes one more array of the size of the parameters.
    accumulate : int >= 1, default 1
        Gradient accumulation: number of batches before a step. The result is the same, bit for bit, as with a batch
        that many times as large, also where fewer samples are left at the end of an epoch.

    Raises
    ------
    TypeError : an argument is not a number.
    ValueError : an argument is out of range, or both clip_value and clip_norm are given.
    """

    # The hyperparameters that are checked and passed to the native trainer; a subclass adds its own.
    _ranges: ClassVar[Mapping[str, Range]] = {
        "learning_rate": POSITIVE,
        "l2": AT_LEAST_0,
        "l2_sum": AT_LEAST_0,
        "clip_value": _LIMIT,
        "clip_norm": _LIMIT,
    }
    learning_rate: float
    _: KW_ONLY
    l2: float = 0.0
    l2_sum: float = 0.0
    decay_biases: bool = False
    clip_value: float | None = None
    clip_norm: float | None = None
    accumulate: int = 1

    def __post_init__(self) -> None:
        absent = {name for name in ("clip_value", "clip_norm") if getattr(self, name) is None}
        check_numbers(self, {name: range_ for name, range_ in self._ranges.items() if name not in absent})
        if not absent:
            raise ValueError("both clip_value and clip_norm are given: expected one of them")
        object.__setattr__(self, "decay_biases", flag(self.decay_biases, "decay_biases"))
        object.__setattr__(self, "accumulate", whole_number(self.accumulate, "accumulate", 1))

    def __repr__(self) -> str:
        """Show the hyperparameters, and the options that differ from their defaults."""
        return shown(self)

    @property
    def _kind(self) -> str:
        """The optimizer's name in the native trainer."""
        raise NotImplementedError

    def _native(self) -> tuple[str, dict[str, float]]:
        """Return the name and hyperparameters for the native trainer."""
        values = {name: getattr(self, name) for name in self._ranges}
        hyper = {_NATIVE_NAMES.get(name, name): value for name, value in values.items() if value is not None}
        return self._kind, hyper | {"decay_biases": float(self.decay_biases)}


__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Lion", "NAdam", "RMSprop"]

OptimizerName = Literal["sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad", "lion"]

_BETAS: Mapping[str, Range] = {name: share(name) for name in ("beta1", "beta2")}


@suggesting
@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent on mini-batches, ``x <- x - learning_rate dL/dx`` (the article, last section).

    With momentum, ``v <- momentum v + dL/dx`` replaces the gradient; with Nesterov momentum, ``momentum v + dL/dx``
    does, with the new v (Sutskever et al. 2013). v starts at 0.

    Parameters
    ----------
    learning_rate : float, default 0.1
        The article's alpha; positive and finite.
    momentum : float in [0, 1), default 0
    nesterov : bool, default False
        Use Nesterov momentum; requires a momentum above 0.
    weight_decay : float >= 0, default 0
        Decoupled weight decay (Loshchilov and Hutter 2019): ``W <- (1 - learning_rate weight_decay) W`` before each
        step.
    l2, l2_sum, decay_biases, clip_value, clip_norm, accumulate
        Options of every optimizer, see ``fcnet.optimizers.Optimizer``; off by default.

    Raises
    ------
    TypeError : an argument is not a number, or nesterov is not a bool.
    ValueError : an argument is out of range.

    Examples
    --------
    >>> SGD(0.05, momentum=0.9, l2=0.001)
    SGD(learning_rate=0.05, momentum=0.9, nesterov=False, l2=0.001)
    """

    _ranges: ClassVar[Mapping[str, Range]] = {
        **Optimizer._ranges,
        "momentum": share("momentum"),
        "weight_decay": AT_LEAST_0,
    }
    learning_rate: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False
    _: KW_ONLY
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "nesterov", flag(self.nesterov, "nesterov"))
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov is True, but momentum is 0: expected a momentum above 0")

    @property
    def _kind(self) -> str:
        return "sgd" if self.momentum == 0 else "nesterov" if self.nesterov else "momentum"


@suggesting
@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1): steps of about ``learning_rate``, independent of the gradient's scale.

    ``m <- beta1 m + (1 - beta1) g`` and ``v <- beta2 v + (1 - beta2) g**2`` start at 0. The bias correction in step t
    gives ``m' = m / (1 - beta1**t)`` and ``v' = v / (1 - beta2**t)``; then ``x <- x - learning_rate m' / (sqrt(v') +
    epsilon)``.

    Parameters
    ----------
    learning_rate : float, default 0.001
        Positive and finite.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-8
        Positive and finite.
    epsilon_hat : float >= 0, default 0
        An epsilon that is added to ``sqrt(v)`` before the bias correction, as at the end of the paper's section 2, in
        Keras and in scikit-learn: the denominator is ``sqrt(v') + epsilon + epsilon_hat / sqrt(1 - beta2**t)``.
    l2, l2_sum, decay_biases, clip_value, clip_norm, accumulate
        As for ``SGD``.

    Raises
    ------
    TypeError : an argument is not a number.
    ValueError : an argument is out of range.

    Examples
    --------
    >>> Adam()
    Adam(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08)
    """

    _ranges: ClassVar[Mapping[str, Range]] = {
        **Optimizer._ranges,
        **_BETAS,
        "epsilon": POSITIVE,
        "epsilon_hat": AT_LEAST_0,
    }
    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    _: KW_ONLY
    epsilon_hat: float = 0.0

    @property
    def _kind(self) -> str:
        return "adam"


@suggesting
@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay on weights, not biases (Loshchilov and Hutter 2019).

    Every step computes ``W <- (1 - learning_rate weight_decay) W``, then the step of ``Adam``.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, epsilon_hat, l2, l2_sum, decay_biases, clip_value, clip_norm, accumulate
        As for ``Adam``.
    weight_decay : float >= 0, default 0.01

    Raises
    ------
    TypeError, ValueError : as for ``Adam``.
    """

    _ranges: ClassVar[Mapping[str, Range]] = {**Adam._ranges, "weight_decay": AT_LEAST_0}
    weight_decay: float = 0.01


@suggesting
@dataclass(frozen=True, repr=False)
class NAdam(Optimizer):
    """Adam with Nesterov momentum (Dozat 2016), as implemented in PyTorch.

    m and v are those of ``Adam``. The momentum in step t is ``mu_t = beta1 (1 - 0.96**(t / 250) / 2)``, with the
    product ``P_t = mu_1 ... mu_t``. Then ``m' = mu_(t+1) m / (1 - P_(t+1)) + (1 - mu_t) g / (1 - P_t)``, ``v' = v / (1
    - beta2**t)`` and ``x <- x - learning_rate m' / (sqrt(v') + epsilon)``.

    Parameters
    ----------
    learning_rate : float, default 0.002
        Positive and finite.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-8
        Positive and finite.
    l2, l2_sum, decay_biases, clip_value, clip_norm, accumulate
        As for ``SGD``.

    Raises
    ------
    TypeError, ValueError : as for ``Adam``.
    """

    _ranges: ClassVar[Mapping[str, Range]] = {**Optimizer._ranges, **_BETAS, "epsilon": POSITIVE}
    learning_rate: float = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    @property
    def _kind(self) -> str:
        return "nadam"


@suggesting
@dataclass(frozen=True, repr=False)
class RMSprop(Optimizer):
    """RMSprop: divides the gradient by a moving root mean square of the gradients (Tieleman and Hinton 2012).

    ``v <- rho v + (1 - rho) g**2``, ``x <- x - learning_rate g / (sqrt(v) + epsilon)``; with momentum ``u <- momentum u
    + g / (sqrt(v) + epsilon)``, ``x <- x - learning_rate u``. v and u start at 0.

    Parameters
    ----------
    learning_rate : float, default 0.001
        Positive and finite.
    rho : float in [0, 1), default 0.9
        Decay of the moving mean of squares (PyTorch's ``alpha``).
    momentum : float in [0, 1), default 0
    epsilon : float, default 1e-8
        Positive and finite.
    l2, l2_sum, decay_biases, clip_value, clip_norm, accumulate
        As for ``SGD``.

    Raises
    ------
    TypeError, ValueError : as for ``Adam``.

    Examples
    --------
    >>> RMSprop(rho=0.99)
    RMSprop(learning_rate=0.001, rho=0.99, momentum=0.0, epsilon=1e-08)
    """

    _ranges: ClassVar[Mapping[str, Range]] = {
        **Optimizer._ranges,
        "rho": share("rho"),
        "momentum": share("momentum"),
        "epsilon": POSITIVE,
    }
    learning_rate: float = 0.001
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-8

    @property
    def _kind(self) -> str:
        return "rmsprop" if self.momentum == 0 else "rmsprop_momentum"


@suggesting
@dataclass(frozen=True, repr=False)
class Adagrad(Optimizer):
    """Adagrad: divides the gradient by the root of the sum of all squared gradients so far (Duchi et al. 2011).

    ``s <- s + g**2``, ``x <- x - learning_rate g / (sqrt(s) + epsilon)``. s starts at 0.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Positive and finite.
    epsilon : float, default 1e-10
        Positive and finite.
    l2, l2_sum, decay_biases, clip_value, clip_norm, accumulate
        As for ``SGD``.

    Raises
    ------
    TypeError, ValueError : as for ``Adam``.
    """

    _ranges: ClassVar[Mapping[str, Range]] = {**Optimizer._ranges, "epsilon": POSITIVE}
    learning_rate: float = 0.01
    epsilon: float = 1e-10

    @property
    def _kind(self) -> str:
        return "adagrad"


@suggesting
@dataclass(frozen=True, repr=False)
class Lion(Optimizer):
    """Lion: steps of size ``learning_rate`` in the direction of the momentum's sign (Chen et al. 2023, algorithm 2).

    ``x <- x - learning_rate sign(beta1 m + (1 - beta1) g)``, ``m <- beta2 m + (1 - beta2) g``. m starts at 0.

    Parameters
    ----------
    learning_rate : float, default 0.0001
        Positive and finite; between a tenth and a third of a good learning rate for Adam.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.99
    weight_decay : float >= 0, default 0
        Decoupled weight decay, as for ``AdamW``.
    l2, l2_sum, decay_biases, clip_value, clip_norm, accumulate
        As for ``SGD``.

    Raises
    ------
    TypeError, ValueError : as for ``Adam``.
    """

    _ranges: ClassVar[Mapping[str, Range]] = {**Optimizer._ranges, **_BETAS, "weight_decay": AT_LEAST_0}
    learning_rate: float = 0.0001
    beta1: float = 0.9
    beta2: float = 0.99
    _: KW_ONLY
    weight_decay: float = 0.0

    @property
    def _kind(self) -> str:
        return "lion"


_CLASSES = (SGD, Adam, AdamW, NAdam, RMSprop, Adagrad, Lion)
_BY_NAME: dict[str, Callable[[], Optimizer]] = {cls.__name__.lower(): cls for cls in _CLASSES}


def optimizer_of(given: object) -> Optimizer:
    """Return the optimizer that an argument ``optimizer`` describes: an object, or a name in upper or lower case.

    Raises
    ------
    TypeError, ValueError : the argument is not an optimizer.
    """
    if isinstance(given, _CLASSES):
        return given
    expected = "one like fcnet.SGD(0.1) or fcnet.Adam()"
    if isinstance(given, str):
        if given.lower() not in _BY_NAME:
            hint = meant(given, _BY_NAME)
            raise ValueError(f"optimizer is {given!r}: expected {expected}, or one of {', '.join(_BY_NAME)}{hint}")
        return _BY_NAME[given.lower()]()
    raise TypeError(f"optimizer is {given!r}: expected {expected}, or a name like 'adam'")
