"""Several quantiles by one network: an output each, sorted where they are predicted."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference
from fcnet.losses import Quantile

from bounds import flat, max_error

LEVELS = [0.1, 0.5, 0.9]


def problem(n=70, targets=1):
    rng = np.random.default_rng(n)
    x = rng.standard_normal((n, 4))
    y = x[:, :targets] + rng.standard_normal((n, targets)) * (1 + np.abs(x[:, 3:]))
    return x, y if targets > 1 else y[:, 0]


def network(targets=1, levels=LEVELS, output="identity", **options):
    last = fc.Dense(targets * len(levels), output)
    return fc.Network([4, 33, last], loss=Quantile(levels), seed=3, **{"dtype": "float64"} | options)


def layers_of(net):
    return [(layer.W.astype(float), layer.B.astype(float)) for layer in net.layers]


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("output", ["identity", "softplus"])
@pytest.mark.parametrize(("n", "batch"), [(20, 1), (70, 33), (4200, 4100)])
def test_it_trains_as_its_oracle(n, batch, output, weighted, targets, isa):
    x, y = problem(n, targets)
    weights = np.random.default_rng(1).random(n) if weighted else None
    net = network(targets, output=output)
    layers = layers_of(net)
    net.fit(x, y, epochs=1, batch_size=batch, optimizer=fc.SGD(0.05), sample_weight=weights)
    levels, each = np.resize(LEVELS, 3 * targets), np.repeat(y.reshape(n, targets), 3, axis=1)
    order = reference.permutation(net.seed, 0, n)
    for begin in range(0, n, batch):
        rows = order[begin : begin + batch]
        options = {"loss": "quantile", "parameter": levels, "output": output}
        options["weights"] = None if weights is None else weights[rows]
        reference.training_step(layers, x[rows], each[rows], 0.05, **options)
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-12
    h_in = reference.forward(layers, x, output=output)[-1][0]
    loss, _, _ = reference.loss_and_sigma(h_in, each, "quantile", output=output, parameter=levels, weights=weights)
    assert net.evaluate(x, y, sample_weight=weights)["loss"] == pytest.approx(loss, rel=1e-12)


def test_its_loss_and_gradients_are_the_means_of_single_quantiles():
    x, y = problem()
    net, losses, gradients = network(), [], []
    for j, level in enumerate(LEVELS):
        one = fc.Network([4, 33, 1], loss=Quantile(level), seed=3, dtype="float64")
        one.layers[1].W, one.layers[1].B = net.layers[1].W[:, [j]], net.layers[1].B[[j]]
        losses.append(one.evaluate(x, y)["loss"])
        gradients.append(one.gradients(x, y)[0][0])
    assert net.evaluate(x, y)["loss"] == pytest.approx(np.mean(losses), rel=1e-12)
    assert max_error([net.gradients(x, y)[0][0]], [np.mean(gradients, axis=0)]) <= 1e-12
    assert net.check_gradients(x, y).passed
    net.explain(x[:4], y[:4], steps=2)  # which raises where a number is not the reference's


@pytest.mark.parametrize("n", [1, 5, 9, 100])
@pytest.mark.parametrize("targets", [1, 2])
def test_what_is_predicted_is_sorted_for_every_target(targets, n, dtype, threads):
    net = network(targets, [0.05, 0.25, 0.5, 0.75, 0.95], dtype=np.dtype(dtype).name)
    x = np.random.default_rng(0).standard_normal((n, 4))
    x[n // 2, 0] = np.nan if n > 1 else 0
    as_they_are = net.activations(x)[-1]
    assert (np.diff(as_they_are.reshape(n, targets, 5)) < 0).any()  # before any fit they cross
    expected = np.sort(as_they_are.reshape(n, targets, 5)).reshape(n, -1)
    np.testing.assert_array_equal(net.predict(x), expected)
    np.testing.assert_array_equal(net.predict(x, output="logits"), as_they_are)
    np.testing.assert_array_equal(net.predict(x[:1]), expected[:1])


def test_so_many_rows_lie_below_each():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (4000, 4))
    y = x.sum(axis=1) + (1 + x[:, 0]) * rng.standard_normal(4000)
    net = network(dtype="float32")
    net.fit(x, y, epochs=20, optimizer=fc.Adam(0.01), schedule=fc.schedules.Cosine())
    below = (y[:, None] <= net.predict(x)).mean(axis=0)
    assert np.abs(below - LEVELS).max() < 0.05


@pytest.mark.parametrize("way", ["file", "pickle", "deepcopy"])
def test_they_stay_with_the_network(way, tmp_path):
    x, y = problem(targets=2)
    net = network(2)
    net.fit(x, y, epochs=1)
    if way == "file":
        net.save(tmp_path / "net")
        again = fc.load(tmp_path / "net")
    else:
        again = copy.deepcopy(net) if way == "deepcopy" else pickle.loads(pickle.dumps(net))
    assert again.loss == net.loss == Quantile(LEVELS)
    for one in (net, again):
        one.fit(x, y, epochs=1)
    assert again.predict(x).tobytes() == net.predict(x).tobytes()


def test_metrics_by_name_are_of_the_median_and_functions_get_all():
    x, y = problem(targets=2)
    net, seen = network(2), []

    def own(y_true, output):
        seen.append((y_true.shape, output.shape, (np.diff(output[:, :3]) >= 0).all()))
        return 0.0

    figures = net.evaluate(x, y, metrics={"mae": "mae", "own": own})
    assert figures["mae"] == pytest.approx(np.abs(y - net.predict(x)[:, [1, 4]]).mean())
    assert seen == [((70, 6), (70, 6), True)]
    with pytest.raises(ValueError, match="metrics has 'r2', which needs the median: expected 0.5 in Quantile"):
        network(levels=[0.1, 0.9]).evaluate(x, y[:, 0], metrics=["r2"])


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: Quantile([0.9, 0.1]), ValueError, "expected ascending numbers"),
        (lambda: Quantile([0.1, 0.1]), ValueError, "expected ascending numbers"),
        (lambda: Quantile([]), ValueError, "expected numbers 0 < q < 1"),
        (lambda: Quantile([0.1, 1]), ValueError, "expected numbers 0 < q < 1"),
        (lambda: Quantile([0.1, float("nan")]), ValueError, "expected numbers 0 < q < 1"),
        (lambda: Quantile(["0.1"]), TypeError, "q contains '0.1': expected numbers"),
        (lambda: Quantile("0.5"), TypeError, "expected a number, or a list"),
        (lambda: Quantile([[0.1, 0.9]]), TypeError, "expected a number, or a list"),
        (lambda: fc.Network([4, 4], loss=Quantile(LEVELS)), ValueError, "3 quantiles, and there are 4 outputs"),
        (lambda: network().evaluate(*problem(targets=2)), ValueError, r"y has shape \(70, 2\)"),
    ],
)
def test_what_is_wrong_with_them_is_said(use, error, message):
    with pytest.raises(error, match=message):
        use()


def test_a_sequence_may_be_an_array():
    assert Quantile(np.array(LEVELS)) == Quantile(tuple(LEVELS)) == Quantile(LEVELS)
    assert hash(Quantile(LEVELS)) == hash(Quantile(np.array(LEVELS)))
    assert repr(Quantile(np.array(LEVELS))) == "Quantile(q=(0.1, 0.5, 0.9))"
