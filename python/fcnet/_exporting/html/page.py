"""``Network.to_html``: its arguments, and the page."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fcnet._checks.numbers import whole_number
from fcnet._exporting.chain import Array, BatchNormArrays, Chain, ChainLayer, LayerNormArrays, chain_of, parameters_in
from fcnet._exporting.html.image import image_of
from fcnet._exporting.producer import PRODUCER
from fcnet._inputs.features import check_x
from fcnet._inputs.sparse import SparseRows
from fcnet._pages.document import data, document
from fcnet._saving.atomic_file import replacing
from fcnet._training.prediction import predict

if TYPE_CHECKING:
    from fcnet._training.train_state import TrainState

MOST_SLIDERS = 300
_EXAMPLES = 20
_STEPS = 200  # of a slider
_LARGEST = 4e307  # of x and of sliders, whose ranges, sums of two and differences are finite then
_FEW = 4  # outputs that stay in sight on a phone

_IMAGE = """\
<section class="try image" style="--shape:{width}/{height}">
<div><h2>Draw here</h2><div class=paper><canvas id=draw role=img aria-label="A field to draw on"></canvas>
<p id=hint>with the mouse or a finger</p></div>
<div class=buttons><button id=clear type=button>Clear</button>
<button id=example type=button>Show an example</button></div></div>
<div><h2>What it gets</h2><canvas id=seen role=img aria-label="The drawing in pixels"></canvas>
<p class=about>{height} × {width} pixels, moved and scaled as the images that it learnt from.</p></div>
<div class=says><h2>{heading}</h2>{said}<ol id=bars{plain}>{bars}</ol>{ends}</div>
</section>
"""
_TABLE = """\
<section class="try table">
<div><h2>Inputs</h2><ol id=features>{features}</ol>
<div class=buttons><button id=reset type=button>Reset</button>{example}</div></div>
<div class="says{few}"><h2>{heading}</h2>{said}<ol id=bars{plain}>{bars}</ol>{ends}</div>
</section>
"""


@dataclass(frozen=True)
class _Outputs:
    """Names of the outputs, the ends of their bars, and the names of the classes where one is said."""

    names: Sequence[str]
    low: float
    high: float
    shares: bool
    classes: Sequence[str] | None

    def plain(self) -> dict[str, Any]:
        classes = None if self.classes is None else list(self.classes)
        return {"low": self.low, "high": self.high, "shares": self.shares, "classes": classes}

    @property
    def parts(self) -> dict[str, str]:
        """Pieces of the page."""
        bars = "".join(
            f"<li><span class=name>{escape(name)}</span><span class=bar><i></i></span><output>–</output></li>"
            for name in self.names
        )
        long = " long" if self.classes is not None and max(map(len, self.classes)) > 12 else ""
        said = "" if self.classes is None else f'<p class="said{long}" id=said aria-live=polite>–</p>'
        heading = "What it says" if self.classes is not None else "Outputs"
        ends = f"<p class=about>Bars from {_figure(self.low)} to {_figure(self.high)}.</p>"
        return {
            "bars": bars,
            "said": said,
            "heading": heading,
            "plain": "" if self.shares else " class=plain",
            "ends": "" if self.shares else ends,
        }


def to_html(
    state: TrainState,
    path: str | os.PathLike[str],
    image: Sequence[int] | None,
    x: Any,
    labels: Sequence[object] | None,
    title: str | None,
    description: str | None,
) -> None:
    """Compute ``Network.to_html``, whose arguments these are.

    Raises
    ------
    TypeError, ValueError : an argument is not as documented there, or the network holds what the page does not.
    OSError : the file cannot be written.
    """
    state = state.copy()
    chain = chain_of(state, state.architecture.dtype, "to_html")
    rows = None if x is None else _rows(state, x)
    shape = None if image is None else _shape(image, chain.inputs)
    for name, text in (("title", title), ("description", description)):
        if not isinstance(text, str | None):
            raise TypeError(f"{name} is {text!r}: expected text")
        if text is not None and not text.strip():
            raise ValueError(f"{name} is {text!r}: expected text, or None for that of fcnet")
    outputs = _outputs(state, chain, rows, labels)
    _check_texts("title is", [title or ""])
    _check_texts("description is", [description or ""])
    _check_texts("an output is called", outputs.classes or outputs.names)
    _check_texts("a feature is called", chain.feature_names or ())
    if shape is None:
        body = _table(state, chain, rows, outputs)
    else:
        if rows is None:
            raise ValueError("x is None: expected images as the network was trained on, whose size drawings take")
        body = _drawn(state, chain, rows, shape, outputs)
    title = title or ("Try the network" if shape is None else "Draw, and the network says what it sees")
    sizes = "–".join(map(str, chain.sizes))
    lead = description or (
        f"A fully connected neural network, {sizes}, with {parameters_in(chain):,} parameters. It computes in this "
        "page, and nothing is sent anywhere."
    )
    head = f"<header><h1>{escape(title)}</h1><p class=lead>{escape(lead)}</p></header><main>"
    foot = f"</main><footer>Written by {PRODUCER}.</footer>\n"
    text = document(title, _file("page.css"), head + body[0] + foot + body[1])
    with replacing(path) as file:
        file.write(text.encode())


def _check_texts(what: str, texts: Sequence[str]) -> None:
    """Raise ValueError if a text holds half a surrogate pair, which files do not."""
    for text in texts:
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise ValueError(f"{what} {text!r}: expected text that UTF-8 has")


def _file(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _figure(value: float) -> str:
    """Return a number of four digits, as the page's scripts write it."""
    return f"{float(f'{value:.4g}'):,.10g}".replace("-", "−")


def _scripts(model: dict[str, Any], *names: str) -> str:
    return data("model", model) + "".join(f"\n<script>{_file(name)}</script>" for name in names)


def _rows(state: TrainState, x: Any) -> Array:
    architecture = state.architecture
    own = architecture.inputs, np.dtype(np.float64)
    rows = check_x(x, *own, finite=True, known=state.feature_names, codes=architecture.codes)
    if isinstance(rows, SparseRows):
        raise TypeError("x is sparse: expected a dense array, use x.toarray()")
    if not len(rows):
        raise ValueError("x has no rows: expected some")
    rows = np.asarray(rows.astype(float))
    large = np.abs(rows).max(axis=0) > _LARGEST
    if large.any():
        i = int(large.argmax())
        value = max(rows[:, i], key=abs)
        raise ValueError(f"x[:, {i}] holds {value:g}: expected numbers from {-_LARGEST:g} to {_LARGEST:g}")
    return rows


def _shape(image: Sequence[int], inputs: int) -> tuple[int, int]:
    if isinstance(image, str) or not hasattr(image, "__len__") or len(image) != 2:
        raise TypeError(f"image is {image!r}: expected (height, width)")
    height, width = (whole_number(n, f"image[{i}]", 2, 512) for i, n in enumerate(image))
    if height * width != inputs:
        raise ValueError(f"image is {image!r}, and the network takes {inputs} inputs: expected as many pixels")
    return height, width


def _outputs(state: TrainState, chain: Chain, rows: Array | None, labels: Sequence[object] | None) -> _Outputs:
    architecture = state.architecture
    binary = architecture.classifies and chain.outputs == 1
    count = 2 if binary else chain.outputs
    if labels is not None and (isinstance(labels, str) or not hasattr(labels, "__len__") or len(labels) != count):
        raise ValueError(f"labels is {labels!r}: expected {count} names")
    names = chain.labels if labels is None else tuple(map(str, labels))
    if architecture.classifies:
        names = names or tuple(map(str, range(count)))
        says = names if architecture.takes_labels or binary else None
        return _Outputs(names[1:] if binary else names, 0.0, 1.0, True, says)
    if names is None and chain.quantiles > 1:
        quantiles, targets = architecture.loss.quantiles, chain.outputs // chain.quantiles
        names = tuple(
            f"{q:.0%} quantile" + (f" of output {t}" if targets > 1 else "") for t in range(targets) for q in quantiles
        )
    names = names or (("output",) if count == 1 else tuple(f"output {j}" for j in range(count)))
    y = predict(state, _typical(state, rows), None, False, None)
    finite = y[np.isfinite(y)]
    if not len(finite):
        raise ValueError("the network's outputs are not finite for the rows of x: expected a network that can predict")
    low, high = float(finite.min()), float(finite.max())
    return _Outputs(names, low, high if high > low else low + 1, False, None)


def _typical(state: TrainState, rows: Array | None) -> Array:
    """The rows, or, if there are none, some within the ranges of the sliders."""
    if rows is not None:
        return rows
    low, high, _ = _ranges(state, None)
    return np.asarray(np.random.default_rng(0).uniform(low, high, (1000, len(low))))


def _ranges(state: TrainState, rows: Array | None) -> tuple[Array, Array, Array]:
    """The ends of the sliders, and where they begin: of the data, or three standard deviations by offset and scale.

    Raises
    ------
    ValueError : without data, an offset is too large or a scale too small for a slider.
    """
    if rows is not None:
        low, high, value = rows.min(axis=0), rows.max(axis=0), np.median(rows, axis=0)
        same = low == high
        return low - same, high + same, value
    scale, offset = (
        np.broadcast_to(v, state.architecture.inputs) for v in (state.architecture.scale, state.architecture.offset)
    )
    with np.errstate(divide="ignore", over="ignore"):
        most = np.where(scale == 0, 1, 3 / np.abs(scale))
        far = np.abs(offset) + most > _LARGEST
    if far.any():
        i = int(far.argmax())
        raise ValueError(
            f"input {i} has offset {offset[i]:g} and scale {scale[i]:g}, and its slider would end beyond {_LARGEST:g}: "
            "expected x, for the ends of the sliders, or numbers of another size"
        )
    return offset - most, offset + most, np.asarray(offset, float)


def _table(state: TrainState, chain: Chain, rows: Array | None, outputs: _Outputs) -> tuple[str, str]:
    if chain.inputs > MOST_SLIDERS:
        raise ValueError(
            f"the network takes {chain.inputs} inputs: expected at most {MOST_SLIDERS} for sliders, or image=(height, "
            "width) to draw on"
        )
    names = chain.feature_names or tuple(f"x[{i}]" for i in range(chain.inputs))
    features, items = [], []
    for i, (name, low, high, value) in enumerate(zip(names, *_ranges(state, rows), strict=True)):
        whole = rows is not None and bool((rows[:, i] == np.rint(rows[:, i])).all()) and high - low < 10**6
        steps = round(high - low) if whole else _STEPS
        value = np.rint(value) if whole else value
        features.append({"low": float(low), "step": float((high - low) / steps), "value": float(value)})
        ends = "".join(f"<span>{_figure(end)}</span>" for end in (low, high))
        items.append(
            f"<li><label for=f{i}><span class=name>{escape(name)}</span><output for=f{i}></output></label>"
            f"<input id=f{i} type=range min=0 max={steps}><div class=ends aria-hidden=true>{ends}</div></li>"
        )
    model = _model(state, chain) | {"features": features, "outputs": outputs.plain()}
    example = ""
    if rows is not None:
        example = "\n<button id=example type=button>Show an example</button>"
        model["examples"] = _examples(rows)
    few = " few" if chain.outputs <= _FEW else ""
    text = _TABLE.format(features="".join(items), example=example, few=few, **outputs.parts)
    return text, _scripts(model, "network.js", "bars.js", "sliders.js")


def _drawn(state: TrainState, chain: Chain, rows: Array, shape: tuple[int, int], outputs: _Outputs) -> tuple[str, str]:
    image = image_of(rows, shape) | {"examples": _examples(rows)}
    model = _model(state, chain) | {"image": image, "outputs": outputs.plain()}
    text = _IMAGE.format(height=shape[0], width=shape[1], **outputs.parts)
    return text, _scripts(model, "network.js", "bars.js", "drawing.js", "digits.js")


def _examples(rows: Array) -> list[list[float]]:
    """Some rows, as far apart as possible."""
    chosen = np.linspace(0, len(rows) - 1, min(_EXAMPLES, len(rows))).round().astype(int)
    return [[int(v) if v == int(v) else v for v in row] for row in rows[chosen].tolist()]


def _model(state: TrainState, chain: Chain) -> dict[str, Any]:
    """The network for ``network.js``: offset and scale in float64, arrays as base64."""
    architecture = state.architecture
    return {
        "dtype": str(chain.dtype),
        "offset": architecture.offset.tolist(),
        "scale": architecture.scale.tolist(),
        "quantiles": chain.quantiles,
        "layers": [_layer(layer) for layer in chain.layers],
    }


def _layer(layer: ChainLayer) -> dict[str, Any]:
    norm = layer.norm
    kind = {BatchNormArrays: "batch", LayerNormArrays: "layer"}.get(type(norm))
    values = {"scale": layer.scale, "W": layer.W, "B": layer.B, "mix": layer.mix}
    values |= {name: getattr(norm, name, None) for name in ("mean", "factor", "gamma", "product_bias")}
    encoded = {name: None if array is None else _base64(array) for name, array in values.items()}
    epsilon = getattr(norm, "epsilon", 0)
    plain = {"activation": layer.activation, "constant": layer.constant, "norm": kind, "epsilon": epsilon}
    return {"outputs": layer.W.shape[1], **plain, **encoded}


def _base64(array: Array) -> str:
    return base64.b64encode(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()).decode()
