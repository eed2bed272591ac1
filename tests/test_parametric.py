"""``fcnet.Parametric``, activations with a trainable number for each neuron, against their oracle, on every path."""

from __future__ import annotations

import pickle
import re
from functools import cache

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference
from fcnet._saving import safetensors
from fcnet.activations import ACTIVATIONS

from bounds import flat, max_error
from explanations import fourth_power
from interop import library
from layer_checks import (
    BIASED,
    check_bits_with_any_threads,
    check_gradients_of_the_oracle,
    check_that_two_fits_are_one,
    data,
    layers_of,
    of_oracle,
    parts_of,
)
from walks import walk

KINDS = [None, "layer", BIASED, "batch"]
FUNCTIONS = [name for name in ACTIVATIONS if name not in ("identity", "softmax")]
TAME = [name for name in FUNCTIONS if name != "exp"]  # which grows beyond all numbers, layer after layer
PARAMETRIC = [True, True, False]


def network(kind=None, activation="mish", **options):
    f = fc.Parametric(activation)
    hidden = fc.Dense(33, f, normalization=kind), fc.Dense(18, f, normalization=kind)
    net = fc.Network([5, hidden[0], fc.Scale(), hidden[1], 3], seed=3, **options)
    rng = np.random.default_rng(1)  # no number that hides a mistake
    for layer in net.layers:
        layer.W = layer.W / (4 if activation == "exp" else 1)
        for name in parts_of(layer)[2:]:
            setattr(layer, name, rng.uniform(0.5, 2, getattr(layer, name).shape))
        layer.B = rng.standard_normal(layer.B.shape)
    return net


def oracle_options(kind, activation="mish"):
    options = {"activation": activation, "normalization": [of_oracle(kind), of_oracle(kind), None]}
    return options | {"parametric": PARAMETRIC, "scaled": [False, True, False]}


@pytest.mark.once
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_oracles_gradients_are_those_of_a_complex_step(kind):
    x, y = data(13)
    check_gradients_of_the_oracle(layers_of(network(kind, dtype="float64")), x, y, **oracle_options(kind))


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_the_oracle_is_the_formula(activation):
    h, a = np.random.default_rng(0).standard_normal((50, 4)), np.array([0, 1, 0.3, -2])
    f, slope = reference.activation(h, activation), reference.activation_derivative(h, activation)
    np.testing.assert_allclose(reference.activation(h, activation, a), h + a * (f - h), rtol=1e-12, atol=1e-14)
    found = reference.activation_derivative(h, activation, a)
    np.testing.assert_allclose(found, 1 + a * (slope - 1), rtol=1e-12, atol=1e-14)


OPTIMIZERS = {
    "sgd": (fc.SGD(0.02), lambda: reference.sgd(0.02)),
    "adam": (fc.AdamW(0.001, weight_decay=0.1), lambda: reference.adam(0.001, weight_decay=0.1)),
    "rmsprop": (fc.RMSprop(0.001), lambda: reference.rmsprop(0.001)),
    "clipped": (
        fc.SGD(0.02, clip_norm=0.1, l2=0.1),
        lambda: reference.regularized(reference.sgd(0.02), clip_norm=0.1, l2=0.1),
    ),
    "decay-biases": (
        fc.SGD(0.02, weight_decay=0.1, l2=0.1, decay_biases=True),
        lambda: reference.regularized(
            reference.sgd(0.02, weight_decay=0.1, decay_biases=True), l2=0.1, decay_biases=True
        ),
    ),
}


@cache
def trained_by_the_oracle(kind, activation, n, batch, optimizer):
    """The layers after two epochs."""
    x, y = data(n)
    net = network(kind, activation, dtype="float64")
    layers, oracle = layers_of(net), OPTIMIZERS[optimizer][1]()
    for epoch in range(2):
        order = reference.permutation(net.seed, epoch, n)
        for begin in range(0, n, batch):
            rows = order[begin : begin + batch]
            reference.training_step(layers, x[rows], y[rows], oracle, **oracle_options(kind, activation))
    return layers


@pytest.mark.parametrize(
    ("optimizer", "kind", "activation"),
    [
        *(("sgd", kind, activation) for kind in KINDS for activation in ("relu", "mish")),
        *(("sgd", None, activation) for activation in TAME if activation not in ("relu", "mish")),
        *((optimizer, None, "mish") for optimizer in OPTIMIZERS if optimizer != "sgd"),
        *(("adam", kind, "mish") for kind in KINDS[1:]),
        ("clipped", "layer", "mish"),
    ],
)
@walk("n, batch", [(20, 1), (70, 33), (150, 64), (4200, 4100)])
def test_a_parametric_network_trains_as_its_oracle(optimizer, kind, activation, n, batch, steps, isa):
    if n == 4200 and optimizer not in ("sgd", "clipped"):
        pytest.skip("chunks of a batch do not depend on the optimizer")
    x, y = data(n)
    batch = max(batch, 4) if kind == "batch" else batch  # two samples are normalised to 1 and -1
    net = network(kind, activation, dtype="float64")
    net.fit(x, y, epochs=2, batch_size=batch, optimizer=OPTIMIZERS[optimizer][0])
    layers = trained_by_the_oracle(kind, activation, n, batch, optimizer)
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-11


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("activation", ["mish", "relu"])
def test_the_same_bits_with_any_threads(kind, activation, dtype, steps, isa):
    check_bits_with_any_threads(lambda: network(kind, activation, dtype=dtype))


def test_instruction_sets_with_one_rounding_give_the_same_bits(isas, dtype):
    x, y = data(150)
    bits = {True: set(), False: set()}  # without fused multiply-add, and with it
    for isa in isas:
        net = network("layer", dtype=dtype)
        net.fit(x, y, epochs=2, batch_size=48, optimizer=fc.Adam())
        bits[isa == "portable"].add(pickle.dumps(layers_of(net)) + net.predict(x).tobytes())
    assert all(len(each) <= 1 for each in bits.values())


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("kind", [None, "layer"])
def test_predictions_are_the_oracles_and_do_not_depend_on_the_rows_beside(kind, activation, isa):
    x, _ = data(200)
    net = network(kind, activation, dtype="float64")
    expected = reference.forward(layers_of(net), x, **oracle_options(kind, activation))
    predicted = net.predict(x)
    np.testing.assert_allclose(predicted, expected[-1][1], rtol=1e-10, atol=1e-13)
    for rows in (slice(0, 1), slice(3, 10), slice(5, 60), slice(0, 199)):
        assert (net.predict(x[rows]) == predicted[rows]).all()
    assert net.evaluate(x, predicted.argmax(axis=1))["accuracy"] == 1
    for found, (_, h) in zip(net.activations(x), expected, strict=True):
        np.testing.assert_allclose(found, h, rtol=1e-10, atol=1e-13)


def test_threads_that_share_the_layers_of_few_rows_predict_the_same(dtype):
    x = np.random.default_rng(0).standard_normal((16, 300))
    net = fc.Network([300, 400, 300, 10], seed=1, dtype=dtype, activation=fc.Parametric("mish"))
    for layer in net.layers[:2]:
        layer.mix = np.linspace(0.5, 2, len(layer.mix))
    bits = set()
    for threads in (1, 2, 3):
        with fc.threads(threads):
            bits |= {net.predict(x).tobytes() for _ in range(5)}
            bits.add(np.concatenate([net.predict(x[i : i + 4]) for i in range(0, 16, 4)]).tobytes())
    assert len(bits) == 1


@pytest.mark.parametrize("activation", TAME)
def test_a_mix_of_1_is_the_plain_activation_to_the_bit_and_of_0_the_identity(activation, dtype, isa):
    x, y = data(50)
    functions = fc.Parametric(activation), activation, "identity"
    net, plain, linear = (fc.Network([5, 33, 20, 3], seed=1, dtype=dtype, activation=f) for f in functions)
    for i, layer in enumerate(net.layers):
        assert (layer.W == plain.layers[i].W).all()
        linear.layers[i].W = layer.W
    assert (net.predict(x) == plain.predict(x)).all()
    for rows in (slice(0, 3), slice(0, 50)):
        for found, expected in zip(net.gradients(x[rows], y[rows]), plain.gradients(x[rows], y[rows]), strict=True):
            assert max_error(found[:2], expected) <= (1e-6 if dtype == np.float32 else 1e-15)
    for layer in net.layers[:2]:
        layer.mix = np.zeros_like(layer.mix)
    assert (net.predict(x) == linear.predict(x)).all()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_gradients_are_the_oracles(kind, dtype, isa):
    x, y = data(4200)
    net = network(kind, dtype=dtype)
    _, expected = reference.backward(layers_of(net), x, y, **oracle_options(kind))
    found = net.gradients(x, y)
    extra = 0 if kind is None else 2 if kind is BIASED else 1
    assert [len(parts) for parts in found] == [3 + extra, 4 + extra, 2]
    assert max_error(flat(found), flat(expected)) <= (1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.once  # the gradients of every instruction set are compared with the oracle's
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("activation", ["mish", "selu", "relu", "tanh"])
def test_finite_differences_find_the_same_gradients(kind, activation, dtype):
    x, y = data(12)
    check = network(kind, activation, dtype=dtype).check_gradients(x, y)
    assert check.passed, check


def test_a_wrong_gradient_of_a_mix_is_found(monkeypatch):
    x, y = data(12)
    net = network(dtype="float64")
    gradients = type(net._state).gradients

    def wrong(state, dataset):
        (dw, db, mix), *others = gradients(state, dataset)
        return [(dw, db, mix * 1.001), *others]

    monkeypatch.setattr(type(net._state), "gradients", wrong)
    check = net.check_gradients(x, y)
    assert not check.passed
    assert "layers[0].mix" in check.worst.name


@pytest.mark.parametrize("frozen", [0, 1, 2])
@pytest.mark.parametrize("batch", [5, 33])
def test_a_frozen_layer_keeps_its_mix_and_hands_sigma_on(frozen, batch, steps):
    x, y = data()
    net = network(dtype="float64")
    layers = layers_of(net)
    net.layers[frozen].freeze()
    net.fit(x, y, epochs=1, batch_size=batch, shuffle=False, optimizer=fc.SGD(0.05))
    for begin in range(0, len(x), batch):
        moved = [tuple(part.copy() for part in parts) for parts in layers]
        reference.training_step(moved, x[begin : begin + batch], y[begin : begin + batch], 0.05, **oracle_options(None))
        layers = [parts if i == frozen else new for i, (parts, new) in enumerate(zip(layers, moved, strict=True))]
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-12


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_dropout_comes_after_the_activation(kind, steps):
    x, y = data(70)
    hidden = fc.Dense(33, fc.Parametric("mish"), dropout=0.3, normalization=kind)
    net = fc.Network([5, hidden, 3], seed=3, dtype="float64")
    net.layers[0].mix = np.linspace(0.5, 2, 33)
    layers = layers_of(net)
    net.fit(x, y, epochs=1, batch_size=32, optimizer=fc.SGD(0.05))
    order = reference.permutation(net.seed, 0, len(x))
    for begin in range(0, len(x), 32):
        rows = order[begin : begin + 32]
        masks = [reference.dropout_mask(net.seed, 0, 0, np.arange(begin, begin + len(rows)), 33, 0.3)]
        options = {
            "activation": "mish",
            "parametric": [True, False],
            "normalization": [of_oracle(kind), None],
            "masks": masks,
        }
        reference.training_step(layers, x[rows], y[rows], 0.05, **options)
    assert max_error(flat(layers_of(net)), flat(layers)) <= 1e-12
    mask = reference.dropout_mask(7, 0, 0, np.arange(9), 33, 0.3)
    if kind is None:
        expected = reference.forward(layers_of(net), x[:9], activation="mish", parametric=[True, False], masks=[mask])
        found = net.predict(x[:9], dropout=True, seed=7)
        np.testing.assert_allclose(found, expected[-1][1], rtol=1e-10)


def test_a_custom_loss_trains_it_too():
    x, y = data(40)
    target = np.eye(3)[y]
    nets = [
        fc.Network([5, 8, fc.Dense(3, "identity")], loss=loss, seed=1, dtype="float64", activation=fc.Parametric("elu"))
        for loss in ("mse", lambda p, t: (float(((p - t) ** 2).mean()), 2 * (p - t) / p.size))
    ]
    for net in nets:
        net.fit(x, target, epochs=3, batch_size=16, optimizer=fc.SGD(0.1))
    assert max_error(flat(layers_of(nets[1])), flat(layers_of(nets[0]))) <= 1e-13
    assert (nets[0].layers[0].mix != 1).all()


@pytest.mark.interop
def test_sparse_rows_train_and_predict_as_dense_ones(dtype):
    sparse = library("scipy.sparse")
    rng = np.random.default_rng(0)
    x = sparse.random(90, 400, 0.02, format="csr", dtype=np.float32, random_state=rng)
    y = rng.integers(0, 3, 90)
    bits = []
    for rows in (x, x.toarray()):
        net = fc.Network([400, 20, 3], seed=1, dtype=dtype, activation=fc.Parametric("mish"))
        net.fit(rows, y, epochs=2, batch_size=32, optimizer=fc.Adam())
        bits.append(pickle.dumps(layers_of(net)) + net.predict(rows).tobytes() + net.predict(rows[:3]).tobytes())
    assert bits[0] == bits[1]


@pytest.mark.interop
def test_training_is_that_of_pytorch():
    torch = library("torch")

    class Mix(torch.nn.Module):
        def __init__(self, units):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(units, dtype=torch.float64))

        def forward(self, h):
            return h + self.weight * (torch.nn.functional.mish(h) - h)

    net = fc.Network([5, 33, 18, 1], loss="mse", seed=3, dtype="float64", activation=fc.Parametric("mish"))
    modules = []
    for layer, units in zip(net.layers, (33, 18, None), strict=True):
        linear = torch.nn.Linear(*layer.W.shape, dtype=torch.float64)
        linear.weight.data = torch.from_numpy(layer.W.T.copy())
        linear.bias.data = torch.from_numpy(layer.B.copy())
        modules += [linear, *([Mix(units)] if units else [])]
    model = torch.nn.Sequential(*modules)
    optimizer = torch.optim.Adam(model.parameters(), 0.01, betas=(0.9, 0.95))
    x, _ = data(64)
    y = x[:, :1] * x[:, 1:2]
    for _ in range(100):
        net.train_on_batch(x, y, optimizer=fc.Adam(0.01, beta2=0.95))
        optimizer.zero_grad()
        ((model(torch.from_numpy(x)) - torch.from_numpy(y)) ** 2).mean().backward()
        optimizer.step()
    for i, layer in enumerate(net.layers):
        np.testing.assert_allclose(layer.W, modules[2 * i].weight.detach().numpy().T, rtol=1e-9, atol=1e-9)
        if i < 2:
            np.testing.assert_allclose(layer.mix, modules[2 * i + 1].weight.detach().numpy(), rtol=1e-9)
            assert np.abs(layer.mix - 1).max() > 0.01


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_two_fits_are_one_longer_fit_through_files_and_pickles(kind, dtype, tmp_path):
    sizes = [5, fc.Dense(20, fc.Parametric("mish"), normalization=kind), fc.Scale(), 3]
    options = {"optimizer": fc.Adam(), "averaging": fc.EMA(0.9)}
    check_that_two_fits_are_one(lambda: fc.Network(sizes, seed=1, dtype=dtype), tmp_path, **options)


def test_only_files_with_a_parametric_activation_have_the_version_that_knows_it(tmp_path):
    versions = {}
    for name, sizes in {
        "plain": [5, 4, 3],
        "scale": [5, fc.Scale(), 4, 3],
        "parametric": [5, fc.Dense(4, fc.Parametric("mish")), 3],
    }.items():
        fc.Network(sizes, seed=1).save(tmp_path / name)
        versions[name] = safetensors.read(tmp_path / name)[1]["version"]
    assert versions == {"plain": "3", "scale": "4", "parametric": "5"}
    state = fc.Network([5, fc.Dense(4, fc.Parametric("mish")), fc.Scale(), 3], seed=1).__getstate__()
    assert state["layers"][0][4:] == [False, {"parametric": {}}]
    assert len(state["layers"][1]) == 5


def test_a_mix_is_read_set_and_shown():
    net = fc.Network([2, fc.Dense(3, fc.Parametric("mish")), 4, 2], seed=0, activation=["tanh", fc.Parametric("elu")])
    first, second, third = net.layers
    assert first.mix.tolist() == [1, 1, 1]
    first.mix = [1, 2, 0]
    assert first.mix.tolist() == [1, 2, 0]
    assert (first.activation, second.activation) == ("mish", "elu")
    with pytest.raises(AttributeError, match=re.escape("a layer with activation 'softmax' has no mix, see fcnet.Par")):
        third.mix  # noqa: B018
    with pytest.raises(ValueError, match=re.escape("mix has shape (2,): expected (3,)")):
        first.mix = [1, 2]
    assert repr(net).startswith(
        "Network([2, Dense(3, activation=Parametric(activation='mish')), Dense(4, activation=Parametric"
    )
    assert "parametric mish" in net.summary()
    assert "parametric mish" in repr(first)
    assert re.search(r"layers\[0\].* 12\n", net.summary())  # 2 x 3 weights, 3 biases, 3 numbers a
    assert net.parameters.size == 12 + 3 * 4 + 4 + 4 + 4 * 2 + 2
    assert fc.Parametric("mish") == fc.Parametric("mish")
    assert pickle.loads(pickle.dumps(fc.Parametric("mish"))) == fc.Parametric("mish")


def test_weights_start_as_with_the_plain_activation():
    for name in ("relu", "selu"):
        net, plain = (fc.Network([9, 8, 2], seed=1, activation=f) for f in (fc.Parametric(name), name))
        assert (net.layers[0].W == plain.layers[0].W).all()


def test_diagnose_counts_it_in():
    x, y = data(12)
    net = network(dtype="float64", activation="relu")
    found = net.diagnose(x, y)
    expected = reference.forward(layers_of(net), x, **oracle_options(None, "relu"))
    for i, (of_layer, (_, h)) in enumerate(zip(found.layers, expected, strict=True)):
        assert of_layer.outputs.std == pytest.approx(h.std(), rel=1e-12), i
    assert [each.activation for each in found.layers] == ["parametric relu", "parametric relu", "softmax"]
    assert found.layers[0].dead == 0


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("loss", [None, "rmse", fourth_power], ids=["cross_entropy", "rmse", "own"])
def test_explain_shows_its_numbers(kind, loss, dtype):
    rng = np.random.default_rng(7)
    layers = [fc.Dense(m, fc.Parametric("mish"), normalization=kind) for m in (6, 5)]
    net = fc.Network([3, *layers, 4], seed=3, dtype=dtype, loss=loss)
    for layer in net.layers[:2]:
        layer.mix = rng.uniform(0.5, 2, len(layer.mix))
    x, y = rng.normal(size=(5, 3)), rng.integers(0, 4, 5) if loss is None else rng.random((5, 4))
    shown = net.explain(x, y, learning_rate=0.05, steps=2)  # each number is checked against the oracle
    for i, parts in enumerate(net.gradients(x, y)[:2], 1):
        assert (shown[f"dmix_{i}"] == parts[-1]).all()
        assert (shown[f"mix_{i}"] == net.layers[i - 1].mix).all()
    assert max_error([shown["h_out_1"]], [net.activations(x)[0]]) <= 1e-6 or kind == "batch"
    answer = {"mix_new_1": shown["mix_1"] - shown["dmix_1"], "dmix_2": shown["dmix_2"]}
    wrong, right = net.explain(x, y, learning_rate=0.05, answer=answer).findings
    assert (wrong.slip, right.right) == ("α was forgotten", True)


def test_explain_writes_its_formulas():
    net = fc.Network([2, fc.Dense(2, fc.Parametric("mish")), 2], seed=0, dtype="float64")
    shown = net.explain([[1, 2], [3, 4]], [0, 1])
    text = " ".join(shown.to_text().split())
    assert "h^in_1 + a_1 ∘ (Mish(h^in_1) − h^in_1)" in text
    assert "1 + a_1 ∘ (Mish′(h^in_1) − 1)" in text
    assert "∂L/∂a_1" in text
    assert "The activation of layers[0] is parametric: a_1 is layers[0].mix." in text
    assert "parametric mish" in text
    assert "a_{1}" in shown.to_latex()
    assert "dmix_1" in shown.to_html()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fc.Parametric("softmax"), ValueError, "activation of Parametric is 'softmax': expected a function of"),
        (lambda: fc.Parametric("identity"), ValueError, "activation of Parametric is 'identity'"),
        (lambda: fc.Parametric("mush"), ValueError, "activation is 'mush': expected one of"),
        (lambda: fc.Parametric(3), ValueError, "activation is 3: expected one of"),
        (lambda: fc.Dense(3, fc.Parametric), ValueError, "activation is <class"),
        (
            lambda: fc.Network([2, fc.Dense(3, fc.Parametric("tanh"))]),
            ValueError,
            "the last layer's activation is Parametric(activation='tanh'): expected a name, as Parametric is for",
        ),
        (
            lambda: fc.Network([2, fc.Dense(3, fc.Parametric("tanh"))], loss="mse"),
            ValueError,
            "the last layer's activation is Parametric(activation='tanh')",
        ),
        (
            lambda: fc.Network([2, 3, 3], activation=[fc.Parametric("tanh")] * 2),
            ValueError,
            "activation has 2 names: expected one, or 1",
        ),
    ],
)
def test_what_is_wrong_is_named(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


def test_factors_on_rate_and_decay_of_mix_are_those_of_the_optimizer():
    x, y = np.random.default_rng(0).standard_normal((2, 20, 3))

    def moved(activation, **options):
        net = fc.Network([3, fc.Dense(4, activation), 3], loss="mse", dtype="float64", seed=0)
        net.fit(x, y, epochs=1, batch_size=20, **options)
        return net.layers[0].mix - 1, net.layers[0].W

    sgd = {"optimizer": fc.SGD(0.1)}
    (plain, w), (faster, w_too) = moved(fc.Parametric("mish"), **sgd), moved(fc.Parametric("mish", 6), **sgd)
    np.testing.assert_allclose(faster, 6 * plain, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(w, w_too)
    decaying = {"optimizer": fc.SGD(0.1, weight_decay=0.5)}
    decayed, _ = moved(fc.Parametric("mish", rate_factor=6, decay_factor=2), **decaying)
    np.testing.assert_allclose(decayed, 6 * plain - 0.1 * 0.5 * 6 * 2, rtol=1e-12, atol=1e-14)


def test_factors_of_mix_are_shown_and_kept_in_files(tmp_path):
    given = fc.Parametric("mish", decay_factor=0.1)
    assert repr(given) == "Parametric(activation='mish', decay_factor=0.1)"
    net = fc.Network([3, fc.Dense(4, given), 3], seed=0)
    net.save(tmp_path / "net")
    assert repr(fc.load(tmp_path / "net")) == repr(net)
    assert "decay_factor=0.1" in repr(net)
