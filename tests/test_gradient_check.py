"""The gradient check as a user's tool: it passes what is right, names what is wrong, and who is to blame."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc
from fcnet._training.train_state import TrainState
from fcnet.activations import ELU, LeakyReLU

from explanations import article, batch, few_neurons, normalized
from interop import library
from walks import walk


@pytest.mark.parametrize(
    "activation", ["relu", "tanh", "gelu", "softmax", "selu", "hard_swish", "relu6", ELU(0.5)], ids=str
)
@pytest.mark.parametrize("loss", [None, "mse", "rmse", "binary_cross_entropy", "poisson"])
def test_right_gradients_pass(dtype, activation, loss):
    found = batch(dtype, loss, activation)[0].check_gradients(*batch(dtype, loss, activation)[1:])
    assert found.passed, str(found)
    assert found.checked + found.kinks == sum(w.size for layer in batch()[0].layers for w in (layer.W, layer.B))
    assert found.worst_of_loss is None
    assert "right, worst at" in str(found)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@walk("share", [None, 0.0, 0.1, 1 / 3, 0.8])
@pytest.mark.parametrize("kind", ["layer", "biased", "batch"])
def test_right_gradients_of_normalization_pass_beside_kinks_too(dtype, activation, share, kind):
    net, x, y = normalized(dtype, activation, kind)
    if share is not None:
        b = net.layers[0].B.copy()
        b[2] -= net.explain(x, y)["h_in_1"][1, 2] - share * 2**-17
        net.layers[0].B = b
    found = net.check_gradients(x, y)
    assert found.passed, str(found)
    parts = sum(part.size for layer in net.layers[:2] for part in (layer.W, layer.B, layer.gamma))
    parts += sum(layer.product_bias.size for layer in net.layers[:2] if kind == "biased")
    assert found.checked + found.kinks == parts + net.layers[2].W.size + net.layers[2].B.size


@pytest.mark.parametrize("n", [1, 2, 6])
@pytest.mark.parametrize(("kind", "neurons"), [("layer", 2), ("batch", 1), ("batch", 2)])
def test_where_little_is_made_normal_rounding_is_no_error(kind, neurons, n):
    for seed in range(4):
        net, x, y = few_neurons(seed, kind, neurons, "mse", n)
        found = net.check_gradients(x, y)
        assert found.passed, (seed, str(found))


def test_batches_have_the_kinks_and_the_wrong_losses_of_single_samples():
    net, x, y = normalized("float32", "relu", "batch", loss=half)
    found = net.check_gradients(x, y)
    assert (found.passed, found.loss_passed) == (False, False)
    assert found.worst.measured == pytest.approx(2 * found.worst.claimed, rel=1e-2)


@pytest.mark.parametrize("kind", ["layer", "batch"])
def test_a_wrong_gradient_by_gamma_is_named(monkeypatch, dtype, kind):
    net, x, y = normalized(dtype, kind=kind)
    right = net.gradients(x, y)
    right[1][2][3] += 0.1
    monkeypatch.setattr(TrainState, "gradients", lambda *_: right)
    assert net.check_gradients(x, y).worst.name == "layers[1].gamma[3]"


def test_a_loss_that_is_not_finite_passes_no_check():
    net, x, y = batch()
    net.layers[0].W = np.full_like(net.layers[0].W, np.nan)
    with pytest.raises(ValueError, match="the loss of x and y is nan: expected a finite one"):
        net.check_gradients(x, y)


def half(output, target):
    e = output - target
    return float((e * e).mean()), e / e.size


def whole(output, target):
    e = output - target
    return float((e * e).mean()), 2 * e / e.size


def test_a_loss_that_claims_another_derivative_is_to_blame():
    net, x, y = batch(loss=half)
    found = net.check_gradients(x, y)
    assert not found.passed
    assert not found.loss_passed
    assert found.worst_of_loss.name.startswith("output[")
    assert found.worst_of_loss.measured == pytest.approx(2 * found.worst_of_loss.claimed, rel=1e-6)
    assert "the derivative that the loss returns" in str(found)
    assert "not to blame" in str(found)


def test_a_right_loss_of_ones_own_passes():
    net, x, y = batch(loss=whole)
    found = net.check_gradients(x, y)
    assert found.passed
    assert found.worst_of_loss.error <= 1e-6


def test_a_wrong_gradient_is_named(monkeypatch):
    net, x, y = batch()
    right = net.gradients(x, y)
    right[1][0][2, 3] += 0.1
    monkeypatch.setattr(TrainState, "gradients", lambda *_: right)
    found = net.check_gradients(x, y)
    assert not found.passed
    assert found.worst.name == "layers[1].W[2, 3]"
    assert found.worst.claimed - found.worst.measured == pytest.approx(0.1, rel=1e-5)
    assert "wrong: worst at layers[1].W[2, 3]" in str(found)


@walk("share", [0.0, 1e-6, 0.25, 1 / 3, 0.8])
@walk("side", [1, -1])
@pytest.mark.parametrize(
    ("activation", "kink"),
    [*(("relu", 0), ("selu", 0), ("relu6", 6), ("hard_swish", 3), ("hard_swish", -3)), (LeakyReLU(0.3), 0)],
    ids=str,
)
def test_a_kink_anywhere_within_a_step_is_no_error(dtype, activation, kink, side, share):
    net, x, y = batch(dtype, activation=activation)
    w, b = net.layers[0].W, net.layers[0].B.copy()
    b[0] = kink - x[0] @ w[:, 0].astype(float) + side * share * 2**-17  # how far the first h_in is from it
    net.layers[0].B = b
    found = net.check_gradients(x, y)
    assert found.passed, str(found)


@pytest.mark.parametrize("share", [1e-6, 0.25, 1 / 3, 0.8])
@pytest.mark.parametrize("loss", ["mae", "huber", "mine"])
def test_a_kink_of_the_loss_within_a_step_is_no_error(loss, share):
    def mine(output, target):
        return float(np.abs(output - target).mean()), np.sign(output - target) / output.size

    net, x, y = batch(loss=mine if loss == "mine" else loss, output="identity")
    y[0] = net.predict(x[:1])[0] - share * 2**-17 - (loss == "huber")
    found = net.check_gradients(x, y)
    assert "wrong" not in str(found), str(found)
    assert found.passed == (share > 1e-3)  # closer, every weight of the first sample lies at it


def test_kinks_are_left_out():
    net = article()
    net.layers[0].W, net.layers[0].B = [[0.5, 0.2], [-0.5, 0.2]], [0, 0.1]  # h_in of the first neuron is 0
    found = net.check_gradients([[1, 1]], [0])
    assert found.passed
    assert found.kinks == 3
    assert "3 more lie at kinks and were left out" in str(found)


def test_a_smaller_step_keeps_clear_of_a_kink():
    net = article()
    net.layers[0].B = [0.1, -0.4 + 1e-6]  # h_in of the second neuron
    found = net.check_gradients([[1, 1]], [0])
    assert found.passed
    assert found.kinks == 0


def test_too_few_weights_away_from_kinks_pass_no_check():
    net = fc.Network([2, 8, 2], seed=0, dtype="float64")
    net.layers[0].W = np.zeros((2, 8))
    found = net.check_gradients([[1, 1]], [1])
    assert (found.checked, found.kinks) == (18, 24)
    assert (found.enough, found.passed) == (False, False)
    assert found.worst.error == 0
    assert "too few to say that the gradients are right: take fewer or other samples, or other weights" in str(found)


@pytest.mark.parametrize("sparse", [False, pytest.param(True, marks=pytest.mark.interop)])
def test_scaled_and_sparse_inputs_have_their_kinks(sparse):
    x = np.array([[2.0, 0, 3], [0, 1, 0], [1, 0, 0]])
    rows = library("scipy.sparse").csr_array(x) if sparse else x
    net = fc.Network([3, 4, 2], seed=0, dtype="float64", scale=[0.5, 1, 2], offset=[1.0, 0, 1])
    b = net.layers[0].B.copy()
    b[1] = -(net.scale * (x[0] - net.offset)) @ net.layers[0].W[:, 1]
    net.layers[0].B = b
    found = net.check_gradients(rows, [0, 1, 1])
    assert found.passed
    assert found.kinks == 3  # B_1[1] and W_1[:, 1], but not W_1[1, 1], whose input is 0 and which moves nothing


def test_of_many_weights_some_are_looked_at_and_the_network_stays_as_it_is():
    net = fc.Network([20, 40, 3], seed=0)
    before = [layer.W for layer in net.layers]
    rng = np.random.default_rng(0)
    found = net.check_gradients(rng.random((9, 20)), np.arange(9) % 3, most=7)
    assert found.checked + found.kinks == 7 + 7 + 7 + 3
    assert found.passed
    assert all((layer.W == w).all() for layer, w in zip(net.layers, before, strict=True))
    with pytest.raises(ValueError, match="most is 0"):
        net.check_gradients(rng.random((9, 20)), np.arange(9) % 3, most=0)
