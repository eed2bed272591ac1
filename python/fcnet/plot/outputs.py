"""Plots of predictions and networks: confusion matrix, calibration, first-layer weights, network diagram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet._checks.numbers import whole_number
from fcnet._inputs.class_names import numbered, of_text
from fcnet._model.members import Members
from fcnet.metrics.samples import labels, predicted, scores
from fcnet.plot.edge_labels import places
from fcnet.plot.style import BLUE, GREY, VERMILION, panels

if TYPE_CHECKING:
    from fcnet.explanation import Explanation
    from fcnet.network import Network

_MOST_WRITTEN = 20  # classes, up to which the cells show the counts
_VIEWS = {"before": ("W_", "h_out_"), "after": ("W_new_", "h_out_new_"), "gradients": ("dW_", "sigma_")}
_MOST_NEURONS, _MOST_LABELLED = 10, 4  # in a layer, up to which all are drawn, and edges are labelled
_LABEL = (0.2, 0.17)  # width and height of an edge's label, in units of the distances between layers and neurons


def _names(given: Sequence[Any] | None, classes: int) -> list[str]:
    if given is not None and len(given) != classes:
        raise ValueError(f"class_names has {len(given)} names: expected {classes}, one for each class")
    return [str(j) for j in range(classes)] if given is None else list(map(str, given))


def confusion_matrix(y_true: ArrayLike, output: ArrayLike, *, class_names: Sequence[Any] | None = None) -> Any:
    """Plot a confusion matrix: how many samples of each class are predicted as which class.

    Parameters
    ----------
    y_true : labels (n,)
        Integers or text.
    output : array (n, classes), (n,) or (n, 1)
        Outputs of ``predict``, or labels (n,) from ``predict_classes``.
    class_names : sequence, optional
        Names of the classes in order, as ``net.classes``; by default the text labels that occur, sorted.

    Returns
    -------
    matplotlib.figure.Figure
        Cells are shaded by their fraction of the row, so that each true class adds up to 1.

    Raises
    ------
    ImportError : matplotlib is not installed.
    TypeError, ValueError : the arguments do not match, or there are no samples.
    """
    if class_names is None:
        texts = of_text(y_true, "y_true"), of_text(output, "output")
        class_names = sorted({*texts[0], *texts[1]}) if texts[0] and texts[1] else None
    if class_names is not None:
        y_true, output = numbered(y_true, class_names, "y_true"), numbered(output, class_names, "output")
    truth, guess, classes = predicted(y_true, output)
    if not len(truth):
        raise ValueError("y_true is empty: expected at least one sample")
    count = classes or max(int(max(truth.max(), guess.max())) + 1, 0 if class_names is None else len(class_names))
    names = _names(class_names, count)
    known = guess >= 0
    table = np.zeros((count, count), int)
    np.add.at(table, (truth[known], guess[known]), 1)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    with panels(1) as (figure, (axes,)):
        figure.set_size_inches(1.8 + 0.42 * max(count, 6), 1.4 + 0.36 * max(count, 6))
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set(title="confusion matrix", xlabel="predicted", ylabel="true")
        axes.set_xticks(range(count), names, rotation=90 if max(map(len, names)) > 3 else 0)
        axes.set_yticks(range(count), names)
        if count <= _MOST_WRITTEN:
            for (r, c), cell in np.ndenumerate(table):
                color = "white" if shares[r, c] > 0.6 else GREY if cell == 0 else "black"
                axes.text(c, r, str(cell), ha="center", va="center", color=color, fontsize=8)
    right = int(np.trace(table))
    wrong = table - np.diag(np.diag(table))
    r, c = np.unravel_index(int(wrong.argmax()), wrong.shape)
    worst = f"; most often {names[r]} is taken for {names[c]}, {wrong[r, c]} times" if wrong.any() else ""
    figure.set_label(f"A confusion matrix of {count} classes: {right} of {len(truth)} samples are right{worst}.")
    return figure


def calibration(y_true: ArrayLike, output: ArrayLike, *, bins: int = 10) -> Any:
    """Plot a calibration curve: accuracy against confidence (Guo et al. 2017).

    Parameters
    ----------
    y_true : labels (n,)
    output : array (n, classes), or (n,) or (n, 1) of the probability of class 1
        Probabilities, as from ``predict``.
    bins : int >= 1, default 10
        Number of bins of equal width for the confidence, the probability of the predicted class.

    Returns
    -------
    matplotlib.figure.Figure
        A network on the diagonal is well calibrated. The label has the expected calibration error.

    Raises
    ------
    ImportError : matplotlib is not installed.
    TypeError, ValueError : the arguments do not match, or there are no samples.
    """
    bins = whole_number(bins, "bins", 1)
    rows = scores(output)
    rows = np.concatenate([1 - rows, rows], axis=1) if rows.shape[1] == 1 else rows
    truth = labels(y_true, len(rows), rows.shape[1])
    if not len(rows):
        raise ValueError("y_true is empty: expected at least one sample")
    if not ((rows >= 0) & (rows <= 1)).all():
        raise ValueError("output has numbers outside [0, 1]: expected probabilities")
    sure, right = rows.max(axis=1), rows.argmax(axis=1) == truth
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.digitize(sure, edges[1:-1]), 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    kept = count > 0
    mean_sure, mean_right = (
        np.bincount(place, values, minlength=bins)[kept] / count[kept] for values in (sure, right.astype(float))
    )
    error = float((count[kept] * np.abs(mean_sure - mean_right)).sum() / len(rows))
    with panels(2) as (figure, (curve, bars)):
        curve.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
        curve.plot(mean_sure, mean_right, "o-", color=BLUE, markersize=4)
        curve.set(title="how often it is right", xlabel="how sure it is", xlim=(0, 1.02), ylim=(0, 1.02))
        curve.annotate("right as often as sure", (0.04, 0.06), color=GREY, rotation=35, fontsize=8)
        bars.bar(edges[:-1], count, width=1 / bins, align="edge", color=BLUE, edgecolor="white")
        bars.set(title="samples", xlabel="how sure it is", xlim=(0, 1))
    figure.set_label(
        f"Calibration over {len(rows)} samples: right {right.mean():.1%}, sure {sure.mean():.1%} on average; "
        f"the expected calibration error is {error:.3f}."
    )
    return figure


def first_layer(net: Network, shape: tuple[int, int], *, most: int = 36) -> Any:
    """Plot the weights of the first layer's neurons, each as an image of the inputs.

    Parameters
    ----------
    net : Network
    shape : (rows, columns)
        Shape of an image whose pixels are the inputs.
    most : int >= 1, default 36
        Maximum number of neurons; those with the largest weights are shown.

    Returns
    -------
    matplotlib.figure.Figure
        Weights above 0 are blue, below 0 red, and 0 is white, with the same scale for all.

    Raises
    ------
    ImportError : matplotlib is not installed.
    TypeError, ValueError : the shape does not match the number of inputs.
    """
    most = whole_number(most, "most", 1)
    weights = net.layers[0].W
    if len(shape) != 2 or shape[0] * shape[1] != len(weights):
        raise ValueError(f"shape is {shape}: expected rows and columns of {len(weights)} inputs")
    sizes = np.linalg.norm(weights, axis=0)
    chosen = np.sort(np.argsort(-sizes, kind="stable")[:most])
    limit = float(np.abs(weights[:, chosen]).max()) or 1.0
    columns = int(np.ceil(np.sqrt(len(chosen))))
    with panels(1) as (figure, (axes,)):
        axes.remove()
        rows = -(-len(chosen) // columns)
        figure.set_size_inches(0.8 * columns + 0.9, 0.85 * rows + 0.4)
        grid = figure.subplots(rows, columns, squeeze=False)
        for place in grid.flat:
            place.set_axis_off()
        for j, place in zip(chosen, grid.flat, strict=False):
            image = place.imshow(weights[:, j].reshape(shape), cmap="RdBu", vmin=-limit, vmax=limit)
            place.set_title(str(j), fontsize=7, fontweight="normal", pad=2)
        figure.colorbar(image, ax=grid, shrink=0.6, label="weight")
    figure.set_label(
        f"The weights of {len(chosen)} of {weights.shape[1]} neurons of the first layer as images of {shape[0]} by "
        f"{shape[1]} pixels, from {weights[:, chosen].min():.3g} to {weights[:, chosen].max():.3g}."
    )
    return figure


def network(shown: Network | Explanation, *, view: str = "before") -> Any:
    """Draw a network or an explanation: neurons, and edges whose width shows the weights.

    Parameters
    ----------
    shown : Network or Explanation
        A network is drawn with W at the edges; a large layer shows its first and last neurons only. For an explanation
        from ``Network.explain``, neurons show their outputs for the first sample. If a layer has more than 10 neurons,
        the figure has histograms of the weights and outputs instead.
    view : {"before", "after", "gradients"}, default "before"
        For an explanation: the state before or after the step, or the gradients.

    Returns
    -------
    matplotlib.figure.Figure
        Edges with negative weights are vermilion and dashed, others blue.

    Raises
    ------
    ImportError : matplotlib is not installed.
    TypeError : shown is not a network or an explanation.
    ValueError : the view is unknown, or is that of a step although shown is a network.
    """
    if view not in _VIEWS:
        raise ValueError(f"view is {view!r}: expected one of {', '.join(_VIEWS)}")
    if hasattr(shown, "layers"):
        if view != "before":
            text = f"view is {view!r}, but a network has no step: expected the result of its explain(x, y)"
            raise ValueError(text)
        return _weights(cast("Network", shown))
    if not hasattr(shown, "class_names"):
        raise TypeError(f"shown is a {type(shown).__name__}: expected a Network, or the result of its explain(x, y)")
    edges, neurons = _VIEWS[view]
    numbers = range(1, 1 + sum(name.startswith("W_new_") for name in shown))
    sizes = [shown["I"].shape[1], *(shown[f"h_out_{i}"].shape[1] for i in numbers)]
    if max(sizes) > _MOST_NEURONS:
        return _histograms({f"{name}{i}": shown[f"{name}{i}"] for i in numbers for name in (edges, neurons)})
    inputs = ["I" if view == "gradients" else f"{value:.3g}" for value in shown["I"][0]]
    texts = [inputs, *([f"{value:.3g}" for value in shown[f"{neurons}{i}"][0]] for i in numbers)]
    with panels(1) as (figure, (axes,)):
        axes.set_title({"before": "before the step", "after": "after the step"}.get(view, "gradients"))
        _draw(axes, [shown[f"{edges}{i}"] for i in numbers], texts, ends=shown.class_names)
    outputs = ", ".join(
        f"{name} {value:.4g}"
        for name, value in zip(shown.class_names, shown[f"{neurons}{len(numbers)}"][0], strict=True)
    )
    figure.set_label(
        f"The network {' – '.join(map(str, sizes))}, {view}: {edges[:-1]} at the edges; at the end {outputs}."
    )
    return figure


def _weights(net: Network) -> Any:
    """Draw a network with W at the edges, and B in the neurons if there is room."""
    Members.refuse(net._state.architecture.members, "plot.network")
    weights = [layer.W for layer in net.layers]
    sizes = [len(weights[0]), *net.sizes[1:]]
    written = max(sizes) <= _MOST_LABELLED
    texts = [[""] * sizes[0], *([f"{b:.3g}" if written else "" for b in layer.B] for layer in net.layers)]
    heads = [
        f"{'inputs' if net.columns is None else 'embedded columns'}\n{sizes[0]:,}",
        *(f"layers[{i}]\n{n:,} {net.layers[i].activation}" for i, n in enumerate(sizes[1:])),
    ]
    ends = net.classes if net.classes is not None and len(net.classes) == sizes[-1] else ()
    with panels(1) as (figure, (axes,)):
        starts = net.feature_names if net.columns is None else None
        _draw(axes, weights, texts, heads=heads, starts=starts or (), ends=ends)
    ranges = (f"of layers[{i}] from {w.min():.3g} to {w.max():.3g}" for i, w in enumerate(weights))
    figure.set_label(f"The network {' – '.join(map(str, sizes))}: weights {', '.join(ranges)}.")
    return figure


def _draw(
    axes: Any,
    weights: Sequence[NDArray[Any]],
    texts: Sequence[Sequence[str]],
    *,
    heads: Sequence[str] = (),
    starts: Sequence[object] = (),
    ends: Sequence[object] = (),
) -> None:
    """Draw columns of neurons with texts inside, and the edges between them.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    weights : sequence of array (k, m)
    texts : a sequence for each column
    heads : a text above each column, or none
    starts, ends : a text beside each neuron of the first and of the last column, or none
    """
    columns = [_visible(len(column)) for column in texts]
    tallest, count = max(map(len, columns)), len(weights)
    roomy = any(text for column in texts for text in column)
    heights = [[(len(column) - 1) / 2 - r for r in range(len(column))] for column in columns]
    axes.get_figure().set_size_inches(1.2 + 2.2 * count, 0.9 + 0.5 * bool(heads) + (0.95 if roomy else 0.4) * tallest)
    axes.set_axis_off()
    widest = max(float(np.abs(w[np.isfinite(w)]).max(initial=0)) for w in weights) or 1.0
    for i, w in enumerate(weights):
        along = places(heights[i], heights[i + 1], 1, _LABEL) if tallest <= _MOST_LABELLED else []
        for (r, k), (s, j) in product(enumerate(columns[i]), enumerate(columns[i + 1])):
            if k is None or j is None:
                continue
            value, ends_at = float(w[k, j]), (heights[i][r], heights[i + 1][s])
            share = min(abs(value) / widest, 1.0) if math.isfinite(value) else 1.0
            color, dashes = (VERMILION, (0, (3, 1.5))) if value < 0 else (BLUE, "-")
            axes.plot([i, i + 1], ends_at, color=color, linestyle=dashes, linewidth=0.6 + 4 * share, zorder=1)
            if along:
                place = (i + along[r], ends_at[0] + along[r] * (ends_at[1] - ends_at[0]))
                box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
                axes.text(*place, f"{value:.3g}", color=color, ha="center", va="center", fontsize=8, bbox=box)
    marker = {"markersize": 34 if roomy else 13, "markerfacecolor": "white", "markeredgecolor": "black"}
    for i, column in enumerate(columns):
        for y, j in zip(heights[i], column, strict=True):
            if j is None:
                axes.text(i, y, "⋮", ha="center", va="center", fontsize=14)
                continue
            axes.plot([i], [y], "o", zorder=2, **marker)
            axes.text(i, y, texts[i][j], ha="center", va="center", fontsize=8.5, zorder=3)
            if i == 0 and starts:
                axes.text(-0.18, y, starts[j], ha="right", va="center", fontsize=9)
            if i == count and ends:
                axes.text(count + 0.18, y, ends[j], ha="left", va="center", fontsize=9)
        if heads:
            axes.text(i, tallest / 2 + 0.1, heads[i], ha="center", va="bottom", fontsize=9)
    axes.set_xlim(-0.6 if starts else -0.3, count + (0.6 if ends else 0.3))
    axes.set_ylim(-tallest / 2 - 0.1, tallest / 2 + 0.1)


def _visible(count: int) -> list[int | None]:
    """Return the indices of the neurons that are drawn; None stands for those that are left out in the middle."""
    half = _MOST_NEURONS // 2 - 1
    return list(range(count)) if count <= _MOST_NEURONS else [*range(half), None, *range(count - half, count)]


def _histograms(quantities: dict[str, Any]) -> Any:
    with panels(len(quantities)) as (figure, drawn):
        for axes, (name, values) in zip(drawn, quantities.items(), strict=True):
            axes.hist(values.ravel(), 24, color=BLUE)
            axes.set_title(name)
    ranges = (f"{name} from {values.min():.3g} to {values.max():.3g}" for name, values in quantities.items())
    figure.set_label(f"Histograms of a network too large to draw: {', '.join(ranges)}.")
    return figure
