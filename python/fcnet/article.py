"""The network of the article, which classifies a binary number, here 3, as odd or even."""

from __future__ import annotations

from fcnet.network import Network

SIZES = (2, 2, 2, 2)
INPUT, TARGET, CLASS_NAMES = (1, 1), "odd", ("odd", "even")
# The article gives the first layer in its text. The others were in its pictures, and are chosen to give its p and L.
LAYERS = (
    (((0.5, 0.2), (0.1, 0.2)), (0.1, 0.1)),
    (((0.3, 0.5), (0.1, 0.1)), (0.1, 0.1)),
    (((0.1, 0.5), (0.1, 0.3)), (0.1, 0.1)),
)


def article_network() -> Network:
    """Create the network of the article, in float64.

    Returns
    -------
    Network
    """
    net = Network(SIZES, dtype="float64", seed=0)
    for layer, (w, b) in zip(net.layers, LAYERS, strict=True):
        layer.W, layer.B = w, b
    return net
