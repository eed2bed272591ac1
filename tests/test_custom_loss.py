"""A loss may be a function of the user's: it trains as the built-in one does, and what it does wrong is named."""

from __future__ import annotations

import copy
import functools
import pickle
import re

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native

from bounds import max_error


def squared(output, target, weights=None):
    e = output - target
    w = np.ones(len(e)) if weights is None else weights
    share = (w / w.sum() / e.shape[1])[:, None]
    return float((share * e * e).sum()), 2 * share * e


def fitted(loss, weights=None, output=None, **options):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((70, 5)), rng.random((70, 3))
    net = fc.Network([5, 33, fc.Dense(3, output)], loss=loss, seed=1, dtype="float64")
    net.fit(x, y, epochs=2, sample_weight=weights, **options)
    return net, x, y


@pytest.mark.parametrize("batch", [1, 32, 5000])
@pytest.mark.parametrize("output", ["identity", "sigmoid", "gelu", "softmax"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_it_trains_as_the_built_in_one(batch, output, weighted, isa):
    weights = np.arange(70) + 0.5 if weighted else None
    (mine, x, y), (theirs, _, _) = (
        fitted(loss, weights, output, batch_size=batch, optimizer=fc.Adam(0.01)) for loss in (squared, "mse")
    )
    for a, b in zip(mine.layers, theirs.layers, strict=True):
        assert max_error([a.W, a.B], [b.W, b.B]) <= 1e-11
    np.testing.assert_allclose(mine.history.loss, theirs.history.loss, rtol=1e-12 if not weighted else 1)
    expected = theirs.evaluate(x, y, sample_weight=weights)["loss"]
    assert mine.evaluate(x, y, sample_weight=weights)["loss"] == pytest.approx(expected, rel=1e-9)
    for (dw, _), (dv, _) in zip(
        mine.gradients(x, y, sample_weight=weights), theirs.gradients(x, y, sample_weight=weights), strict=True
    ):
        assert max_error([dw], [dv]) <= 1e-11


def test_threads_and_long_steps_give_the_same_bits(steps):
    bits = set()
    for threads in (1, 2, 3):
        with fc.threads(threads):
            net, x, _ = fitted(squared, batch_size=16)
        bits.add(net.predict(x).tobytes())
    assert len(bits) == 1


def test_the_target_may_be_anything_with_a_row_for_each_sample():
    pairs = np.stack([np.zeros((70, 3)), np.ones((70, 3))], axis=1)
    rows = []

    def between(output, target):
        rows.append(target.shape)
        return squared(output, target.mean(axis=1))

    net = fc.Network([5, 3], loss=between, seed=0)
    net.fit(np.random.default_rng(0).random((70, 5)), pairs, epochs=1, batch_size=40)
    assert rows == [(40, 2, 3), (30, 2, 3)]


def test_classes_have_weights_where_the_target_is_labels():
    x, y = np.random.default_rng(0).standard_normal((60, 5)), np.arange(60) % 5 % 3
    for outputs, labels in ((3, y), (1, y > 0)):

        def one_hot_squared(output, target, weights, outputs=outputs):
            return squared(output, np.eye(3)[target] if outputs == 3 else target, weights)

        nets = [fc.Network([5, outputs], loss=one_hot_squared, seed=0) for _ in range(2)]
        counts = np.bincount(labels)
        nets[0].fit(x, labels, class_weight="balanced")
        nets[1].fit(x, labels, sample_weight=(60 / (len(counts) * counts))[labels.astype(int)])
        assert nets[0].predict(x).tobytes() == nets[1].predict(x).tobytes()
    with pytest.raises(ValueError, match="class_weight needs class labels"):
        nets[0].fit(x, y - 0.5, class_weight="balanced")


def test_samples_that_weigh_need_a_loss_that_takes_weights():
    net = fc.Network([5, 3], loss=lambda output, target: squared(output, target), seed=0)
    x, y, weights = np.eye(5), np.zeros((5, 3)), np.ones(5)
    message = r"samples have weights: expected a loss \(output, target, weights\), but calling it so is an error"
    for given in ({"sample_weight": weights}, {"validation_data": (x, y, weights)}):
        with pytest.raises(TypeError, match=message):
            net.fit(x, y, **given)
    with pytest.raises(TypeError, match=message):
        net.fit([(x, y), (x, y, weights)], epochs=1)
    with pytest.raises(TypeError, match=message):
        net.evaluate(x, y, sample_weight=weights)
    assert len(net.history) == net.epochs_trained == 0


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (lambda o, t: 3.0, TypeError, "loss returned a float: expected a pair (value, d value / d output)"),
        (lambda o, t: ("a", o), TypeError, "loss returned 'a' as its value: expected a number"),
        (lambda o, t: (o, o), TypeError, "loss returned an array of shape (32, 3) as its value: expected a number"),
        (lambda o, t: (1.0, o[:1]), ValueError, "loss returned a derivative of shape (1, 3) and dtype float64"),
        (lambda o, t: (1.0, o.astype(str)), ValueError, "expected real numbers (32, 3)"),
        (lambda o, t: 1 / 0, ZeroDivisionError, "division by zero"),
    ],
)
def test_what_it_does_wrong_is_an_exception_and_the_network_as_before(loss, error, message):
    net = fc.Network([5, 33, 3], loss=loss, seed=1, dtype="float64")
    before, rng = net.predict(np.eye(5)), np.random.default_rng(0)
    with pytest.raises(error, match=re.escape(message)):
        net.fit(rng.random((70, 5)), rng.random((70, 3)), optimizer=fc.Adam())
    assert (net.predict(np.eye(5)) == before).all()
    assert len(net.history) == 0


def test_an_exception_in_the_third_step_leaves_two_steps():
    calls = []

    def failing(output, target):
        calls.append(None)
        if len(calls) == 3:
            raise KeyError("enough")
        return squared(output, target)

    x, y = np.random.default_rng(0).random((70, 5)), np.zeros((70, 3))
    net, same = (fc.Network([5, 33, 3], loss=loss, seed=1) for loss in (failing, squared))
    with pytest.raises(KeyError, match="enough"):
        net.fit(x, y, batch_size=10, epochs=1, shuffle=False)
    same.fit(x[:20], y[:20], batch_size=10, epochs=1, shuffle=False)
    assert (net.predict(x) == same.predict(x)).all()


def test_a_loss_that_is_not_finite_is_divergence():
    net = fc.Network([5, 3], loss=lambda o, t: (np.nan, o * 0), seed=1)
    with pytest.raises(fc.DivergenceError):
        net.fit(np.eye(5), np.zeros((5, 3)), epochs=1)


@pytest.mark.parametrize("way", ["pickle", "deepcopy"])
def test_a_copy_has_the_function(way):
    net, x, _ = fitted(squared)
    again = copy.deepcopy(net) if way == "deepcopy" else pickle.loads(pickle.dumps(net))
    assert again.loss is squared
    assert (again.predict(x) == net.predict(x)).all()


def test_a_file_and_the_function_are_the_network(tmp_path):
    net, x, y = fitted(squared)
    net.save(tmp_path / "net")
    again = fc.load(tmp_path / "net", loss=squared)
    assert again.loss is squared
    assert again.evaluate(x, y) == net.evaluate(x, y)
    for one in (net, again):
        one.fit(x, y, epochs=2, batch_size=4)
    assert again.predict(x).tobytes() == net.predict(x).tobytes()


MISSING = "loss is the function test_custom_loss.squared, which the file .* fcnet.load.path, loss=squared"
USES = {
    "fit": lambda net, x, y: net.fit(x, y),
    "fit batches": lambda net, x, y: net.fit([(x, y)]),
    "train_on_batch": lambda net, x, y: net.train_on_batch(x, y),
    "evaluate": lambda net, x, y: net.evaluate(x, y),
    "gradients": lambda net, x, y: net.gradients(x, y),
    "find_learning_rate": lambda net, x, y: net.find_learning_rate(x, y),
    "explain": lambda net, x, y: net.explain(x, y),
    "check_gradients": lambda net, x, y: net.check_gradients(x, y),
    "diagnose": lambda net, x, y: net.diagnose(x, y),
}


@pytest.mark.parametrize("use", USES)
def test_a_file_without_the_function_says_what_is_missing(use, tmp_path):
    net, x, y = fitted(squared)
    net.save(tmp_path / "net")
    again = fc.load(tmp_path / "net")
    with pytest.raises(ValueError, match=MISSING):
        USES[use](again, x, y)
    assert again.history == fc.load(tmp_path / "net").history
    assert again.predict(x).tobytes() == net.predict(x).tobytes()


def test_a_file_without_the_function_predicts_shows_copies_and_saves(tmp_path):
    net, x, _ = fitted(squared)
    net.save(tmp_path / "net")
    loaded = fc.load(tmp_path / "net")
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "net").read_bytes()
    for one in (loaded, fc.load(tmp_path / "again"), copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))):
        assert one.predict(x).tobytes() == net.predict(x).tobytes()
        assert "loss=<missing function test_custom_loss.squared>" in repr(one)
        assert str(one.summary()) == str(net.summary())
    assert fc.load(tmp_path / "again", loss=squared).loss is squared


class Focal:
    def __call__(self, output, target):
        return squared(output, target)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (lambda o, t: squared(o, t), "test_custom_loss.<lambda>"),
        (functools.partial(squared), "functools.partial"),
        (Focal(), "test_custom_loss.Focal"),
        (Focal().__call__, "test_custom_loss.Focal.__call__"),
    ],
    ids=["lambda", "partial", "object", "method"],
)
def test_whatever_is_called_has_a_name_in_the_file(loss, name, tmp_path):
    net, x, y = fitted(loss)
    net.save(tmp_path / "net")
    with pytest.raises(ValueError, match=f"loss is the function {name}, which"):
        fc.load(tmp_path / "net").evaluate(x, y)
    assert fc.load(tmp_path / "net", loss=loss).evaluate(x, y) == net.evaluate(x, y)


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        ("mse", TypeError, "loss is 'mse': expected the function"),
        (fc.losses.MSE(), TypeError, "expected the function"),
        (3, TypeError, "loss is 3"),
        (squared, ValueError, "holds the loss 'mse': expected none"),
    ],
)
def test_load_takes_a_function_where_the_file_has_none(loss, error, message, tmp_path):
    fc.Network([2, 2], loss="mse", seed=0).save(tmp_path / "net")
    with pytest.raises(error, match=message):
        fc.load(tmp_path / "net", loss=loss)


@pytest.mark.parametrize("done", [1, 3])
def test_a_fit_goes_on_from_a_checkpoint_to_the_same_bits(done, tmp_path):
    x, y = np.random.default_rng(0).standard_normal((2, 50, 3))
    options = {"optimizer": fc.Adam(0.01), "averaging": fc.EMA(0.9), "batch_size": 8}
    whole = fc.Network([3, fc.Dense(9, dropout=0.2), 3], loss=squared, seed=1)
    whole.fit(x, y, epochs=5, callbacks=[fc.Checkpoint(tmp_path / "net-{epoch}")], **options)
    again = fc.load(tmp_path / f"net-{done}", loss=squared)
    again.fit(x, y, epochs=5, initial_epoch=done, **options)
    assert again.predict(x).tobytes() == whole.predict(x).tobytes()
    assert again.history.loss == whole.history.loss[done:]


@pytest.mark.parametrize(
    ("returned", "error"),
    [
        ((1.0, np.zeros((1, 3), np.float32)), ValueError),  # the core's own checks, behind those of the package
        ((1.0, np.zeros((32, 3), np.complex64)), TypeError),
        ((1.0,), TypeError),
        ("loss", TypeError),
    ],
    ids=["another size", "complex numbers", "no derivative", "no pair"],
)
def test_what_the_core_refuses_of_a_loss_keeps_its_type(returned, error):
    net = fc.Network([5, 3], loss=squared, seed=0)
    x = np.zeros((32, 5), np.float32)
    model, loss = net._state.model, lambda outputs, rows: returned
    trainer = _native.Trainer(model, x, loss, 32, False, "sgd", {"learning_rate": 0.1})
    with pytest.raises(error):
        trainer.run_epoch(0)


def test_a_function_of_another_name_than_the_one_saved_is_a_warning(tmp_path):
    net, _, _ = fitted(squared)
    net.save(tmp_path / "net")
    with pytest.warns(UserWarning, match="was saved with the loss test_custom_loss.squared, and loss is .*<lambda>"):
        fc.load(tmp_path / "net", loss=lambda output, target: squared(output, target))
