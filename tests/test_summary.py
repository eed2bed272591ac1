"""What objects say of themselves, in one line or in a table."""

from __future__ import annotations

import numpy as np

import fcnet as fc

X, Y = np.eye(4), [0, 1, 0, 1]


def test_a_layer_and_the_summary_say_what_is_unusual():
    net = fc.Network([3, fc.Dense(4, "gelu", bias=False, dropout=0.25), 2], seed=3)
    net.layers[0].freeze()
    assert net.summary().splitlines() == [
        "layer      W  activation                           parameters",
        "0      3 x 4  gelu, no bias, dropout 0.25, frozen          12",
        "1      4 x 2  softmax                                      10",
        "total                                                      22",
    ]
    assert repr(net.layers[0]) == "Layer(3 x 4, gelu, no bias, dropout 0.25, frozen)"
    net.layers[0].unfreeze()
    assert repr(net.layers[0]) == "Layer(3 x 4, gelu, no bias, dropout 0.25)"


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
    found = net.find_learning_rate(X, Y, lowest=0.001, highest=0.1, steps=5, batch_size=4)
    assert repr(found) == f"LearningRates(suggestion={found.suggestion:.3g}, 5 rates from 0.001 to 0.1)"


def test_a_module_lists_its_public_names():
    assert set(fc.losses.__all__) == {"Loss", *(kind.__name__ for kind in fc.losses.LOSSES.values())}
    for module in (fc.losses, fc.initializers, fc.plot, fc.schedules, fc.metrics):
        assert all(getattr(module, name).__doc__ for name in module.__all__)
