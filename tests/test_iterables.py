"""Data larger than memory: generators that feed several epochs; validation, evaluation, prediction by batches."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import fcnet as fc

from bounds import max_error

pytestmark = pytest.mark.once

N, K, M = 90, 4, 3
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((N, K)).astype(np.float32), RNG.integers(0, M, N)
WEIGHTS = RNG.uniform(0.5, 2, N)
SIZES = [(0, 7), (7, 50), (50, 51), (51, 90)]


def network(**options):
    return fc.Network([K, 8, M], seed=0, **options)


def parameters(net):
    return b"".join(layer.W.tobytes() + layer.B.tobytes() for layer in net.layers)


class Loader:
    """What can be gone through again, and says no more of itself."""

    def __init__(self, *parts, sizes=SIZES):
        self._parts, self._sizes = parts, sizes

    def __iter__(self):
        for begin, end in self._sizes:
            batch = tuple(part[begin:end] for part in self._parts)
            yield batch if len(batch) > 1 else batch[0]


class Numbered:
    """Entries by number and a length, as Keras' Sequence."""

    def __init__(self, *parts):
        self._all = list(Loader(*parts))

    def __len__(self):
        return len(self._all)

    def __getitem__(self, i):
        return self._all[i]


def forever(*parts):
    yield from itertools.cycle(Loader(*parts))


def test_a_list_of_batches_validates_like_their_rows():
    batches, nets = list(Loader(X, Y)), [network(), network()]
    for net, validation in zip(nets, (batches, (X, Y)), strict=True):
        net.fit(X, Y, epochs=2, validation_data=validation, metrics=["f1_macro"])
    assert parameters(nets[0]) == parameters(nets[1])
    np.testing.assert_allclose(nets[0].history.val_loss, nets[1].history.val_loss, rtol=1e-6)
    assert nets[0].history.val_f1_macro == nets[1].history.val_f1_macro
    one = network().fit(X, Y, epochs=1, validation_data=[(X.tolist(), Y.tolist())])
    assert one.val_loss == network().fit(X, Y, epochs=1, validation_data=iter([(X, Y)])).val_loss
    with pytest.raises(TypeError, match="batch 1 of validation_data is a ndarray"):
        network().fit(X, Y, validation_data=((X, Y), WEIGHTS))


def test_a_list_of_batches_is_predicted_as_the_error_says():
    batches, net = list(Loader(X, Y)), network()
    for use in (net.predict, net.predict_classes, net.activations, lambda x: net.fit(x, Y)):
        with pytest.raises(TypeError, match=r"^x is a list of batches: expected their rows; .* take iter\(x\)$"):
            use(batches)
    assert net.predict(iter(batches)).tobytes() == net.predict(X).tobytes()


@pytest.mark.parametrize("steps", [1, 3, 4, 6])
def test_an_endless_generator_feeds_epochs_and_goes_on_where_it_was(steps):
    net, same = network(), network()
    history = net.fit(forever(X, Y), epochs=5, steps_per_epoch=steps, optimizer=fc.Adam(), progress=False)
    assert len(history) == 5
    assert net.epochs_trained == 5
    for x, y in itertools.islice(forever(X, Y), 5 * steps):
        same.train_on_batch(x, y, optimizer=fc.Adam())
    assert parameters(net) == parameters(same)


def test_what_can_begin_again_does_so_at_its_end():
    nets = [network() for _ in range(3)]
    for net, given in zip(nets, (forever(X, Y), Loader(X, Y), Numbered(X, Y)), strict=True):
        net.fit(given, epochs=4, steps_per_epoch=3)
    assert parameters(nets[0]) == parameters(nets[1]) == parameters(nets[2])


@pytest.mark.parametrize("batches", [4, 6, 7])
def test_a_generator_that_ends_early_ends_the_fit_with_a_warning(batches):
    net, same = network(), network()
    given = list(itertools.islice(forever(X, Y), batches))
    with pytest.warns(RuntimeWarning, match=f"x has only {batches} batches, too few for all epochs of 3"):
        history = net.fit(iter(given), epochs=5, steps_per_epoch=3)
    assert len(history) == batches // 3
    assert history.stopped_early
    for x, y in given:
        same.train_on_batch(x, y)
    assert parameters(net) == parameters(same)


def test_a_schedule_knows_the_steps_of_a_generator():
    net, same = network(), network()
    schedule = fc.schedules.Cosine()
    net.fit(forever(X, Y), epochs=2, steps_per_epoch=4, schedule=schedule)
    same.fit(list(Loader(X, Y)), epochs=2, schedule=schedule)
    assert parameters(net) == parameters(same)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "3", [3], np.array([3, 4])])
def test_steps_per_epoch_is_checked(wrong):
    with pytest.raises((TypeError, ValueError), match="steps_per_epoch is"):
        network().fit(forever(X, Y), steps_per_epoch=wrong)


def test_what_does_not_go_together_is_named():
    net, once = network(), (pair for pair in Loader(X, Y))
    for options, match in (
        ({"x": X, "y": Y, "steps_per_epoch": 3}, "steps_per_epoch is given, but with arrays x and y an epoch has all"),
        ({"x": once, "epochs": 2}, "x is a generator, which ends after one epoch.* expected epochs=1, steps_per_epoch"),
        ({"x": Loader(X, Y), "class_weight": "balanced"}, "class_weight is 'balanced', but x is batches"),
        (
            {"x": X, "y": Y, "validation_data": once, "epochs": 2},
            "validation_data is a generator, which ends after one",
        ),
        ({"x": X, "y": Y, "validation_data": iter(()), "epochs": 1}, "validation_data has no batches"),
        ({"x": X, "y": Y, "validation_data": Loader(X, Y), "validation_split": 0.1}, "expected one of them"),
        ({"x": X, "y": Y, "validation_data": Loader(X[:, :3], Y)}, "x of batch 0 of validation_data has 3 features"),
    ):
        with pytest.raises(ValueError, match=match):
            net.fit(**options)
    with pytest.raises(TypeError, match="batch 0 of validation_data is a ndarray: expected x and y"):
        net.fit(X, Y, validation_data=Loader(X))
    for x, options, error, match in (
        (X, {}, TypeError, "y is missing"),
        (3, {}, TypeError, "y is missing"),
        (Loader(X, Y), {"sample_weight": WEIGHTS}, ValueError, "sample_weight is given, but x is batches"),
        (iter(()), {}, ValueError, "x has no batches"),
    ):
        with pytest.raises(error, match=match):
            net.evaluate(x, **options)
    with pytest.raises(ValueError, match="x has no batches"):
        net.predict(iter(()))
    with pytest.raises(ValueError, match="x of batch 1 has 3 features"):
        net.predict(iter([X, X[:, :3]]))
    assert parameters(net) == parameters(network())


LOSSES = {
    "cross_entropy": Y,
    "mse": RNG.standard_normal((N, M)),
    "rmse": RNG.standard_normal((N, M)),
    "huber": RNG.standard_normal((N, M)),
    "binary_cross_entropy": RNG.integers(0, 2, (N, M)),
}
METRICS = {"cross_entropy": ["f1_macro", "roc_auc", "log_loss"], "binary_cross_entropy": ["f1", "roc_auc"]}


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("loss", LOSSES)
def test_batches_are_evaluated_as_their_rows_together(loss, weighted, dtype):
    y, metrics = LOSSES[loss], [*METRICS.get(loss, ["r2", "mae"]), spread]
    net = network(loss=loss, dtype=dtype)
    weights = (WEIGHTS,) if weighted else ()
    expected = net.evaluate(X, y, metrics=metrics, sample_weight=WEIGHTS if weighted else None)
    for given in (Loader(X, y, *weights), iter(Loader(X, y, *weights)), list(Loader(X, y, *weights))):
        figures = net.evaluate(given, metrics=metrics)
        assert figures.keys() == expected.keys()
        assert all(math.isclose(figures[name], expected[name], rel_tol=1e-6) for name in expected)


def spread(y_true, output):
    return float(np.ptp(output))


def test_batches_may_be_weighted_in_part_and_far_apart():
    batches = [(X[:40], Y[:40]), (X[40:70], Y[40:70], np.full(30, 2.0**-90)), (X[70:], Y[70:], WEIGHTS[70:])]
    weights = np.r_[np.ones(40), np.zeros(30), WEIGHTS[70:]]  # 2**-90 is nothing beside 1
    net = network()
    figures = net.evaluate(batches, metrics=["f1_macro"])
    expected = net.evaluate(X, Y, sample_weight=weights, metrics=["f1_macro"])
    assert figures == pytest.approx(expected, rel=1e-6)


def test_a_loss_of_the_users_is_the_mean_over_its_batches():
    def squares(output, target):
        return float(np.mean((output - target) ** 2)), 2 * (output - target) / output.size

    y = LOSSES["mse"]
    net, same = network(loss=squares), network(loss="mse")
    for layer, other in zip(same.layers, net.layers, strict=True):
        layer.W, layer.B = other.W, other.B
    assert net.evaluate(Loader(X, y))["loss"] == pytest.approx(net.evaluate(X, y)["loss"], rel=1e-6)


@pytest.mark.parametrize("train", [lambda: (X, Y), lambda: (Loader(X, Y), None)], ids=["arrays", "batches"])
@pytest.mark.parametrize("validation", [Loader, Numbered])
def test_a_fit_validates_on_batches(train, validation):
    nets = network(), network()
    options = {"epochs": 6, "metrics": ["f1_macro"], "early_stopping": fc.EarlyStopping(2)}
    one = nets[0].fit(*train(), validation_data=validation(X, Y, WEIGHTS), **options)
    other = nets[1].fit(*train(), validation_data=(X, Y, WEIGHTS), **options)
    assert parameters(nets[0]) == parameters(nets[1])
    for name in ("val_loss", "val_accuracy", "val_f1_macro"):
        assert one[name] == pytest.approx(other[name], rel=1e-6)


def test_a_generator_validates_one_epoch():
    net = network()
    history = net.fit(X, Y, epochs=1, validation_data=(pair for pair in Loader(X, Y)), metrics=["f1_macro"])
    assert history.val_loss[0] == pytest.approx(net.evaluate(X, Y)["loss"], rel=1e-6)


@pytest.mark.parametrize("given", [{0: 2.0, 2: 0.5}, [2.0, 1.0, 0.5]], ids=str)
def test_classes_of_batches_have_weights(given):
    nets = network(), network()
    of_class = np.array([2, 1, 0.5])
    nets[0].fit(Loader(X, Y, WEIGHTS), epochs=2, class_weight=given)
    nets[1].fit(Loader(X, Y, WEIGHTS * of_class[Y]), epochs=2)
    assert max_error(nets[0].predict(X), nets[1].predict(X)) < 1e-6


def test_a_batch_without_any_weighing_class_is_passed_over():
    nets = network(), network()
    first = np.flatnonzero(Y == 0)
    nets[0].fit([(X[first], Y[first]), (X, Y)], epochs=2, class_weight={0: 0})
    nets[1].fit([(X, Y)], epochs=2, class_weight={0: 0})
    assert parameters(nets[0]) == parameters(nets[1])
    with pytest.raises(ValueError, match="0 for all samples of every batch of x"):
        nets[0].fit([(X[first], Y[first])], class_weight={0: 0})


ONE_BATCH = [X, X.tolist(), tuple(map(tuple, X)), X.astype(np.float16), np.asfortranarray(X), memoryview(X)]


@pytest.mark.parametrize("x", ONE_BATCH, ids=lambda x: type(x).__name__)
def test_arrays_lists_and_tuples_are_one_batch(x):
    net = network()
    assert net.predict(x).shape == (N, M)
    assert max_error(net.predict(x), net.predict(X)) < 1e-2
    assert net.evaluate(x, Y)["loss"] == pytest.approx(net.evaluate(X, Y)["loss"], rel=1e-2)


BATCHES = {
    "loader": lambda: Loader(X),
    "generator": lambda: (x for x in Loader(X)),
    "map": lambda: map(np.asarray, Loader(X)),
    "iterator of a list": lambda: iter(list(Loader(X))),
    "numbered": lambda: Numbered(X),
    "pairs": lambda: Loader(X, Y),
    "pairs as lists": lambda: map(list, Loader(X, Y)),
    "triples": lambda: Loader(X, Y, WEIGHTS),
    "lists of rows": lambda: (x.tolist() for x in Loader(X)),
    "pairs of lists": lambda: ((x.tolist(), y.tolist()) for x, y in Loader(X, Y)),
    "few rows as lists": lambda: (X[i : i + 2].tolist() for i in range(0, N, 2)),
}


@pytest.mark.parametrize("what", BATCHES)
def test_batches_are_predicted_one_after_the_other(what):
    net = network()
    assert net.predict(BATCHES[what]()).tobytes() == net.predict(X).tobytes()
    assert net.predict(BATCHES[what](), output="logits").tobytes() == net.predict(X, output="logits").tobytes()


def test_tables_in_batches_keep_to_the_columns_of_the_first():
    class Table:
        def __init__(self, x, names):
            self._x, self.columns = x, names
            self.shape = x.shape

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self._x, dtype)

    names = [f"c{i}" for i in range(K)]
    net = network()
    net.fit(((Table(x, names), y) for x, y in Loader(X, Y)), epochs=1, validation_data=Loader(X, Y))
    assert net.feature_names == tuple(names)
    with pytest.raises(ValueError, match="x of batch 0 has its columns in another order"):
        net.predict(iter([Table(X, names[::-1])]))


@pytest.mark.parametrize("weight", [1e-45, 1e-38, 1e39, 1e300])
def test_metrics_of_batches_do_not_depend_on_the_scale_of_weights(weight):
    net = network()
    whole = net.evaluate(X, Y, sample_weight=WEIGHTS, metrics=["f1_macro"])
    batches = net.evaluate(Loader(X, Y, WEIGHTS * weight), metrics=["f1_macro"])
    assert batches == pytest.approx(whole, rel=1e-6)


def test_a_validation_on_batches_that_weigh_nothing_is_nan_with_one_warning():
    with pytest.warns(RuntimeWarning, match="validation_data has weight 0 for all samples of every batch") as caught:
        history = network().fit(X, Y, epochs=2, validation_data=Loader(X, Y, WEIGHTS * 0))
    assert [each.filename for each in caught] == [__file__]
    assert np.isnan(history.val_loss).all()


def test_batches_by_number_are_batches_everywhere():
    class ByNumber:
        """As a Keras ``Sequence``."""

        def __len__(self):
            return len(SIZES)

        def __getitem__(self, i):
            if i >= len(SIZES):
                raise IndexError
            begin, end = SIZES[i]
            return X[begin:end], Y[begin:end]

    net, adapted, other = network(), network(), network()
    assert net.evaluate(ByNumber()) == net.evaluate(Loader(X, Y))
    np.testing.assert_array_equal(net.predict(ByNumber()), net.predict(X))
    adapted.adapt(ByNumber())
    other.adapt(Loader(X, Y))
    np.testing.assert_array_equal(adapted.offset, other.offset)


@pytest.mark.parametrize("share", [np.array([0.1, 0.2]), "0.1", True, None])
@pytest.mark.parametrize("feed", [(X, Y), ([(X, Y)],)])
def test_validation_split_has_to_be_a_number_beside_batches_too(feed, share):
    with pytest.raises(TypeError, match="validation_split is .*: expected a number"):
        network().fit(*feed, validation_split=share, validation_data=Loader(X, Y))


def test_a_wrong_batch_leaves_what_the_steps_before_it_have_learnt():
    net, same = network(), network()
    with pytest.raises(ValueError, match="y of batch 1 contains the label 9"):
        net.fit([(X, Y), (X, np.full(N, 9))])
    same.train_on_batch(X, Y)
    assert parameters(net) == parameters(same)
