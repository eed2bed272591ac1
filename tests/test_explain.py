"""net.explain: every quantity of the article, by the native core, held against the oracle."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference
from fcnet.activations import ACTIVATIONS, ELU, LeakyReLU
from fcnet.explanation import table
from fcnet.explanation.numbers.oracle import check_step, computed, wide

from bounds import max_error, unit_roundoff
from explanations import CASES, LAYERS, NAMES, article, batch, few_neurons, fourth_power, normalized
from interop import library
from walks import walk

TINY = 40 * unit_roundoff(np.float64)  # a dozen operations on numbers below 1, forth and back


def test_the_article_comes_out_under_its_names():
    shown = article().explain([[1, 1]], [0], class_names=NAMES)
    layers = [(np.array(w), np.array(b)) for w, b in LAYERS]
    x, odd = np.array([[1.0, 1.0]]), np.array([0])
    passed, (loss, gradients) = reference.forward(layers, x), reference.backward(layers, x, odd)
    for i, ((h_in, h_out), (dw, db)) in enumerate(zip(passed, gradients, strict=True), 1):
        for name, expected in ((f"h_in_{i}", h_in), (f"h_out_{i}", h_out), (f"dW_{i}", dw), (f"dB_{i}", db)):
            np.testing.assert_allclose(shown[name], expected, atol=TINY, err_msg=name)
        np.testing.assert_allclose(shown[f"sigma_{i}"][0], db, atol=TINY)
        np.testing.assert_allclose(shown[f"W_new_{i}"], layers[i - 1][0] - 0.1 * dw, atol=TINY)
        np.testing.assert_allclose(shown[f"B_new_{i}"], layers[i - 1][1] - 0.1 * db, atol=TINY)
    assert np.round(shown["p"], 2).tolist() == [[0.44, 0.56]]
    assert round(float(shown["L"]), 2) == 0.82
    assert abs(shown["L"] - loss) <= TINY
    assert shown["L_new"] < shown["L"]
    assert shown["y"].tolist() == [[1, 0]]


@walk("n", [1, 5])
@pytest.mark.parametrize(("loss", "output"), CASES, ids=lambda c: str(getattr(c, "__name__", c)))
def test_every_loss_is_that_of_the_oracle(dtype, loss, output, n):
    net, x, y = batch(dtype, loss, "silu", output, n)
    check(net, x, y)


@walk("bias", [True, False])
@pytest.mark.parametrize("activation", [*sorted({*ACTIVATIONS} - {"exp"}), LeakyReLU(0.3), ELU(0.5)], ids=str)
def test_every_activation_is_that_of_the_oracle(activation, bias):
    check(*batch(activation=activation, bias=bias))


def check(net, x, y):
    """A second computation, by the reference alone and from the start, comes to the same."""
    shown = net.explain(x, y, learning_rate=0.05)
    alone = computed(shown.steps[0], shown._problem, np.longdouble)
    error = 1e-4 if net.dtype == np.float32 else 1e-12
    for name, value in shown.items():
        assert max_error([value], [np.asarray(alone[name], float)]) <= error, name
    if any(isinstance(layer.normalization, fc.BatchNorm) for layer in net.layers):
        assert shown["L"] == net._state.model.gradients(*shown._problem.dataset.of_loss(net._state.architecture)[:2])[0]
    else:
        assert (shown["p"] == net.predict(x)).all() or max_error([shown["p"]], [net.predict(x)]) <= error
    for i, (dw, db, *_) in enumerate(net.gradients(x, y), 1):
        assert (shown[f"dW_{i}"] == dw).all()
        assert (shown[f"dB_{i}"] == db).all()


def test_the_steps_are_those_of_a_fit_and_the_network_stays_as_it_is():
    net, x, y = batch("float32")
    before = copy.deepcopy(net)
    shown = net.explain(x, y, learning_rate=0.2, steps=7)
    for layer, same in zip(net.layers, before.layers, strict=True):
        assert (layer.W == same.W).all()
    assert (net.epochs_trained, net.feature_names) == (0, None)
    before.fit(x, y, epochs=7, batch_size=len(x), optimizer=fc.SGD(0.2), shuffle=False)
    for i, layer in enumerate(before.layers, 1):
        assert (shown.steps[-1][f"W_new_{i}"] == layer.W).all()
        assert (shown.steps[-1][f"B_new_{i}"] == layer.B).all()
    for one, other in zip(shown.steps, shown.steps[1:], strict=False):
        assert one["L_new"] == other["L"]


def test_scaled_inputs_and_frozen_layers():
    net = fc.Network([2, 3, 2], seed=0, dtype="float64", scale=[0.5, 2], offset=[1, -1])
    net.layers[0].freeze()
    shown = net.explain([[3, 0]], [1])
    assert shown["I"].tolist() == [[1, 2]]
    assert (shown["W_new_1"] == shown["W_1"]).all()
    assert (shown["W_new_2"] != shown["W_2"]).any()
    assert "Frozen, and so unchanged: layers[0]." in shown.to_text(width=200)


@pytest.mark.parametrize(
    "name", ["h_in_2", "h_out_1", "L", "sigma_1", "F_prime_2", "dW_1", "dB_2", "W_new_1", "p_new", "L_n"]
)
def test_a_number_that_is_off_by_more_than_rounding_raises(name):
    net, x, y = batch()
    shown = net.explain(x, y)
    step = {key: value.copy() for key, value in shown.steps[0].items()}
    check_step(step, shown._problem)
    step[name].reshape(-1)[-1] += 1e-9
    with pytest.raises(ArithmeticError, match="is .* by the native core and .* by fcnet.reference: apart by more"):
        check_step(step, shown._problem)


def test_three_columns_and_their_difference_in_ulp():
    shown = article().explain([[1, 1]], [0])
    rows = {row.name: row for row in shown.compare()}
    assert wide(shown._problem) == np.longdouble
    assert set(rows) == {
        name for name in shown if name not in ("I", "y") and (name[:2] not in ("W_", "B_") or "new" in name)
    }
    for row in rows.values():
        np.testing.assert_allclose(row.native, row.textbook.astype(float), rtol=0, atol=TINY)
        assert (row.ulp == abs(row.native - row.numpy) / np.spacing(abs(row.numpy))).all()
    lines = table(shown.compare()).splitlines()
    assert lines[0].split("  ")[-1].strip() == "ulp"
    values = next(line for line in lines if line.startswith("sigma_3[0, 1]")).split()
    assert [float(v) for v in values[2:5]] == pytest.approx([shown["sigma_3"][0, 1]] * 3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps is 0: expected at least 1"),
        ({"steps": 1.5}, TypeError, "steps is 1.5: expected a whole number"),
        ({"learning_rate": -1}, ValueError, "learning_rate"),
        ({"class_names": ["a"]}, ValueError, "class_names is .'a'.: expected 4 words"),
        ({"class_names": "abcd"}, ValueError, "class_names is 'abcd': expected 4 words"),
        ({"class_names": 4}, ValueError, "class_names is 4: expected 4 words"),
        ({"steps": 10**6}, ValueError, "expected at most 20,000,000; see Network.diagnose"),
    ],
)
def test_what_is_not_an_argument_is_refused(arguments, error, message):
    net, x, y = batch()
    with pytest.raises(error, match=message):
        net.explain(x, y, **arguments)


@pytest.mark.parametrize("kind", ["layer", "biased", "batch"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "silu", "mish"])
@pytest.mark.parametrize("loss", [None, "rmse", fourth_power], ids=["cross_entropy", "rmse", "own"])
def test_normalization_is_that_of_the_oracle(dtype, activation, kind, loss):
    check(*normalized(dtype, activation, kind, loss))


@pytest.mark.parametrize(
    ("kind", "neurons", "n"),
    [
        ("layer", 2, 1),
        ("layer", 2, 2),
        ("layer", 2, 6),
        ("batch", 1, 2),
        ("batch", 1, 6),
        ("batch", 2, 2),
        ("batch", 2, 6),
    ],
)
@pytest.mark.parametrize("loss", ["cross_entropy", "rmse"])
def test_where_little_is_made_normal_rounding_is_no_bug(loss, kind, neurons, n):
    for seed in range(3):
        net, x, y = few_neurons(seed, kind, neurons, loss, n)
        assert net.explain(x, y)["dW_1"].shape == (3, 4)


def test_a_batch_is_normalised_by_its_own_statistics_and_remembered():
    net, x, y = normalized(kind="batch")
    shown = net.explain(x, y)
    z = x @ net.layers[0].W
    np.testing.assert_allclose(shown["normal_1"], (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5), atol=1e-12)
    np.testing.assert_allclose(shown["mean_new_1"], 0.1 * z.mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(shown["variance_new_1"], 0.9 + 0.1 * z.var(axis=0, ddof=1), atol=1e-14)
    rows = {row.name: row for row in shown.compare()}
    for name in ("normal_2", "tau_1", "mean_new_2", "variance_new_1"):
        np.testing.assert_allclose(rows[name].native, rows[name].textbook.astype(float), rtol=1e-9, atol=1e-12)
    text = " ".join(shown.to_text(width=200).split())
    assert "layers[1] is normalised: mean and variance are those of a neuron over the samples, ε is 0.01." in text
    assert "variance_1 ← variance_1 + 0.1 · (5/4 variance(z_1) − variance_1)" in text
    net.layers[0].freeze()
    with pytest.raises(ValueError, match=r"layers\[0\] is frozen, and so normalised by its running statistics"):
        net.explain(x, y)


@pytest.mark.parametrize("kind", ["layer", "biased", "batch"])
def test_the_steps_of_a_normalized_network_are_those_of_a_fit(kind):
    net, x, y = normalized(kind=kind)
    shown = net.explain(x, y, learning_rate=0.2, steps=3)
    net.fit(x, y, epochs=3, batch_size=len(x), optimizer=fc.SGD(0.2), shuffle=False)
    for i, layer in enumerate(net.layers[:2], 1):
        norm = layer.normalization
        for name in ("W", "B", *norm.trained_parts, *norm.running_parts):
            assert (shown.steps[-1][f"{name}_new_{i}"] == getattr(layer, name)).all()


@pytest.mark.parametrize(
    "name", ["z_1", "normal_2", "tau_1", "dgamma_2", "gamma_new_1", "sigma_1", "mean_new_1", "variance_new_2", "L_new"]
)
def test_a_number_of_normalization_that_is_off_raises(name):
    net, x, y = normalized(kind="batch")
    shown = net.explain(x, y)
    step = {key: value.copy() for key, value in shown.steps[0].items()}
    step[name].reshape(-1)[-1] += 1e-9
    with pytest.raises(ArithmeticError, match=name):
        check_step(step, shown._problem)


def test_with_dropout_nothing_is_dropped():
    _, x, y = batch()
    with_it, without = (
        fc.Network([3, fc.Dense(6, dropout=share), 4], seed=0).explain(x, y, steps=2) for share in (0.5, 0.0)
    )
    for name, value in without.steps[1].items():
        assert (with_it.steps[1][name] == value).all(), name
    assert "Nothing is dropped, as in a prediction: dropout of layers[0]." in " ".join(with_it.to_text().split())
    assert "dropped" not in without.to_text()


@pytest.mark.interop
def test_sparse_rows_are_explained_as_dense_ones():
    sparse = library("scipy.sparse")
    net, x, y = batch("float32")
    x[np.abs(x) < 0.3] = 0
    dense, rows = (net.explain(each, y, steps=2) for each in (x, sparse.csr_array(x)))
    for name, value in dense.steps[1].items():
        assert (rows.steps[1][name] == value).all(), name
    assert rows.to_html() == dense.to_html()


def test_what_is_not_explained_is_refused():
    with pytest.raises(ValueError, match="x has shape .0, 2.: expected at least one sample"):
        fc.Network([2, 2], seed=0).explain(np.zeros((0, 2)), [])


def test_a_step_that_diverges_is_an_error_of_its_own():
    net = fc.Network([2, 4, 2], seed=0, loss="mse")
    with pytest.raises(fc.DivergenceError):
        net.explain([[1e18, 1e18]], [[0, 0]], learning_rate=1e9, steps=3)


def test_a_large_network_is_explained_too():
    digits = fc.datasets.load_digits()
    shown = fc.Network([64, 256, 10], seed=0, scale=1 / 16).explain(digits.x_train[:40], digits.y_train[:40])
    assert len(shown.to_text(width=100)) < 60_000
    for text in (shown.to_html(), shown.to_text()):
        assert "Statistics of the layers" in text
        assert "layers[1], gradients" in text
    for view, name in (("before", "h_out_1"), ("after", "h_out_new_1"), ("gradients", "h_out_1")):
        root = ET.fromstring(shown.to_svg(view=view))
        assert len(root.findall("{*}rect")) == 1 + 6 * 24
        assert (
            f"layers[0], outputs: 0 to {shown[name].max():.3g}, mean {shown[name].mean():.3g}"
            in root.find("{*}desc").text
        )
    with pytest.raises(ValueError, match="layers have up to 256 neurons: view='steps' takes at most 10"):
        shown.to_svg(view="steps")


def test_rows_of_any_type_are_explained_as_their_numbers(dtype):
    net, x, y = batch(dtype)
    small = (8 * x).round() / 8
    expected = net.explain(small, y)
    for other in (small.astype(np.float16), np.asfortranarray(small), np.repeat(small, 2, axis=0)[::2]):
        shown = net.explain(other, y)
        assert all((shown[name] == expected[name]).all() for name in expected)
    whole = (4 * x).astype(np.int8)
    assert (net.explain(whole, y)["dW_1"] == net.gradients(whole.astype(float), y)[0][0]).all()
