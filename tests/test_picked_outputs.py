"""Steps whose loss is that of one output of each row."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference

LOSSES = {
    "mse": fc.losses.MSE(),
    "rmse": fc.losses.RMSE(),
    "mae": fc.losses.MAE(),
    "huber": fc.losses.Huber(0.5),
    "poisson": fc.losses.Poisson(),
    "binary_cross_entropy": fc.losses.BinaryCrossEntropy(),
    "quantile": fc.losses.Quantile(0.3),
}
SIZES = [4, 33, 5]


def problem(n, loss="mse", dtype=np.float32):
    rng = np.random.default_rng(n)
    x = rng.standard_normal((n, SIZES[0])).astype(dtype)
    outputs = rng.integers(0, SIZES[-1], n)
    y = rng.integers(0, 2, n) if loss == "binary_cross_entropy" else np.abs(rng.standard_normal(n))
    return x, y.astype(dtype), outputs, (0.25 + rng.random(n)).astype(dtype)


def network(loss, dtype=np.float32, **options):
    loss = LOSSES[loss] if isinstance(loss, str) else loss
    return fc.Network(SIZES, loss=loss, seed=3, dtype=np.dtype(dtype).name, activation="tanh", **options)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n", [1, 7, 64, 100, 2049])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_on_picked_outputs_is_the_references(loss, n, weighted, dtype, threads, steps):
    x, y, outputs, weights = problem(n, loss, dtype)
    weights = weights if weighted else None
    net = network(loss, dtype)
    layers = [(layer.W.astype(float), layer.B.astype(float)) for layer in net.layers]
    parameter = {"huber": 0.5, "quantile": 0.3}.get(loss)
    value, gradients = reference.backward(
        layers, x.astype(float), y, loss=loss, activation="tanh", parameter=parameter, weights=weights, outputs=outputs
    )
    before = net.parameters
    result = net.train_on_batch(x, y, outputs=outputs, sample_weight=weights, optimizer=fc.SGD(1))
    eps = float(np.finfo(dtype).eps)
    assert result["loss"] == pytest.approx(value, rel=100 * eps)
    moved = (before - net.parameters).astype(float)
    expected = fc.Gradients(gradients).flat
    np.testing.assert_allclose(moved, expected, rtol=0, atol=60 * eps * max(1, np.abs(before).max()))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_references_gradient_of_picked_outputs_equals_central_differences(loss):
    x, y, outputs, weights = problem(9, loss, np.float64)
    rng = np.random.default_rng(0)
    layers = [
        (rng.standard_normal((4, 6)), rng.standard_normal(6)),
        (rng.standard_normal((6, 5)), rng.standard_normal(5)),
    ]
    options = {"loss": loss, "activation": "tanh", "outputs": outputs, "weights": weights}
    _, gradients = reference.backward(layers, x, y, **options)
    for i, (dw, _) in enumerate(gradients):
        for at in [(0, 0), (1, 2), (3, 4)]:
            values = []
            for step in (1e-6, -1e-6):
                shifted = [(w.copy(), b) for w, b in layers]
                shifted[i][0][at] += step
                values.append(reference.backward(shifted, x, y, **options)[0])
            assert (values[0] - values[1]) / 2e-6 == pytest.approx(dw[at], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("n", [1, 8, 65, 300])
def test_a_step_on_picked_outputs_is_that_of_a_loss_in_python(n, dtype):
    x, y, outputs, _ = problem(n, "mse", dtype)

    def picked(output, target):
        at = np.arange(len(target)), target[:, 1].astype(int)
        slope = np.zeros_like(output)
        slope[at] = 2 * (output[at] - target[:, 0]) / len(target)
        return float(((output[at] - target[:, 0]) ** 2).mean()), slope

    net, other = network("mse", dtype), network(picked, dtype)
    for _ in range(3):
        one = net.train_on_batch(x, y, outputs=outputs, optimizer=fc.Adam(0.01))
        two = other.train_on_batch(x, np.column_stack([y, outputs]), optimizer=fc.Adam(0.01))
        assert one["loss"] == pytest.approx(two["loss"], rel=1e-5)
    np.testing.assert_allclose(net.parameters, other.parameters, rtol=0, atol=1e-4)


def test_the_softmax_of_a_last_layer_has_its_whole_jacobian():
    x, y, outputs, _ = problem(50, dtype=np.float64)
    sizes = [4, 8, fc.Dense(5, "softmax")]
    net = fc.Network(sizes, loss="mse", seed=0, dtype="float64")
    before = net.parameters
    net.train_on_batch(x, y, outputs=outputs, optimizer=fc.SGD(1))
    moved, h = before - net.parameters, 1e-6
    shifted = fc.Network(sizes, loss="mse", seed=0, dtype="float64")
    for at in range(0, len(before), 7):
        values = []
        for step in (h, -h):
            changed = before.copy()
            changed[at] += step
            shifted.parameters = changed
            values.append(((shifted.predict(x)[np.arange(50), outputs] - y) ** 2).mean())
        assert (values[0] - values[1]) / (2 * h) == pytest.approx(moved[at], abs=1e-8)


@pytest.mark.parametrize("n", [5, 64, 1025])
def test_picked_outputs_give_the_same_bits_for_any_threads_and_types_of_arrays(n):
    x, y, outputs, _ = problem(n)
    results = set()
    for threads in (1, 2, 5):
        for given in (outputs, outputs.astype(np.int32), outputs.astype(np.uint8), list(map(int, outputs))):
            with fc.threads(threads):
                net = network("huber")
                for _ in range(3):
                    net.train_on_batch(x, y, outputs=given, optimizer=fc.Adam())
            results.add(net.parameters.tobytes())
            net = network("huber")
            for _ in range(3):
                net.train_on_batch(np.asfortranarray(x), y[:, None].astype(float), outputs=given, optimizer=fc.Adam())
            results.add(net.parameters.tobytes())
    assert len(results) == 1


def test_steps_with_and_without_picked_outputs_take_turns():
    x, y, outputs, _ = problem(6)
    net, other = network("mse"), network("mse")
    for _ in range(2):
        net.train_on_batch(x, y, outputs=outputs)
        net.train_on_batch(x, np.zeros((6, 5), np.float32))
    for _ in range(2):
        other.train_on_batch(x.tolist(), y, outputs=outputs)
        other.train_on_batch(x.tolist(), np.zeros((6, 5)))
    assert np.array_equal(net.parameters, other.parameters)


def with_number(outputs, row, number):
    changed = outputs.copy()
    changed[row] = number
    return changed


FAULTS = {
    "a column": (lambda o: o[:, None], ValueError, r"^outputs has shape \(6, 1\): expected \(6,\), one for each row"),
    "fewer": (lambda o: o[:-1], ValueError, r"^outputs has shape \(5,\): expected \(6,\)"),
    "floats": (lambda o: o.astype(float), TypeError, "^outputs has dtype float64: expected whole numbers$"),
    "text": (lambda o: o.astype(str), TypeError, "^outputs has dtype .*: expected whole numbers$"),
    "bools": (lambda o: o > 1, TypeError, "^outputs has dtype bool: expected whole numbers$"),
    "below 0": (
        lambda o: with_number(o, 4, -1),
        ValueError,
        "^outputs contains -1 in row 4: expected 0 <= output < 5$",
    ),
    "above": (lambda o: with_number(o, 3, 5), ValueError, "^outputs contains 5 in row 3: expected 0 <= output < 5"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_outputs_that_are_none_are_refused_and_the_network_stays(fault):
    change, error, message = FAULTS[fault]
    x, y, outputs, _ = problem(6)
    net = network("mse")
    for _ in range(2):  # the second after a step
        before = net.parameters
        with pytest.raises(error, match=message):
            net.train_on_batch(x, y, outputs=change(outputs))
        assert np.array_equal(net.parameters, before)
        net.train_on_batch(x, y, outputs=outputs)


def test_targets_of_picked_outputs_are_checked():
    x, y, outputs, _ = problem(6)
    net = network("mse")
    net.train_on_batch(x, y, outputs=outputs)
    with pytest.raises(ValueError, match=r"^y has shape \(6, 5\): expected \(6, 1\) or \(6,\)"):
        net.train_on_batch(x, np.zeros((6, 5)), outputs=outputs)
    with pytest.raises(ValueError, match="^y contains nan in row 2"):
        net.train_on_batch(x, np.where(np.arange(6) == 2, np.nan, y).astype(np.float32), outputs=outputs)


@pytest.mark.parametrize(
    ("loss", "what"),
    [
        ("cross_entropy", "the loss 'cross_entropy'"),
        (lambda output, target: (0.0, output), "the loss '.*'"),
        (fc.losses.Quantile([0.1, 0.2, 0.5, 0.7, 0.9]), "5 quantiles"),
    ],
)
def test_losses_that_are_no_sums_over_outputs_are_refused(loss, what):
    x, y, outputs, _ = problem(6)
    with pytest.raises(ValueError, match=f"^outputs is given, and the network has {what}: expected mse, rmse"):
        fc.Network(SIZES, loss=loss, seed=0).train_on_batch(x, y, outputs=outputs)


def test_a_divergence_of_picked_outputs_keeps_the_weights():
    x, y, outputs, _ = problem(6)
    net = network("mse")
    net.train_on_batch(x, y, outputs=outputs)
    net.parameters = 1e15 * net.parameters
    before = net.parameters
    with pytest.raises(fc.DivergenceError, match=r"with SGD\(learning_rate=1e\+38"):
        net.train_on_batch(x, y, outputs=outputs, learning_rate=1e38)
    assert np.array_equal(net.parameters, before)
    net.train_on_batch(x, y, outputs=outputs, learning_rate=1e-30)
