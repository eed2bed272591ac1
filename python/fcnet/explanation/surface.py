"""What a network of two inputs says all over the plane, as a small picture for each step, in PNG."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet.explanation.trace import Problem, Quantities

SIDE = 120  # pixels
# One hue a class; how light tells how sure; stripes tell classes apart without colour.
_HUES = np.array([(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0)], float)
STRIPES = ("diagonal stripes", "no stripes", "dots", "level stripes", "upright stripes", "squares")
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")


def has_surface(problem: Problem) -> bool:
    """Whether there is such a picture."""
    made = problem.made
    return made.sizes[0] == 2 and made.classifies and made.sizes[-1] <= len(_HUES)


def window(problem: Problem) -> tuple[NDArray[Any], NDArray[Any]]:
    """The corners (x1, x2) of the part of the plane that is shown, around all samples."""
    x = np.asarray(problem.examples.x, float)
    low, high = np.minimum(x.min(axis=0), 0), np.maximum(x.max(axis=0), 0)
    margin = 0.25 * np.maximum(high - low, 1e-12)
    return low - margin, high + margin


def _stripes(kind: NDArray[Any]) -> NDArray[np.bool_]:
    r, c = np.indices(kind.shape)
    patterns = [(r + c) % 8 < 2, r < 0, (r % 6 < 2) & (c % 6 < 2), r % 6 < 1, c % 6 < 1, (r % 8 < 4) & (c % 8 < 4)]
    return np.choose(kind, patterns)


def surface(problem: Problem, step: Quantities) -> str:
    """The surface before a step, as the address of an image that holds its own bytes."""
    made, (low, high) = problem.made, window(problem)
    across = np.linspace(low[0], high[0], SIDE)
    up = np.linspace(high[1], low[1], SIDE)
    points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    p = made.model([(step[f"W_{i}"], step[f"B_{i}"]) for i in problem.layers]).predict(points)
    if p.shape[1] == 1:
        p = np.concatenate([1 - p, p], axis=1)
    kind, sure = p.argmax(axis=1).reshape(SIDE, SIDE), p.max(axis=1).reshape(SIDE, SIDE)
    least = 1 / max(p.shape[1], 2)
    depth = 0.25 + 0.6 * np.clip((sure - least) / (1 - least), 0, 1)
    depth = np.where(_stripes(kind), np.minimum(depth + 0.15, 1), depth)[..., None]
    return _png((255 - depth * (255 - _HUES[kind])).round().astype(np.uint8))


def _png(pixels: NDArray[np.uint8]) -> str:
    height, width, _ = pixels.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return "data:image/png;base64," + base64.b64encode(data).decode()


def points(problem: Problem, class_names: Sequence[str]) -> str:
    """The samples, to lie on the picture, as SVG; of each class the first letter of its name."""
    (low, high), x = window(problem), np.asarray(problem.examples.x, float)
    at = 100 * (x - low) / (high - low)
    labels = problem.examples.truth(problem.made)
    labels = labels if labels.ndim == 1 else labels[:, 0]
    marks = [
        f'<circle cx="{a:.2f}" cy="{100 - b:.2f}" r="3.4"/>'
        f'<text x="{a:.2f}" y="{100.2 - b:.2f}">{escape(_letter(class_names, int(c)))}</text>'
        for (a, b), c in zip(at, labels, strict=True)
    ]
    return f'<svg class="marks" viewBox="0 0 100 100" aria-hidden="true">{"".join(marks)}</svg>'


def _letter(names: Sequence[str], label: int) -> str:
    return names[label][0] if label < len(names) and len(names) > 1 and names[label] else str(label)
