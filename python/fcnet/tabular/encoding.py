"""``Encoding``: how the columns of a table become inputs of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import UNIT, check_numbers, flag, whole_number
from fcnet._checks.public import public_in

Numbers = Literal["robust", "normal"]


@public_in("fcnet.tabular")
@suggesting
@dataclass(frozen=True)
class Encoding:
    """How the columns of a table become inputs of a network.

    The default is that of RealMLP-TD (Holzmüller, Grinsztajn, Steinwart 2024); RealMLP-TD-S is
    ``Encoding(one_hot=None)``; TabM, as pytabkit prepares its inputs, is
    ``Encoding("normal", one_hot=None, signs=False, unknown=True)``.

    Parameters
    ----------
    numbers : {"robust", "normal"}
        "robust": ``z = (x - median) / (distance of the quartiles)``, then ``z / sqrt(1 + (z / 3)^2)``, see
        ``median_and_factor`` and ``smooth_clip``; one-hot inputs are scaled likewise. "normal": by quantiles to a
        normal distribution, see ``to_normal``; constant columns are left out, and one-hot inputs are 0 or 1.
    one_hot : int >= 0, or None; default 8
        Columns of up to so many categories are one-hot, others are codes for an embedding. None: all are one-hot.
    signs : bool, default True
        Two one-hot categories are a single input: 1 for the first, -1 for the second, 0 for missing or unknown.
    unknown : bool, default False
        Missing or unknown has a one-hot input of its own, the first; otherwise all inputs of the column are 0 then.
    bins : int >= 0, default 0
        Every number is, in addition, encoded piecewise linearly in at most so many bins, see ``piecewise_linear``.
        Their edges are quantiles of the scaled number.
    noise : float in [0, 1], default 1e-5
        Of "normal": noise for the fit of the quantiles, see ``normal_quantiles``.
    seed : int >= 0, default 0
        Of the noise.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    numbers: Numbers = "robust"
    one_hot: int | None = 8
    signs: bool = True
    unknown: bool = False
    bins: int = 0
    noise: float = 1e-5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.numbers not in get_args(Numbers):
            raise ValueError(f"numbers is {self.numbers!r}: expected one of {', '.join(get_args(Numbers))}")
        if self.one_hot is not None:
            object.__setattr__(self, "one_hot", whole_number(self.one_hot, "one_hot", 0))
        for name in ("signs", "unknown"):
            object.__setattr__(self, name, flag(getattr(self, name), name))
        for name in ("bins", "seed"):
            object.__setattr__(self, name, whole_number(getattr(self, name), name, 0))
        check_numbers(self, {"noise": UNIT})
