"""The network of the article, which says whether a binary number, here 3, is odd or even."""

from __future__ import annotations

from fcnet.network import Network

SIZES = (2, 2, 2, 2)
INPUT, TARGET, CLASS_NAMES = (1, 1), "odd", ("odd", "even")
# The article prints the first layer; the others stood in its pictures, and are chosen so that its p and L come out.
LAYERS = (
    (((0.5, 0.2), (0.1, 0.2)), (0.1, 0.1)),
    (((0.3, 0.5), (0.1, 0.1)), (0.1, 0.1)),
    (((0.1, 0.5), (0.1, 0.3)), (0.1, 0.1)),
)


def article_network() -> Network:
    """It, in float64.

    Returns
    -------
    Network
    """
    net = Network(SIZES, dtype="float64", seed=0)
    for layer, (w, b) in zip(net.layers, LAYERS, strict=True):
        layer.W, layer.B = w, b
    return net
