"""Histograms of weights, outputs and gradients in SVG, for a network too large to be drawn neuron by neuron."""

from __future__ import annotations

from html import escape

from fcnet.explanation.drawing.picture import GROUND, STYLE
from fcnet.explanation.numbers.figures import Figures, of_layers
from fcnet.explanation.numbers.trace import Quantities

_ACROSS, _DOWN, _WIDTH, _HEIGHT = 260, 150, 216, 84  # distances between histograms, and their size


def histograms(step: Quantities, layers: range, new: str = "") -> str:
    """Return a row of histograms for each layer, with a description; ``new`` is "_new" for after the step.

    Parameters
    ----------
    step : dict
    layers : range
    new : str

    Returns
    -------
    str
    """
    found = of_layers(step, layers, new)
    words = ". ".join(f"{what}: {_range(each)}, mean {each.mean:.3g}, std {each.std:.3g}" for what, each in found) + "."
    parts = [_one(what, each, 20 + _ACROSS * (i % 3), 10 + _DOWN * (i // 3)) for i, (what, each) in enumerate(found)]
    title = f"Statistics of the layers, {'after' if new else 'before'} the step"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="net" viewBox="0 0 {3 * _ACROSS} {10 + _DOWN * len(layers)}" '
        f'role="img" aria-label="{title}"><title>{title}</title><desc>{escape(words)}</desc>'
        f"<style>{STYLE}</style>{GROUND}{''.join(parts)}</svg>"
    )


def _range(found: Figures) -> str:
    return f"{found.least:.3g} to {found.most:.3g}".replace("-", "−")


def _one(what: str, found: Figures, x: float, y: float) -> str:
    top, step = float(found.counts.max()) or 1.0, _WIDTH / len(found.counts)
    bars = "".join(
        f'<rect x="{x + step * i:g}" y="{y + 24 + _HEIGHT * (1 - c / top):.1f}" width="{step - 1:g}" '
        f'height="{_HEIGHT * c / top:.1f}" fill="var(--pos,#0b62a8)"/>'
        for i, c in enumerate(found.counts)
    )
    return (
        f'<text class="small name" x="{x}" y="{y + 12}">{what}</text>{bars}'
        f'<text class="small name" x="{x}" y="{y + _HEIGHT + 36}">{_range(found)}</text>'
    )
