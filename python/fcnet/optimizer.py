"""What every optimiser is; those there are stand in ``fcnet.optimizers``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, fields
from typing import ClassVar

from fcnet import arrays
from fcnet.hyperparameters import AT_LEAST_0, POSITIVE, Range, check_numbers

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
        object.__setattr__(self, "decay_biases", arrays.flag(self.decay_biases, "decay_biases"))
        object.__setattr__(self, "accumulate", arrays.whole_number(self.accumulate, "accumulate", 1))

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
