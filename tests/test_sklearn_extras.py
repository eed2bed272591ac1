"""What the estimators take beyond scikit-learn's: dropout, class weights, schedules, scorers, data for validation."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from estimators import beside_sklearn

pytestmark = beside_sklearn

from sklearn.base import clone
from sklearn.metrics import log_loss, mean_absolute_error

import fcnet as fc
from fcnet.sklearn import MLPClassifier, MLPRegressor

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 6))
Y = np.array(["no", "perhaps", "yes"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 1)]
VALUES = X @ RNG.standard_normal(6)
OPTIONS = {"hidden_layer_sizes": [16], "random_state": 0, "max_iter": 5, "batch_size": 50}


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.coefs_, other.coefs_, strict=True))


def test_an_estimator_is_the_network_that_it_says():
    """Dropout, clipping, smoothing and a schedule are the network's: the same bits as from its own fit."""
    ours = MLPClassifier(
        dropout=0.2, clip_norm=0.5, label_smoothing=0.1, schedule=fc.schedules.Cosine(), activation="gelu", **OPTIONS
    ).fit(X, Y)
    random = np.random.RandomState(0)
    layers = []
    for k, m in ((6, 16), (16, 3)):
        bound = np.sqrt(6 / (k + m))
        layers.append((random.uniform(-bound, bound, (k, m)), random.uniform(-bound, bound, m)))
    net = fc.Network(
        [6, fc.Dense(16, "gelu", dropout=0.2, init=layers[0][0]), fc.Dense(3, init=layers[1][0])],
        loss=fc.losses.CrossEntropy(0.1),
        seed=int(random.randint(2**32, dtype=np.uint64)),
        dtype="float64",
    )
    for layer, (_, b) in zip(net.layers, layers, strict=True):
        layer.B = b
    adam = fc.Adam(epsilon=np.finfo(float).tiny, epsilon_hat=1e-8, l2_sum=1e-4, clip_norm=0.5)
    net.fit(
        X,
        np.unique(Y, return_inverse=True)[1],
        epochs=5,
        batch_size=50,
        optimizer=adam,
        schedule=fc.schedules.Cosine(),
    )
    for coef, layer in zip(ours.coefs_, net.layers, strict=True):
        np.testing.assert_array_equal(coef, layer.W)


def test_class_weight_weighs_the_samples_of_the_class():
    by_class = MLPClassifier(class_weight={"no": 2, "perhaps": 1, "yes": 3}, **OPTIONS)
    weight = np.select([Y == "no", Y == "yes"], [2.0, 3.0], 1.0)
    assert same(by_class.fit(X, Y), MLPClassifier(**OPTIONS).fit(X, Y, weight))
    counts = {label: 300 / (3 * (Y == label).sum()) for label in np.unique(Y)}
    balanced = MLPClassifier(class_weight="balanced", **OPTIONS).fit(X, Y)
    assert same(balanced, MLPClassifier(class_weight=counts, **OPTIONS).fit(X, Y))
    with pytest.raises(ValueError, match="class_weight is 'balanced', which partial_fit does not support"):
        balanced.partial_fit(X, Y)
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match=r"class_weight is \{'no': .*\}: expected weights of at least 0$"):
            MLPClassifier(class_weight={"no": wrong}, **OPTIONS).fit(X, Y, -np.ones(len(Y)) if wrong < 0 else None)


@pytest.mark.parametrize("loss", ["mae", fc.losses.Huber(0.5), fc.losses.Quantile(0.9), "mse"], ids=str)
def test_a_regressor_takes_every_loss_of_the_network(loss):
    net = MLPRegressor(loss, alpha=0, **OPTIONS).fit(X, VALUES)
    assert net.loss_curve_[-1] < net.loss_curve_[0]


def test_a_regressor_takes_one_quantile_only():
    one, listed = (MLPRegressor(fc.losses.Quantile(q), **OPTIONS).fit(X, VALUES) for q in (0.9, [0.9]))
    assert same(one, listed)
    with pytest.raises(ValueError, match=r"loss is Quantile\(q=\(0.1, 0.9\)\): expected one quantile; fcnet.Network"):
        MLPRegressor(fc.losses.Quantile([0.1, 0.9]), **OPTIONS).fit(X, VALUES)


def test_a_regressor_takes_a_loss_of_ones_own():
    def half(output, target):
        return 0.5 * float(((output - target) ** 2).mean()), (output - target) / output.size

    own = MLPRegressor(half, alpha=0, **OPTIONS).fit(X, VALUES)
    np.testing.assert_allclose(own.coefs_[0], MLPRegressor(alpha=0, **OPTIONS).fit(X, VALUES).coefs_[0], rtol=1e-9)


@pytest.mark.parametrize(
    "activation",
    [
        *("leaky_relu", "elu", "selu", "softplus", "gelu", "silu", "mish", "sigmoid", "relu6", "hard_swish"),
        *(fc.activations.LeakyReLU(0.3), fc.activations.ELU(0.5)),
    ],
    ids=str,
)
def test_every_activation_of_the_network(activation):
    net = MLPClassifier(activation=activation, **OPTIONS | {"max_iter": 100}).fit(X, Y)
    assert net.score(X, Y) > 0.8
    again = clone(net).fit(X, Y)
    assert again.activation == activation
    assert same(net, again)
    assert same(net, pickle.loads(pickle.dumps(net)))


def test_the_constant_of_an_activation_is_a_parameter():
    relu, leaky = MLPClassifier(**OPTIONS), MLPClassifier(activation=fc.activations.LeakyReLU(0), **OPTIONS)
    assert same(relu.fit(X, Y), leaky.fit(X, Y))
    assert not same(relu, leaky.set_params(activation=fc.activations.LeakyReLU(0.5)).fit(X, Y))
    with pytest.raises(ValueError, match="The 'activation' parameter of MLPClassifier must be"):
        leaky.set_params(activation=fc.Parametric("mish")).fit(X, Y)


def test_validation_data_of_ones_own():
    net = MLPClassifier(**OPTIONS).fit(X[:200], Y[:200], X_val=X[200:], y_val=Y[200:])
    assert len(net.validation_loss_curve_) == 5
    assert net.validation_loss_curve_[-1] == pytest.approx(log_loss(Y[200:], net.predict_proba(X[200:])))
    assert same(net, MLPClassifier(**OPTIONS).fit(X[:200], Y[:200]))
    stops = MLPClassifier(early_stopping=True, **OPTIONS).fit(X[:200], Y[:200], X_val=X[200:], y_val=Y[200:])
    assert stops.best_validation_score_ == stops.score(X[200:], Y[200:])


def test_weights_of_the_validation_data():
    weight = RNG.random(100)
    net = MLPRegressor(**OPTIONS).fit(
        X[:200], VALUES[:200], X_val=X[200:], y_val=VALUES[200:], sample_weight_val=weight
    )
    error = np.average((net.predict(X[200:]) - VALUES[200:]) ** 2, weights=weight) / 2
    assert net.validation_loss_curve_[-1] == pytest.approx(error)


def negative_error(estimator, x, y):
    return -mean_absolute_error(y, estimator.predict(x))


@pytest.mark.parametrize(
    "scoring", ["neg_mean_absolute_error", negative_error, "loss", None], ids=["name", "function", "loss", "None"]
)
def test_early_stopping_watches_any_scorer(scoring):
    net = MLPRegressor(
        scoring=scoring, early_stopping=True, n_iter_no_change=3, learning_rate_init=0.05, random_state=0
    )
    net.fit(X[:200], VALUES[:200], X_val=X[200:], y_val=VALUES[200:])
    best = -mean_absolute_error(VALUES[200:], net.predict(X[200:]))
    if scoring == "loss":
        best = -np.mean((VALUES[200:] - net.predict(X[200:])) ** 2) / 2
    assert net.best_validation_score_ == pytest.approx(best if scoring else net.score(X[200:], VALUES[200:]))


def test_callbacks_hear_of_every_epoch_and_may_end_the_fit():
    heard = []

    def third(epoch, logs):
        heard.append(logs["loss"])
        if epoch == 2:
            raise fc.StopTraining

    net = MLPClassifier(callbacks=[third], **OPTIONS).fit(X, Y)
    assert net.n_iter_ == len(heard) == len(net.loss_curve_) == 3


def test_a_schedule_with_a_rule_of_its_own_is_refused():
    net = MLPClassifier(schedule=fc.schedules.Cosine(), solver="sgd", learning_rate="adaptive")
    with pytest.raises(ValueError, match="schedule is given: expected learning_rate='constant'"):
        net.fit(X, Y)


def test_a_progress_bar(capsys):
    MLPClassifier(progress=True, **OPTIONS).fit(X, Y)
    assert "4/5 epochs" in capsys.readouterr().err


class Counting(fc.Callback):
    def __init__(self):
        self.epochs = 0

    def on_epoch_end(self, epoch, logs):
        self.epochs += 1


def test_callbacks_do_not_carry_the_network_into_pickles_and_clones(tmp_path):
    callbacks = [Counting(), fc.Checkpoint(tmp_path / "net")]
    with_callbacks = MLPClassifier(callbacks=callbacks, **OPTIONS).fit(X, Y)
    without = pickle.dumps(MLPClassifier(**OPTIONS).fit(X, Y))
    assert len(pickle.dumps(with_callbacks)) < len(without) + 1000
    assert len(pickle.dumps(clone(with_callbacks))) < 3000
    again = pickle.loads(pickle.dumps(with_callbacks))
    assert same(again, with_callbacks)
    assert again.fit(X, Y).callbacks[0].epochs == 10
    assert callbacks[0].epochs == 5
