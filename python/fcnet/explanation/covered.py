"""Which layers are explained; others are refused, so that no number is silently another one."""

from __future__ import annotations

from fcnet.architecture import Architecture
from fcnet.kinds import Kind
from fcnet.normalization import LayerNorm


def check_covered(made: Architecture, *known: str) -> None:
    """Refuse layers that are more than their activation and bias, and than what is ``known`` beside those.

    Where "LayerNorm" is known, other normalisation is not.

    Raises
    ------
    ValueError : there is one.
    """
    for i, kind in enumerate(made.kinds, 1):
        for name, value in kind._asdict().items():
            if "LayerNorm" in known and isinstance(value, LayerNorm):
                continue
            if name not in ("activation", "bias", *known) and value != Kind._field_defaults[name]:
                expected = "LayerNorm or none" if name == "normalization" and "LayerNorm" in known else "none"
                raise ValueError(f"layer {i} has {name} {value}, which is not explained: expected {expected}")
