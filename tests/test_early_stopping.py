"""Early stopping: when it ends a fit, and the weights that it leaves; samples held back for validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import fcnet as fc
from fcnet._training.dataset import train_validation_split

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((120, 4)).astype(np.float32), RNG.integers(0, 3, 120)  # nothing to learn but by heart
VALIDATION = RNG.standard_normal((60, 4)).astype(np.float32), RNG.integers(0, 3, 60)
OPTIONS = {"batch_size": 16, "optimizer": fc.Adam(0.03)}


def network(**options):
    return fc.Network([4, 32, 3], seed=2, **options)


def parameters(net):
    return b"".join(layer.W.tobytes() + layer.B.tobytes() for layer in net.layers)


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
def test_it_ends_after_patience_and_goes_back_to_the_best(monitor):
    net = network()
    rule = fc.EarlyStopping(patience=4, monitor=monitor)
    history = net.fit(X, Y, epochs=200, validation_data=VALIDATION, early_stopping=rule, **OPTIONS)
    figures = np.array(history[monitor])
    best = figures.argmax() if monitor == "val_accuracy" else figures.argmin()
    assert history.stopped_early
    assert history.best_epoch == best
    assert len(history) == best + 1 + 4
    assert net.evaluate(*VALIDATION)[monitor[4:]] == figures[best]
    same = network()
    same.fit(X, Y, epochs=int(best) + 1, **OPTIONS)
    assert parameters(net) == parameters(same)
    assert net.epochs_trained == len(history)


def given(figures, **options):
    """Options of a fit whose metric ``val_given`` has these values."""
    values = iter([0, *figures])  # the first call is before the first step
    metrics = {"given": lambda y_true, output: next(values)}
    return OPTIONS | options | {"validation_data": VALIDATION, "metrics": metrics}


@pytest.mark.parametrize(("ties", "best"), [("first", 1), ("last", 4)])
def test_of_equal_epochs_the_first_or_the_last_is_kept(ties, best):
    figures = [1, 3, 2, 3, 3, 2, 2, 2]
    rule = fc.EarlyStopping(5, monitor="val_given", mode="max", ties=ties)
    net, same = network(), network()
    history = net.fit(X, Y, **given(figures, epochs=20, early_stopping=rule))
    assert history.best_epoch == best
    assert len(history) == 1 + 1 + 5  # an equal epoch is no improvement
    same.fit(X, Y, epochs=best + 1, **OPTIONS)
    assert parameters(net) == parameters(same)


def test_ties_are_shown_where_the_last_is_kept():
    assert repr(fc.EarlyStopping(3)).endswith("mode='auto', start_from_epoch=0)")
    assert repr(fc.EarlyStopping(None, ties="last")).endswith("start_from_epoch=0, ties='last')")


def test_last_of_ties_is_that_of_equal_values_not_of_smaller_ones():
    rule = fc.EarlyStopping(9, monitor="val_given", mode="max", ties="last", min_delta=0.5)
    assert network().fit(X, Y, **given([3, 3.2, 3, 2.9, np.nan], epochs=4, early_stopping=rule)).best_epoch == 2


@pytest.mark.parametrize("done", [2, 3, 4, 6])
@pytest.mark.parametrize("ties", ["first", "last"])
def test_a_fit_that_goes_on_keeps_the_same_of_equal_epochs(ties, done):
    figures = [1, 3, 2, 3, 3, 2, 2, 2]
    rule = fc.EarlyStopping(None, monitor="val_given", mode="max", ties=ties)
    whole, parts = network(), network()
    history = whole.fit(X, Y, **given(figures, epochs=8, early_stopping=rule))

    def stop(epoch, logs):
        if epoch == done - 1:
            raise KeyboardInterrupt  # so that the best weights are not restored

    with pytest.raises(KeyboardInterrupt):
        parts.fit(X, Y, **given(figures, epochs=8, early_stopping=rule, callbacks=[stop]))
    after = parts.fit(X, Y, **given(figures[done:], epochs=8, early_stopping=rule, initial_epoch=done))
    assert after.best_epoch == history.best_epoch
    assert parameters(whole) == parameters(parts)


def test_without_patience_all_epochs_are_trained_and_the_best_is_restored():
    rule = fc.EarlyStopping(None, monitor="val_given", mode="max")
    net, same = network(), network()
    history = net.fit(X, Y, **given([2, 3, 1, 1, 1, 1, 1, 1], epochs=8, early_stopping=rule))
    assert (len(history), history.best_epoch, history.stopped_early) == (8, 1, False)
    same.fit(X, Y, epochs=2, **OPTIONS)
    assert parameters(net) == parameters(same)


@pytest.mark.parametrize("start", [0, 3, 20])
def test_epochs_before_start_from_epoch_neither_count_nor_are_the_best(start):
    net = network()
    rule = fc.EarlyStopping(4, monitor="val_loss", start_from_epoch=start)
    history = net.fit(X, Y, epochs=100, validation_data=VALIDATION, early_stopping=rule, **OPTIONS)
    best = start + int(np.argmin(history.val_loss[start:]))
    assert history.best_epoch == best
    assert len(history) == best + 1 + 4
    same = network()
    same.fit(X, Y, epochs=best + 1, **OPTIONS)
    assert parameters(net) == parameters(same)


def test_the_epoch_before_start_from_epoch_is_not_the_best_and_its_own_may_be():
    figures = iter([0, 1, 1, 9, 3, 2, 2])  # the first call is before the first step
    rule = fc.EarlyStopping(2, monitor="val_given", mode="max", start_from_epoch=3)
    metrics = {"given": lambda y_true, output: next(figures)}
    history = network().fit(X, Y, epochs=8, validation_data=VALIDATION, metrics=metrics, early_stopping=rule, **OPTIONS)
    assert history.val_given == [1, 1, 9, 3, 2, 2]
    assert history.best_epoch == 3


@pytest.mark.filterwarnings("ignore:early_stopping has start_from_epoch=5")
@pytest.mark.parametrize("done", [2, 5, 8])
def test_start_from_epoch_counts_the_epochs_of_a_fit_that_was_cut_off(done):
    rule = fc.EarlyStopping(3, monitor="val_loss", start_from_epoch=5)
    whole, parts = network(), network()
    for net in (whole, parts):
        net.fit(X, Y, epochs=2, **OPTIONS)  # the epochs of an earlier fit do not count
    history = whole.fit(X, Y, epochs=30, validation_data=VALIDATION, early_stopping=rule, **OPTIONS)
    still = fc.EarlyStopping(100, monitor="val_loss", start_from_epoch=5, restore_best=False)
    parts.fit(X, Y, epochs=done, validation_data=VALIDATION, early_stopping=still, **OPTIONS)
    after = parts.fit(X, Y, epochs=30, initial_epoch=done, validation_data=VALIDATION, early_stopping=rule, **OPTIONS)
    if done < 8:  # else the best weights may be gone
        assert after.best_epoch == history.best_epoch
        assert parameters(whole) == parameters(parts)
    assert after.best_epoch >= 2 + 5


@pytest.mark.parametrize("epochs", [1, 5])
def test_a_fit_that_ends_before_start_from_epoch_says_so(epochs):
    x, y = np.eye(4), [0, 1, 0, 1]
    rule = fc.EarlyStopping(1, monitor="loss", start_from_epoch=5)
    with pytest.warns(RuntimeWarning, match=f"start_from_epoch=5, and epochs is {epochs}: early stopping"):
        fc.Network([4, 2], seed=0).fit(x, y, epochs=epochs, early_stopping=rule)
    fc.Network([4, 2], seed=0).fit(x, y, epochs=0, early_stopping=rule)
    fc.Network([4, 2], seed=0).fit(x, y, epochs=6, early_stopping=rule)


@pytest.mark.filterwarnings("ignore:early_stopping has start_from_epoch=50")
def test_a_fit_that_ends_before_start_from_epoch_has_no_best_epoch():
    rule = fc.EarlyStopping(1, monitor="val_loss", start_from_epoch=50)
    history = network().fit(X, Y, epochs=9, validation_data=VALIDATION, early_stopping=rule, **OPTIONS)
    assert len(history) == 9
    assert history.best_epoch is None
    assert not history.stopped_early


@pytest.mark.parametrize("wrong", [-1, 1.5, True, None, "2", [1]])
def test_start_from_epoch_is_checked(wrong):
    with pytest.raises((TypeError, ValueError), match="start_from_epoch is"):
        fc.EarlyStopping(start_from_epoch=wrong)


def test_without_restore_the_last_weights_stay():
    net, same = network(), network()
    rule = fc.EarlyStopping(patience=3, restore_best=False)
    history = net.fit(X, Y, epochs=200, validation_data=VALIDATION, early_stopping=rule, **OPTIONS)
    assert history.stopped_early
    same.fit(X, Y, epochs=len(history), **OPTIONS)
    assert parameters(net) == parameters(same)


def test_the_best_is_restored_where_the_epochs_end_first():
    net, same = network(), network()
    history = net.fit(
        X, Y, epochs=30, validation_data=VALIDATION, early_stopping=fc.EarlyStopping(patience=100), **OPTIONS
    )
    assert not history.stopped_early
    assert history.best_epoch < 29
    same.fit(X, Y, epochs=history.best_epoch + 1, **OPTIONS)
    assert parameters(net) == parameters(same)


def test_a_training_figure_can_be_watched():
    rule = fc.EarlyStopping(patience=1, min_delta=0.5, monitor="loss")
    history = network().fit(X, Y, epochs=100, early_stopping=rule, **OPTIONS)
    assert len(history) == 2
    assert history.best_epoch == 0


def test_a_second_fit_counts_its_own_epochs():
    net = network()
    net.fit(X, Y, epochs=5, **OPTIONS)
    rule = fc.EarlyStopping(patience=1, min_delta=1e9, monitor="loss")
    assert net.fit(X, Y, epochs=9, early_stopping=rule, **OPTIONS).epochs == [5, 6]


@dataclass(frozen=True)
class ThenExplode(fc.schedules.Schedule):
    def _factors(self, step, total, per_epoch):
        return np.where(step < 3 * per_epoch, 1.0, 1e30)


def test_a_divergence_leaves_the_best():
    net, same = network(), network()
    rule = fc.EarlyStopping(monitor="loss")
    with pytest.raises(fc.DivergenceError, match="keeps its last good weights"):
        net.fit(X, Y, epochs=9, schedule=ThenExplode(), early_stopping=rule, **OPTIONS)
    assert len(net.history) >= 3
    same.fit(X, Y, epochs=net.history.best_epoch + 1, **OPTIONS)
    assert parameters(net) == parameters(same)
    assert net.epochs_trained == len(net.history)


OPTIMIZERS = [fc.SGD, fc.Adam, fc.AdamW, fc.NAdam, fc.RMSprop, fc.Adagrad, fc.Lion]


@pytest.mark.parametrize("monitor", [None, "loss", "val_loss"])
@pytest.mark.parametrize("make", OPTIMIZERS, ids=lambda make: make.__name__)
def test_an_absurd_learning_rate_is_named_within_an_epoch(make, monitor, dtype):
    """Of 1e10 and a network deep enough for the type to overflow."""
    deep = [4, *[8] * (60 if dtype == np.float64 else 9), 1]
    net, optimizer = fc.Network(deep, loss="mse", seed=2, dtype=dtype), make(1e10)
    rule = monitor and fc.EarlyStopping(monitor=monitor)
    with pytest.raises(fc.DivergenceError) as caught:
        net.fit(X, Y / 3.0, epochs=5, optimizer=optimizer, early_stopping=rule,
                validation_data=(VALIDATION[0], VALIDATION[1] / 3.0))  # fmt: skip
    for part in (f"epoch {net.epochs_trained} ", "loss ", "learning_rate=10000000000", "use a lower learning rate"):
        assert part in str(caught.value)
    assert net.epochs_trained == 0
    assert parameters(net) == parameters(fc.Network(deep, loss="mse", seed=2, dtype=dtype))


def test_a_prediction_during_the_fit_may_hold_the_best(monkeypatch):
    """Weights that somebody else still needs are not written over."""
    net = network()
    seen = []

    def is_better(rule, figure, best):
        seen.append(net.predict(X).tobytes())
        return best is None

    monkeypatch.setattr(fc.EarlyStopping, "is_better", is_better)
    net.fit(X, Y, epochs=6, early_stopping=fc.EarlyStopping(monitor="loss", patience=9), **OPTIONS)
    assert len(set(seen)) == 6
    assert net.predict(X).tobytes() == seen[0]


def test_held_back_samples_are_drawn_by_the_seed_of_every_class_alike():
    y = np.repeat([0, 1, 2], [100, 15, 5])
    x = np.arange(120.0)[:, None]
    kept, held = train_validation_split(120, 0.2, 1, y)
    assert (np.sort(np.concatenate([kept, held])) == np.arange(120)).all()
    assert (np.bincount(y[held]) == [20, 3, 1]).all()
    assert (held == train_validation_split(120, 0.2, 1, y)[1]).all()
    assert (held != train_validation_split(120, 0.2, 2, y)[1]).any()
    assert len(train_validation_split(120, 0.2, 1, None)[1]) == 24

    one, other = (fc.Network([1, 4, 3], seed=1, scale=0.01) for _ in range(2))
    given = one.fit(x, y, epochs=2, validation_split=0.2)
    other.fit(x[kept], y[kept], epochs=2, validation_data=(x[held], y[held]))
    assert given.val_loss == other.history.val_loss


def nan_after(epochs):
    """A metric that falls for so many epochs, and once before them, and then is NaN."""
    calls = iter(range(1000))
    return lambda y_true, output: 1 / (1 + call) if (call := next(calls)) <= epochs else np.nan


@pytest.mark.parametrize("good", [0, 3])
def test_nan_is_no_improvement_and_named_once(good):
    rule = fc.EarlyStopping(patience=2, monitor="val_score", mode="min")
    options = OPTIONS | {"validation_data": VALIDATION, "metrics": {"score": nan_after(good)}}
    net, same = network(), network()
    with pytest.warns(RuntimeWarning) as warned:
        history = net.fit(X, Y, epochs=50, early_stopping=rule, **options)
    message = f"early_stopping monitors val_score, which is NaN in epoch {good}: no improvement"
    assert [str(warning.message) for warning in warned] == [message]
    assert len(history) == good + 2
    assert history.best_epoch == (good - 1 if good else None)
    same.fit(X, Y, epochs=good or 2, **OPTIONS)  # without any best epoch, the weights of the last stay
    assert parameters(net) == parameters(same)
    plateau = fc.schedules.ReduceOnPlateau(0.5, 1, monitor="val_score", mode="min")
    options["metrics"] = {"score": nan_after(1)}
    with pytest.warns(RuntimeWarning, match=f"schedule monitors val_score, which is NaN in epoch {good + 3}"):
        assert net.fit(X, Y, epochs=4, schedule=plateau, **options).learning_rate == [0.03, 0.03, 0.015, 0.0075]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"early_stopping": fc.EarlyStopping()}, ValueError, "monitors val_loss: expected validation_data"),
        ({"early_stopping": 3}, TypeError, r"early_stopping is 3: expected fcnet.EarlyStopping"),
        ({"validation_split": 1}, ValueError, "validation_split is 1: expected 0 <= validation_split < 1"),
        ({"validation_split": "0.1"}, TypeError, "validation_split is '0.1'"),
        ({"validation_split": 0.001}, ValueError, "leaves 0 of 120 samples for validation"),
        ({"validation_split": 0.1, "validation_data": VALIDATION}, ValueError, "expected one of them"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_trained(options, error, match):
    net = network()
    before = parameters(net)
    with pytest.raises(error, match=match):
        net.fit(X, Y, **options)
    assert parameters(net) == before
    assert net.epochs_trained == 0


def test_many_small_classes_give_what_was_asked_for():
    labels = np.repeat(np.arange(1000), 2)
    kept, held = train_validation_split(2000, 0.2, 1, labels)
    assert len(held) == 400
    assert len(kept) == 1600


def test_a_regression_has_no_accuracy():
    with pytest.raises(ValueError, match="monitors accuracy: expected one of loss"):
        network(loss="mse").fit(X, np.zeros((120, 3)), early_stopping=fc.EarlyStopping(monitor="accuracy"))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"patience": 0}, ValueError),
        ({"patience": 1.5}, TypeError),
        ({"min_delta": -1}, ValueError),
        ({"min_delta": None}, TypeError),
        ({"monitor": "auc"}, ValueError),
        ({"restore_best": 1}, TypeError),
        ({"ties": "all"}, ValueError),
        ({"ties": None}, ValueError),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(options, error):
    with pytest.raises(error, match=next(iter(options))):
        fc.EarlyStopping(**options)
