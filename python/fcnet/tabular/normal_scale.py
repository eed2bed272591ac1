"""Numbers to a normal distribution by their quantiles, as scikit-learn's ``QuantileTransformer`` computes it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet.tabular.quantiles import equal_quantiles
from fcnet.tabular.robust_scale import factor_of

_Array = NDArray[np.float64]
Powers = tuple[tuple[float, float], ...]
LEAST = 1e-7 - np.spacing(1)  # level of the least result, -5.2, as in scikit-learn

# Wichura (1988), algorithm AS 241: numerators and denominators in falling powers, for the middle and the two tails.
MIDDLE = (
    (2.5090809287301226727e3, 5.2264952788528545610e3),
    (3.3430575583588128105e4, 2.8729085735721942674e4),
    (6.7265770927008700853e4, 3.9307895800092710610e4),
    (4.5921953931549871457e4, 2.1213794301586595867e4),
    (1.3731693765509461125e4, 5.3941960214247511077e3),
    (1.9715909503065514427e3, 6.8718700749205790830e2),
    (1.3314166789178437745e2, 4.2313330701600911252e1),
    (3.3871328727963666080e0, 1.0),
)
TAIL = (
    (7.74545014278341407640e-4, 1.05075007164441684324e-9),
    (2.27238449892691845833e-2, 5.47593808499534494600e-4),
    (2.41780725177450611770e-1, 1.51986665636164571966e-2),
    (1.27045825245236838258e0, 1.48103976427480074590e-1),
    (3.64784832476320460504e0, 6.89767334985100004550e-1),
    (5.76949722146069140550e0, 1.67638483018380384940e0),
    (4.63033784615654529590e0, 2.05319162663775882187e0),
    (1.42343711074968357734e0, 1.0),
)
_FAR_TAIL = (
    (2.01033439929228813265e-7, 2.04426310338993978564e-15),
    (2.71155556874348757815e-5, 1.42151175831644588870e-7),
    (1.24266094738807843860e-3, 1.84631831751005468180e-5),
    (2.65321895265761230930e-2, 7.86869131145613259100e-4),
    (2.96560571828504891230e-1, 1.48753612908506148525e-2),
    (1.78482653991729133580e0, 1.36929880922735805310e-1),
    (5.46378491116411436990e0, 5.99832206555887937690e-1),
    (6.65790464350110377720e0, 1.0),
)


def _ratio(powers: Powers, r: _Array) -> _Array:
    """Return the ratio of two polynomials of r (n,), by Horner's rule for both at once."""
    first, *others = np.array(powers)[:, :, None]
    sums = first * r
    for power in others[:-1]:
        sums += power
        sums *= r
    above, below = sums + others[-1]
    return np.asarray(above / below)


def normal_quantile(p: ArrayLike) -> _Array:
    """Inverse of the standard normal distribution function: the x with ``P(X <= x) = p``.

    Wichura (1988), algorithm AS 241; the relative error is about 1e-16.

    Parameters
    ----------
    p : array-like, 0 < p < 1
        NaN stays NaN.

    Returns
    -------
    array of float64

    Examples
    --------
    >>> from fcnet.tabular import normal_quantile
    >>> normal_quantile([0.025, 0.5]).round(4).tolist()
    [-1.96, 0.0]
    """
    given = np.asarray(p, np.float64)
    p = given.reshape(-1)
    q = p - 0.5
    x = _ratio(MIDDLE, 0.180625 - q * q)
    x *= q
    outside = np.abs(q) > 0.425
    if outside.any():
        some = p[outside]
        r = np.sqrt(-np.log(np.minimum(some, 1 - some)))
        tails = _ratio(TAIL, r - 1.6)
        far = r > 5
        if far.any():
            tails[far] = _ratio(_FAR_TAIL, r[far] - 5)
        x[outside] = np.copysign(tails, some - 0.5)
    return x.reshape(given.shape)


def normal_quantiles(x: ArrayLike, noise: float = 1e-5, seed: int | list[int] = 0) -> _Array:
    """Learn the quantiles by which ``to_normal`` maps a column to a normal distribution.

    Their number is ``max(min(n / 30, 1000), 10)``, but at most n, as in Gorishniy et al. (2021, 2025).

    Parameters
    ----------
    x : array-like (n,) of finite numbers, n >= 1
    noise : float >= 0
        Standard deviation of the normal noise that is added to x, in distances of the quartiles (if these are equal, in
        half the range). It splits equal numbers.
    seed : int or list of int
        Of the noise, for ``numpy.random.default_rng``.

    Returns
    -------
    array of float64, ascending; empty for a constant column
    """
    ordered = np.sort(np.asarray(x, np.float64))
    factor = float(factor_of(equal_quantiles(ordered, 4)))
    if factor == 0:
        return np.empty(0)
    if noise > 0:  # to the sorted numbers: the order of the rows does not matter
        ordered += noise / factor * np.random.default_rng(seed).standard_normal(len(ordered))
        ordered.sort()
    count = min(max(min(len(ordered) // 30, 1000), 10), len(ordered))
    return equal_quantiles(ordered, count - 1)


def to_normal(x: NDArray[Any], quantiles: ArrayLike) -> _Array:
    """Map numbers to a normal distribution by interpolation between quantiles, then ``normal_quantile``.

    Parameters
    ----------
    x : array (n,) of numbers
        NaN stays NaN.
    quantiles : array-like (m,), ascending, m >= 2
        At the levels ``linspace(0, 1, m)``, as ``normal_quantiles`` learns them.

    Returns
    -------
    array (n,) of float64, from -5.2 to 5.2
        Numbers that are equal to several quantiles get the mean of their levels.

    Examples
    --------
    >>> import numpy as np
    >>> from fcnet.tabular import to_normal
    >>> to_normal(np.array([-1.0, 1.0, 5.0]), [0, 1, 2]).round(2).tolist()
    [-5.2, 0.0, 5.2]
    """
    return normal_of_levels(Levels(np.asarray(quantiles, np.float64))(np.asarray(x, np.float64)))


class Levels:
    """Maps numbers to their levels among quantiles, from 0 to 1."""

    def __init__(self, quantiles: _Array) -> None:
        self._quantiles, self._levels = quantiles, np.linspace(0, 1, len(quantiles))
        self._has_ties = bool((quantiles[1:] == quantiles[:-1]).any())

    def __call__(self, x: _Array) -> _Array:
        """Return the levels of numbers (n,)."""
        quantiles, levels = self._quantiles, self._levels
        p = np.interp(x, quantiles, levels)
        if self._has_ties:  # p is the last level of equal quantiles; from the other side it is the first
            p = (p - np.interp(-x, -quantiles[::-1], -levels[::-1])) / 2
            p[x >= quantiles[-1]] = 1
            p[x <= quantiles[0]] = 0
        return p


def normal_of_levels(p: _Array) -> _Array:
    """Map levels to a normal distribution, within -5.2 to 5.2."""
    return normal_quantile(np.clip(p, LEAST, 1 - LEAST))
