"""Networks drawn at random, every option with every other, train as their oracle does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native, reference, schedules

from bounds import flat, max_error
from embeddings import arrays_of

# The optimizer with a learning rate, and the oracle that does the same with a rate of 1.
OPTIMIZERS = [
    (fc.SGD, {}, lambda **o: reference.sgd(1, **o)),
    (fc.SGD, {"momentum": 0.8}, lambda **o: reference.sgd(1, **o)),
    (fc.SGD, {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1}, lambda **o: reference.sgd(1, **o)),
    (fc.Adam, {}, lambda **o: reference.adam(1, **o)),
    (fc.AdamW, {"weight_decay": 0.2, "beta1": 0.7}, lambda **o: reference.adam(1, **o)),
    (fc.NAdam, {}, lambda **o: reference.nadam(1, **o)),
    (fc.RMSprop, {"momentum": 0.5, "epsilon": 1e-3}, lambda **o: reference.rmsprop(1, **o)),
    (fc.Adagrad, {"epsilon": 1e-3}, lambda **o: reference.adagrad(1, **o)),
]
# Smooth ones: where a derivative jumps, rounding may fall on either side.
ACTIVATIONS = ["identity", "sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "mish", "softmax"]
KINKED = ["relu6", "hard_swish", fc.activations.LeakyReLU(0.3), fc.activations.ELU(0.5)]  # now and then
SCHEDULES = [
    None,
    schedules.StepDecay(2, 0.5),
    schedules.ExponentialDecay(0.7),
    schedules.InverseScaling(),
    schedules.Cosine(0.2),
    schedules.OneCycle(),
]
LOSSES = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "mse": "identity", "huber": "identity"}
EPOCHS = 3


def targets(loss, n, m, rng):
    if loss == "cross_entropy":
        return rng.integers(0, m, n)
    if loss == "binary_cross_entropy":
        return rng.integers(0, 2, (n, m)).astype(float)
    return rng.standard_normal((n, m))


def hidden_layer(rng):
    activation = str(rng.choice(ACTIVATIONS))
    softmax = activation == "softmax"
    layer = fc.Dense(
        int(rng.choice([2, 7, 31, 32, 33, 50])),
        activation,
        bias=bool(rng.random() < 0.8),
        dropout=0.0 if softmax else float(rng.choice([0, 0, 0.3])),
        normalization=None if softmax else rng.choice(np.array([None, None, "layer", "batch"])),
    )
    # Two neurons beside each other are normalised to 1 and -1: a 1e-15 in W becomes a 1e-6 in three epochs.
    steep = layer.units == 2 and isinstance(layer.normalization, fc.LayerNorm)
    return replace(layer, normalization=None) if steep else layer


def with_factors(layer, rng):
    """Now and then a layer with other factors, or in the neural tangent parametrisation."""
    if rng.random() < 0.7:
        return layer
    ntp = "ntp" if rng.random() < 0.5 else "standard"
    rates, decays = rng.choice([0.3, 1, 2], 2), rng.choice([0, 1, 3], 2)
    return replace(layer, parametrization=ntp, rate_factor=tuple(rates), decay_factor=tuple(map(float, decays)))


def some_columns(rng):
    """Now and then columns with embeddings, with factors at times."""
    if rng.random() < 0.7:
        return None
    numbers, categories = int(rng.integers(0, 4)), rng.integers(1, 40, rng.integers(0, 3)).tolist()
    of_numbers = {"rate_factor": 0.5, "decay_factor": 2.0} if rng.random() < 0.5 else {}
    of_tables = {"rate_factor": 2.0, "decay_factor": 0.5} if rng.random() < 0.5 else {}
    waves, size = int(rng.choice([1, 5, 16])), int(rng.choice([1, 3, 9]))
    edges = [np.unique(rng.standard_normal(rng.integers(2, 9))) for _ in range(max(numbers, 1))]
    embedding = [
        fc.Periodic(waves, size, 0.3, **of_numbers),
        fc.PLR(waves, size, 0.3, "identity", **of_numbers),
        fc.PiecewiseLinear(edges, size, version=str(rng.choice(["A", "B"])), **of_numbers),
    ][rng.integers(3)]
    if not numbers and not categories:
        return fc.Columns(others=2, categories=[3], **of_tables)
    is_embedded = numbers and (not categories or rng.random() < 0.8)
    others, size = int(rng.integers(0, 3)), int(rng.choice([1, 8, 33]))
    return fc.Columns(numbers, others, embedding if is_embedded else None, categories, size, **of_tables)


def rows_of(columns, n, rng):
    """Numbers, others and codes."""
    codes = [rng.integers(0, count + 1, n) for count in columns.categories]
    return np.column_stack([rng.standard_normal((n, columns.numbers + columns.others)), *codes])


def parametric_of(layer, rng):
    """The parametric activation of a layer, at times with factors."""
    return fc.Parametric(layer.activation, *((0.5, 2.0) if rng.random() < 0.5 else ()))


def by_block(oracle, options, l2, layers, scales, columns):
    """The oracle with the factors of every array; decay spares what is not W, unless a factor says otherwise."""

    def of_array(rate, decay):
        given = dict(options)
        if "weight_decay" in options:
            given |= {"weight_decay": decay * options["weight_decay"], "decay_biases": True}
        update = reference.regularized(oracle(**given), l2=decay * l2, decay_biases=True)

        def times_rate(layers, gradients):
            [(x,)] = layers
            moved = x.copy()
            update([(moved,)], gradients)
            x += rate * (moved - x)

        return times_rate

    factors = []
    for layer, has_scale in zip(layers, scales, strict=True):
        of_weights, of_biases = zip(layer.rate_factor, [each or 0 for each in layer.decay_factor], strict=True)
        gamma = [of_biases] * len(layer.normalization.trained_parts if layer.normalization else ())
        f = layer.activation
        mix = [(f.rate_factor, f.decay_factor or 0)] if isinstance(f, fc.Parametric) else []
        factors.append([of_weights, of_biases, *gamma, *mix, *([(1, 0)] if has_scale else [])])
    if columns:
        of = columns.embedding
        of_numbers = of and (of.rate_factor, of.decay_factor or 0)
        of_tables = columns.rate_factor, columns.decay_factor
        factors.append([of_tables if name == "tables" else of_numbers for name in columns.shapes])
    return reference.by_block(of_array, factors)


def scaled(oracle, rate_of_step, biases):
    """The oracle with the learning rate of each of its steps, leaving out the biases that layers have not."""
    step = iter(rate_of_step)

    def update(layers, gradients):
        moved = [tuple(x.copy() for x in layer) for layer in layers]
        of_layers = zip(gradients[: len(biases)], biases, strict=True)
        of_columns = gradients[len(biases) :]
        oracle(moved, [*((dw, db * has, *others) for (dw, db, *others), has in of_layers), *of_columns])
        rate = next(step)
        for x, to in zip(flat(layers), flat(moved), strict=True):
            x += rate * (to - x)

    return update


def parts(net, multipliers):
    """The arrays of every layer, W as the optimizer sees it, and of the columns."""
    found = []
    for layer, multiplier in zip(net.layers, multipliers, strict=True):
        others = [name for name in ("B", "gamma", "product_bias", "mix", "scale") if hasattr(layer, name)]
        found.append((layer.W / multiplier, *(getattr(layer, name).copy() for name in others)))
    return [*found, arrays_of(net)] if net.columns else found


def check(seed):
    """Trains network number ``seed`` and its oracle; the largest difference, and what was trained."""
    rng = np.random.default_rng(seed)
    loss = str(rng.choice(list(LOSSES)))
    inputs, outputs = int(rng.choice([1, 3, 32, 45])), int(rng.choice([2, 5, 33]))
    hidden = [hidden_layer(rng) for _ in range(rng.integers(0, 4))]
    scales = (np.random.default_rng([seed, 1]).random(len(hidden) + 1) < 0.3).tolist()
    parametric = (np.random.default_rng([seed, 2]).random(len(hidden)) < 0.3).tolist()
    kinked = np.random.default_rng([seed, 5])
    for i, layer in enumerate(hidden):
        if isinstance(layer.normalization, fc.LayerNorm) and kinked.random() < 0.5:
            hidden[i] = layer = replace(layer, normalization=fc.LayerNorm(product_bias=True))
        if layer.activation != "softmax" and kinked.random() < 0.2:
            hidden[i] = replace(layer, activation=KINKED[kinked.integers(len(KINKED))])
    of_columns = np.random.default_rng([seed, 4])
    columns = some_columns(of_columns)
    entries, of_factors = [columns or inputs], np.random.default_rng([seed, 3])
    hidden = [with_factors(layer, of_factors) for layer in hidden]
    for i, layer in enumerate(hidden):
        parametric[i] = parametric[i] and layer.activation not in ("identity", "softmax")
        hidden[i] = replace(layer, activation=parametric_of(layer, of_factors)) if parametric[i] else layer
    last = with_factors(fc.Dense(outputs, LOSSES[loss]), of_factors)
    for layer, has_scale in zip([*hidden, last], scales, strict=True):
        entries += [fc.Scale(), layer] if has_scale else [layer]
    net = fc.Network(entries, loss=loss, seed=seed, dtype="float64")
    n = int(rng.choice([1, 20, 33, 100]))
    batch = int(rng.choice([1, 4, 8, 16, 33, 64]))
    if any(layer.normalization and layer.normalization.name == "batch" for layer in hidden):
        n, batch = max(n, 20), max(batch, 4)  # batch normalisation refuses steps of one sample
    x, y = rng.standard_normal((n, inputs)), targets(loss, n, outputs, rng)
    x = rows_of(columns, n, of_columns) if columns else x
    weights = rng.uniform(0.1, 2, n) if rng.random() < 0.3 else None
    make, options, oracle = OPTIMIZERS[rng.integers(len(OPTIMIZERS))]
    extra = {"l2": 0.01, "clip_norm": 0.5} if rng.random() < 0.3 else {}
    schedule = SCHEDULES[rng.integers(len(SCHEDULES))]
    rate, threads, longest = 0.01, int(rng.integers(1, 4)), float(rng.choice([0, 1]))

    update = by_block(oracle, options, extra.get("l2", 0), [*hidden, last], scales, columns)
    update = reference.regularized(update, clip_norm=extra["clip_norm"]) if extra else update
    multipliers = [
        k**-0.5 if layer.parametrization == "ntp" else 1
        for layer, k in zip([*hidden, last], (len(layer.W) for layer in net.layers), strict=True)
    ]
    steps = -(-n // batch)
    factors = np.ones(steps * EPOCHS)
    if schedule is not None:
        factors = np.concatenate([schedule.factors(i * steps, steps, EPOCHS * steps, steps) for i in range(EPOCHS)])
    layers = parts(net, multipliers)
    update = scaled(update, rate * factors, [layer.bias for layer in net.layers])
    for epoch in range(EPOCHS):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            positions = np.arange(begin, begin + len(rows))
            reference.training_step(
                layers,
                x[rows],
                y[rows],
                update,
                loss=loss,
                activation=[layer.activation for layer in net.layers[:-1]],
                masks=[
                    reference.dropout_mask(net.seed, epoch, i, positions, layer.units, layer.dropout)
                    if layer.dropout
                    else None
                    for i, layer in enumerate(hidden)
                ],
                normalization=[layer.normalization and layer.normalization.name for layer in hidden] + [None],
                weights=None if weights is None else weights[rows],
                parametric=[*parametric, False],
                scaled=scales,
                multipliers=multipliers,
                columns=columns and columns.embedding_of_rows(),
            )

    before = _native._testing.longest_step()
    try:
        _native._testing.set_longest_step(longest)
        with fc.threads(threads):
            net.fit(
                x,
                y,
                epochs=EPOCHS,
                batch_size=batch,
                optimizer=make(rate, **options, **extra),
                schedule=schedule,
                sample_weight=weights,
            )
    finally:
        _native._testing.set_longest_step(before)
    what = (
        f"{net!r}, {make.__name__}({options | extra}), {schedule}, n {n}, batch {batch}, {threads} threads, {longest}"
    )
    return max_error(flat(parts(net, multipliers)), flat(layers)), what


def assert_trains_as_its_oracle(seed):
    error, what = check(seed)
    normalized = "normalization" in what  # which divides by deviations as small as rounding leaves them
    assert error <= (1e-8 if normalized else 1e-10), what


@pytest.mark.filterwarnings("ignore:the last step of an epoch has one sample")
@pytest.mark.parametrize("first", range(0, 80, 10))
def test_random_networks_train_as_their_oracle(first):
    for seed in range(first, first + 10):
        assert_trains_as_its_oracle(seed)
