"""Parameters that change after the first fit, under ``warm_start`` and ``partial_fit``: obeyed or refused, not ignored.

Most are held against scikit-learn, whose ``partial_fit`` alone keeps its optimizer as the first call made it: there its
oracle gets the new values by hand.
"""

from __future__ import annotations

import copy
import dataclasses
from inspect import signature

import numpy as np
import pytest

from estimators import CLASSES, LABELS, VALUES, N, X, beside_sklearn, parameters

pytestmark = beside_sklearn

import sklearn.neural_network

import fcnet as fc
import fcnet.sklearn
from fcnet.sklearn import MLPClassifier, MLPRegressor

COUNTS = np.random.default_rng(0).poisson(2, N).astype(float)
USUAL = {"hidden_layer_sizes": [7, 4], "random_state": 3, "shuffle": False, "batch_size": 32, "max_iter": 3, "tol": 0}
SGD = {"solver": "sgd", "learning_rate_init": 0.01}
LBFGS = {"solver": "lbfgs"}
# name: value at first, value later, other parameters
OBEYED = {
    "activation": ("relu", "tanh", {}),
    "solver": ("adam", "sgd", {"learning_rate_init": 0.01}),
    "alpha": (1e-4, 5.0, {}),
    "batch_size": (32, 50, {}),
    "learning_rate": ("constant", "invscaling", SGD),
    "learning_rate_init": (0.001, 0.02, {}),
    "power_t": (0.5, 0.1, SGD | {"learning_rate": "invscaling"}),
    "max_iter": (3, 5, {}),
    "tol": (0, 100.0, {"n_iter_no_change": 2, "max_iter": 8}),
    "n_iter_no_change": (10, 1, {"tol": 100.0, "max_iter": 6}),
    "momentum": (0.9, 0.1, SGD),
    "nesterovs_momentum": (True, False, SGD),
    "beta_1": (0.9, 0.2, {}),
    "beta_2": (0.999, 0.5, {}),
    "epsilon": (1e-8, 0.1, {}),
    "max_fun": (15000, 3, LBFGS | {"max_iter": 20}),
}
REFUSED = {"hidden_layer_sizes"}
OF_FCNET = {  # what scikit-learn does not have
    "label_smoothing": (0.0, 0.3),
    "dropout": (0.0, 0.5),
    "clip_norm": (None, 0.01),
    "class_weight": (None, {0: 5.0, 1: 1.0, 2: 0.1}),
    "schedule": (None, fc.schedules.InverseScaling(0.7)),
}
# they change what is drawn, said or heard, not how: see the tests below
OTHERS = {
    "early_stopping",
    "validation_fraction",
    "shuffle",
    "random_state",
    "verbose",
    "warm_start",
    "callbacks",
    "scoring",
    "progress",
    "loss",
}
BY_STEPS = sorted(set(OBEYED) - {"max_iter", "tol", "n_iter_no_change", "max_fun", "beta_1", "beta_2"})


def assert_same_coefficients(one, other, bound=2e-12):
    for a, b in zip(parameters(one), parameters(other), strict=True):
        assert np.abs(a - b).max() <= bound * max(1, np.abs(b).max())


def differ(one, other):
    return any((a != b).any() for a, b in zip(one.coefs_, other.coefs_, strict=True))


def test_every_parameter_is_in_this_table():
    for estimator in (MLPClassifier, MLPRegressor):
        names = set(signature(estimator).parameters)
        assert names <= {*OBEYED, *REFUSED, *OF_FCNET, *OTHERS}
        assert {*OBEYED, *REFUSED} <= names


@pytest.mark.parametrize("name", OBEYED)
def test_a_warm_start_obeys_what_scikit_learn_obeys(name):
    before, after, others = OBEYED[name]
    nets = []
    for module in (sklearn.neural_network, fcnet.sklearn):
        net = module.MLPClassifier(**USUAL | others | {name: before}, warm_start=True).fit(X, CLASSES)
        same, fitted = copy.deepcopy(net).fit(X, CLASSES), net.set_params(**{name: after}).fit(X, CLASSES)
        nets.append(fitted)
        assert differ(same, fitted), "the change makes no difference: no test"
    if name in ("n_iter_no_change", "tol"):  # theirs counts on from the fit before
        assert nets[1].n_iter_ < 6
    else:
        assert_same_coefficients(*nets, bound=1e-9 if others is not SGD and "solver" in others else 2e-12)


def tell(theirs, name, value):
    """Let scikit-learn's fitted optimizer have what its partial_fit does not look at again."""
    if name == "solver":
        del theirs._optimizer
    elif name == "learning_rate_init":
        theirs._optimizer.learning_rate_init = theirs._optimizer.learning_rate = value
    elif name == "learning_rate":
        theirs._optimizer.lr_schedule = value
        theirs._optimizer.learning_rate = theirs.learning_rate_init / (theirs.t_ + 1) ** theirs.power_t
    elif name == "power_t":
        theirs._optimizer.power_t = value
        theirs._optimizer.learning_rate = theirs.learning_rate_init / (theirs.t_ + 1) ** value
    elif name == "nesterovs_momentum":
        theirs._optimizer.nesterov = value
    elif hasattr(theirs._optimizer, name):
        setattr(theirs._optimizer, name, value)


@pytest.mark.parametrize("name", BY_STEPS)
def test_partial_fit_obeys_every_parameter_of_its_steps(name):
    before, after, others = OBEYED[name]
    # the velocity of scikit-learn contains the learning rate of its time: no momentum where the rate changes
    still = {"momentum": 0.0} if name in ("learning_rate", "power_t") else {}
    nets = []
    for module in (sklearn.neural_network, fcnet.sklearn):
        net = module.MLPClassifier(**USUAL | others | still | {name: before})
        net.partial_fit(X, CLASSES, classes=np.arange(3)).partial_fit(X, CLASSES)
        same = copy.deepcopy(net).partial_fit(X, CLASSES)
        net.set_params(**{name: after})
        if module is sklearn.neural_network:
            tell(net, name, after)
        nets.append(net.partial_fit(X, CLASSES).partial_fit(X, CLASSES))
        assert differ(same, copy.deepcopy(net)), "the change makes no difference: no test"
    assert_same_coefficients(*nets)


@pytest.mark.parametrize("name", ["beta_1", "beta_2"])
def test_partial_fit_obeys_the_betas_as_the_network_does(name):
    """scikit-learn corrects for the start at 0 as if all steps had had the new ones."""
    net = MLPClassifier(**USUAL).partial_fit(X, CLASSES, classes=np.arange(3))
    alone = copy.deepcopy(net._network)
    net.set_params(**{name: 0.5}).partial_fit(X, CLASSES)
    adam = fc.Adam(0.001, epsilon=np.finfo(float).tiny, epsilon_hat=1e-8, l2_sum=1e-4)
    adam = dataclasses.replace(adam, **{name.replace("_", ""): 0.5})
    alone.fit(X, CLASSES, epochs=1, batch_size=32, optimizer=adam, shuffle=False)
    np.testing.assert_array_equal(net.coefs_[0], alone.layers[0].W)


@pytest.mark.parametrize("name", OF_FCNET)
@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_a_fit_that_goes_on_obeys_what_scikit_learn_does_not_have(name, how):
    before, after = OF_FCNET[name]

    def fitted(then):
        net = MLPClassifier(**USUAL | {name: before}, warm_start=how == "warm_start")
        for value in (before, then):
            net.set_params(**{name: value})
            if how == "warm_start":
                net.fit(X, CLASSES)
            else:
                net.partial_fit(X, CLASSES, classes=np.arange(3))
        return net

    assert differ(fitted(before), fitted(after))
    layers = fitted(after)._network.layers
    assert [layer.dropout for layer in layers] == ([0.5, 0.5, 0.0] if name == "dropout" else [0.0] * 3)


def test_partial_fit_with_another_activation_keeps_the_optimizer_state():
    """Of tanh near 0 the first step of a new Adam would be as long as the learning rate in every weight."""
    net = MLPRegressor(**USUAL, activation="identity")
    for _ in range(3):
        net.partial_fit(X, VALUES)
    same = copy.deepcopy(net).partial_fit(X, VALUES)
    other = net.set_params(activation="leaky_relu", dropout=0).partial_fit(X, VALUES)
    assert differ(same, other)
    for one in (same, other):
        name, powers, _ = one._network._state.model.state()[1]
        assert name == "adam"
        assert powers == same._network._state.model.state()[1][1]


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
@pytest.mark.parametrize("to", [1, np.random.RandomState(1)], ids=["int", "generator"])
def test_another_random_state_shuffles_otherwise_and_the_same_one_goes_on(how, to):
    def fitted(then):
        net = MLPRegressor(**USUAL | {"shuffle": True}, warm_start=how == "warm_start")
        for state in (3, then):
            net.set_params(random_state=copy.deepcopy(state))
            net.fit(X, VALUES) if how == "warm_start" else net.partial_fit(X, VALUES)
        return net

    assert not differ(fitted(3), fitted(np.int64(3)))
    assert not differ(fitted(to), fitted(to))
    assert differ(fitted(3), fitted(to))


def test_early_stopping_and_its_share_may_change_under_a_warm_start():
    """scikit-learn fails at the first of the two, and returns weights trained on for the best ones at the second."""
    net = MLPClassifier(**USUAL, warm_start=True).fit(X, CLASSES)
    net.set_params(early_stopping=True).fit(X, CLASSES)
    assert (len(net.validation_scores_), net.t_) == (3, 3 * N + 3 * 0.9 * N)
    net.set_params(validation_fraction=0.4).fit(X, CLASSES)
    assert (len(net.validation_scores_), net.t_) == (6, 3 * N + 3 * 0.9 * N + 3 * 0.6 * N)
    net.set_params(early_stopping=False).fit(X, CLASSES)
    assert net.validation_scores_ is None


def test_shuffling_may_be_turned_on_later():
    net = MLPRegressor(**USUAL).partial_fit(X, VALUES)
    other = copy.deepcopy(net).set_params(shuffle=True)
    assert differ(net.partial_fit(X, VALUES), other.partial_fit(X, VALUES))


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_callbacks_scorer_and_messages_are_those_of_the_last_fit(how, capsys):
    heard = []
    net = MLPRegressor(**USUAL, warm_start=how == "warm_start")
    train = net.fit if how == "warm_start" else net.partial_fit
    train(X, VALUES)
    net.set_params(verbose=True, callbacks=[lambda epoch, logs: heard.append(epoch)])
    train(X, VALUES)
    assert len(heard) == capsys.readouterr().out.count("Iteration") == (3 if how == "warm_start" else 1)
    if how == "warm_start":
        net.set_params(early_stopping=True, scoring="neg_mean_absolute_error", verbose=False)
        assert train(X, VALUES).best_validation_score_ < 0


@pytest.mark.parametrize(
    ("loss", "later"),
    [
        ("squared_error", "mae"),
        ("squared_error", fc.losses.Huber(0.3)),
        (fc.losses.Quantile(0.1), fc.losses.Quantile(0.9)),
        ("mae", lambda output, target: (0.0, np.ones_like(output))),
    ],
    ids=["name", "Huber", "Quantile", "function"],
)
@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_another_loss_of_the_same_outputs_is_obeyed(loss, later, how):
    def fitted(then):
        net = MLPRegressor(loss, **USUAL, warm_start=how == "warm_start")
        for value in (loss, then):
            net.set_params(loss=value)
            net.fit(X, VALUES) if how == "warm_start" else net.partial_fit(X, VALUES)
        return net

    assert differ(fitted(loss), fitted(later))


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
@pytest.mark.parametrize(
    ("estimator", "y", "change", "message"),
    [
        (MLPClassifier, CLASSES, {"hidden_layer_sizes": (9,)}, r"hidden_layer_sizes changed from \[7, 4\] to \[9\]: "),
        (
            MLPClassifier,
            LABELS,
            {"hidden_layer_sizes": (7, 5)},
            r"changed from \[7, 4\] to \[7, 5\]: .* expected \[7, 4",
        ),
        (MLPRegressor, VALUES, {"hidden_layer_sizes": ()}, r"hidden_layer_sizes changed from \[7, 4\] to \[\]: "),
        (
            MLPRegressor,
            COUNTS,
            {"loss": "poisson"},
            r"loss changed from 'mse' \(with identity outputs\) to 'poisson' ",
        ),
        (MLPRegressor, VALUES, {"dropout": [0.1]}, "dropout has 1 rates: expected one, or 2"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else None,
)
def test_what_does_not_suit_the_fitted_weights_is_refused(how, estimator, y, change, message):
    net = estimator(**USUAL, warm_start=how == "warm_start").fit(X, y)
    before = net.predict(X)
    net.set_params(**change)
    with pytest.raises(ValueError, match=message):
        net.fit(X, y) if how == "warm_start" else net.partial_fit(X, y)
    np.testing.assert_array_equal(net.predict(X), before)


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
@pytest.mark.parametrize(
    ("estimator", "first", "then", "message"),
    [
        (MLPRegressor, VALUES, np.c_[VALUES, VALUES], "y changed from 1 output to 2 outputs"),
        (MLPRegressor, np.c_[VALUES, VALUES], VALUES, "y changed from 2 outputs to 1 output"),
        (MLPClassifier, LABELS, CLASSES, "y changed from multi-label rows to class labels"),
        (MLPClassifier, CLASSES, LABELS, "y changed from class labels to multi-label rows"),
        (MLPClassifier, LABELS, LABELS[:, :2], "classes|y changed from 3 outputs to 2 outputs"),
    ],
    ids=["more-values", "fewer-values", "labels-to-classes", "classes-to-labels", "fewer-labels"],
)
def test_y_of_another_kind_is_refused(how, estimator, first, then, message):
    net = estimator(**USUAL, warm_start=how == "warm_start").fit(X, first)
    before = net.predict(X)
    with pytest.raises(ValueError, match=message):
        net.fit(X, then) if how == "warm_start" else net.partial_fit(X, then)
    np.testing.assert_array_equal(net.predict(X), before)


def test_the_type_of_the_weights_stays_that_of_the_first_fit():
    """As in scikit-learn: the type of X is no parameter."""
    for module in (sklearn.neural_network, fcnet.sklearn):
        net = module.MLPRegressor(**USUAL, warm_start=True).fit(X.astype(np.float32), VALUES)
        assert {w.dtype for w in net.fit(X, VALUES).coefs_} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("change", "fit", "message"),
    [
        ({"dropout": [0.1, 0.2, 0.3]}, {}, "dropout has 3 rates"),
        ({"callbacks": [3]}, {}, "callbacks has 3"),
        ({"hidden_layer_sizes": (3.5,)}, {}, "'hidden_layer_sizes' parameter"),
        ({"scoring": "no such score", "early_stopping": True}, {}, "no such score"),
        ({}, {"X_val": X[:, :2], "y_val": CLASSES}, "X has 2 features"),
        ({}, {"sample_weight": -np.ones(N)}, "sample_weight"),
        ({"early_stopping": True, "validation_fraction": 0.0}, {}, "validation|test_size"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_a_fit_that_cannot_begin_leaves_the_estimator_as_it_was(change, fit, message):
    net = MLPClassifier(**USUAL).fit(X, CLASSES)
    before = {name: value for name, value in vars(net).items() if name.endswith("_")}
    probabilities = net.predict_proba(X)
    net.set_params(**change)
    with pytest.raises((ValueError, TypeError), match=message):
        net.fit(X, np.where(CLASSES == 2, 5, CLASSES) if not fit else CLASSES, **fit)
    assert {name: value for name, value in vars(net).items() if name.endswith("_")} == before
    np.testing.assert_array_equal(net.predict_proba(X), probabilities)


def test_a_first_partial_fit_that_fails_does_not_fix_the_classes():
    net = MLPClassifier(**USUAL)
    with pytest.raises(ValueError, match="`y` has classes not in"):
        net.partial_fit(X, CLASSES, classes=[0, 1])
    assert not hasattr(net, "classes_")
    assert net.partial_fit(X, CLASSES, classes=[0, 1, 2]).score(X, CLASSES) > 0


@pytest.mark.parametrize(
    "sizes",
    [(16.0,), [4, 2.0], np.array([16.0]), (True,), True, [None], ["16"], [[3]], (np.nan,), {4, 3}, np.array(5)],
    ids=repr,
)
def test_hidden_layers_that_are_no_whole_numbers_are_named(sizes):
    with pytest.raises(
        ValueError, match=r"'hidden_layer_sizes' parameter of MLPClassifier must be whole numbers .* Got"
    ):
        MLPClassifier(sizes, max_iter=1).fit(X, CLASSES)


@pytest.mark.parametrize("sizes", [4, np.int64(4), [4], (np.int32(4),), np.array([4]), range(4, 5)], ids=repr)
def test_hidden_layers_may_be_whole_numbers_of_any_kind(sizes):
    assert MLPClassifier(sizes, max_iter=1).fit(X, CLASSES).coefs_[0].shape == (X.shape[1], 4)
