"""Every loss trains as its oracle does, with and without weights of the samples, on every path of a step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import losses, reference

from bounds import flat, max_error
from walks import walk

SOFT = "probabilities"
# A loss, its options for the oracle, and what its y is.
LOSSES = {
    "cross_entropy": ("cross_entropy", {}, "labels"),
    "label smoothing": (
        losses.CrossEntropy(label_smoothing=0.1),
        {"loss": "cross_entropy", "parameter": 0.1},
        "labels",
    ),
    "soft labels": ("cross_entropy", {}, SOFT),
    "binary_cross_entropy": ("binary_cross_entropy", {}, "answers"),
    "smoothed answers": (
        losses.BinaryCrossEntropy(label_smoothing=0.2),
        {"loss": "binary_cross_entropy", "parameter": 0.2},
        "answers",
    ),
    "mse": ("mse", {}, "numbers"),
    "rmse": ("rmse", {}, "numbers"),
    "mae": ("mae", {}, "numbers"),
    "huber": ("huber", {}, "numbers"),
    "huber-0.3": (losses.Huber(delta=0.3), {"loss": "huber", "parameter": 0.3}, "numbers"),
    "poisson": ("poisson", {}, "counts"),
    "quantile": ("quantile", {}, "numbers"),
    "quantile-0.9": (losses.Quantile(0.9), {"loss": "quantile", "parameter": 0.9}, "numbers"),
}
every_loss = pytest.mark.parametrize("name", LOSSES)


def targets(kind, n, m, rng):
    if kind == "labels":
        return rng.integers(0, m, n)
    if kind == SOFT:
        shares = rng.dirichlet(np.ones(m), n)
        shares[::4, 0] = 0  # what is impossible adds nothing to the loss
        return shares / shares.sum(axis=1, keepdims=True)
    if kind == "answers":
        return rng.integers(0, 2, (n, m)).astype(float)
    return rng.poisson(2, (n, m)).astype(float) if kind == "counts" else rng.standard_normal((n, m))


def problem(name, n, m=3, seed=0):
    loss, options, kind = LOSSES[name]
    rng = np.random.default_rng([seed, n, m])
    x, y = rng.standard_normal((n, 5)), targets(kind, n, m, rng)
    return loss, {"loss": loss, **options}, x, y, rng.integers(0, 4, n) + rng.random(n)


def layers_of(net, dtype=float):
    return [(layer.W.astype(dtype), layer.B.astype(dtype)) for layer in net.layers]


@every_loss
@walk("weighted", [False, True])
@walk("n, batch", [(7, 1), (50, 8), (60, 33), (4200, 4100)])
def test_training_equals_the_oracles(name, weighted, n, batch, isa, steps):
    loss, _, x, y, weights = problem(name, n)
    net = fc.Network([5, 33, 3], loss=loss, seed=1, dtype="float64")
    weights = weights if weighted else None
    history = net.fit(x, y, epochs=1, batch_size=batch, sample_weight=weights, optimizer=fc.SGD(0.02))
    layers, mean = trained_by_the_oracle(name, weighted, n, batch)
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-12
    assert history.loss[0] == pytest.approx(mean, rel=1e-12)


@cache
def trained_by_the_oracle(name, weighted, n, batch):
    """The layers after an epoch, and its mean loss."""
    loss, options, x, y, weights = problem(name, n)
    net = fc.Network([5, 33, 3], loss=loss, seed=1, dtype="float64")
    layers, means, of_batches = layers_of(net), [], []
    order = reference.permutation(net.seed, 0, n)
    for begin in range(0, n, batch):
        rows = order[begin : begin + batch]
        w = weights[rows] if weighted else None
        means.append(reference.training_step(layers, x[rows], y[rows], 0.02, **options, weights=w))
        of_batches.append(len(rows) if w is None else w.sum())
    return layers, np.average(means, weights=of_batches)


@every_loss
def test_gradients_and_evaluation_equal_the_oracles(name, dtype, isa):
    loss, options, x, y, weights = problem(name, 75)
    net = fc.Network([5, 40, 3], loss=loss, seed=2, dtype=dtype)
    x, weights = x.astype(dtype), weights.astype(dtype)
    if y.dtype.kind == "f":
        y = y.astype(dtype)
    layers = layers_of(net, np.longdouble)
    value, expected = reference.backward(
        layers, x, y.astype(np.longdouble) if y.ndim == 2 else y, **options, weights=weights
    )
    bound = 8 * (2 * sum(net.sizes) + 75 + 20) * float(np.finfo(dtype).eps)
    assert max_error(flat(net.gradients(x, y, sample_weight=weights)), flat(expected)) <= bound
    assert net.evaluate(x, y, sample_weight=weights)["loss"] == pytest.approx(float(value), rel=bound)


@every_loss
def test_the_oracles_derivative_equals_its_complex_step(name):
    _, options, x, y, weights = problem(name, 9)
    h = x[:, :3] + 0.01
    _, sigma, scale = reference.loss_and_sigma(h, y, **options, weights=weights)
    for at in np.ndindex(h.shape):
        shifted = h.astype(complex)
        shifted[at] += 1e-100j
        slope = np.imag(reference.loss_and_sigma(shifted, y, **options, weights=weights)[0]) / 1e-100
        assert abs(slope - scale * sigma[at]) <= 1e-12 * abs(scale * sigma).max()


@walk("loss", ["mse", "mae", "huber", "quantile", "rmse"])
@pytest.mark.parametrize("output", ["sigmoid", "tanh", "softplus", "gelu", "softmax", "relu", "silu", "mish"])
def test_any_last_layer_goes_with_a_loss_of_errors(loss, output, steps, isa):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((70, 5)), rng.random((70, 3))
    net = fc.Network([5, 33, fc.Dense(3, output)], loss=loss, seed=1, dtype="float64")
    layers = layers_of(net)
    np.testing.assert_allclose(net.predict(x), reference.forward(layers, x, loss=loss, output=output)[-1][1], rtol=1e-9)
    np.testing.assert_allclose(net.predict(x[:2]), net.predict(x)[:2], rtol=0)
    expected = reference.loss_and_sigma(reference.forward(layers, x, loss=loss)[-1][0], y, loss, output=output)[0]
    assert net.evaluate(x, y)["loss"] == pytest.approx(expected, rel=1e-12)
    net.fit(x, y, epochs=2, batch_size=32, shuffle=False, optimizer=fc.SGD(0.02))
    for begin in (0, 32, 64, 0, 32, 64):
        rows = slice(begin, begin + 32)
        reference.training_step(layers, x[rows], y[rows], 0.02, loss=loss, output=output)
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-12


def test_poisson_of_a_softplus(isa):
    x, y = np.random.default_rng(0).standard_normal((40, 5)), np.arange(40.0) % 4
    net = fc.Network([5, 8, fc.Dense(1, "softplus")], loss="poisson", seed=0, dtype="float64")
    value, gradient = reference.backward(layers_of(net), x, y[:, None], loss="poisson", output="softplus")
    assert net.evaluate(x, y)["loss"] == pytest.approx(value, rel=1e-12)
    assert max_error(flat(net.gradients(x, y)), flat(gradient)) <= 1e-12


@pytest.mark.parametrize("output", ["exp", "softplus"])
def test_poisson_of_a_rate_too_small_for_its_type(output, dtype, isa, steps):
    net = fc.Network([1, fc.Dense(1, output)], loss="poisson", dtype=dtype, seed=0)
    net.layers[0].W, x, y = [[-2000]], np.array([[1], [0.75], [1], [0.5]]), np.array([0, 0, 3, 1])
    assert not net.predict(x).any()
    assert net.evaluate(x, y)["loss"] == (3 * 2000 + 1000) / 4  # p - y ln p, with ln p = h_in
    ((dw, db),) = net.gradients(x, y)
    assert (dw.item(), db.item()) == (-3.5 / 4, -1)  # p - y
    layers = [(np.array([[-2000.0]]), np.zeros(1))]
    value, expected = reference.backward(layers, x, y[:, None], loss="poisson", output=output)
    assert (value, *flat(expected)) == (1750, -0.875, -1)
    net.fit(x, y, batch_size=1, epochs=1, optimizer=fc.SGD(2.0), shuffle=False)
    assert net.layers[0].B == 8


@pytest.mark.parametrize("batch", [1, 32])
def test_binary_cross_entropy_is_stable_for_huge_logits(batch, dtype, isa):
    net = fc.Network([1, 1], loss="binary_cross_entropy", dtype=dtype, seed=0)
    net.layers[0].W = [[1e4]]
    x, y = np.array([[1], [-1], [1], [-1]]), np.array([1, 0, 0, 1])
    assert net.evaluate(x, y) == {"loss": 5e3, "accuracy": 0.5}
    assert net.predict(x).ravel().tolist() == [1, 0, 1, 0]
    assert net.fit(x, y, epochs=1, batch_size=batch, optimizer=fc.SGD(1e-6)).loss == [pytest.approx(5e3, rel=1e-3)]


def test_accuracy_of_yes_or_no_counts_rows_that_are_right_everywhere(isa):
    net = fc.Network([2, 2], loss="binary_cross_entropy", seed=0)
    net.layers[0].W, x = np.eye(2) * 9, np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])
    assert net.evaluate(x, [[1, 1], [1, 1], [0, 0], [1, 1]])["accuracy"] == 0.5
    assert net.fit(x, [[1, 1], [1, 1], [0, 0], [1, 1]], epochs=1, batch_size=4).accuracy == [0.5]


def test_the_default_loss_is_that_of_the_last_layer():
    given = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy", "exp": "poisson", "identity": "mse"}
    assert {name: fc.Network([2, fc.Dense(2, name)]).loss for name in given} == given
    assert fc.Network([2, 2]).loss == "cross_entropy"
    assert fc.Network([2, 2], loss=losses.Huber(2)).loss == losses.Huber(2.0)
    assert fc.Network([2, 2], loss=losses.Huber(1)).loss == "huber"


def test_whole_weights_are_repeated_samples():
    x, y = np.random.default_rng(0).standard_normal((6, 4)), np.array([0, 1, 2, 0, 1, 2])
    weights = np.array([1, 2, 1, 3, 0, 2])
    net = fc.Network([4, 9, 3], seed=0, dtype="float64")
    repeated = net.gradients(np.repeat(x, weights, axis=0), np.repeat(y, weights))
    assert max_error(flat(net.gradients(x, y, sample_weight=weights)), flat(repeated)) <= 1e-15


def test_a_batch_that_weighs_nothing_changes_nothing(steps):
    net = fc.Network([3, 8, 2], seed=0)
    before = net.predict(np.eye(3))
    history = net.fit(np.eye(3), [0, 1, 1], sample_weight=[1, 0, 0], batch_size=1, epochs=1, shuffle=False)
    alone = fc.Network([3, 8, 2], seed=0)
    alone.fit(np.eye(3)[:1], [0], batch_size=1, epochs=1)
    assert (net.predict(np.eye(3)) == alone.predict(np.eye(3))).all()
    assert (before != alone.predict(np.eye(3))).any()
    assert history.loss == alone.history.loss


@pytest.mark.parametrize(
    ("loss", "y", "options", "error", "message"),
    [
        ("mze", [0], {}, ValueError, "loss is 'mze': expected one of cross_entropy"),
        (losses.Huber, [0], {}, TypeError, "loss is the class Huber: expected one made of it, like Huber()"),
        (3, [0], {}, TypeError, "loss is 3: expected a name like 'mse', one of fcnet.losses, or a function"),
        ("cross_entropy", [[0.5, 0.6]], {}, ValueError, "y adds up to 1.1 in row 0"),
        ("cross_entropy", [[1.5, -0.5]], {}, ValueError, "y contains -0.5 in row 0, column 1: expected probabilities"),
        ("binary_cross_entropy", [[0.5, 2]], {}, ValueError, "y contains 2.0 in row 0, column 1: expected 0 <= y <= 1"),
        ("poisson", [[0, -1]], {}, ValueError, "y contains -1.0 in row 0, column 1: expected counts"),
        ("mse", [[0, 1]], {"sample_weight": [-1]}, ValueError, "sample_weight has a negative number: expected"),
        ("mse", [[0, 1]], {"sample_weight": [0]}, ValueError, "sample_weight is 0 for all samples"),
        (
            "mse",
            [[0, 1]],
            {"sample_weight": [1, 2]},
            ValueError,
            "sample_weight has shape (2,): expected (1,)",
        ),
        ("mse", [[0, 1]], {"sample_weight": [np.nan]}, ValueError, "sample_weight contains nan in row 0"),
        ("mse", [[0, 1]], {"sample_weight": ["a"]}, TypeError, "sample_weight has dtype <U1"),
    ],
)
def test_what_is_wrong_is_named(loss, y, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        fc.Network([2, 2], loss=loss).fit([[0, 1]], y, **options)


@pytest.mark.parametrize(
    "make",
    [
        lambda: losses.CrossEntropy(label_smoothing=1),
        lambda: losses.BinaryCrossEntropy(-0.1),
        lambda: losses.Huber(0),
        lambda: losses.Huber(np.inf),
        lambda: losses.Quantile(1),
    ],
)
def test_an_option_out_of_range_is_refused(make):
    with pytest.raises(ValueError, match="expected"):
        make()


@pytest.mark.parametrize("output", ["tanh", "sigmoid", "gelu", "softmax", "relu", "softplus"])
@walk("n", [75, 200])
def test_any_last_layer_gives_the_same_bits_with_any_threads(output, n, dtype, isa):
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal((n, 256)), rng.random((n, 64))
    found = set()
    for threads in (1, 2, 3, 2):
        with fc.threads(threads):
            net = fc.Network([256, 64, fc.Dense(64, output)], loss="mse", seed=4, dtype=dtype)
            gradients = net.gradients(x, y)
            net.fit(x, y, epochs=2, batch_size=32, optimizer=fc.SGD(0.5))
        found.add(b"".join(a.tobytes() for a in flat(gradients) + [layer.W for layer in net.layers]))
    assert len(found) == 1


@pytest.mark.parametrize("outputs", [2, 3])
def test_label_smoothing_leaves_the_padding_alone(outputs):
    net = fc.Network([1, outputs], loss=losses.CrossEntropy(label_smoothing=0.5), seed=0)
    x = np.full((60_000, 1), 1e3, np.float32)
    net.fit(x, np.zeros(len(x), int), epochs=1, batch_size=1, shuffle=False, optimizer=fc.SGD(5e31))


@pytest.mark.parametrize("weights", [None, np.ones(64)])
def test_a_sum_of_losses_that_overflows_ends_the_epoch_at_once(weights):
    net = fc.Network([1, 2], dtype="float64", seed=0)
    net.layers[0].W = [[1, 0]]
    x = np.full((64, 1), 1.7e308)
    with pytest.raises(fc.DivergenceError, match="batch 1"):
        net.fit(x, np.ones(64, int), epochs=1, batch_size=1, optimizer=fc.SGD(1e-320), sample_weight=weights)


def test_a_loss_has_its_own_parameter_and_a_subclass_keeps_its_own_fields(tmp_path):
    @dataclass(frozen=True)
    class Median(fc.losses.Quantile):
        weight: float = 3.0

    @dataclass(frozen=True)
    class Squared(fc.losses.MSE):
        weight: float = 3.0

    for loss, plain in ((Median(q=0.25), fc.losses.Quantile(0.25)), (Squared(), fc.losses.MSE())):
        assert loss.parameter == plain.parameter
        assert loss.plain() == plain.plain()
        net, same = (fc.Network([1, 1], loss=each, seed=0) for each in (loss, plain))
        for each in (net, same):
            each.fit([[1], [2]], [1, 2], epochs=2)
        assert (net.predict([[1]]) == same.predict([[1]])).all()
        net.save(tmp_path / "net.safetensors")
        assert fc.load(tmp_path / "net.safetensors").loss == same.loss


def test_a_loss_that_the_core_does_not_know_is_refused():
    @dataclass(frozen=True)
    class Mine(fc.losses.Loss):
        delta: float = 1.0

    for given in (Mine(), fc.losses.Loss()):
        with pytest.raises(TypeError, match=r"loss is a \w+: expected one of fcnet.losses, or a function"):
            fc.Network([2, 2], loss=given)
