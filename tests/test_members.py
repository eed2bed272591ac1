"""``members=`` of a network (TabM) against its oracle, on every path of a step and of a prediction."""

from __future__ import annotations

import copy
import pickle
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference

import interop
from bounds import flat, max_error
from walks import walk

ADAPTERS = ["first", "all"]
COUNTS = [1, 2, 8, 16, 32]


def data(n=70, loss="cross_entropy", k=5):
    rng = np.random.default_rng(n)
    x = rng.standard_normal((n, k))
    return x, rng.integers(0, 3, n) if loss == "cross_entropy" else rng.uniform(0, 1, (n, 3))


def network(
    adapters="first", members=32, activation="tanh", loss="cross_entropy", *, dropout=0.0, output=None, **options
):
    hidden = fc.Dense(33, activation, dropout=dropout), fc.Dense(18, activation, dropout=dropout)
    net = fc.Network(
        [5, *hidden, fc.Dense(3, output)], loss=loss, seed=3, members=members, adapters=adapters, **options
    )
    rng = np.random.default_rng(1)  # no number that hides a mistake
    for layer in net.layers:
        for name in set(parts_of(layer)) - {"W"}:
            setattr(layer, name, rng.uniform(0.5, 1.5, getattr(layer, name).shape))
    return net


def parts_of(layer):
    return ("W", "B", *(name for name in "RS" if hasattr(layer, name)))


def layers_of(net):
    """The parameters of every layer that have a gradient, in float64."""
    return [tuple(np.array(getattr(layer, name), float) for name in parts_of(layer)) for layer in net.layers]


def options_of(net, activation="tanh"):
    return {"loss": net.loss, "activation": activation}


@pytest.mark.once
@pytest.mark.parametrize("adapters", ADAPTERS)
@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "binary_cross_entropy"])
def test_the_oracles_gradients_are_those_of_a_complex_step(adapters, loss):
    x, y = data(13, loss)
    layers = layers_of(network(adapters, 4, loss=loss, dtype="float64"))
    weights = np.linspace(0.5, 2, 13)
    options = {"loss": loss, "activation": "tanh", "weights": weights}
    _, gradients = reference.members_backward(layers, x, y, **options)
    for array, gradient in zip(flat(layers), flat(gradients), strict=True):
        assert array.shape == gradient.shape
        for index in list(np.ndindex(array.shape))[:40]:
            moved = [tuple(a.astype(complex) for a in layer) for layer in layers]
            next(m for m, a in zip(flat(moved), flat(layers), strict=True) if a is array)[index] += 1e-30j
            value, _ = reference.members_backward(moved, x, y, **options)
            assert value.imag / 1e-30 == pytest.approx(gradient[index], rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_every_member_of_the_oracle_is_a_network_of_its_own(adapters):
    x, _ = data()
    layers = layers_of(network(adapters, 8, dtype="float64"))
    outputs = reference.members_forward(layers, x, activation="tanh")[-1]
    for m in range(8):
        own = []
        for w, b, *adapter in layers:
            w = w[..., m] if w.ndim == 3 else w
            w = w * adapter[0][:, m, None] if adapter else w
            w = w * adapter[1][:, m] if len(adapter) > 1 else w
            own.append((w, b[:, m] if b.ndim == 2 else b))
        np.testing.assert_allclose(outputs[:, m], reference.forward(own, x, activation="tanh")[-1][1], rtol=1e-12)


OPTIMIZERS = {
    "sgd": (fc.SGD(0.05), lambda: reference.sgd(0.05)),
    "adam": (fc.Adam(0.001), lambda: reference.adam(0.001)),
    "momentum": (fc.SGD(0.05, momentum=0.9), lambda: reference.sgd(0.05, momentum=0.9)),
    "rmsprop": (fc.RMSprop(0.001), lambda: reference.rmsprop(0.001)),
    "clipped": (fc.SGD(0.05, clip_norm=0.1), lambda: reference.regularized(reference.sgd(0.05), clip_norm=0.1)),
    "decay-biases": (
        fc.AdamW(0.001, weight_decay=0.1, decay_biases=True),
        lambda: reference.adam(0.001, weight_decay=0.1, decay_biases=True),
    ),
}


@cache
def trained_by_the_oracle(adapters, members, activation, loss, n, batch, optimizer):
    """The layers after two epochs."""
    x, y = data(n, loss)
    net = network(adapters, members, activation, loss, dtype="float64")
    layers, update = layers_of(net), OPTIMIZERS[optimizer][1]()
    for epoch in range(2):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            _, gradients = reference.members_backward(layers, x[rows], y[rows], **options_of(net, activation))
            update(layers, gradients)
    return layers


@pytest.mark.parametrize(
    ("optimizer", "adapters", "members", "activation", "loss"),
    [
        *(("sgd", a, k, f, "cross_entropy") for a in ADAPTERS for k in COUNTS for f in ("relu", "gelu")),
        *((optimizer, a, 32, "tanh", "cross_entropy") for a in ADAPTERS for optimizer in OPTIMIZERS),
        *(("adam", a, 8, "tanh", loss) for a in ADAPTERS for loss in ("mse", "binary_cross_entropy")),
    ],
)
@walk("n, batch", [(20, 1), (70, 33), (200, 150)])
def test_members_train_as_their_oracle(optimizer, adapters, members, activation, loss, n, batch, steps, isa):
    x, y = data(n, loss)
    net = network(adapters, members, activation, loss, dtype="float64")
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=OPTIMIZERS[optimizer][0])
    layers = trained_by_the_oracle(adapters, members, activation, loss, n, batch, optimizer)
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-11


OUTPUTS = [("cross_entropy", None), ("mse", None), ("binary_cross_entropy", None), ("poisson", None)]
OUTPUTS += [("mse", "tanh"), ("mae", "gelu"), ("poisson", "softplus")]


@pytest.mark.parametrize("adapters", ADAPTERS)
@pytest.mark.parametrize(("loss", "output"), OUTPUTS)
def test_gradients_are_the_oracles(adapters, loss, output, dtype, isa):
    x, y = data(150, loss)
    for members in COUNTS:
        net = network(adapters, members, loss=loss, output=output, dtype=dtype)
        _, expected = reference.members_backward(layers_of(net), x, y, output=output, **options_of(net))
        found = net.gradients(x, y)
        for parts, layer in zip(found, net.layers, strict=True):
            assert [part.shape for part in parts] == [getattr(layer, name).shape for name in parts_of(layer)]
        assert max_error(flat(found), flat(expected)) <= (1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("adapters", ADAPTERS)
@pytest.mark.parametrize(("loss", "output"), OUTPUTS)
def test_predictions_are_the_mean_and_do_not_depend_on_the_rows_beside(adapters, loss, output, isa, threads):
    x, _ = data(200)
    for members in COUNTS:
        net = network(adapters, members, "gelu", loss, output=output, dtype="float64")
        each = reference.members_forward(layers_of(net), x, output=output, **options_of(net, "gelu"))[-1]
        expected = each.mean(axis=1)
        predicted = net.predict(x)
        np.testing.assert_allclose(predicted, expected, rtol=1e-11)
        for rows in (slice(0, 1), slice(3, 10), slice(5, 60), slice(0, 199)):
            assert (net.predict(x[rows]) == predicted[rows]).all()
        if loss == "mse":
            y = predicted + 1
            assert net.evaluate(x, y)["loss"] == pytest.approx(np.mean((each - y[:, None]) ** 2), rel=1e-12)
        elif loss == "binary_cross_entropy":
            assert net.evaluate(x, predicted > 0.5)["accuracy"] == 1
        elif loss == "cross_entropy":
            assert net.evaluate(x, predicted.argmax(axis=1))["accuracy"] == 1


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_the_same_bits_with_any_threads(adapters, dtype, steps, isa):
    x, y = data(200)
    bits = set()
    for threads in (1, 2, 3):
        with fc.threads(threads):
            net = network(adapters, dropout=0.2, dtype=dtype)
            net.fit(x, y, epochs=2, batch_size=96, optimizer=fc.Adam())
            bits.add(pickle.dumps(layers_of(net)) + net.predict(x).tobytes())
    assert len(bits) == 1


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_the_same_bits_where_fma_is_one_rounding(adapters, dtype, isas):
    x, y = data(100)
    bits = set()
    for isa in isas:
        if isa != "portable":
            net = network(adapters, dtype=dtype)
            net.fit(x, y, epochs=2, batch_size=48, optimizer=fc.Adam())
            bits.add(pickle.dumps(layers_of(net)) + net.predict(x).tobytes())
    assert len(bits) <= 1


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_one_member_is_a_plain_network_bit_for_bit(loss, dtype, isa, threads):
    x, y = data(150, loss)
    plain = fc.Network([5, 33, 18, 3], loss=loss, seed=3, dtype=dtype)
    net = fc.Network([5, 33, 18, 3], loss=loss, seed=3, dtype=dtype, members=1)
    net.layers[0].R = np.ones((5, 1))
    for layer, of in zip(net.layers, plain.layers, strict=True):
        layer.W, layer.B = np.reshape(of.W, layer.W.shape), np.reshape(of.B, layer.B.shape)
    assert (net.predict(x) == plain.predict(x)).all()
    optimizer = fc.SGD(0.1)
    for rows in (slice(0, 70), slice(70, 150)):
        net.layers[0].R = np.ones((5, 1))  # which the plain network has not got
        for each in (net, plain):
            each.train_on_batch(x[rows], y[rows], optimizer=optimizer)
    for layer, of in zip(net.layers, plain.layers, strict=True):
        assert (layer.W.reshape(of.W.shape) == of.W).all()
        assert (layer.B.reshape(of.B.shape) == of.B).all()


def test_adapters_in_all_layers_with_s_of_1_are_those_in_the_first(dtype, isa):
    x, y = data(100)
    first, both = (fc.Network([5, 33, 18, 3], seed=3, dtype=dtype, members=8, adapters=a) for a in ADAPTERS)
    for i in range(3):
        of, layer = first.layers[i], both.layers[i]
        layer.W, layer.B = of.W, of.B if i == 2 else np.repeat(of.B[:, None], 8, axis=1)
    both.layers[0].R = first.layers[0].R
    np.testing.assert_allclose(both.predict(x), first.predict(x), rtol=1e-5)
    one, other = first.gradients(x, y), both.gradients(x, y)
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-13}
    for i in range(3):
        np.testing.assert_allclose(other[i][0], one[i][0], **tolerance)
        b = other[i][1] if i == 2 else other[i][1].sum(axis=1)
        np.testing.assert_allclose(b, one[i][1], **tolerance)
    np.testing.assert_allclose(other[0][2], one[0][2], **tolerance)


@pytest.mark.parametrize("adapters", ADAPTERS)
@pytest.mark.parametrize("frozen", [(0,), (1,), (0, 1), (2,), (0, 2), (0, 1, 2)])
@walk("batch", [5, 33])
def test_what_is_frozen_stays_and_hands_sigma_on(adapters, frozen, batch, steps):
    x, y = data()
    net = network(adapters, 8, dtype="float64")
    layers = layers_of(net)
    for i in frozen:
        net.layers[i].freeze()
    net.fit(x, y, epochs=1, batch_size=batch, shuffle=False, optimizer=fc.SGD(0.05))
    for begin in range(0, len(x), batch):
        rows = slice(begin, begin + batch)
        _, gradients = reference.members_backward(layers, x[rows], y[rows], **options_of(net))
        for i in {0, 1, 2} - set(frozen):
            layers[i] = tuple(part - 0.05 * g for part, g in zip(layers[i], gradients[i], strict=True))
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-12
    assert [layer.trainable for layer in pickle.loads(pickle.dumps(net)).layers] == [i not in frozen for i in range(3)]


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_weights_of_rows_count_for_all_members(adapters, steps):
    x, y = data()
    weights = np.random.default_rng(2).uniform(0, 2, len(x))
    net = network(adapters, 4, dtype="float64")
    layers = layers_of(net)
    _, gradients = reference.members_backward(layers, x, y, weights=weights, **options_of(net))
    net.fit(x, y, epochs=1, batch_size=len(x), sample_weight=weights, shuffle=False, optimizer=fc.SGD(0.05))
    moved = [part - 0.05 * g for part, g in zip(flat(layers), flat(gradients), strict=True)]
    assert max_error(flat(layers_of(net)), moved) <= 1e-12


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_dropout_drops_every_members_neurons_by_themselves(adapters, steps):
    x, y = data(40)
    net = network(adapters, 8, dropout=0.3, dtype="float64")
    layers = layers_of(net)
    net.fit(x, y, epochs=1, batch_size=40, shuffle=False, optimizer=fc.SGD(0.05))
    samples = np.arange(40 * 8, dtype=np.uint64)
    masks = [reference.dropout_mask(net.seed, 0, i, samples, size, 0.3) for i, size in enumerate((33, 18))]
    masks = [np.asarray(mask).reshape(40, 8, -1) for mask in masks]
    _, gradients = reference.members_backward(layers, x, y, masks=masks, **options_of(net))
    moved = [part - 0.05 * g for part, g in zip(flat(layers), flat(gradients), strict=True)]
    assert max_error(flat(layers_of(net)), moved) <= 1e-12


def test_first_values_are_those_of_the_paper_and_depend_on_the_seed_only():
    net = fc.Network([50, 400, 300, 2], seed=5, dtype="float64", members=32, adapters="all")
    for layer, k in zip(net.layers, (50, 400, 300), strict=True):
        for part in (layer.W, layer.B):
            assert -(k**-0.5) <= part.min() < -0.9 * k**-0.5
            assert 0.9 * k**-0.5 < part.max() <= k**-0.5
    assert set(net.layers[0].R.ravel()) == {-1, 1}
    assert abs(net.layers[0].R.mean()) < 0.1
    assert (net.layers[1].R == 1).all()
    assert all((layer.S == 1).all() and (layer.B == layer.B[:, :1]).all() for layer in net.layers[:2])
    assert (net.layers[2].B != net.layers[2].B[:, :1]).any()
    first = fc.Network([50, 400, 300, 2], seed=5, members=32)
    assert (first.layers[0].R == net.layers[0].R).all()
    assert not hasattr(first.layers[1], "R")
    assert (fc.Network([50, 400, 300, 2], seed=6, members=32).layers[1].W != first.layers[1].W).any()


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_two_fits_are_one_with_a_file_a_pickle_or_a_copy_between(adapters, tmp_path):
    x, y = data()
    whole, half = network(adapters, 8), network(adapters, 8)
    options = {"batch_size": 32, "optimizer": fc.Adam(), "averaging": fc.EMA(0.9)}
    whole.fit(x, y, epochs=4, **options)
    half.fit(x, y, epochs=2, **options)
    half.save(tmp_path / "half.safetensors")
    for again in (pickle.loads(pickle.dumps(half)), copy.deepcopy(half), fc.load(tmp_path / "half.safetensors"), half):
        assert repr(again) == repr(half)
        assert (again.members, again.adapters) == (8, adapters)
        again.fit(x, y, epochs=2, **options)
        assert pickle.dumps(layers_of(again)) == pickle.dumps(layers_of(whole))
        assert (again.predict(x) == whole.predict(x)).all()
    assert eval(repr(half), {"Dense": fc.Dense, "Network": fc.Network}).layers[0].R.shape == (5, 8)


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_a_gradient_that_is_given_makes_the_same_step(adapters):
    x, y = data()
    one, other = network(adapters, 8), network(adapters, 8)
    one.train_on_batch(x, y, optimizer=fc.Adam())
    other.apply_gradients(other.gradients(x, y), optimizer=fc.Adam())
    assert max_error(flat(layers_of(other)), flat(layers_of(one))) <= 1e-5
    assert one.parameters.shape == (sum(part.size for part in flat(layers_of(one))),)
    other.parameters = one.parameters
    assert (other.predict(x) == one.predict(x)).all()
    other.blend(one, 0.5)
    third = network(adapters, 8)
    third.copy_parameters(one)
    assert (third.predict(x) == one.predict(x)).all()
    with pytest.raises(ValueError, match="other has"):
        network(adapters, 4).copy_parameters(one)


def test_summary_and_layers_say_what_members_have():
    net = network("all", 8)
    assert "8 of B, R, S" in net.summary()
    assert "18 x 3 x 8" in net.summary()
    assert net.layers[0].B.shape == (33, 8)
    assert net.layers[2].W.shape == (18, 3, 8)
    assert net.summary().count("8 of W, B") == 1
    total = sum(part.size for part in flat(layers_of(net)))
    assert f"{total:,}" in net.summary()
    with pytest.raises(AttributeError, match="a layer without S of members has no S"):
        network("first").layers[0].S  # noqa: B018
    with pytest.raises(ValueError, match=r"R has shape \(5,\)"):
        net.layers[0].R = np.ones(5)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ([5, 3], {"members": 8}, "members is given, and there is no hidden layer"),
        ([5, 8, 3], {"members": 33}, "members is 33: expected"),
        ([5, 8, 3], {"members": 12}, "members is 12: expected 1, 2, 4, 8, 16 or 32"),
        ([5, 8, 3], {"adapters": "all"}, "adapters is 'all', and members is None"),
        ([5, 8, 3], {"members": 8, "adapters": "none"}, "adapters is 'none': expected 'first' or 'all'"),
        ([5, 8, 3], {"members": 8, "loss": "rmse"}, "loss is 'rmse', one of a whole batch"),
        ([5, 8, 3], {"members": 8, "loss": lambda p, y: (0.0, p)}, "one of a whole batch"),
        ([5, fc.Scale(), 8, 3], {"members": 8}, r"layers\[0\] has Scale"),
        ([5, fc.Dense(8, normalization="batch"), 3], {"members": 8}, r"layers\[0\] has normalization"),
        ([5, fc.Dense(8, fc.Parametric("mish")), 3], {"members": 8}, r"layers\[0\] has Parametric"),
        ([5, 8, fc.Dense(3, bias=False)], {"members": 8}, r"layers\[1\] has bias=False"),
        ([5, fc.Dense(8, parametrization="ntp"), 3], {"members": 8}, r"layers\[0\] has parametrization='ntp'"),
        ([5, 8, fc.Dense(3, init=fc.initializers.Constant(0))], {"members": 8}, r"layers\[1\] has init"),
        ([fc.Columns(2, categories=[3]), 8, 3], {"members": 8}, r"sizes\[0\] is Columns"),
    ],
)
def test_what_members_do_not_go_together_with_is_refused_by_name(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        fc.Network(arguments, **options)


def test_what_does_not_know_members_says_so():
    x, y = data()
    net = network()
    calls = {
        "vjp": lambda: net.vjp(x),
        "input_gradient": lambda: net.input_gradient(x),
        "jacobian": lambda: net.jacobian(x),
        "jvp": lambda: net.jvp(x, x),
        "hvp": lambda: net.hvp(x, np.ones((70, 3)), x),
        "laplacian": lambda: net.laplacian(x),
        "activations": lambda: net.activations(x),
        "explain": lambda: net.explain(x, y),
        "check_gradients": lambda: net.check_gradients(x, y),
        "diagnose": lambda: net.diagnose(x, y),
        "output='logits'": lambda: net.predict(x, output="logits"),
        "from_data": lambda: fc.initializers.from_data(net, x),
    }
    for name, call in calls.items():
        with pytest.raises(ValueError, match=f"the network has members, which {name} does not know"):
            call()


LOSSES = [
    "cross_entropy",
    "binary_cross_entropy",
    fc.losses.Quantile([0.1, 0.5, 0.9]),
    fc.losses.CrossEntropy(label_smoothing=0.2),
]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_one_member_fits_and_is_judged_as_a_plain_network(loss):
    x, classes = data(150)
    _, y = data(150, "mse")
    if loss == "binary_cross_entropy":
        y = np.round(y)
    elif isinstance(loss, fc.losses.Quantile):
        y = y[:, :1]
    else:
        y = classes
    x[x < 0] = 0
    common = {"loss": loss, "seed": 3, "dtype": "float64", "scale": 0.5, "offset": 0.0}
    plain = fc.Network([5, 33, 18, 3], **common)
    net = fc.Network([5, 33, 18, 3], members=1, **common)
    net.layers[0].R = np.ones((5, 1))
    for layer, of in zip(net.layers, plain.layers, strict=True):
        layer.W, layer.B = np.reshape(of.W, layer.W.shape), np.reshape(of.B, layer.B.shape)
    assert net.evaluate(x, y) == pytest.approx(plain.evaluate(x, y), rel=1e-12)
    assert net.predict(np.empty((0, 5))).shape == (0, 3)
    assert (net.predict(x[:, ::-1].copy()[:, ::-1]) == net.predict(x)).all()
    options = {
        "epochs": 3,
        "batch_size": 33,
        "optimizer": fc.SGD(0.1),
        "validation_split": 0.2,
        "early_stopping": fc.EarlyStopping(),
        "schedule": fc.schedules.FlatCosine(),
        "sample_weight": np.linspace(0.5, 2, 150),
        "progress": False,
    }
    for each in (net, plain):
        each.layers[0].freeze()  # the plain network has no R
        each.fit(x, y, **options)
    for name in plain.history:
        if name != "seconds":
            assert net.history[name] == pytest.approx(plain.history[name], rel=1e-10), name
    for layer, of in zip(net.layers, plain.layers, strict=True):
        np.testing.assert_allclose(layer.W.reshape(of.W.shape), of.W, rtol=1e-10)
    np.testing.assert_allclose(net.predict(x), plain.predict(x), rtol=1e-10)


@pytest.mark.interop
@pytest.mark.parametrize("adapters", ADAPTERS)
def test_sparse_rows_are_the_same_rows(adapters):
    scipy = interop.library("scipy.sparse")
    x, y = data(70)
    x[np.random.default_rng(1).uniform(size=x.shape) < 0.95] = 0
    nets = [network(adapters, 8, dtype="float64") for _ in range(2)]
    for net, rows in zip(nets, (x, scipy.csr_array(x)), strict=True):
        net.fit(rows, y, epochs=1, batch_size=35, progress=False)
    assert pickle.dumps(layers_of(nets[0])) == pickle.dumps(layers_of(nets[1]))
    assert (nets[0].predict(scipy.csr_array(x)) == nets[0].predict(x)).all()


@pytest.mark.parametrize("adapters", ADAPTERS)
def test_batches_are_the_same_rows(adapters):
    x, y = data(70)
    whole, batches = network(adapters, 8), network(adapters, 8)
    whole.fit(x, y, epochs=1, batch_size=35, shuffle=False, progress=False)
    batches.fit([(x[:35], y[:35]), (x[35:], y[35:])], epochs=1, progress=False)
    assert pickle.dumps(layers_of(batches)) == pickle.dumps(layers_of(whole))


def test_the_loss_of_one_output_is_that_of_all_members():
    x, y = data(40, "mse")
    net = network("all", 4, loss="mse", dtype="float64")
    layers = layers_of(net)
    picks = np.arange(40) % 3
    h = reference.members_forward(layers, x, loss="mse", activation="tanh")[-1]
    expected = np.mean((h[np.arange(40), :, picks] - y[:, :1]) ** 2)
    loss = net.train_on_batch(x, y[:, :1], outputs=picks, optimizer=fc.SGD(0.01))["loss"]
    assert loss == pytest.approx(expected, rel=1e-12)


def test_dropout_while_predicting_is_repeatable():
    x, _ = data(40)
    net = network("all", 4, dropout=0.3)
    one, other = (net.predict(x, dropout=True, seed=seed) for seed in (1, 2))
    assert (one == net.predict(x, dropout=True, seed=1)).all()
    assert (one != other).any()


class Counting:
    """A model that counts its predictions."""

    def __init__(self, model):
        self._model, self.predictions = model, 0

    def __getattr__(self, name):
        return getattr(self._model, name)

    def as_now(self):
        return self

    def predict(self, *arguments):
        self.predictions += 1
        return self._model.predict(*arguments)


@pytest.mark.parametrize("in_batches", [False, True])
def test_the_accuracy_and_the_metrics_of_members_take_one_prediction(in_batches):
    random = np.random.default_rng(0)
    x, y = random.standard_normal((40, 3)), random.integers(0, 3, 40)
    net = fc.Network([3, 8, 3], members=4, seed=0)
    given = ([(x, y)],) if in_batches else (x, y)
    expected = net.evaluate(*given, metrics=["log_loss", "f1_macro"])
    counting = net._state.model = Counting(net._state.model)
    assert net.evaluate(*given, metrics=["log_loss", "f1_macro"]) == expected
    assert counting.predictions == 1
    assert expected["log_loss"] == pytest.approx(fc.metrics.log_loss(y, net.predict(x)))
