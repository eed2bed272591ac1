"""An animation of all steps, in SVG with CSS."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from fcnet.explanation.drawing.picture import GROUND, STYLE, Picture
from fcnet.explanation.numbers.trace import Problem, Quantities
from fcnet.explanation.writing.placeholders import Placeholders

_SECONDS = 0.6  # a step


def animated(problem: Problem, steps: Sequence[Quantities], class_names: Sequence[str]) -> str:
    """Return the pictures before each step in turn; with reduced motion, only the last one.

    Parameters
    ----------
    problem : Problem
    steps : sequence of dict
    class_names : sequence of str

    Returns
    -------
    str
    """
    frames, total = [], len(steps) * _SECONDS
    widest = Picture(problem, steps, Placeholders(steps, 3), class_names).widest("W_")
    for t, step in enumerate(steps):
        drawn = Picture(problem, [step], Placeholders([step], 3), class_names)
        loss = f"step {t + 1}: L = {step['L']:.4f}"
        loss = f'<text class="small" x="{drawn.width / 2:g}" y="{drawn.height + 12:g}">{loss}</text>'
        content = "".join(drawn.parts("before", widest))
        frames.append(f'<g class="frame" style="animation-delay:{t * _SECONDS - total:g}s">{content}{loss}</g>')
    share = 100 / len(steps)
    style = (
        f"{STYLE}.frame{{visibility:hidden;animation:turn {total:g}s step-end infinite}}"
        f"@keyframes turn{{0%{{visibility:visible}}{share:.4f}%{{visibility:hidden}}}}"
        "@media (prefers-reduced-motion:reduce){.frame{animation:none}.frame:last-of-type{visibility:visible}}"
    )
    first, last = float(steps[0]["L"]), float(steps[-1]["L_new"])
    words = f"The network's weights and outputs over {len(steps)} steps; the loss goes from {first:.4g} to {last:.4g}."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="net" viewBox="0 0 {drawn.width} {drawn.height + 28}" '
        f'role="img" aria-label="{escape(words)}"><title>The network, step by step</title><desc>{escape(words)}</desc>'
        f"<style>{style}</style>{GROUND}{''.join(frames)}</svg>"
    )
