"""What objects say of themselves, in one line or in a table."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import fcnet as fc

pytestmark = pytest.mark.once

X, Y = np.eye(4), [0, 1, 0, 1]


def test_a_layer_and_the_summary_say_what_is_unusual():
    net = fc.Network([3, fc.Dense(4, "gelu", bias=False, dropout=0.25), 2], seed=3)
    net.layers[0].freeze()
    assert net.summary().splitlines() == [
        "layer          W  output  activation                           parameters",
        "layers[0]  3 x 4  (n, 4)  gelu, no bias, dropout 0.25, frozen          12",
        "layers[1]  4 x 2  (n, 2)  softmax                                      10",
        "total                                                                  22",
        "trainable                                                              10",
        "frozen                                                                 12",
        "bytes                                                                  88",
    ]
    assert repr(net.layers[0]) == "Layer(3 x 4, gelu, no bias, dropout 0.25, frozen)"
    net.layers[0].unfreeze()
    assert repr(net.layers[0]) == "Layer(3 x 4, gelu, no bias, dropout 0.25)"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_summary_counts_what_there_is(dtype):
    middle = fc.Dense(6, normalization="batch", bias=False)
    net = fc.Network([5, middle, fc.Dense(7, normalization="layer"), 2], dtype=dtype, seed=0)
    net.layers[2].freeze()
    counts = {line.split()[0]: int(line.split()[-1].replace(",", "")) for line in net.summary().splitlines()[4:]}
    trained = [("W", "gamma"), ("W", "B", "gamma"), ("W", "B")]
    sizes = [sum(getattr(layer, part).size for part in parts) for layer, parts in zip(net.layers, trained, strict=True)]
    assert counts["total"] == sum(sizes)
    assert counts["trainable"] == sum(sizes[:2])
    assert counts["frozen"] == sizes[2]
    assert counts["running"] == net.layers[0].mean.size + net.layers[0].variance.size
    assert counts["bytes"] == (sum(sizes) + counts["running"]) * net.dtype.itemsize


def test_a_prompt_shows_a_summary_as_print_does():
    summary = fc.Network([2, 3, 2], seed=0).summary()
    assert isinstance(summary, str)
    assert repr(summary) == str(summary) == f"{summary}"
    assert type(str(summary)) is str
    assert "\n" in repr(summary)
    assert pickle.loads(pickle.dumps(summary)) == copy.copy(summary) == summary


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"scale": 0.1}, ", scale=0.1)"),
        ({"scale": [0.1, 2]}, ", scale=[0.1, 2.0])"),
        ({"offset": 1e-10, "scale": [3, 1 / 3]}, ", scale=[3.0, 0.3333333333333333], offset=1e-10)"),
    ],
)
def test_a_repr_of_a_network_can_be_evaluated(options, shown):
    net = fc.Network([2, fc.Dense(3, "tanh"), 2], seed=0, **options)
    assert repr(net).endswith(shown)
    again = eval(repr(net), {"Network": fc.Network, "Dense": fc.Dense})
    assert repr(again) == repr(net)
    assert again.predict([[1, 2]]).tobytes() == net.predict([[1, 2]]).tobytes()


def test_many_numbers_are_a_range_in_a_repr():
    net = fc.Network([64, 2], seed=0, scale=np.linspace(0.5, 1, 64), offset=np.arange(64))
    assert repr(net).endswith(", scale=<64 numbers from 0.5 to 1>, offset=<64 numbers from 0 to 63>)")


def shown_in_one_line():
    x, y, *_ = digits = fc.datasets.load_digits()
    net = fc.Network([64, 16, 10], seed=0, scale=np.ones(64) / 16)
    diagnosis, explanation = net.diagnose(x, y), net.explain(x[:3], y[:3], answer={"L": 1.0})
    yield from (net, net.layers[0], net.history, digits)
    yield from (diagnosis, diagnosis.layers[0], diagnosis.inputs, *diagnosis.advice)
    yield from (explanation, explanation.compare()[0], explanation.findings[0], net.check_gradients(x[:3], y[:3]))
    yield from (fc.Checkpoint("net-{epoch}.safetensors", every=2), fc.Checkpoint("a", monitor="val_loss"))
    yield from (fc.EarlyStopping(), fc.EMA(), fc.SWA(), fc.BatchNorm(), fc.LayerNorm(), fc.Scale())
    yield from (fc.Parametric("mish"), fc.Dense(3, fc.Parametric("mish")), fc.Periodic())
    yield from (fc.PLR(lite=True), fc.PiecewiseLinear([[0, 1, 2], [0, 1]], version="A"))
    columns = fc.Columns(2, embedding=fc.Periodic(8), categories=[5, 9])
    yield from (columns, fc.Network([columns, 2], seed=0), fc.Network([columns, 2], seed=0).columns)
    yield from (fc.SGD(), fc.Adam(), fc.AdamW(), fc.NAdam(), fc.RMSprop(), fc.Adagrad(), fc.Lion())
    yield from (fc.Dense(16, init=np.ones((64, 16))), fc.initializers.Orthogonal(), fc.losses.Huber(2))
    yield from (getattr(fc.schedules, name)() for name in fc.schedules.__all__ if name != "Schedule")


def test_every_public_object_says_what_it_is_in_one_line():
    for shown in shown_in_one_line():
        text = repr(shown)
        assert text.startswith(f"{type(shown).__name__}(")
        assert text.isascii()
        assert "\n" not in text
        assert " object at 0x" not in text
        assert len(text) <= 200


def test_a_checkpoint_says_what_it_saves():
    assert repr(fc.Checkpoint("a", every=2)) == "Checkpoint('a', every=2)"
    text = "Checkpoint('a', every=1, monitor='val_f1', mode='auto', min_delta=0.0)"
    assert repr(fc.Checkpoint("a", monitor="val_f1")) == text
    assert repr(eval(text, {"Checkpoint": fc.Checkpoint})) == text


def test_a_diagnosis_says_what_is_wrong():
    net = fc.Network([2, 2], seed=0)
    net.layers[0].W = np.full((2, 2), np.nan)
    assert repr(net.diagnose([[1, 2]], [0])) == (
        "Diagnosis(1 layer, loss nan, after a step nan: set the weights of layers[0] again)"
    )


def test_a_history_says_how_it_ended():
    net = fc.Network([4, 2], seed=0)
    assert repr(net.history) == "History(0 epochs)"
    rule = fc.EarlyStopping(patience=1, monitor="loss", min_delta=9)
    history = net.fit(X, Y, epochs=30, validation_data=(X, Y), metrics=["f1"], early_stopping=rule)
    last = ", ".join(f"{name}={figure:.4g}" for name, figure in history.last().items())
    assert repr(history) == f"History(2 epochs, {last}, best_epoch=0, stopped_early=True)"
    assert "loss=" in last


def test_a_search_for_a_learning_rate_says_what_it_suggests():
    net = fc.Network([4, 2], seed=0)
    with pytest.warns(RuntimeWarning, match="the loss hardly falls"):
        found = net.find_learning_rate(X, Y, lowest=0.001, highest=0.1, steps=5, batch_size=4)
    assert repr(found) == f"LearningRates(suggestion={found.suggestion:.3g}, 5 rates from 0.001 to 0.1)"


def test_a_module_lists_its_public_names():
    assert set(fc.losses.__all__) == {"Loss", *(kind.__name__ for kind in fc.losses.LOSSES.values())}
    for module in (fc.losses, fc.initializers, fc.plot, fc.schedules, fc.metrics):
        assert all(getattr(module, name).__doc__ for name in module.__all__)
