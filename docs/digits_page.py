"""The page of a network that recognises drawn digits: a part of this site, and one of its pictures."""

from __future__ import annotations

from pathlib import Path

import fcnet as fc


def write(path: Path) -> None:
    """Train the network, and write its page."""
    digits = fc.datasets.load_digits()
    net = fc.Network([64, 256, 10], scale=1 / 16, seed=0)
    net.fit(digits.x_train, digits.y_train, epochs=20, optimizer=fc.Adam())
    right = net.evaluate(digits.x_test, digits.y_test)["accuracy"]
    description = (
        f"Draw a digit from 0 to 9. A neural network of 19,210 parameters, trained on {len(digits.x_train):,} "
        f"handwritten digits of 8 × 8 pixels, says which one it is. It is right for {right:.1%} of "
        f"{len(digits.x_test)} others. It computes in this page, and nothing is sent anywhere."
    )
    net.to_html(path, image=(8, 8), x=digits.x_train, title="Draw a digit", description=description)
