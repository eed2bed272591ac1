"""Networks of every kind, drawn at random, and onnxruntime, for the tests of ONNX."""

from __future__ import annotations

import numpy as np

import fcnet as fc
from fcnet.activations import ELU, LeakyReLU

from interop import library

ACTIVATIONS = [
    *("identity", "relu", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus"),
    *("gelu", "gelu_tanh", "silu", "mish", "softmax"),
]
MORE = ["exp", "relu6", "hard_swish", LeakyReLU(0.3), LeakyReLU(1.5), ELU(0.5)]
LOSSES = [
    *("cross_entropy", "cross_entropy", "binary_cross_entropy", "mse", "rmse", "mae", "huber", "poisson", "quantile"),
    fc.losses.Quantile([0.1, 0.5, 0.9]),
]


def custom_loss(output, target):
    return float(((output - target) ** 2).mean()), 2 * (output - target) / output.size


def some_layer(rng, units, loss, *, plain, last):
    """A layer with any options, or with those that members allow."""
    hidden = [*ACTIVATIONS, *MORE[1:]]
    activation = "identity" if last else hidden[rng.integers(len(hidden))]
    if last and loss == "poisson":
        activation = str(rng.choice(["exp", "softplus"]))
    elif last and loss in ("cross_entropy", "binary_cross_entropy"):
        activation = {"c": "softmax", "b": "sigmoid"}[loss[0]]
    elif last:
        activation = str(rng.choice(["identity", "tanh", "mish"]))
    norms = [None, None, None, "layer", fc.LayerNorm(product_bias=True), "batch", "batch"]
    norm = None if plain or last or activation == "softmax" else norms[rng.integers(len(norms))]
    can_mix = not (plain or last) and activation not in ("identity", "softmax")
    given = fc.Parametric(activation) if can_mix and rng.random() < 0.2 else activation
    ntp = "ntp" if not plain and rng.random() < 0.1 else "standard"
    bias = bool(plain or rng.random() < 0.8)
    return fc.Dense(units, given, normalization=norm, bias=bias, parametrization=ntp)


def some_columns(rng):
    """Columns with embeddings of any kind."""
    numbers, others = int(rng.integers(1, 4)), int(rng.integers(0, 3))
    size, edges = int(rng.integers(1, 6)), [np.unique(rng.standard_normal(rng.integers(2, 9))) for _ in range(numbers)]
    embedding = [
        None,
        fc.Periodic(5, size, 0.5),
        fc.PLR(4, size, 0.5, lite=bool(rng.random() < 0.5)),
        fc.PLR(4, size, 0.5, "identity"),
        fc.PiecewiseLinear(edges, size),
        fc.PiecewiseLinear(edges, size, version="A", activation="relu"),
    ][rng.integers(6)]
    categories = rng.integers(1, 9, rng.integers(0 if embedding else 1, 3)).tolist()
    return fc.Columns(numbers, others, embedding, categories, int(rng.integers(1, 5)))


def set_parameters(net, rng):
    """Draw every array of a network, so that no number hides a mistake."""
    for layer in net.layers:
        layer.W = np.asarray(layer.W) * rng.uniform(0.5, 1.5, layer.W.shape)
        layer.B = rng.standard_normal(layer.B.shape) * layer.bias
        ranges = {"gamma": (0.5, 2), "mean": (-1, 1), "variance": (0.2, 3), "mix": (-1, 2), "product_bias": (-1, 1)}
        for name, (least, most) in ranges.items():
            if hasattr(layer, name):
                setattr(layer, name, rng.uniform(least, most, getattr(layer, name).shape))
        for name in ("scale", "R", "S"):
            if hasattr(layer, name):
                setattr(layer, name, rng.uniform(-1.5, 1.5, getattr(layer, name).shape))
    if net.columns is not None:
        for name in net.columns.specification.shapes:
            if name not in ("tables", "frequencies"):
                setattr(net.columns, name, rng.standard_normal(getattr(net.columns, name).shape))


def some_classes(rng, loss, outputs):
    count = {"cross_entropy": outputs, "binary_cross_entropy": 2 if outputs == 1 else None}.get(str(loss))
    if count is None or rng.random() < 0.5:
        return None
    return [f"class {i}" for i in range(count)] if rng.random() < 0.5 else rng.permutation(100)[:count].tolist()


def some_network(seed):
    """A network drawn at random, and rows of its inputs."""
    rng = np.random.default_rng(seed)
    members = int(rng.choice([1, 2, 8])) if rng.random() < 0.2 else None
    columns = some_columns(rng) if members is None and rng.random() < 0.3 else None
    inputs = columns or int(rng.integers(1, 21))
    loss = LOSSES[rng.integers(len(LOSSES))] if members is None or rng.random() < 0.7 else "cross_entropy"
    if members and loss == "rmse":
        loss = "mse"
    if members is None and rng.random() < 0.1:
        loss = custom_loss
    outputs = int(rng.choice([2, 3, 7])) if loss == "cross_entropy" else int(rng.choice([1, 1, 3]))
    outputs = outputs * 3 if isinstance(loss, fc.losses.Loss) else outputs
    hidden = rng.choice([2, 5, 17, 33, 40], int(rng.integers(1 if members else 0, 4)))
    sizes = [inputs]
    for i, units in enumerate([*hidden, outputs]):
        if members is None and rng.random() < 0.15:
            sizes.append(fc.Scale())
        sizes.append(some_layer(rng, int(units), loss, plain=members is not None, last=i == len(hidden)))
    if members is None and len(hidden) and isinstance(sizes[1], fc.Dense) and rng.random() < 0.1:
        sizes[1] = int(hidden[0])
    k = columns.inputs if columns else inputs
    scale, offset = np.ones(k), np.zeros(k)
    if rng.random() < 0.5:
        numbers = columns.numbers + columns.others if columns else k
        scale[:numbers] = rng.uniform(0.01, 3, numbers)
        offset[:numbers] = rng.normal(0, 3, numbers)
    options = {"members": members, "adapters": str(rng.choice(["first", "all"]))} if members else {}
    classes = some_classes(rng, loss, outputs)
    dtype = str(rng.choice(["float32", "float32", "float64"]))
    net = fc.Network(sizes, loss=loss, seed=seed, scale=scale, offset=offset, dtype=dtype, classes=classes, **options)
    set_parameters(net, rng)
    x = offset + rng.standard_normal((64, k)) / scale
    if columns is not None and columns.categories:
        first = columns.numbers + columns.others
        x[:, first:] = np.column_stack([rng.integers(0, count + 1, 64) for count in columns.categories])
    return net, x.astype(np.float32)


def outputs_of(model, *x, **named):
    """The outputs of onnxruntime by their names; the model is checked before."""
    onnx, onnxruntime = library("onnx"), library("onnxruntime")
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    given = named or {session.get_inputs()[0].name: x[0]}
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, given), strict=True))


def assert_is_the_network(seed, opset):
    """In onnxruntime a network drawn at random gives its probabilities or values, and its labels, in any batch."""
    net, x = some_network(seed)
    model = net.to_onnx(opset=opset)
    for rows in (0, 1, 64):
        expected, found = net.predict(x[:rows]), outputs_of(model, x[:rows])
        values = found[list(found)[-1]]
        if values.shape[1] == 2 and expected.shape[1] == 1:
            expected = np.hstack([1 - expected, expected])
        bound = 1e-4 * np.abs(expected).max(initial=0)
        assert values.shape == expected.shape
        np.testing.assert_allclose(values, expected, rtol=0, atol=bound)
        if "label" in found:
            assert_labels(net, x[:rows], found["label"], expected, bound)


def assert_labels(net, x, labels, p, bound):
    """Labels are those of the network, unless two outputs are closer than the bound."""
    if labels.ndim == 2:
        is_sure = np.abs(p - 0.5) > bound
        assert labels.shape == p.shape
        np.testing.assert_array_equal(labels[is_sure], (p > 0.5)[is_sure])
        return
    ordered = np.sort(p, axis=1)
    is_sure = ordered[:, -1] - ordered[:, -2] > 2 * bound
    assert labels.shape == (len(x),)
    if len(x):
        assert labels[is_sure].tolist() == net.predict_classes(x)[is_sure].tolist()
