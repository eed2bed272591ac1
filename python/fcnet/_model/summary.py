"""The summary table and the repr of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._model.architecture import Architecture
from fcnet._model.layer_spec import LayerSpec

_MOST_SHOWN = 8  # numbers of scale and offset in a repr


class Summary(str):
    """A string that holds a table and whose repr is the table itself, so that a prompt shows it as ``print`` does."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)  # a plain string for pickle


def summary(architecture: Architecture, trainable: Sequence[bool]) -> Summary:
    """Return the table of ``Network.summary``; ``trainable`` has an entry for every layer, and last for the columns."""
    rows = [("layer", "W", "output", "activation", "parameters")]
    counts, running = {"total": 0, "trainable": 0, "frozen": 0}, 0
    if architecture.columns is not None:
        counts |= {"total": architecture.parameters_of_columns}
        counts["trainable" if trainable[-1] else "frozen"] += counts["total"]
        described = architecture.columns.described + ("" if trainable[-1] else ", frozen")
        rows.append(("columns", "", f"(n, {architecture.sizes[0]})", described, f"{counts['total']:,}"))
    for i, (spec, trained) in enumerate(zip(architecture.specs, trainable, strict=False)):
        m = architecture.sizes[i + 1]
        parameters = architecture.parameters_of(i)
        running += len(spec.running_parts) * m
        for name in ("total", "trainable" if trained else "frozen"):
            counts[name] += parameters
        described = architecture.described(i, trained)
        w = " x ".join(map(str, architecture.shape_of(i, "W")))
        rows.append((f"layers[{i}]", w, f"(n, {m})", described, f"{parameters:,}"))
    counts |= {"running": running} if running else {}
    counts |= {"bytes": (counts["total"] + running) * architecture.dtype.itemsize}
    rows += [(name, "", "", "", f"{count:,}") for name, count in counts.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return Summary(
        "\n".join(
            f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d:<{widths[3]}}  {e:>{widths[4]}}"
            for a, b, c, d, e in rows
        )
    )


def _short(value: NDArray[Any]) -> str:
    """Format a number or a short list of numbers; for a long list, its length and range."""
    if value.size <= _MOST_SHOWN:
        return str(value[()]) if value.ndim == 0 else f"[{', '.join(map(str, value))}]"
    return f"<{value.size} numbers from {value.min():.3g} to {value.max():.3g}>"


def arguments(architecture: Architecture) -> str:
    """Format the arguments of ``Network``, for its repr."""
    entries = [str(architecture.columns or architecture.sizes[0])]
    defaults = [LayerSpec("relu")] * (len(architecture.specs) - 1) + [LayerSpec(architecture.loss.output)]
    for n, spec, default in zip(architecture.sizes[1:], architecture.specs, defaults, strict=True):
        values = spec._asdict() | {"normalization": spec.normalization and spec.normalization.name_or_self()}
        values["activation"] = spec.given_activation
        del values["parametric"], values["own"]
        if scale := values.pop("scale"):
            entries.append(repr(scale))
        options = [f"{name}={value!r}" for name, value in values.items() if value != getattr(default, name)]
        entries.append(f"Dense({n}, {', '.join(options)})" if options else str(n))
    text = f"[{', '.join(entries)}], loss={architecture.given_loss!r}, seed={architecture.seed}"
    text += f", dtype={architecture.dtype.name!r}"
    if members := architecture.members:
        text += f", members={members.count}, adapters={members.adapters!r}"
    for name, value, neutral in (("scale", architecture.scale, 1), ("offset", architecture.offset, 0)):
        text += "" if np.all(value == neutral) else f", {name}={_short(value)}"
    return text
