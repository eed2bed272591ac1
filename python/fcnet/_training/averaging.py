"""Averages of the weights, published in their place: over the steps, or over the ends of epochs."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import check_numbers, whole_number
from fcnet._checks.public import public


class Averaging:
    """What all averages have in common.

    Training goes on with the weights themselves; everybody else sees their average: ``predict``, W and B, validation
    and metrics, early stopping, files and checkpoints, during the fit and after it. The history's ``loss`` and
    ``accuracy`` are those of training.

    The weights beneath an average, and how many are in it, stay with the network when a fit ends, and in its files,
    pickles and copies: a fit with an average of the same kind goes on from them, as one longer fit would. Any other
    fit, and setting W or B, begins at what is published; so does every fit after a divergence, and after early stopping
    has gone back to an earlier epoch. Gamma and the running statistics of normalised layers are averaged like weights.
    Takes the memory of one more set of weights.
    """

    def _native(self) -> tuple[str, float]:
        """Name and decay, as the native trainer takes them."""
        raise NotImplementedError

    def _begins(self, epochs: int) -> int:
        """The epoch of a fit, counted from 0, from which on there is an average."""
        raise NotImplementedError


@public
@suggesting
@dataclass(frozen=True)
class EMA(Averaging):
    """Exponential moving average over the steps: ``a <- d a + (1 - d) w`` after every step.

    ``d = min(decay, (1 + t) / (10 + t))`` in step ``t``, counted from 0 over all fits that go on from each other, as in
    TensorFlow's ``ExponentialMovingAverage``: the weights that training began with are forgotten after a short fit too.
    Polyak and Juditsky (1992) show why an average of the steps is better than the last of them.

    Parameters
    ----------
    decay : float, 0 < decay < 1, default 0.999
        The average reaches back over some ``1 / (1 - decay)`` steps.

    Raises
    ------
    TypeError, ValueError : decay is not as above.

    Examples
    --------
    >>> import fcnet as fc
    >>> digits = fc.datasets.load_digits()
    >>> net = fc.Network([64, 32, 10], seed=0)
    >>> history = net.fit(digits.x_train / 16, digits.y_train, averaging=fc.EMA(0.99))
    >>> net.evaluate(digits.x_test / 16, digits.y_test)["accuracy"] > 0.9
    True
    """

    decay: float = 0.999

    def __post_init__(self) -> None:
        check_numbers(self, {"decay": ("0 < decay < 1", lambda value: 0 < value < 1)})

    def _native(self) -> tuple[str, float]:
        return "ema", self.decay

    def _begins(self, epochs: int) -> int:
        return 0


@public
@suggesting
@dataclass(frozen=True)
class SWA(Averaging):
    """Stochastic weight averaging: the mean of the weights at the end of every epoch from ``start`` on.

    Each counts the same (Izmailov et al. 2018, algorithm 1). Before, the weights themselves are published. Goes well
    with a learning rate that stays high to the end.

    Parameters
    ----------
    start : float in [0, 1) or int >= 0, default 0.75
        The share of the fit's epochs, rounded down to whole ones, or their number, before the first that is averaged.
        A fit after another one goes on with the same mean where it has none before it: with ``start=0``, or with the
        ``initial_epoch`` of a fit that was cut off.

    Raises
    ------
    TypeError, ValueError : start is not as above; from a fit, it has no epoch after it.

    Examples
    --------
    >>> SWA(start=5)
    SWA(start=5)
    """

    start: float = 0.75

    def __post_init__(self) -> None:
        if isinstance(self.start, Integral):
            object.__setattr__(self, "start", whole_number(self.start, "start", 0))
        else:
            expected = "a share of the epochs, 0 <= start < 1, or a whole number of them"
            check_numbers(self, {"start": (expected, lambda value: 0 <= value < 1)})

    def _native(self) -> tuple[str, float]:
        return "swa", 0.0

    def _begins(self, epochs: int) -> int:
        first = self.start if isinstance(self.start, int) else int(self.start * epochs)
        if first >= epochs > 0:
            raise ValueError(f"averaging begins after {first} epochs, and epochs is {epochs}: expected some to average")
        return first
