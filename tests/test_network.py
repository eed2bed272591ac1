"""What a user of Network relies on."""

from __future__ import annotations

import re
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

import fcnet as fc


def blobs(n=300, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return rng.standard_normal((n, 2)) + 4 * np.eye(3, 2)[y], y


def test_fit_learns_and_history_tells():
    x, y = blobs()
    net = fc.Network([2, 16, 3], seed=0)
    history = net.fit(x, y, epochs=20, validation_data=blobs(seed=1))
    assert net.evaluate(*blobs(seed=2))["accuracy"] > 0.9
    assert len(history) == 20
    assert history.epochs == list(range(20))
    assert history["loss"] is history.loss
    assert history.loss[-1] < history.loss[0]
    for name in ("accuracy", "val_loss", "val_accuracy", "seconds"):
        assert len(history[name]) == 20
    assert net.history is history
    with pytest.raises(KeyError, match="expected one of epochs, loss"):
        history["los"]


@pytest.mark.parametrize("loss", ["mse", "rmse"])
def test_regression_learns_a_line(loss):
    x = np.linspace(-1, 1, 200)[:, None]
    net = fc.Network([1, 1], loss=loss, seed=0, dtype="float64")
    history = net.fit(x, 3 * x + 2, epochs=300, batch_size=20, optimizer=fc.SGD(0.02))
    assert history.accuracy == []
    np.testing.assert_allclose(net.layers[0].W, [[3]], atol=0.05)
    np.testing.assert_allclose(net.layers[0].B, [2], atol=0.05)


def test_probabilities_sum_to_one():
    p = fc.Network([2, 16, 3], seed=0).predict(blobs()[0])
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)


def test_same_seed_same_network_and_another_seed_another():
    a, b, c = (fc.Network([5, 4], seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(a.layers[0].W, b.layers[0].W)
    assert (a.layers[0].W != c.layers[0].W).any()
    drawn = fc.Network([5, 4])
    np.testing.assert_array_equal(drawn.layers[0].W, fc.Network([5, 4], seed=drawn.seed).layers[0].W)


def test_layers_are_read_as_copies_and_set_whole(dtype):
    net = fc.Network([3, 5, 2], seed=0, dtype=dtype)
    w = np.arange(15).reshape(3, 5)
    net.layers[0].W = w
    net.layers[0].B = [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(net.layers[0].W, w)
    assert net.layers[0].W.dtype == dtype
    assert net.layers[0].B.tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(net.predict(np.zeros((1, 3))).shape, (1, 2))
    with pytest.raises(ValueError, match="read-only"):
        net.layers[0].W[0, 0] = 1
    for bad, error in ((w.T, ValueError), (w.astype(complex), TypeError), (w.astype(str), TypeError)):
        with pytest.raises(error, match="^W (has|holds)"):
            net.layers[0].W = bad
    with pytest.raises(ValueError, match=r"^B has shape \(4,\): expected \(5,\)"):
        net.layers[0].B = np.zeros(4)
    np.testing.assert_array_equal(net.layers[0].W, w)


def test_large_layers_survive_getting_and_setting():
    net = fc.Network([70, 67, 33], seed=0)
    for layer in net.layers:
        rng = np.random.default_rng(0)
        w, b = rng.standard_normal(layer.W.shape).astype("f4"), rng.standard_normal(layer.B.shape).astype("f4")
        layer.W, layer.B = w, b
        np.testing.assert_array_equal(layer.W, w)
        np.testing.assert_array_equal(layer.B, b)


def test_summary_and_repr():
    net = fc.Network([784, 512, 10], seed=3)
    assert net.summary().splitlines() == [
        "layer              W    output  activation  parameters",
        "layers[0]  784 x 512  (n, 512)  relu           401,920",
        "layers[1]   512 x 10   (n, 10)  softmax          5,130",
        "total                                          407,050",
        "trainable                                      407,050",
        "frozen                                               0",
        "bytes                                        1,628,200",
    ]
    assert repr(net) == "Network([784, 512, 10], loss='cross_entropy', seed=3, dtype='float32')"
    assert repr(net.layers[1]) == "Layer(512 x 10, softmax)"


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        ("784", {}, TypeError),
        (7, {}, TypeError),
        ([784], {}, ValueError),
        ([784, 0, 10], {}, ValueError),
        ([784, -1], {}, ValueError),
        ([784, 2.5], {}, TypeError),
        ([784, True], {}, TypeError),
        ([3, 2], {"loss": "hinge"}, ValueError),
        ([3, 2], {"seed": -1}, ValueError),
        ([3, 2], {"seed": 2**64}, ValueError),
        ([3, 2], {"seed": 0.5}, TypeError),
        ([3, 2], {"dtype": "float16"}, ValueError),
        ([3, 2], {"dtype": "int32"}, ValueError),
    ],
)
def test_bad_constructions_are_refused(arguments, options, error):
    with pytest.raises(error, match=next(iter(options), "sizes")):
        fc.Network(arguments, **options)


@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf])
def test_learning_rate_must_be_positive_and_finite(rate):
    with pytest.raises(ValueError, match="learning_rate is"):
        fc.SGD(rate)
    with pytest.raises(TypeError, match="learning_rate is"):
        fc.SGD("0.1")


def test_divergence_raises_and_keeps_the_last_finite_weights():
    x, y = blobs()
    net = fc.Network([2, 16, 3], seed=0)
    net.fit(x, y, epochs=1)
    before = net.layers[0].W
    with pytest.raises(fc.DivergenceError, match=r"epoch 1 .*SGD\(learning_rate=1e\+30, .*\): use a lower"):
        net.fit(x, y, epochs=3, optimizer=fc.SGD(1e30))
    np.testing.assert_array_equal(net.layers[0].W, before)
    assert net.epochs_trained == 1
    net.fit(x, y, epochs=1)
    with pytest.raises(fc.DivergenceError, match="use a lower learning rate, or smaller inputs or targets, such as of"):
        fc.Network([2, 1], loss="mse", seed=0).fit(x, y * 1e25, epochs=20)


@pytest.mark.parametrize(("batch", "named"), [(1, 57), (3, 19), (20, 2)])
def test_divergence_names_the_batch_and_ends_the_epoch_there(batch, named, steps):
    x, y = np.ones((400, 2)), np.zeros(400, int)
    x[57] = 1e38  # whose products are beyond float32
    net = fc.Network([2, 16, 3], seed=0)
    net.layers[0].W = np.full((2, 16), 100.0)
    with pytest.raises(fc.DivergenceError, match=f"diverged in batch {named} of epoch 0 "):
        net.fit(x, y, batch_size=batch, epochs=1, shuffle=False, optimizer=fc.SGD(1e-9))
    assert (net.layers[0].W == 100).all()


def test_zero_epochs_change_nothing():
    x, y = blobs()
    net = fc.Network([2, 3], seed=0)
    before = net.layers[0].W
    assert len(net.fit(x, y, epochs=0)) == 0
    np.testing.assert_array_equal(net.layers[0].W, before)


def test_a_second_fit_of_a_network_being_fitted_raises_and_predict_sees_a_published_state():
    x, y = blobs(20000)
    net = fc.Network([2, 64, 3], seed=0)
    start = net.predict(x[:5])
    thread = threading.Thread(target=net.fit, args=(x, y), kwargs={"epochs": 30, "batch_size": 1})
    thread.start()
    try:
        while thread.is_alive() and (net.predict(x[:5]) == start).all():
            pass  # the first epoch has not been published
        with pytest.raises(RuntimeError, match="being fitted already"):
            net.fit(x[:1], y[:1], epochs=1)
        with pytest.raises(RuntimeError, match="being fitted: its parameters cannot be set"):
            net.layers[0].B = np.zeros(64)
        assert np.isfinite(net.predict(x[:5])).all()
    finally:
        thread.join()
    assert (net.predict(x[:5]) != start).any()


@pytest.mark.parametrize("others", [pytest.param(True, marks=pytest.mark.interop), False])
def test_doctests_of_the_package(others, monkeypatch):
    """Of docstrings whose examples need another library, and of those that do not."""
    import doctest
    import importlib

    for name, home in fc._HOME_OF.items():  # public classes call themselves the package's own
        if isinstance(getattr(fc, name), type):
            monkeypatch.setattr(getattr(fc, name), "__module__", f"fcnet.{home}")
    folder = Path(fc.__file__).parent
    run = 0
    for path in (path for path in folder.rglob("*.py") if ">>>" in path.read_text()):
        name = ".".join(("fcnet", *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")
        needed = re.match(r"fcnet\.(jax|sklearn|torch)\b", name)
        if needed and not others:
            continue
        module = importlib.import_module(name)
        for test in doctest.DocTestFinder().find(module, name):
            text = "".join(example.source for example in test.examples)
            if text and bool(needed or re.search("jax|keras|flax|sklearn|torch", text)) == others:
                with warnings.catch_warnings():  # of scikit-learn, that few epochs have not converged
                    warnings.simplefilter("ignore" if others else "error")
                    assert doctest.DocTestRunner().run(test).failed == 0, test.name
                run += 1
    assert run >= (8 if others else 40)


def test_show_config_tells_what_runs(capsys):
    facts = fc.show_config("dicts")
    assert facts["instruction set"]["name"] in facts["instruction set"]["available"]
    assert facts["threads"]["count"] == fc.get_num_threads()
    assert "-ffp-contract=off" in facts["build"]["flags"]
    fc.show_config()
    assert facts["instruction set"]["name"] in capsys.readouterr().out
    with pytest.raises(ValueError, match="mode is 'xml'"):
        fc.show_config("xml")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sizes", [4, 9, 3]),
        ("loss", "mse"),
        ("seed", 3),
        ("dtype", "float64"),
        ("scale", 2.0),
        ("offset", 1.0),
        ("layers", None),
        ("epochs_trained", -3),
        ("history", None),
        ("weights", 1),
    ],
)
def test_what_a_network_is_cannot_be_assigned(name, value):
    net = fc.Network([4, 8, 3], seed=0)
    with pytest.raises(AttributeError):
        setattr(net, name, value)


@pytest.mark.parametrize("name", ["w", "weights", "activation"])
def test_a_layer_has_no_other_attributes_to_assign(name):
    with pytest.raises(AttributeError):
        setattr(fc.Network([4, 8, 3], seed=0).layers[0], name, 1)


@pytest.mark.parametrize("n", [3, 40])
def test_a_row_with_nan_is_never_right(n, dtype, isa):
    net = fc.Network([4, 8, 3], seed=0, dtype=dtype)
    figures = net.evaluate(np.full((n, 4), np.nan), np.zeros(n, int))
    assert np.isnan(figures["loss"])
    assert figures["accuracy"] == 0


def test_numbers_that_the_type_cannot_hold_are_refused():
    net = fc.Network([4, 8, 1], loss="mse", seed=0)
    with pytest.raises(ValueError, match=r"y contains .* too large for float32: expected at most 3.4e"):
        net.fit(np.ones((2, 4)), [1e300, 1])
    with pytest.raises(ValueError, match=r"B has 1e\+300 at \[0\], too large for float32"):
        net.layers[0].B = np.full(8, 1e300)
    with pytest.raises(ValueError, match=r"B has shape \(\): expected \(8,\)"):
        net.layers[0].B = 0


def test_an_empty_validation_set_is_refused():
    x, y = np.ones((4, 2)), [0, 1, 0, 1]
    with pytest.raises(ValueError, match=r"validation_data\[0\] has shape \(0, 2\): expected at least one sample"):
        fc.Network([2, 2]).fit(x, y, validation_data=(x[:0], []))
    with pytest.raises(TypeError, match=r"validation_data is a dict: expected \(x, y\) or"):
        fc.Network([2, 2]).fit(x, y, validation_data={})


@pytest.mark.parametrize(("name", "value"), [("shuffle", "no"), ("shuffle", None), ("drop_last", 1)])
def test_flags_are_flags(name, value):
    with pytest.raises(TypeError, match=f"{name} is {value!r}: expected True or False"):
        fc.Network([2, 2]).fit([[1, 2]], [0], **{name: value})


@pytest.mark.parametrize("dtype", ["x", None, "int32", ">f4"])
def test_another_dtype_is_refused(dtype):
    with pytest.raises(ValueError, match=f"dtype is {dtype!r}: expected float32 or float64"):
        fc.Network([2, 2], dtype=dtype)


def test_a_history_is_read_like_a_dict():
    history = fc.Network([2, 2]).fit([[1, 2]], [0], epochs=2)
    assert "loss" in history
    assert "val_loss" not in history
    assert dict(history)["loss"] == history.loss
    assert list(history) == history.keys()


def test_the_package_lists_its_public_names():
    assert {"reference", "schedules", "Network", "load"} <= set(dir(fc))
    assert not {"importlib", "arrays", "TYPE_CHECKING", "schedule"} & set(dir(fc))
    with pytest.raises(AttributeError, match="module 'fcnet' has no attribute 'x'"):
        fc.x  # noqa: B018
