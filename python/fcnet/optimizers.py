"""Optimisers: what a step does with a gradient. Small frozen dataclasses; the work is done in the native core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, fields
from typing import ClassVar, Literal

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import AT_LEAST_0, POSITIVE, Range, check_numbers, flag, share, whole_number
from fcnet._checks.suggestions import meant

_LIMIT: Range = ("a positive number, or None", lambda value: value > 0)
_NATIVE_NAMES = {"momentum": "beta1", "rho": "beta2"}


@dataclass(frozen=True, repr=False)
class Optimizer:
    """What all optimisers have in common: a learning rate, options, and checks of what they are given.

    The gradients ``g = dL/dx`` are those of the mean loss of a step's samples. They are clipped, then ``l2 W`` is added
    to those of weights, then they go into the optimiser's equation. The options are off by default.

    What an optimiser remembers (momentum, averages, the count of steps) stays with the network when a fit ends, and in
    its files, pickles and copies. The next fit goes on from it where its optimiser is of the same kind: one remembers
    the same as the other; learning rate and options may differ. Setting weights does not change it; it begins at 0
    after a divergence, and where early stopping goes back to the weights of an earlier epoch.

    Parameters
    ----------
    learning_rate : float
        Positive and finite.
    l2 : float >= 0, default 0
        Of the penalty ``l2 / 2 sum W**2`` on weights, not biases. The loss that is reported is that of the data alone.
    l2_sum : float >= 0, default 0
        The same beside the sum of a step's losses, not beside their mean (scikit-learn's ``alpha``): adds ``l2_sum /
        samples`` to l2, of a step's samples or what they weigh.
    decay_biases : bool, default False
        Whether these penalties, and weight_decay, are of all parameters: of biases, and of the gamma of normalised
        layers, too.
    clip_value : float > 0, optional
        Every entry of g is brought into [-clip_value, clip_value].
    clip_norm : float > 0, optional
        g is shortened to this norm, over all weights and biases of the network, where it is longer (Pascanu et al.
        2013). Takes one more array of the size of the parameters.
    accumulate : int >= 1, default 1
        Batches whose gradients are accumulated before a step: the same bits as a batch that many times as large, also
        where fewer samples are left at the end of an epoch.

    Raises
    ------
    TypeError : an argument is not a number.
    ValueError : an argument is out of range; clip_value and clip_norm are given both.
    """

    # The hyperparameters that are checked and that the native trainer takes; a subclass adds its own.
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
            raise ValueError("clip_value and clip_norm are given both: expected one of them")
        object.__setattr__(self, "decay_biases", flag(self.decay_biases, "decay_biases"))
        object.__setattr__(self, "accumulate", whole_number(self.accumulate, "accumulate", 1))

    def __repr__(self) -> str:
        """With the options that are not off."""
        shown = [f for f in fields(self) if not f.kw_only or getattr(self, f.name) != f.default]
        shown.sort(key=lambda f: bool(f.kw_only))
        return f"{type(self).__name__}({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in shown)})"

    @property
    def _kind(self) -> str:
        """The native trainer's name for it."""
        raise NotImplementedError

    def _native(self) -> tuple[str, dict[str, float]]:
        """Name and hyperparameters, as the native trainer takes them."""
        values = {name: getattr(self, name) for name in self._ranges}
        hyper = {_NATIVE_NAMES.get(name, name): value for name, value in values.items() if value is not None}
        return self._kind, hyper | {"decay_biases": float(self.decay_biases)}


__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Lion", "NAdam", "RMSprop"]

OptimizerName = Literal["sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad", "lion"]

_BETAS: Mapping[str, Range] = {name: share(name) for name in ("beta1", "beta2")}


@suggesting
@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """Gradient descent, ``x <- x - learning_rate dL/dx`` (the article, last section), on mini-batches.

    With momentum, ``v <- momentum v + dL/dx`` takes the gradient's place; with Nesterov's look ahead,
    ``momentum v + dL/dx`` does (Sutskever et al. 2013). v starts at 0.

    Parameters
    ----------
    learning_rate : float, default 0.1
        The article's alpha; positive and finite.
    momentum : float in [0, 1), default 0
    nesterov : bool, default False
        Needs a momentum above 0.
    weight_decay : float >= 0, default 0
        Decoupled (Loshchilov and Hutter 2019): ``W <- (1 - learning_rate weight_decay) W`` before each step.
    l2, l2_sum, decay_biases, clip_value, clip_norm, accumulate
        Those of every optimiser, see ``fcnet.optimizers.Optimizer``; off by default.

    Raises
    ------
    TypeError : an argument is not a number, nesterov not a bool.
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
            raise ValueError("nesterov is True: expected a momentum above 0 with it")

    @property
    def _kind(self) -> str:
        return "sgd" if self.momentum == 0 else "nesterov" if self.nesterov else "momentum"


@suggesting
@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1): steps of nearly ``learning_rate``, whatever the gradient's scale.

    ``m <- beta1 m + (1 - beta1) g``, ``v <- beta2 v + (1 - beta2) g**2``, both corrected for their start at 0 to
    ``m' = m / (1 - beta1**t)`` and ``v' = v / (1 - beta2**t)`` in step t; ``x <- x - learning_rate m' / (sqrt(v') +
    epsilon)``.

    Parameters
    ----------
    learning_rate : float, default 0.001
        Positive and finite.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.999
    epsilon : float, default 1e-8
        Positive and finite.
    epsilon_hat : float >= 0, default 0
        Added to ``sqrt(v)`` itself, before it is corrected: ``sqrt(v') + epsilon + epsilon_hat / sqrt(1 - beta2**t)``,
        as at the end of the paper's section 2, in Keras and in scikit-learn.
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
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): weights, not biases, shrink in every step.

    ``W <- (1 - learning_rate weight_decay) W``, then as ``Adam``.

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
    """Adam with Nesterov's look ahead (Dozat 2016), in the form that PyTorch gives it.

    m and v as for ``Adam``; in step t the momentum is ``mu_t = beta1 (1 - 0.96**(t / 250) / 2)``, and with the product
    ``P_t = mu_1 ... mu_t``: ``m' = mu_(t+1) m / (1 - P_(t+1)) + (1 - mu_t) g / (1 - P_t)``, ``v' = v / (1 -
    beta2**t)``; ``x <- x - learning_rate m' / (sqrt(v') + epsilon)``.

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
    """Steps divided by a decaying root mean square of the gradients (Tieleman and Hinton 2012).

    ``v <- rho v + (1 - rho) g**2``, ``x <- x - learning_rate g / (sqrt(v) + epsilon)``; with momentum ``u <- momentum u
    + g / (sqrt(v) + epsilon)``, ``x <- x - learning_rate u``. v and u start at 0.

    Parameters
    ----------
    learning_rate : float, default 0.001
        Positive and finite.
    rho : float in [0, 1), default 0.9
        Decay of the mean of squares (PyTorch's ``alpha``).
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
    """Steps divided by the root of the sum of all squared gradients so far (Duchi et al. 2011).

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
    """Steps of the size ``learning_rate``, in the direction of a sign (Chen et al. 2023, algorithm 2).

    ``x <- x - learning_rate sign(beta1 m + (1 - beta1) g)``, ``m <- beta2 m + (1 - beta2) g``. m starts at 0.

    Parameters
    ----------
    learning_rate : float, default 0.0001
        Positive and finite; a third to a tenth of what suits Adam.
    beta1, beta2 : float in [0, 1), default 0.9 and 0.99
    weight_decay : float >= 0, default 0
        Decoupled, as for ``AdamW``.
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


_KINDS = (SGD, Adam, AdamW, NAdam, RMSprop, Adagrad, Lion)
_BY_NAME: dict[str, Callable[[], Optimizer]] = {kind.__name__.lower(): kind for kind in _KINDS}


def optimizer_of(given: object) -> Optimizer:
    """An optimiser from what a user gives: one of these, or its name, in capitals or small letters.

    Raises
    ------
    TypeError, ValueError : it is none.
    """
    if isinstance(given, _KINDS):
        return given
    expected = "one like fcnet.SGD(0.1) or fcnet.Adam()"
    if isinstance(given, str):
        if given.lower() not in _BY_NAME:
            hint = meant(given, _BY_NAME)
            raise ValueError(f"optimizer is {given!r}: expected {expected}, or one of {', '.join(_BY_NAME)}{hint}")
        return _BY_NAME[given.lower()]()
    raise TypeError(f"optimizer is {given!r}: expected {expected}, or a name like 'adam'")
