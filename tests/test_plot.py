"""Tables and pictures of a history: what they show, in lines and in words."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import fcnet as fc
from fcnet import schedules
from fcnet.learning_rates import LearningRates


@pytest.fixture
def history():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((90, 4)), np.arange(90) % 3
    rule = fc.EarlyStopping(patience=3, monitor="val_f1")
    return fc.Network([4, 8, 3], seed=1).fit(x, y, epochs=9, validation_split=0.3, metrics=["f1"], early_stopping=rule)


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot

    yield matplotlib.pyplot
    matplotlib.pyplot.close("all")


def test_a_table_has_a_row_for_every_epoch(history):
    pytest.importorskip("pandas")
    frame = history.to_frame()
    assert list(frame.columns) == [name for name in history if name != "epochs"]
    assert list(frame.index) == history.epochs
    assert list(frame["val_f1"]) == history.val_f1
    assert fc.History().to_frame().shape == (0, 0)


def test_a_picture_of_a_history_shows_every_figure(history, pyplot, tmp_path):
    figure = history.plot()
    assert [axes.get_title("left") for axes in figure.axes] == ["loss", "accuracy", "f1"]
    assert list(figure.axes[0].lines[0].get_ydata()) == history.loss
    assert list(figure.axes[2].lines[0].get_ydata()) == history.val_f1
    assert [text.get_text() for text in figure.axes[1].texts].count("validation") == 1
    assert f"validation f1 from {history.val_f1[0]:.4g} to {history.val_f1[-1]:.4g}" in figure.get_label()
    assert f"the best epoch is {history.best_epoch}" in figure.get_label()
    figure.savefig(tmp_path / "history.png")


def test_a_picture_leaves_out_what_is_not_finite(pyplot):
    history = fc.History(epochs=[4, 5], loss=[2.0, 1.0], seconds=[1.0, 1.0], val_loss=[3.0, float("nan")])
    figure = fc.plot.history(history)
    assert figure.get_label() == "Epochs 4 to 5 of a fit: training loss from 2 to 1, validation loss from 3 to 3."
    assert list(figure.axes[0].lines[1].get_xdata()) == [4]


def test_names_at_the_ends_of_lines_do_not_lie_on_each_other(pyplot):
    figure = fc.History(epochs=[0, 1], loss=[2.0, 1.0], val_loss=[2.0, 1.0], seconds=[1.0, 1.0]).plot()
    figure.canvas.draw()
    one, other = (text.get_window_extent() for text in figure.axes[0].texts)
    assert not one.overlaps(other)


def test_the_style_stays_in_the_picture(history, pyplot):
    before = dict(pyplot.rcParams)
    history.plot()
    assert dict(pyplot.rcParams) == before


def test_a_history_without_epochs_has_no_picture():
    with pytest.raises(ValueError, match="history has no epochs"):
        fc.History().plot()


def test_every_schedule_has_a_picture(pyplot):
    figure = fc.plot.schedules()
    names = [name for name in schedules.__all__ if name != "Schedule"]
    assert [axes.get_title("left") for axes in figure.axes] == names
    for name in names:
        assert f"{name}(" in figure.get_label()
    one = fc.plot.schedules(schedules.ReduceOnPlateau(factor=0.5, patience=3), epochs=9, steps_per_epoch=2)
    assert list(one.axes[0].lines[0].get_ydata()) == [1.0] * 8 + [0.5] * 6 + [0.25] * 4


def test_a_range_test_has_a_picture(pyplot):
    rates = np.geomspace(1e-3, 1, 30)
    losses = np.interp(np.arange(30), [0, 10, 20, 29], [2, 2, 1, 4])
    found = LearningRates.of(rates, losses)
    figure = found.plot()
    assert figure.axes[0].get_xscale() == "log"
    assert (figure.axes[0].lines[0].get_ydata() == losses).all()
    assert f"falls fastest at {found.suggestion:.2g}" in figure.get_label()
    assert "never falls" in LearningRates.of(rates, np.arange(30.0)).plot().get_label()


def test_what_is_missing_is_named(history, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"a picture needs matplotlib: pip install 'fcnet\[plot\]'"):
        history.plot()
    with pytest.raises(ImportError, match=r"needs pandas: pip install 'fcnet\[pandas\]'"):
        history.to_frame()
