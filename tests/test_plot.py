"""Tables and pictures of a history: what they show, in lines and in words."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import fcnet as fc
from fcnet import schedules
from fcnet._training.learning_rate_search import LearningRates
from fcnet.plot.edge_labels import places
from fcnet.tabular import PermutationImportance

from explanations import NAMES, article
from interop import library

pytestmark = pytest.mark.once


@pytest.fixture
def history():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((90, 4)), np.arange(90) % 3
    rule = fc.EarlyStopping(patience=3, monitor="val_f1")
    return fc.Network([4, 8, 3], seed=1).fit(x, y, epochs=9, validation_split=0.3, metrics=["f1"], early_stopping=rule)


@pytest.mark.interop
def test_a_table_has_a_row_for_every_epoch(history):
    library("pandas")
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


def every_picture(history):
    net = fc.Network([6, 5, 3], seed=0)
    yield history.plot()
    yield fc.plot.schedules(schedules.Cosine())
    yield LearningRates.of(np.geomspace(1e-3, 1, 9), np.arange(9.0), np.zeros(9)).plot()
    yield fc.plot.confusion_matrix([0, 1], [0, 1])
    yield fc.plot.calibration([0, 1], [0.2, 0.9])
    yield fc.plot.first_layer(net, (2, 3))
    yield fc.plot.permutation_importance(PermutationImportance(("a",), "r2", 0.5, np.ones((1, 2))))
    yield fc.plot.network(net)
    yield fc.plot.network(article().explain([[1, 1]], [0]))
    yield fc.plot.network(fc.Network([2, 40, 2], seed=0).explain([[1, 1]], [0]))


@pytest.mark.parametrize("windows", [False, True])
def test_pyplot_keeps_pictures_only_where_it_has_windows_to_show_them_in(windows, history, pyplot, monkeypatch):
    """A notebook shows the figure that a cell ends with, and once more whatever pyplot keeps."""
    framework = "tk" if windows else None
    monkeypatch.setattr(type(pyplot.figure().canvas), "required_interactive_framework", framework)
    pyplot.close("all")
    for figure in every_picture(history):
        assert (figure.number in pyplot.get_fignums()) is windows if windows else not pyplot.get_fignums()
        assert len(figure.get_label()) > 20
        pyplot.close("all")


def test_a_picture_that_fails_leaves_nothing_open(pyplot):
    with pytest.raises(TypeError, match="shown is a str: expected a Network, or the result of its explain"):
        fc.plot.network("net")
    with pytest.raises(ValueError, match="class_names has 1 names"):
        fc.plot.confusion_matrix([0, 1], [0, 1], class_names=["a"])
    assert pyplot.get_fignums() == []


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
    found = LearningRates.of(rates, losses, np.full(30, 2.0))
    figure = found.plot()
    assert figure.axes[0].get_xscale() == "log"
    assert (figure.axes[0].lines[0].get_ydata() == losses).all()
    assert f"falls fastest at {found.suggestion:.2g}" in figure.get_label()
    assert "never falls" in LearningRates.of(rates, np.arange(30.0), np.zeros(30)).plot().get_label()


def test_what_is_missing_is_named(history, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"a picture needs matplotlib: pip install matplotlib$"):
        history.plot()
    with pytest.raises(ImportError, match=r"needs pandas: pip install pandas$"):
        history.to_frame()


def test_a_confusion_matrix_counts_what_is_taken_for_what(pyplot):
    truth, guess = [0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 0, 0]
    figure = fc.plot.confusion_matrix(truth, guess, class_names=["a", "b", "c"])
    assert [int(text.get_text()) for text in figure.axes[0].texts] == [1, 1, 0, 0, 1, 0, 2, 0, 1]
    assert "3 of 6 samples are right; most often c is taken for a, 2 times" in figure.get_label()
    rows = np.eye(3)[guess]
    assert fc.plot.confusion_matrix(truth, rows).get_label() == figure.get_label().replace("c is", "2 is").replace(
        "for a", "for 0"
    )
    assert "2 of 2 samples are right." in fc.plot.confusion_matrix([1, 0], [0.9, 0.2]).get_label()
    with pytest.raises(ValueError, match="class_names has 2 names: expected 3"):
        fc.plot.confusion_matrix(truth, guess, class_names=["a", "b"])
    with pytest.raises(ValueError, match="y_true is empty"):
        fc.plot.confusion_matrix([], np.zeros((0, 2)))


def test_a_confusion_matrix_takes_labels_of_text(pyplot):
    truth, guess = np.array(["dog", "ape", "ape", "bee"]), np.array(["dog", "bee", "ape", "bee"])
    names = ("dog", "bee", "ape", "cow")  # in no order, the last one in no sample
    figure = fc.plot.confusion_matrix(truth, guess, class_names=names)
    counts = np.array([int(text.get_text()) for text in figure.axes[0].texts]).reshape(4, 4)
    assert counts.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    rows = np.eye(4)[[names.index(label) for label in guess]]
    assert fc.plot.confusion_matrix(truth, rows, class_names=names).get_label() == figure.get_label()
    whole = fc.plot.confusion_matrix(truth, guess, class_names=np.unique(truth))
    assert "3 of 4 samples are right; most often ape is taken for bee, 1 times" in whole.get_label()
    assert "5 is taken for 7, 1" in fc.plot.confusion_matrix([0, 1], [1, 1], class_names=(5, 7)).get_label()
    assert fc.plot.confusion_matrix(truth, guess).get_label() == whole.get_label()
    assert (
        fc.plot.confusion_matrix(list(truth), ["eel"] * 4).get_label().startswith("A confusion matrix of 4 classes: 0")
    )
    with pytest.raises(ValueError, match="y_true is None in row 1: expected a label for every sample"):
        fc.plot.confusion_matrix(["dog", None], ["dog", "dog"])
    with pytest.raises(ValueError, match="y_true contains the label 'dog' in row 0: expected one of the classes 'ape'"):
        fc.plot.confusion_matrix(truth, rows, class_names=["ape", "bee", "cow", "eel"])
    with pytest.raises(
        TypeError, match=r"y_true holds text: .*, use \[net.classes.index\(label\) for label in y_true\]; "
    ):
        fc.plot.confusion_matrix(truth, rows)


def test_calibration_compares_how_sure_with_how_often_right(pyplot):
    p = np.repeat([[0.75, 0.25], [0.05, 0.95]], 4, axis=0)
    figure = fc.plot.calibration([0, 0, 0, 1, 1, 1, 0, 0], p)
    line = figure.axes[0].lines[1]
    np.testing.assert_allclose(line.get_xdata(), [0.75, 0.95])
    np.testing.assert_allclose(line.get_ydata(), [0.75, 0.5])
    assert "the expected calibration error is 0.225" in figure.get_label()
    assert (
        fc.plot.calibration([0, 1], [0.2, 0.9]).get_label()
        == fc.plot.calibration([0, 1], [[0.8, 0.2], [0.1, 0.9]]).get_label()
    )
    with pytest.raises(ValueError, match="expected probabilities"):
        fc.plot.calibration([0], [[3.0, -2.0]])


def test_first_weights_are_images(pyplot):
    net = fc.Network([6, 5, 2], seed=0)
    figure = fc.plot.first_layer(net, (2, 3), most=4)
    images = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(images) == 4
    largest = np.argsort(-np.linalg.norm(net.layers[0].W, axis=0))[:4]
    assert (images[0] == net.layers[0].W[:, min(largest)].reshape(2, 3)).all()
    assert "4 of 5 neurons" in figure.get_label()
    with pytest.raises(ValueError, match="shape is .2, 2.: expected rows and columns of 6 inputs"):
        fc.plot.first_layer(net, (2, 2))


@pytest.mark.parametrize("behind", [1, 2, 3, 4])
@pytest.mark.parametrize("before", [1, 2, 3, 4])
def test_numbers_at_edges_do_not_lie_on_each_other(before, behind):
    heights, others = (118.0 * (np.arange(n) - (n - 1) / 2) for n in (before, behind))
    along = places(list(heights), list(others), 206, (46, 15))
    at = [(206 * a, y + a * (z - y)) for a, y in zip(along, heights, strict=True) for z in others]
    assert all(abs(x - u) >= 46 or abs(y - v) >= 14 for i, (x, y) in enumerate(at) for u, v in at[:i])


def test_a_network_too_large_to_draw_is_summed_up_in_histograms(pyplot):
    shown = fc.Network([2, 40, 2], seed=0).explain([[1, 1]], [0])
    figure = fc.plot.network(shown, view="gradients")
    assert [axes.get_title("left") for axes in figure.axes] == ["dW_1", "sigma_1", "dW_2", "sigma_2"]
    assert [sum(bar.get_height() for bar in axes.patches) for axes in figure.axes] == [80, 40, 80, 2]
    assert f"dW_1 from {shown['dW_1'].min():.3g} to" in figure.get_label()


@pytest.mark.parametrize("view", ["before", "after", "gradients"])
def test_a_network_is_drawn(view, pyplot):
    shown = article().explain([[1, 1]], [0], class_names=NAMES)
    figure = fc.plot.network(shown, view=view)
    texts = {text.get_text() for text in figure.axes[0].texts}
    names = {"before": ("W_", "h_out_"), "after": ("W_new_", "h_out_new_"), "gradients": ("dW_", "sigma_")}[view]
    for i in (1, 2, 3):
        for name in names:
            assert {f"{value:.3g}" for value in shown[f"{name}{i}"].flat} <= texts
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert len(dashed) == (2 if view == "gradients" else 0)
    with pytest.raises(ValueError, match="view is 'behind'"):
        fc.plot.network(shown, view="behind")


@pytest.mark.parametrize("view", ["after", "gradients"])
def test_a_network_has_no_view_of_a_step(view, pyplot):
    net = article()
    fc.plot.network(net, view="before")
    with pytest.raises(ValueError, match=f"view is '{view}', but a network has no step: expected"):
        fc.plot.network(net, view=view)


def test_a_small_network_is_drawn_with_its_numbers(pyplot):
    net = fc.Network([2, 3, 1], loss="mse", activation="tanh", seed=0)
    net.layers[0].B = [0.25, -0.5, 0.125]
    figure = fc.plot.network(net)
    texts = [text.get_text() for text in figure.axes[0].texts]
    for layer in net.layers:
        assert {f"{value:.3g}" for part in (layer.W, layer.B) for value in part.flat} <= {*texts}
    assert texts[-1] == "layers[1]\n1 identity"
    assert {"inputs\n2", "layers[0]\n3 tanh"} <= {*texts}
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert len(dashed) == sum(int((layer.W < 0).sum()) for layer in net.layers)
    weights = net.layers[0].W
    assert f"layers[0] from {weights.min():.3g} to {weights.max():.3g}" in figure.get_label()


def test_inputs_and_outputs_are_drawn_with_their_names(pyplot):
    net = fc.Network([1, 2], classes=["no", "yes"], seed=0)
    assert {"no", "yes"} <= {text.get_text() for text in fc.plot.network(net).axes[0].texts}
    one = fc.Network([1, 1], loss="binary_cross_entropy", classes=["no", "yes"], seed=0)
    assert not {"no", "yes"} & {text.get_text() for text in fc.plot.network(one).axes[0].texts}


def test_edges_are_as_wide_as_their_weights(pyplot):
    net = fc.Network([5, 2], seed=0)
    lines = [line for line in fc.plot.network(net).axes[0].lines if len(line.get_xdata()) == 2]
    widths = np.array([line.get_linewidth() for line in lines])
    np.testing.assert_allclose(widths, 0.6 + 4 * abs(net.layers[0].W).ravel() / abs(net.layers[0].W).max(), rtol=1e-6)


@pytest.mark.parametrize("sizes", [[64, 300, 10], [11, 1], [1, 11, 11, 1]])
def test_a_large_layer_is_drawn_by_its_first_and_last_neurons(sizes, pyplot):
    axes = fc.plot.network(fc.Network(sizes, loss="mse", seed=0)).axes[0]
    neurons = [line for line in axes.lines if len(line.get_xdata()) == 1]
    for i, n in enumerate(sizes):
        assert sum(list(line.get_xdata()) == [i] for line in neurons) == (n if n <= 10 else 8)
    assert [text.get_text() for text in axes.texts].count("⋮") == sum(n > 10 for n in sizes)


def test_weights_that_are_not_finite_are_drawn_too(pyplot, tmp_path):
    net = fc.Network([2, 2], seed=0)
    net.layers[0].W = [[np.nan, np.inf], [1.0, -np.inf]]
    fc.plot.network(net).savefig(tmp_path / "net.png")


def test_columns_of_a_table_stand_beside_the_inputs(pyplot):
    pandas = library("pandas")
    net = fc.Network([2, 2], seed=0)
    net.fit(pandas.DataFrame({"height": [1.0, 2.0], "weight": [3.0, 4.0]}), [0, 1], epochs=1)
    assert {"height", "weight"} <= {text.get_text() for text in fc.plot.network(net).axes[0].texts}
