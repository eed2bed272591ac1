"""Steps with gradients that are given."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

from processes import output

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((64, 5)).astype(np.float32), RNG.standard_normal((64, 2)).astype(np.float32)
OPTIMIZERS = {
    "sgd": fc.SGD(0.1),
    "decay": fc.SGD(0.1, weight_decay=0.01, l2=0.1),
    "momentum": fc.SGD(0.1, momentum=0.9, clip_value=0.01),
    "nesterov": fc.SGD(0.1, momentum=0.9, nesterov=True, decay_biases=True, l2=0.1),
    "adam": fc.Adam(),
    "adam clipped": fc.Adam(clip_norm=0.05, l2=0.01),
    "adamw": fc.AdamW(decay_biases=True),
    "nadam": fc.NAdam(l2=0.01),
    "rmsprop": fc.RMSprop(),
    "rmsprop momentum": fc.RMSprop(momentum=0.9, clip_norm=0.1),
    "adagrad": fc.Adagrad(),
    "lion": fc.Lion(weight_decay=0.1),
}
LAYERS = {
    "plain": [33, 9],
    "no bias": [fc.Dense(33, bias=False), 9],
    "scale": [fc.Scale(), 33, fc.Scale(), 9],
    "factors": [fc.Scale(rate_factor=6), fc.Dense(33, rate_factor=(1, 0.1), decay_factor=(2, 0.5)), 9],
    "layer norm": [fc.Dense(33, normalization="layer"), fc.Dense(9, normalization="layer", bias=False)],
    "batch norm": [fc.Dense(33, normalization="batch"), 9],
    "parametric": [fc.Dense(33, fc.Parametric("mish"), bias=False), fc.Dense(9, fc.Parametric("relu"))],
}


def network(layers="plain", dtype="float32", **options):
    return fc.Network([5, *LAYERS[layers], fc.Dense(2, "identity")], seed=1, dtype=np.dtype(dtype).name, **options)


def equal(one, other):
    return np.array_equal(one.parameters, other.parameters)


FORMS = [("layers", name) for name in OPTIMIZERS] + [(form, "adam clipped") for form in ("object", "flat")]


@pytest.mark.parametrize(("form", "optimizer"), FORMS)
@pytest.mark.parametrize("layers", LAYERS)
def test_given_gradients_make_the_step_of_train_on_batch_to_the_bit(optimizer, layers, form, dtype, threads, steps):
    net, other, x, y = network(layers, dtype), network(layers, dtype), X.astype(dtype), Y.astype(dtype)
    for frozen in (net, other):
        frozen.layers[1].freeze()
    biases = [layer.bias for layer in net.layers]
    for _ in range(3):
        gradients = other.gradients(x, y)
        given = gradients if form == "layers" else fc.Gradients(gradients, biases=biases)
        other.apply_gradients(given.flat if form == "flat" else given, optimizer=OPTIMIZERS[optimizer])
        net.train_on_batch(x, y, optimizer=OPTIMIZERS[optimizer])
        assert equal(net, other)


def test_both_kinds_of_steps_share_the_optimizer_state_and_the_average(dtype):
    net, other, x, y = network(dtype=dtype), network(dtype=dtype), X.astype(dtype), Y.astype(dtype)
    for i in range(6):
        net.train_on_batch(x, y, optimizer=fc.Adam(), averaging=fc.EMA(0.5))
        if i % 2:
            beneath = fc.Network([5, 33, 9, fc.Dense(2, "identity")], seed=1, dtype=np.dtype(dtype).name)
            state = other.__getstate__()["average_state"]
            for layer, (w, b) in zip(beneath.layers, state[2], strict=True):
                layer.W, layer.B = w, b
            other.apply_gradients(beneath.gradients(x, y), optimizer=fc.Adam(), averaging=fc.EMA(0.5))
        else:
            other.train_on_batch(x, y, optimizer=fc.Adam(), averaging=fc.EMA(0.5))
        assert equal(net, other)


def test_a_learning_rate_of_0_moves_nothing_but_the_optimizer_state():
    """As at the end of a schedule."""
    net, x, y = fc.Network([3, 5, 2], loss="mse", seed=0), np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)
    before = net.parameters
    for rate in (0, 0.0):
        net.train_on_batch(x, y, optimizer=fc.Adam(), learning_rate=rate)
        net.apply_gradients(net.gradients(x, y), optimizer=fc.Adam(), learning_rate=rate)
    assert (net.parameters == before).all()
    assert fc.schedules.Cosine().factors(0, 12, 10, 10).min() == 0


def test_the_learning_rate_of_a_step_takes_the_place_of_the_optimizers():
    net, other = network(), network()
    for rate in (0.1, 0.02, 0.5):
        gradients = net.gradients(X, Y)
        net.apply_gradients(gradients, optimizer=fc.Adam(), learning_rate=rate)
        other.apply_gradients(gradients, optimizer=fc.Adam(rate))
        assert equal(net, other)


def test_gradients_of_other_types_are_converted():
    net, other = network(), network()
    gradients = net.gradients(X, Y)
    net.apply_gradients(gradients)
    other.apply_gradients([[part.astype(float)[::1].copy(order="F") for part in parts] for parts in gradients])
    assert equal(net, other)
    net.apply_gradients(fc.Gradients(gradients).flat)
    other.apply_gradients(fc.Gradients(gradients).flat.astype(float).tolist())
    assert equal(net, other)


def test_running_statistics_stay_and_the_step_counts():
    net = network("batch norm")
    net.apply_gradients(net.gradients(X, Y))
    assert not net.layers[0].mean.any()
    with pytest.raises(ValueError, match="trained"):
        net.adapt(X)


def changed(layers, i, j, array):
    copy = [list(parts) for parts in layers]
    copy[i][j] = array
    return [tuple(parts) for parts in copy]


FAULTS = {
    "another width": (
        lambda g: changed(g, 1, 0, g[1][0][:, 1:]),
        ValueError,
        r"^gradients\[1\]\[0\] has shape \(33, 8\): expected \(33, 9\)$",
    ),
    "a layer too few": (lambda g: g[:-1], ValueError, "^gradients are of 2 layers: expected 3$"),
    "an array too few": (lambda g: [g[0][:1], *g[1:]], ValueError, r"^gradients\[0\] has 1 arrays: expected dW, dB$"),
    "an array too many": (
        lambda g: [(*g[0], g[0][1]), *g[1:]],
        ValueError,
        r"^gradients\[0\] has 3 arrays: expected dW, dB$",
    ),
    "a short vector": (lambda g: np.ones(3), ValueError, r"^gradients has shape \(3,\): expected \(524,\)$"),
    "of samples": (
        lambda g: fc.Gradients([tuple(part[None] for part in parts) for parts in g]),
        ValueError,
        r"^gradients\[0\]\[0\] has shape \(1, 5, 33\)",
    ),
    "complex": (lambda g: changed(g, 0, 1, g[0][1] + 1j), TypeError, r"^gradients\[0\]\[1\] has dtype complex64"),
    "None": (lambda g: None, TypeError, "^gradients is None: expected an array"),
    "text": (lambda g: changed(g, 0, 1, g[0][1].astype(str)), TypeError, r"^gradients\[0\]\[1\] holds text"),
    "too large": (
        lambda g: changed(g, 0, 1, np.full(33, 1e39)),
        ValueError,
        r"^gradients\[0\]\[1\] has 1e\+39 at \[0\], too large",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("after", ["nothing", "a step"])
def test_what_are_no_gradients_of_the_network_is_refused_and_nothing_changes(fault, after):
    change, error, message = FAULTS[fault]
    net, other = network(), network()
    for each in (net, other):
        if after == "a step":
            each.train_on_batch(X, Y, optimizer=fc.Adam())
    gradients = net.gradients(X, Y)
    with pytest.raises(error, match=message):
        net.apply_gradients(change(gradients), optimizer=fc.Adam())
    assert equal(net, other)
    for each in (net, other):
        each.apply_gradients(gradients, optimizer=fc.Adam())
    assert equal(net, other)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", ["layers", "flat"])
def test_gradients_that_are_not_finite_change_neither_weights_nor_optimizer_state(wrong, form):
    net, other = network(), network()
    for each in (net, other):
        each.train_on_batch(X, Y, optimizer=fc.Adam())
    gradients = net.gradients(X, Y)
    spoilt = changed(gradients, 2, 0, gradients[2][0].copy())
    spoilt[2][0][2, 1] = wrong
    given = spoilt if form == "layers" else fc.Gradients(spoilt).flat
    where = r"gradients\[2\]\[0\] contains .* at \[2, 1\]" if form == "layers" else r"gradients contains .* at \[\d+\]"
    with pytest.raises(fc.DivergenceError, match=f"^{where}: expected finite numbers; the network is as before$"):
        net.apply_gradients(given, optimizer=fc.Adam())
    for each in (net, other):
        each.train_on_batch(X, Y, optimizer=fc.Adam())
    assert equal(net, other)


def test_a_step_that_makes_weights_infinite_keeps_them():
    net = network()
    before = net.parameters
    large = [tuple(np.full_like(part, 1e38) for part in parts) for parts in net.gradients(X, Y)]
    with pytest.raises(fc.DivergenceError, match=r"^these gradients make a weight infinite or NaN with SGD"):
        net.apply_gradients(large, optimizer=fc.SGD(1e10))
    assert np.array_equal(net.parameters, before)
    net.apply_gradients(large, optimizer=fc.SGD(1e-37))
    assert not np.array_equal(net.parameters, before)


def test_options_that_single_steps_do_not_have_are_refused_by_name():
    net = network()
    gradients = net.gradients(X, Y)
    with pytest.raises(ValueError, match="^optimizer has accumulate=2: expected 1 for single steps$"):
        net.apply_gradients(gradients, optimizer=fc.SGD(0.1, accumulate=2))
    with pytest.raises(ValueError, match="^optimizer has l2_sum, which depends on the number of samples: expected l2$"):
        net.apply_gradients(gradients, optimizer=fc.SGD(0.1, l2_sum=1))
    with pytest.raises(TypeError, match=r"^averaging is SWA.*: expected fcnet.EMA"):
        net.apply_gradients(gradients, averaging=fc.SWA())
    for use in (net.apply_gradients, lambda g, **options: net.train_on_batch(X, Y, **options)):
        with pytest.raises(ValueError, match="^learning_rate is -1: expected a finite number, at least 0$"):
            use(gradients, learning_rate=-1)
        with pytest.raises(TypeError, match="^learning_rate is '1': expected a number$"):
            use(gradients, learning_rate="1")


def test_gradients_are_not_applied_during_a_fit():
    refused = []

    def apply(epoch, logs):
        with pytest.raises(RuntimeError, match="^this network is being fitted already$"):
            net.apply_gradients(gradients)
        refused.append(epoch)

    net = network()
    gradients = net.gradients(X, Y)
    net.fit(X, Y, epochs=2, callbacks=[apply])
    assert len(refused) == 2


def test_gradients_come_from_a_loss_in_python_too():
    def squares(output, target):
        return float(((output - target) ** 2).mean()), 2 * (output - target) / output.size

    net, other = network(loss=squares), network(loss=squares)
    for _ in range(2):
        net.train_on_batch(X, Y, optimizer=fc.Adam())
        other.apply_gradients(other.gradients(X, Y), optimizer=fc.Adam())
    assert equal(net, other)


def test_gradients_of_layers_need_no_word_on_biases():
    net, other = network("no bias"), network("no bias")
    gradients = fc.Gradients(net.gradients(X, Y))
    net.apply_gradients(gradients)
    other.apply_gradients(fc.Gradients(gradients.layers, biases=[layer.bias for layer in other.layers]).flat)
    assert equal(net, other)


CLEARED = """
import threading, time
import numpy as np
import fcnet as fc

net = fc.Network([1500, 1500, 1500, 1], loss="mse", seed=0)
shapes = [(1500, 1500), (1500, 1500), (1500, 1)]

def ones():
    return [(np.ones(shape, np.float32), np.ones(shape[1], np.float32)) for shape in shapes]

net.apply_gradients(ones(), optimizer=fc.SGD(0.5))
for delay in np.linspace(0, 0.02, 40):
    gradients, before = ones(), net.parameters

    def clear():
        time.sleep(delay)
        gradients.clear()

    thread = threading.Thread(target=clear)
    thread.start()
    try:
        net.apply_gradients(gradients, optimizer=fc.SGD(0.5))
        assert np.array_equal(net.parameters, before - np.float32(0.5))
    except ValueError as error:  # cleared before it began
        assert str(error) == "gradients are of 0 layers: expected 3"
    thread.join()
print("done")
"""


def test_a_thread_that_clears_the_list_of_gradients_takes_none_away():
    assert output(CLEARED) == "done"


def test_the_pair_of_clip_by_norm_is_named():
    net = fc.Network([3, 5, 2], loss="mse", seed=0)
    gradients = net.gradients(np.ones((4, 3)), np.ones((4, 2)))
    with pytest.raises(TypeError, match="gradients is a pair: expected its first part; clip_by_norm returns"):
        net.apply_gradients(fc.clip_by_norm(gradients, 0.5))
