"""Layer and batch normalisation of a layer's product z = h W.

``normal = (z - mean) / sqrt(variance + epsilon)``, ``h_in = gamma o normal + B``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fcnet.reference.kernels import Array

AXES = {"layer": 1, "batch": 0}


def normalize(z: ArrayLike, kind: str, *, epsilon: float = 1e-5) -> tuple[Array, Array]:
    """Normalise: ``(z - mean) / deviation``, with the biased variance (Ba et al. 2016; Ioffe and Szegedy 2015).

    Parameters
    ----------
    z : array (n, m)
    kind : {"layer", "batch"}
        Mean and variance over the m neurons of each sample, or over the n samples of each neuron.
    epsilon : float

    Returns
    -------
    normal : array (n, m)
    deviation : array (n, 1) or (1, m)
        ``sqrt(variance + epsilon)``.
    """
    z = np.asarray(z)
    from_mean = z - z.mean(axis=AXES[kind], keepdims=True)
    deviation = np.sqrt((from_mean**2).mean(axis=AXES[kind], keepdims=True) + epsilon)
    return from_mean / deviation, deviation


def through_normalization(sigma: ArrayLike, normal: Array, deviation: Array, gamma: ArrayLike, kind: str) -> Array:
    """Backward pass: dL/dz is ``(g - mean(g) - normal mean(g o normal)) / deviation``, with ``g = sigma o gamma``.

    Parameters
    ----------
    sigma, normal : array (n, m)
    deviation : as normalize returns
    gamma : array (m,)
    kind : {"layer", "batch"}
        Axis of the means, as for normalize.

    Returns
    -------
    array (n, m)
    """
    g = np.asarray(sigma) * np.asarray(gamma)
    mean, along = (x.mean(axis=AXES[kind], keepdims=True) for x in (g, g * normal))
    return np.asarray((g - mean - normal * along) / deviation)


def running_statistics(mean: ArrayLike, variance: ArrayLike, z: ArrayLike, momentum: float) -> tuple[Array, Array]:
    """Update the running statistics of batch normalisation: ``(1 - momentum) running + momentum batch``.

    Parameters
    ----------
    mean, variance : array (m,)
    z : array (n, m)
        The variance of the batch is divided by ``n - 1``; a batch of one sample does not update the running statistics.
    momentum : float

    Returns
    -------
    mean, variance : array (m,)
    """
    mean, variance, z = np.asarray(mean), np.asarray(variance), np.asarray(z)
    if len(z) == 1:
        return mean, variance
    return mean + momentum * (z.mean(axis=0) - mean), variance + momentum * (z.var(axis=0, ddof=1) - variance)
