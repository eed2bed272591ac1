"""Weight averaging over steps (EMA) or epochs (SWA)."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import check_numbers, whole_number
from fcnet._checks.public import public


class Averaging:
    """Base class of the weight averages.

    Training continues with the weights themselves. Everything else uses their average, during the fit and after it:
    ``predict``, W and B, validation and metrics, early stopping, files and checkpoints. The history's ``loss`` and
    ``accuracy`` are those of training.

    The weights without the average, and the number of averaged weights, stay with the network after a fit, and in its
    files, pickles and copies. A fit with an average of the same kind continues from them, as one longer fit would. Any
    other fit starts from the average; so does a fit after W or B was assigned, after a divergence, or after early
    stopping has restored an earlier epoch. Gamma and the running statistics of normalised layers are averaged like
    weights. Averaging takes the memory of one more set of weights.
    """

    def _native(self) -> tuple[str, float]:
        """Return the name and decay for the native trainer."""
        raise NotImplementedError

    def _begins(self, epochs: int) -> int:
        """Return the epoch of a fit, counted from 0, from which on weights are averaged."""
        raise NotImplementedError


@public
@suggesting
@dataclass(frozen=True)
class EMA(Averaging):
    """Exponential moving average (EMA) of the weights: ``a <- d a + (1 - d) w`` after every step.

    In step ``t`` the decay is ``d = min(decay, (1 + t) / (10 + t))``, as in TensorFlow's ``ExponentialMovingAverage``,
    so that the initial weights have little influence after a short fit too. ``t`` counts from 0 over all fits that
    continue each other. Polyak and Juditsky (1992) show why an average over the steps is better than the last step.

    Parameters
    ----------
    decay : float, 0 < decay < 1, default 0.999
        The average covers about the last ``1 / (1 - decay)`` steps.

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
    """Stochastic weight averaging (SWA): the mean of the weights at the end of every epoch from ``start`` on.

    All epochs count equally (Izmailov et al. 2018, algorithm 1). Before ``start``, the network has the weights
    themselves. SWA works best with a learning rate that stays high to the end.

    Parameters
    ----------
    start : float in [0, 1) or int >= 0, default 0.75
        Number of epochs before averaging starts, or their fraction of the fit's epochs, rounded down. A later fit
        continues the same mean if it averages from its first epoch: with ``start=0``, or with the ``initial_epoch`` of
        an interrupted fit.

    Raises
    ------
    TypeError, ValueError : start is not as above; a fit raises ValueError if it has no epoch after start.

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
            expected = "a fraction of the epochs, 0 <= start < 1, or a whole number of epochs"
            check_numbers(self, {"start": (expected, lambda value: 0 <= value < 1)})

    def _native(self) -> tuple[str, float]:
        return "swa", 0.0

    def _begins(self, epochs: int) -> int:
        first = self.start if isinstance(self.start, int) else int(self.start * epochs)
        if first >= epochs > 0:
            raise ValueError(f"averaging starts after {first} epochs, but epochs is {epochs}: expected a smaller start")
        return first
