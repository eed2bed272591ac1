"""The parameters of a network as a whole."""

from __future__ import annotations

import copy
import itertools
import pickle
import re
import threading

import numpy as np
import pytest

import fcnet as fc

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((40, 5)).astype(np.float32), RNG.standard_normal((40, 3)).astype(np.float32)


def network(seed=0, **options):
    hidden = [fc.Dense(33, fc.Parametric("relu"), normalization="batch"), fc.Scale(), fc.Dense(9, bias=False)]
    hidden.append(fc.Dense(3, "identity"))
    return fc.Network([5, *hidden], seed=seed, **options)


def of_layers(net):
    pieces = []
    for layer in net.layers:
        pieces += [layer.W, *([layer.B] if layer.bias else [])]
        pieces += [layer.gamma] if layer.normalization else []
        pieces += [layer.mix] if "parametric" in repr(layer) else []
        pieces += [layer.scale] if "scaled inputs" in repr(layer) else []
    return np.concatenate([piece.ravel() for piece in pieces])


def statistics(net):
    return np.concatenate([net.layers[0].mean, net.layers[0].variance])


def test_parameters_are_those_of_the_layers_in_order(dtype):
    net = network(dtype=dtype)
    net.train_on_batch(X, Y)
    assert net.parameters.dtype == dtype
    assert np.array_equal(net.parameters, of_layers(net))
    assert not net.parameters.flags.writeable
    [total] = re.findall(r"total +([\d,]+)", str(net.summary()))
    assert net.parameters.shape == (int(total.replace(",", "")),)


def test_parameters_are_assigned_as_a_whole_and_statistics_stay(dtype):
    net = network(dtype=dtype)
    net.train_on_batch(X, Y)
    before, changed = statistics(net), RNG.standard_normal(len(net.parameters))
    net.parameters = changed
    assert np.array_equal(net.parameters, changed.astype(dtype))
    assert np.array_equal(of_layers(net), net.parameters)
    assert np.array_equal(statistics(net), before)
    assert not net.layers[1].B.any()
    net.parameters = list(map(float, net.parameters))
    assert np.array_equal(net.parameters, changed.astype(dtype))


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.ones(3), ValueError, r"^parameters has shape \(3,\): expected \(\d+,\)$"),
        (1.0, ValueError, r"^parameters has shape \(\): expected \(\d+,\)$"),
        (np.ones(600, complex), TypeError, "^parameters has dtype complex128: expected real numbers"),
        (None, TypeError, "^parameters is None: expected an array"),
    ],
)
def test_other_parameters_are_refused_by_name_and_the_network_stays(value, error, message):
    net = network()
    before = net.parameters
    with pytest.raises(error, match=message):
        net.parameters = value
    with pytest.raises(ValueError, match=r"^parameters has 1e\+39 at \[0\], too large for float32"):
        net.parameters = np.full(len(before), 1e39)
    assert np.array_equal(net.parameters, before)


def test_parameters_are_not_assigned_during_a_fit():
    refused = []

    def assign(epoch, logs):
        with pytest.raises(RuntimeError, match="^this network is being fitted: its parameters cannot be set$"):
            net.parameters = net.parameters
        refused.append(epoch)

    net = network()
    net.fit(X, Y, epochs=2, callbacks=[assign])
    assert len(refused) == 2


def test_an_average_ends_where_parameters_are_assigned():
    net = network()
    net.train_on_batch(X, Y, averaging=fc.EMA(0.9))
    net.parameters = np.zeros_like(net.parameters)
    net.train_on_batch(X, Y, optimizer=fc.SGD(1e-3))
    assert np.abs(net.parameters).max() < 0.1


def everything(net):
    return np.concatenate([net.parameters, statistics(net)])


def trained(seed=0, **options):
    net = network(seed, **options)
    for _ in range(3):
        net.train_on_batch(X, Y, optimizer=fc.Adam(0.01))
    return net


def test_copied_parameters_are_the_others_and_both_go_on_alone(dtype):
    net, other = trained(0, dtype=dtype), trained(1, dtype=dtype)
    alone = trained(1, dtype=dtype)
    net.copy_parameters(other)
    assert np.array_equal(everything(net), everything(other))
    assert np.array_equal(net.predict(X), other.predict(X))
    net.train_on_batch(X, Y, optimizer=fc.Adam(0.01))
    assert np.array_equal(everything(other), everything(alone))
    net.copy_parameters(other)
    for each in (other, alone):
        each.train_on_batch(X, Y, optimizer=fc.Adam(0.01))
    assert np.array_equal(everything(other), everything(alone))
    assert not np.array_equal(net.parameters, other.parameters)


def test_a_copy_keeps_the_optimizer_state():
    net, other = trained(0), trained(0)
    other.copy_parameters(trained(1))
    net.parameters, statistic = trained(1).parameters, trained(1).layers[0]
    net.layers[0].mean, net.layers[0].variance = statistic.mean, statistic.variance
    for each in (net, other):
        each.train_on_batch(X, Y, optimizer=fc.Adam(0.01))
    assert np.array_equal(everything(net), everything(other))


def test_a_copy_between_networks_of_other_losses_has_the_same_numbers():
    net, other = network(loss="huber"), trained(1, loss="mse")
    net.copy_parameters(other)
    assert np.array_equal(everything(net), everything(other))
    net.train_on_batch(X, Y)
    net.blend(other, 1)
    assert np.array_equal(everything(net), everything(other))
    assert net.evaluate(X, Y)["loss"] != other.evaluate(X, Y)["loss"]


@pytest.mark.parametrize("tau", [0, 0.005, 0.5, 1])
def test_a_blend_is_the_weighted_mean_of_everything(tau, dtype, threads):
    net, other = trained(0, dtype=dtype), trained(1, dtype=dtype)
    before, towards = everything(net), everything(other)
    for _ in range(3):  # the second writes to memory of the first
        net.blend(other, tau)
        expected = before + dtype(tau) * (towards - before)
        np.testing.assert_allclose(everything(net), expected, rtol=0, atol=4 * np.finfo(dtype).eps)
        assert tau < 1 or np.array_equal(everything(net), towards)
        assert tau > 0 or np.array_equal(everything(net), before)
        before = everything(net)
    assert np.array_equal(everything(other), towards)


def test_a_blend_has_the_same_bits_for_any_threads_and_on_every_instruction_set_but_portable(isas):
    results = {"portable": set(), "others": set()}  # portable rounds twice
    for isa in isas:
        for threads in (1, 2, 5):
            with fc.threads(threads):
                net, other = fc.Network([300, 700, 300], seed=0), fc.Network([300, 700, 300], seed=1)
                net.blend(other, 0.3)
            results["portable" if isa == "portable" else "others"].add(net.parameters.tobytes())
    assert max(map(len, results.values())) == 1


def test_a_blend_leaves_earlier_predictions_and_copies_alone():
    net, other, kept = network(0), network(1), network(2)
    kept.copy_parameters(net)
    before = everything(net)
    for _ in range(3):
        net.blend(other, 0.5)
    assert np.array_equal(everything(kept), before)
    kept.copy_parameters(net)
    now = everything(net)
    net.blend(other, 0.5)
    assert np.array_equal(everything(kept), now)


USES = [lambda net, other: net.copy_parameters(other), lambda net, other: net.blend(other, 1)]


@pytest.mark.parametrize("use", USES)
def test_other_networks_are_refused_by_what_differs(use):
    net = fc.Network([4, 8, 2], loss="mse", seed=0)
    before = net.parameters
    for other, message in [
        (
            fc.Network([4, 9, 2], loss="mse"),
            r"^other differs in layers\[0\]: it has Layer\(4 x 9, relu\), expected Layer",
        ),
        (fc.Network([4, 8, 2], loss="mse", activation="tanh"), r"^other differs in layers\[0\]: it has .*tanh"),
        (fc.Network([4, 8, 2]), r"^other differs in layers\[1\]: it has Layer\(8 x 2, softmax\)"),
        (fc.Network([4, fc.Scale(), 8, 2], loss="mse"), r"^other differs in layers\[0\]: .*scaled inputs"),
        (
            fc.Network([4, 8, 2], loss="mse", activation=fc.Parametric("relu")),
            r"^other differs in layers\[0\]: .*parametric relu",
        ),
        (fc.Network([4, 8, 2], loss="mse", dtype="float64"), "^other has dtype float64: expected float32$"),
        (fc.Network([4, 8, 2, 2], loss="mse", activation=["relu", "identity"]), "^other has 3 layers: expected 2$"),
    ]:
        with pytest.raises(ValueError, match=message):
            use(net, other)
    with pytest.raises(TypeError, match=r"^other is a list: expected a fcnet.Network$"):
        use(net, [])
    assert np.array_equal(net.parameters, before)


INPUTS = {
    "scale": {"scale": 0.5},
    "scale of a feature": {"scale": [1, 1, 1, 1, 2.0]},
    "offset": {"offset": 1.0},
    "offset that float32 rounds": {"offset": 1 + 1e-12},
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("which", INPUTS)
def test_networks_of_other_scale_or_offset_are_refused_by_name(use, which, dtype):
    plain, scaled = network(0, dtype=dtype), network(1, dtype=dtype, **INPUTS[which])
    shifted = network(2, dtype=dtype, **{name: np.add(value, 1) for name, value in INPUTS[which].items()})
    name = which.split()[0]
    for net, other in [(plain, scaled), (scaled, plain), (scaled, shifted)]:
        before = everything(net)
        with pytest.raises(
            ValueError, match=f"^other has another {name} of the inputs: expected that of this network; "
        ):
            use(net, other)
        assert np.array_equal(everything(net), before)
    same = network(3, dtype=dtype, **INPUTS[which])
    use(same, scaled)
    assert np.array_equal(same.predict(X), scaled.predict(X))


@pytest.mark.parametrize("use", USES)
def test_a_target_of_an_adapted_network_is_a_deep_copy_or_adapted_too(use):
    net, other = network(0), network(1)
    net.adapt(X)
    with pytest.raises(ValueError, match=r"^other has another offset of the inputs: .*adapt both.*copy\.deepcopy"):
        use(other, net)
    other.adapt(X)
    for target in (other, copy.deepcopy(net)):
        net.train_on_batch(X, Y)
        use(target, net)
        assert np.array_equal(target.predict(X), net.predict(X))


@pytest.mark.parametrize(
    ("tau", "error"), [(-0.1, ValueError), (1.5, ValueError), (np.nan, ValueError), ("1", TypeError)]
)
def test_a_share_out_of_range_is_refused_by_name(tau, error):
    with pytest.raises(error, match="^tau is .*: expected a number"):
        network().blend(network(1), tau)


def test_no_copy_and_no_blend_during_a_fit_but_from_it():
    other = network(1)
    refused = []

    def change(epoch, logs):
        for attempt in (lambda: net.copy_parameters(other), lambda: net.blend(other, 0.1)):
            with pytest.raises(RuntimeError, match="^this network is being fitted: its parameters cannot be set$"):
                attempt()
        other.copy_parameters(net)
        refused.append(np.array_equal(everything(other), everything(net)))

    net = network()
    net.fit(X, Y, epochs=2, callbacks=[change])
    assert refused == [True, True]


def test_an_average_ends_where_parameters_are_copied_or_blended():
    for use in USES:
        net, other = network(), network(1)
        net.train_on_batch(X, Y, averaging=fc.EMA(0.9))
        use(net, other)
        assert net.__getstate__()["average_state"] is None
        assert np.array_equal(everything(net), everything(other))


def test_a_network_with_shared_parameters_is_pickled_as_any_other():
    net, other = network(0), trained(1)
    net.copy_parameters(other)
    again = pickle.loads(pickle.dumps(net))
    assert np.array_equal(everything(again), everything(other))
    again.train_on_batch(X, Y)
    assert np.array_equal(everything(net), everything(other))


def test_predictions_beside_a_thread_that_blends_are_of_one_moment():
    net = fc.Network([5, 64, 3], loss="mse", seed=0)
    ones, zeros = (fc.Network([5, 64, 3], loss="mse", seed=0) for _ in range(2))
    ones.parameters, zeros.parameters = np.ones(len(net.parameters)), np.zeros(len(net.parameters))
    net.copy_parameters(zeros)
    begun, enough = threading.Event(), threading.Event()

    def blend():
        for i in itertools.count():
            net.blend((ones, zeros)[i % 2], 0.999999)
            begun.set()
            if enough.is_set():
                break

    thread = threading.Thread(target=blend)
    thread.start()
    begun.wait()
    try:
        for _ in range(300):
            assert np.ptp(net.parameters) == 0
    finally:
        enough.set()
        thread.join()
