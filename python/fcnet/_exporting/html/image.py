"""What a drawing needs to look like the images of the data: paper, ink, size, place, width of the pen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_VARIED = 0.2  # the deviation of widths, of their mean: images below it were made of one width
_STRETCH = 1.35  # how much wider or narrower than drawn an image then may become


def image_of(x: Array, shape: tuple[int, int]) -> dict[str, Any]:
    """Measure images x (n, height * width), for ``drawing.js``.

    Raises
    ------
    ValueError : all pixels of all images are equal, so that there is nothing on them.
    """
    height, width = shape
    images = x.reshape(-1, height, width).astype(float)
    border = np.ones(shape, bool)
    border[1:-1, 1:-1] = False
    paper = float(np.median(images[:, border]))
    ink = float(max((images.min(), images.max()), key=lambda value: abs(value - paper)))
    if ink == paper:
        raise ValueError("x has images of one colour only: expected images as the network was trained on")
    inked = (images - paper) / (ink - paper)
    inked = inked[np.flatnonzero(inked.max(axis=(1, 2)) > 0.25)]
    centres, sizes = zip(*(_centre(inked, axis) for axis in (2, 1)), strict=True)
    widths, heights = sizes
    is_normalized = widths.std() < _VARIED * widths.mean()
    return {
        "height": height,
        "width": width,
        "paper": paper,
        "ink": ink,
        "box": [float(widths.mean()), float(heights.mean())],
        "stretch": _STRETCH if is_normalized else 1,
        "centre": centres,
        "pen": _pen(inked),
    }


def _centre(inked: Array, axis: int) -> tuple[dict[str, Any], Array]:
    """Where images are centred along an axis, by their mass or by their box, whichever varies less; their sizes."""
    count = inked.shape[axis]
    profile = inked.sum(axis=3 - axis)
    there = np.asarray((inked > 0.25).any(axis=3 - axis))
    first, last = there.argmax(axis=1), count - there[:, ::-1].argmax(axis=1)
    mass = (profile * (np.arange(count) + 0.5)).sum(axis=1) / profile.sum(axis=1)
    box = (first + last) / 2
    of, values = min((("box", box), ("mass", mass)), key=lambda pair: float(pair[1].std()))
    return {"at": float(values.mean()), "of": of}, last - first


def _pen(inked: Array) -> float:
    """The width of strokes: a stroke of length l has the area l w, and an outline of 2 l.

    The sum of the steps between pixels is the outline times 4 / pi, the mean of |cos| + |sin|.
    """
    padded = np.pad(inked, ((0, 0), (1, 1), (1, 1)))
    steps = sum(np.abs(np.diff(padded, axis=axis)).sum(axis=(1, 2)) for axis in (1, 2))
    return float(np.median(8 / math.pi * inked.sum(axis=(1, 2)) / steps))
