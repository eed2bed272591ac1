"""A self-contained HTML page: the picture, the equations, and a slider over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from fcnet._pages.document import data, document
from fcnet.explanation.drawing.decision_surface import DecisionSurface, has_decision_surface
from fcnet.explanation.drawing.picture import STYLE, VIEWS, Picture, fits
from fcnet.explanation.numbers.figures import of_layers
from fcnet.explanation.numbers.trace import Problem, Quantities
from fcnet.explanation.writing.mathml import MathML
from fcnet.explanation.writing.narrative import Narrative, Section
from fcnet.explanation.writing.placeholders import Placeholders
from fcnet.explanation.writing.words import course, in_words, outputs

_LAST = 5  # the section about the change of the loss
_WIDE = 4  # columns of a matrix above which an equation has the whole width
_LINE = (
    '<svg viewBox="0 0 44 10" aria-hidden=true class=net><line class="edge {}" x1=0 x2=44 y1=5 y2=5 stroke-width=4 />'
    "</svg>"
)
_KEY = (
    f"<p class=key><span>{_LINE.format('pos')}solid: above 0</span><span>{_LINE.format('neg')}dashed: below 0</span>"
    "<span>width: size of the weight</span></p>"
)


class Page:
    """A page about steps of gradient descent.

    Parameters
    ----------
    problem : Problem
    steps : sequence of dict
    class_names : sequence of str
    digits : int
        Decimals.
    """

    def __init__(self, problem: Problem, steps: Sequence[Quantities], class_names: Sequence[str], digits: int) -> None:
        self._problem, self._steps, self._names = problem, steps, class_names
        self._placeholders = Placeholders(steps, digits)
        self._math = MathML(self._placeholders, digits)
        drawn = len(steps) > 1 and has_decision_surface(problem)
        self._surface = DecisionSurface(problem, steps, class_names) if drawn else None

    def html(self, title: str, checked: str, findings: Sequence[str]) -> str:
        """Return the page; the findings about answers come after the equations."""
        folder = Path(__file__).parent
        first, several = self._steps[0], len(self._steps) > 1
        body = [
            f"<header><h1>{escape(title)}</h1><p class=lead>{escape(in_words(self._problem, len(first['I'])))}</p>",
            self._results(),
            "</header><main>",
            self._time() if several else "",
            self._pictures(),
            *(self._section(i, each) for i, each in enumerate(Narrative(self._problem, first).sections(), 1)),
            self._findings(findings),
            f"</main><footer>{escape(checked)}</footer>",
        ]
        layout = "".join(f"<script>{(folder / name).read_text()}</script>" for name in ("brackets.js", "narrow.js"))
        script = f"<script>{(folder / 'page.js').read_text()}</script>" if several else ""
        values = data("steps", self._data()) if several else ""
        style = (folder / "page.css").read_text() + STYLE
        return document(title, style, "\n".join(body) + f"\n{layout}{values}{script}")

    def _findings(self, findings: Sequence[str]) -> str:
        items = "".join(f"<p>{escape(each)}</p>" for each in findings)
        return f"<section><h2>Your answers</h2>{items}</section>" if items else ""

    def _results(self) -> str:
        items = []
        of = ", first sample" if len(self._steps[0]["I"]) > 1 else ""
        places = [(f"Output {self._names[j]}{of}", "p", (0, j)) for j in outputs(self._steps[0])]
        shown = [("Loss L", "L", ()), *places]
        for k, (label, name, index) in enumerate(shown):
            before, after = (self._placeholders.number("span", f"{name}{new}", index) for new in ("", "_new"))
            turn = f"<span class=turn data-turn={k}>{self._turns(0)[k]}</span>"
            items.append(f"<li><b>{escape(label)}</b>{before} → {after}{turn}</li>")
        return f"<ul class=results>{''.join(items)}</ul>"

    def _turns(self, step: int) -> list[str]:
        words, values = [], self._steps[step]
        pairs = [(values["L"], values["L_new"])]
        pairs += [(values["p"][0, j], values["p_new"][0, j]) for j in outputs(self._steps[0])]
        for before, after in pairs:
            direction = "falls" if after < before else "rises" if after > before else "stays"
            words.append(f"{direction} in this step")
        return [*words, course(values)]

    def _section(self, number: int, section: Section) -> str:
        told = f" data-turn={len(self._turns(0)) - 1}" if number == _LAST else ""
        parts = [f"<h2>{number}. {escape(section.title)}</h2><p class=about{told}>{escape(section.text)}</p>"]
        for layer, equations in groupby(section.equations, lambda each: each.name.rpartition("_")[2]):
            parts += [f"<h3>layers[{int(layer) - 1}]</h3>"] if layer.isdigit() else []
            wide = max(self._problem.architecture.sizes) > _WIDE or len(self._steps[0]["I"]) > _WIDE
            scrolls = " tabindex=0" if wide else ""
            shown = (
                f'<div class=equation role=group aria-label="{each.name}"{scrolls}>{self._math.equation(each)}</div>'
                for each in equations
            )
            parts.append(f'<div class="equations{" wide" if wide else ""}">{"".join(shown)}</div>')
        return f"<section>{''.join(parts)}</section>"

    def _pictures(self) -> str:
        if not fits(self._problem):
            return self._figures()
        drawn = Picture(self._problem, self._steps, self._placeholders, self._names)
        figures = [
            f"<figure><figcaption>{escape(view.title)}</figcaption>{drawn.svg(name, f'words-{name}')}"
            f"{drawn.caption(name, f'words-{name}')}</figure>"
            for name, view in VIEWS.items()
        ]
        several = len(self._steps[0]["I"]) > 1
        note = " The neurons show the first sample." if several else ""
        about = f"Inputs on the left, outputs on the right.{note}"
        head = f"<h2>The network</h2><p class=about>{about}</p>"
        return f"<section>{head}<div class=pictures>{''.join(figures)}{_KEY}</div></section>"

    def _figures(self) -> str:
        """Return a table of statistics, in place of a picture of too many neurons."""
        rows = []
        for what, found in of_layers(self._steps[0], self._problem.layers):
            figures = "".join(f"<td>{v:.3g}</td>" for v in (found.least, found.most, found.mean, found.std))
            bars = f"<td aria-hidden=true class=bars>{found.bars()}</td>"
            rows.append(f"<tr><th scope=row>{what}</th>{bars}{figures}</tr>")
        heads = "".join(f"<th scope=col>{head}</th>" for head in ("", "histogram", "min", "max", "mean", "std"))
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        about = "There are too many neurons to draw them one by one; equations show the corners of large matrices."
        head = f"<h2>Statistics of the layers</h2><p class=about>{about}</p>"
        return f"<section>{head}<div class=scroll tabindex=0>{table}</div></section>"

    def _time(self) -> str:
        count = len(self._steps)
        control = (
            f"<section class=time><label for=step><b>Step</b></label><input id=step type=range min=1 max={count} "
            f"value=1 hidden><button id=play type=button hidden>Play</button><output id=told for=step>"
            f"{self._told(0)}</output></section>"
        )
        parts = [self._curve()]
        if self._surface is not None:
            parts.append(self._surface.html())
        return f"{control}<section><h2>Loss over {count} steps</h2><div class=course>{''.join(parts)}</div></section>"

    def _losses(self) -> list[float]:
        return [float(step["L"]) for step in self._steps] + [float(self._steps[-1]["L_new"])]

    def _places(self) -> list[tuple[float, float]]:
        """Return the positions of the losses on the curve."""
        losses = np.array(self._losses())
        low, high = min(0.0, losses.min()), losses.max() or 1.0
        across = 54 + 330 * np.arange(len(losses)) / (len(losses) - 1)
        return list(zip(across, 180 - 150 * (losses - low) / ((high - low) or 1), strict=True))

    def _curve(self) -> str:
        losses, places = self._losses(), self._places()
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        words = f"The loss over {len(self._steps)} steps, from {losses[0]:.4g} to {losses[-1]:.4g}."
        (x, y), last = places[0], places[-1][1]
        last += max(0, 14 - abs(last - y)) * (1 if last >= y else -1)  # the two numbers apart
        return (
            f'<figure><figcaption>The loss</figcaption><svg class=curve viewBox="0 0 400 210" role=img '
            f'aria-label="{escape(words)}"><line class=axis x1=54 x2=390 y1=180 y2=180 />'
            f"<text x=54 y=200>0 steps</text><text x=386 y=200 text-anchor=end>{len(self._steps)}</text>"
            f'<text x=2 y="{y + 4:.0f}">{losses[0]:.3g}</text>'
            f'<text x=2 y="{last + 4:.0f}">{losses[-1]:.3g}</text><path d="{path}"/>'
            f'<circle id=dot r=6 transform="translate({x:.1f},{y:.1f})"/></svg></figure>'
        )

    def _told(self, t: int) -> str:
        return f"{t + 1} of {len(self._steps)}: L = {self._placeholders.text(t, 'L', ())}"

    def _data(self) -> dict[str, Any]:
        count = range(len(self._steps))
        planes = [] if self._surface is None else self._surface.pictures
        return {
            "texts": self._placeholders.texts(),
            "turns": [self._turns(t) for t in count],
            "told": [self._told(t) for t in count],
            "curve": [f"{x:.1f},{y:.1f}" for x, y in self._places()],
            "planes": planes,
        }
