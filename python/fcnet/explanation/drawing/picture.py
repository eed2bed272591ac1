"""A picture of the network in SVG: neurons with their outputs, and edges with their weights.

The width of an edge shows the size of its weight; negative weights are dashed and have another colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from fcnet.explanation.numbers.trace import Problem, Quantities
from fcnet.explanation.writing.placeholders import Placeholders, sign
from fcnet.plot.edge_labels import places

MOST_NEURONS = 10  # in a layer, up to which neurons are drawn
_MOST_LABELS = 4  # neurons in a layer, up to which edges are labelled
_RADIUS, _TOP, _SIDE = 33, 70, 42
_LABELLED, _PLAIN = (118, 206), (92, 300)  # distances between rows and columns
GROUND = '<rect width="100%" height="100%" fill="var(--card,#fff)"/>'
_DIGITS = 3  # decimals
_LABEL = (46, 15)  # width and height of an edge's label
_WIDEST = 7


@dataclass(frozen=True)
class View:
    """What a picture shows: the names of quantities, without the layer's number."""

    title: str
    edges: str
    biases: str
    neurons: str
    inputs: bool  # whether the first column shows I


VIEWS = {
    "before": View("Before the step: W at the edges, outputs inside, B below", "W_", "B_", "h_out_", True),
    "after": View("After the step: the same with the new W and B", "W_new_", "B_new_", "h_out_new_", True),
    "gradients": View("Gradients: ∂L/∂W at the edges, σ inside, ∂L/∂B below", "dW_", "dB_", "sigma_", False),
}

STYLE = (Path(__file__).parent / "picture.css").read_text(encoding="utf-8")


def fits(problem: Problem) -> bool:
    """Whether every layer is small enough to be drawn."""
    return max(problem.architecture.sizes) <= MOST_NEURONS


class Picture:
    """Draws a network.

    Parameters
    ----------
    problem : Problem
    steps : sequence of dict
    placeholders : Placeholders
    class_names : sequence of str
    """

    def __init__(
        self, problem: Problem, steps: Sequence[Quantities], placeholders: Placeholders, class_names: Sequence[str]
    ) -> None:
        self._problem, self._steps, self._placeholders, self._names = problem, steps, placeholders, class_names
        self._sizes = problem.architecture.sizes
        self._labels = max(self._sizes) <= _MOST_LABELS
        self._row, self._column = _LABELLED if self._labels else _PLAIN
        self.width = 2 * _SIDE + self._column * (len(self._sizes) - 1) + 9 * max(map(len, class_names))
        self.height = _TOP + self._row * (max(self._sizes) - 1) + _RADIUS + 30

    def svg(self, view: str, identifier: str = "net", *, alone: bool = False) -> str:
        """Return a picture; with ``alone``, as a separate file with its style and a description in words."""
        what, parts = VIEWS[view], self.parts(view)
        title = f"<title>{escape(what.title)}</title>"
        if alone:
            title += f"<desc>{escape(self.words(view))}</desc><style>{STYLE}</style>{GROUND}"
        described = f'role="img" aria-label="{escape(what.title)}"' + (
            "" if alone else f' aria-describedby="{identifier}"'
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="net" viewBox="0 0 {self.width} {self.height}" {described}>'
            f"{title}{''.join(parts)}</svg>"
        )

    def parts(self, view: str, widest: float | None = None) -> list[str]:
        """Return edges and neurons; ``widest`` is the weight of the widest edge, by default the largest one."""
        what = VIEWS[view]
        most = self.widest(what.edges.replace("_new", "")) if widest is None else widest
        return [*self._edges(what, most), *self._neurons(what)]

    def caption(self, view: str, identifier: str) -> str:
        """Return a description in words for screen readers, with placeholders for the numbers."""
        what, found = VIEWS[view], []
        for i in self._problem.layers:
            for j in range(self._sizes[i]):
                out = self._placeholders.number("span", f"{what.neurons}{i}", (0, j))
                weights = ", ".join(
                    self._placeholders.number("span", f"{what.edges}{i}", (k, j)) for k in range(self._sizes[i - 1])
                )
                bias = self._placeholders.number("span", f"{what.biases}{i}", (j,))
                found.append(f"layers[{i - 1}], neuron {j}: {out}; edges {weights}; bias {bias}")
        return f"<span id={identifier} class=unseen>{'. '.join(found)}.</span>"

    def words(self, view: str, step: int = 0) -> str:
        """Return a description in words of a step."""
        what, values = VIEWS[view], self._steps[step]
        found = [what.title]
        for i in self._problem.layers:
            for j, out in enumerate(values[f"{what.neurons}{i}"][0]):
                weights = ", ".join(f"{w:.4g}" for w in values[f"{what.edges}{i}"][:, j])
                bias = values[f"{what.biases}{i}"][j]
                found.append(f"layers[{i - 1}], neuron {j}: {out:.4g}; edges {weights}; bias {bias:.4g}")
        return ". ".join(found) + "."

    def _place(self, layer: int, neuron: int) -> tuple[float, float]:
        tallest = self._row * (max(self._sizes) - 1)
        return _SIDE + self._column * layer, _TOP + (
            tallest - self._row * (self._sizes[layer] - 1)
        ) / 2 + self._row * neuron

    def widest(self, edges: str) -> float:
        """Return the largest weight of an edge in any step."""
        return (
            max(float(np.abs(step[f"{edges}{i}"]).max()) for step in self._steps for i in self._problem.layers) or 1.0
        )

    def _edges(self, what: View, widest: float) -> list[str]:
        lines, labels = [], []
        for i in self._problem.layers:
            name, values = f"{what.edges}{i}", self._steps[0][f"{what.edges}{i}"]
            before, behind = ([self._place(n, j)[1] for j in range(self._sizes[n])] for n in (i - 1, i))
            along = places(before, behind, self._column, _LABEL) if self._labels else []
            for k in range(self._sizes[i - 1]):
                for j in range(self._sizes[i]):
                    (x1, y1), (x2, y2) = self._place(i - 1, k), self._place(i, j)
                    slot, text = (
                        self._placeholders.slot(name, (k, j), _DIGITS),
                        self._placeholders.text(0, name, (k, j), _DIGITS),
                    )
                    thick = 1 + (_WIDEST - 1) * min(1.0, abs(float(values[k, j])) / widest)
                    lines.append(
                        f'<line class="edge {sign(text)}" data-w="{slot}" data-most="{widest:.6g}" '
                        f'x1="{x1}" y1="{y1:g}" x2="{x2}" y2="{y2:g}" stroke-width="{thick:.2f}"/>'
                    )
                    if self._labels:
                        x, y = x1 + along[k] * (x2 - x1), y1 + along[k] * (y2 - y1)
                        labels.append(
                            self._placeholders.number("text", name, (k, j), f' x="{x:.1f}" y="{y:.1f}"', "on ", _DIGITS)
                        )
        return lines + labels

    def _neurons(self, what: View) -> list[str]:
        parts = []
        for layer, size in enumerate(self._sizes):
            last = layer == len(self._sizes) - 1
            specs = self._problem.architecture.specs
            head = "inputs" if layer == 0 else specs[layer - 1].activation_name.replace("_", " ")
            parts.append(f'<text class="small" x="{self._place(layer, 0)[0]}" y="18">{head}</text>')
            for j in range(size):
                x, y = self._place(layer, j)
                at = f' x="{x}" y="{y:g}"'
                parts.append(f'<circle cx="{x}" cy="{y:g}" r="{_RADIUS}"/>')
                if layer == 0:
                    text = (
                        self._placeholders.number("text", "I", (0, j), at, "", _DIGITS)
                        if what.inputs
                        else f"<text{at}>I</text>"
                    )
                else:
                    text = self._placeholders.number("text", f"{what.neurons}{layer}", (0, j), at, "", _DIGITS)
                parts.append(text)
                if layer and self._problem.architecture.specs[layer - 1].bias:
                    bias = self._placeholders.number("tspan", f"{what.biases}{layer}", (j,), "", "", _DIGITS)
                    letter = "∂B" if what.edges == "dW_" else "B"
                    parts.append(f'<text class="small" x="{x}" y="{y + _RADIUS + 13:g}">{letter} {bias}</text>')
                if last:
                    name = escape(self._names[j])
                    parts.append(f'<text class="small name" x="{x + _RADIUS + 8}" y="{y:g}">{name}</text>')
        return parts
