"""The decision surface of a network with two inputs, as a small PNG for each step."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet.explanation.numbers.trace import Problem, Quantities

_SIDE = 120  # pixels
# One hue per class, whose lightness shows the confidence; patterns distinguish the classes without colour.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_STRIPES = ("diagonal stripes", "no stripes", "dots", "level stripes", "upright stripes", "squares")
_LEVELS = 10  # of a regression's output


def has_decision_surface(problem: Problem) -> bool:
    """Whether there is a decision surface: two inputs, and a class or a single value as the output."""
    architecture = problem.architecture
    classes = architecture.takes_labels and 2 <= architecture.sizes[-1] <= len(_COLORS)
    return architecture.sizes[0] == 2 and (classes or (not architecture.takes_labels and architecture.sizes[-1] == 1))


class DecisionSurface:
    """Draws the decision surface.

    Parameters
    ----------
    problem : Problem
    steps : sequence of dict
    class_names : sequence of str
    """

    def __init__(self, problem: Problem, steps: Sequence[Quantities], class_names: Sequence[str]) -> None:
        self._problem, self._classifies = problem, problem.architecture.classifies
        self._names = class_names if len(class_names) > 1 else ("no", "yes")
        self._x = np.asarray(problem.rows, float)
        low, high = np.minimum(self._x.min(axis=0), 0), np.maximum(self._x.max(axis=0), 0)
        margin = 0.25 * np.maximum(high - low, 1e-12)
        self._low, self._high = low - margin, high + margin
        values = [self._values(step) for step in steps]
        self._span = min(map(np.min, values)), max(map(np.max, values))
        self.pictures = [self._picture(each) for each in values]

    def html(self) -> str:
        """Return the picture of the first step with the samples, a description and a legend."""
        (left, down), (right, up) = self._low, self._high
        axes = (
            f"to the right: first input, {left:.3g} to {right:.3g}; up: second input, {down:.3g} to {up:.3g}".replace(
                "-", "−"
            )
        )
        if self._classifies:
            alternative = f"The predicted class for every pair of inputs: {' or '.join(self._names)}."
            keys = [
                f'<span class=swatch style="background:{color}"></span>{escape(name)}: {pattern}'
                for name, color, pattern in zip(self._names, _COLORS, _STRIPES, strict=False)
            ]
            keys.append("darker: higher probability")
        else:
            low, high = self._span
            alternative = "The network's output for every pair of inputs."
            keys = [f"from light, {low:.3g}, to dark, {high:.3g}, in {_LEVELS} levels"]
        legend = "".join(f"<span>{key}</span>" for key in (*keys, axes))
        return (
            f"<figure><figcaption>Prediction for every pair of inputs, before the step</figcaption>"
            f'<div class=plane><img id=plane alt="{escape(alternative)}" src="{self.pictures[0]}">'
            f"{self._points()}</div><p class=key>{legend}</p></figure>"
        )

    def _values(self, step: Quantities) -> NDArray[Any]:
        """Return the outputs for all pixels of the plane (pixels, outputs)."""
        across = np.linspace(self._low[0], self._high[0], _SIDE)
        up = np.linspace(self._high[1], self._low[1], _SIDE)
        points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
        parameters = []
        for i in self._problem.layers:
            parts = [step[f"{name}_{i}"] for name in self._problem.parts(i)]
            if self._problem.running(i):  # the batch's statistics in this step
                parts += [step[f"z_{i}"].mean(axis=0), step[f"z_{i}"].var(axis=0)]
            parameters.append(parts)
        return self._problem.architecture.model(parameters).predict(points)

    def _picture(self, p: NDArray[Any]) -> str:
        """Return the picture as a data URL."""
        if self._classifies:
            p = np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p
            kind, sure = p.argmax(axis=1).reshape(_SIDE, _SIDE), p.max(axis=1).reshape(_SIDE, _SIDE)
            least = 1 / p.shape[1]
            depth = 0.25 + 0.6 * np.clip((sure - least) / (1 - least), 0, 1)
            depth = np.where(_stripes(kind), depth + 0.15, depth)
        else:
            low, high = self._span
            level = np.floor(_LEVELS * (p.reshape(_SIDE, _SIDE) - low) / ((high - low) or 1)).clip(0, _LEVELS - 1)
            kind = np.zeros((_SIDE, _SIDE), int)
            depth = 0.1 + 0.8 * level / (_LEVELS - 1)
        hues = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in _COLORS], float)
        return _png((255 - depth[..., None] * (255 - hues[kind])).round().astype(np.uint8))

    def _points(self) -> str:
        """Return the samples as an SVG overlay, each with the first letter of its class."""
        at = 100 * (self._x - self._low) / (self._high - self._low)
        if self._classifies:
            letters = [self._names[int(label)][0] for label in self._problem.dataset.y_true(self._problem.architecture)]
        else:
            letters = [""] * len(at)
        marks = [
            f'<circle cx="{a:.2f}" cy="{100 - b:.2f}" r="3.4"/>'
            f'<text x="{a:.2f}" y="{100.2 - b:.2f}">{escape(letter)}</text>'
            for (a, b), letter in zip(at, letters, strict=True)
        ]
        return f'<svg class="marks" viewBox="0 0 100 100" aria-hidden="true">{"".join(marks)}</svg>'


def _stripes(kind: NDArray[Any]) -> NDArray[np.bool_]:
    r, c = np.indices(kind.shape)
    patterns = [(r + c) % 8 < 2, r < 0, (r % 6 < 2) & (c % 6 < 2), r % 6 < 1, c % 6 < 1, (r % 8 < 4) & (c % 8 < 4)]
    return np.choose(kind, patterns)


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
