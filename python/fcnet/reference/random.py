"""Counter-based random numbers, without state: each number is a function of (seed, purpose, index, position).

Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_SHUFFLE, _WEIGHTS, _DROPOUT = 1, 2, 3  # the purposes
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def philox(key: tuple[int, int], counter: Words) -> Words:
    """Philox 4x32 with ten rounds, on many counters at once.

    Parameters
    ----------
    key : two integers below 2**32
    counter : array (4, ...) of uint64 holding 32-bit words

    Returns
    -------
    array (4, ...) of uint64 holding 32-bit words

    Raises
    ------
    ValueError : the counter does not have four words.
    """
    c0, c1, c2, c3 = np.asarray(counter, dtype=np.uint64)
    k0, k1 = key
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (b >> _32) ^ c1 ^ np.uint64(k0), b & _LOW, (a >> _32) ^ c3 ^ np.uint64(k1), a & _LOW
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3])


def _blocks(seed: int, purpose: int, index: int, positions: Words) -> Words:
    constant = np.ones_like(positions)
    counter = [positions & _LOW, positions >> _32, constant * np.uint64(index), constant * np.uint64(purpose)]
    return philox((seed & 0xFFFFFFFF, seed >> 32), np.stack(counter))


def permutation(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    """Shuffle the samples of an epoch by Fisher-Yates: swap ``j = floor(u (i + 1) / 2**64)`` with i = n-1 ... 1.

    Parameters
    ----------
    seed : int in [0, 2**64)
    epoch : int in [0, 2**32)
    n : int

    Returns
    -------
    array (n,) of int64
    """
    words = _blocks(seed, _SHUFFLE, epoch, np.arange(n, dtype=np.uint64))
    draws = (words[0] | words[1] << _32).tolist()
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = draws[i] * (i + 1) >> 64
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)


def he_normal(seed: int, layer: int, fan_in: int, fan_out: int) -> NDArray[np.float64]:
    """Draw normal weights with mean 0 and variance ``2 / fan_in`` (He et al. 2015, equation 10).

    Marsaglia's polar method gives a normal number ``u sqrt(-2 ln(s) / s)`` with ``s = u**2 + v**2``, where (u, v) is
    drawn uniformly until it lies in the unit disc.

    Parameters
    ----------
    seed : int in [0, 2**64)
    layer : int
    fan_in, fan_out : int

    Returns
    -------
    array (fan_in, fan_out)
    """
    normal = np.zeros(fan_in * fan_out)
    missing = np.arange(fan_in * fan_out, dtype=np.uint64)
    attempt = 0
    while missing.size:
        words = _blocks(seed, _WEIGHTS, layer | attempt << 16, missing)
        u, v = (2 * ((lo | hi << _32) >> np.uint64(11)) * 2.0**-53 - 1 for lo, hi in (words[:2], words[2:]))
        s = u * u + v * v
        inside = (0 < s) & (s < 1)
        normal[missing[inside]] = u[inside] * np.sqrt(-2 * np.log(s[inside]) / s[inside])
        missing, attempt = missing[~inside], attempt + 1
    weights: NDArray[np.float64] = np.sqrt(2 / fan_in) * normal
    return weights.reshape(fan_in, fan_out)


def dropout_mask(
    seed: int, epoch: int, layer: int, positions: NDArray[np.int64], neurons: int, share: float
) -> NDArray[np.float64]:
    """Dropout mask: 0 where a random number in [0, 2**32) is below ``share 2**32``, otherwise 1/(1 - share).

    Parameters
    ----------
    seed : int in [0, 2**64)
    epoch : int in [0, 2**32)
    layer : int
    positions : array (n,)
        Positions of the samples in the order of the epoch.
    neurons : int
    share : float in [0, 1)

    Returns
    -------
    array (n, neurons)
    """
    key = _blocks(seed, _DROPOUT, epoch, np.array([layer], np.uint64))[:2, 0]
    position, four = np.meshgrid(
        positions.astype(np.uint64), np.arange(-(-neurons // 4), dtype=np.uint64), indexing="ij"
    )
    counter = np.stack([position & _LOW, position >> _32, four, np.full_like(four, _DROPOUT)])
    words = philox((int(key[0]), int(key[1])), counter)  # (4, n, groups of four neurons)
    numbers = np.moveaxis(words, 0, -1).reshape(len(positions), -1)[:, :neurons]
    kept = numbers >= np.uint64(int(share * 2.0**32))
    return np.where(kept, 1 / (1 - share), 0.0)
