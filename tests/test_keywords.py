"""Keyword arguments of other libraries: the error says what they are called here; signatures stay as they are."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

import fcnet as fc
from fcnet import losses, schedules
from fcnet.keywords import suggesting

pytestmark = pytest.mark.once

X, Y = [[1, 2], [3, 4]], [0, 1]


def net():
    return fc.Network([2, 2], seed=0)


MEANT = {
    "Adam lr": (lambda: fc.Adam(lr=1), "learning_rate"),
    "Adam betas": (lambda: fc.Adam(betas=(0.9, 0.99)), "beta1 and beta2"),
    "Adam beta_1": (lambda: fc.Adam(beta_1=0.9), "beta1"),
    "Adam eps": (lambda: fc.Adam(eps=1e-8), "epsilon"),
    "Adam clipnorm": (lambda: fc.Adam(clipnorm=1), "clip_norm"),
    "AdamW decay": (lambda: fc.AdamW(decay=1), "weight_decay"),
    "SGD lr": (lambda: fc.SGD(lr=1), "learning_rate"),
    "SGD alpha": (lambda: fc.SGD(alpha=1), "l2_sum"),
    "RMSprop alpha": (lambda: fc.RMSprop(alpha=0.9), "rho"),
    "NAdam learning_rate_init": (lambda: fc.NAdam(learning_rate_init=1), "learning_rate"),
    "Adagrad eta": (lambda: fc.Adagrad(eta=1), "learning_rate"),
    "Lion betas": (lambda: fc.Lion(betas=(0.9, 0.99)), "beta1 and beta2"),
    "Network hidden_layer_sizes": (lambda: fc.Network(hidden_layer_sizes=(3,)), "sizes"),
    "Network layers": (lambda: fc.Network(layers=[2, 2]), "sizes"),
    "Network random_state": (lambda: fc.Network([2, 2], random_state=0), "seed"),
    "Network criterion": (lambda: fc.Network([2, 2], criterion="mse"), "loss"),
    "Network activations": (lambda: fc.Network([2, 2], activations="tanh"), "activation"),
    "Dense use_bias": (lambda: fc.Dense(3, use_bias=False), "bias"),
    "Dense kernel_initializer": (lambda: fc.Dense(3, kernel_initializer="zeros"), "init"),
    "Dense out_features": (lambda: fc.Dense(out_features=3), "units"),
    "Dense p": (lambda: fc.Dense(3, p=0.5), "dropout"),
    "BatchNorm eps": (lambda: fc.BatchNorm(eps=1e-3), "epsilon"),
    "LayerNorm eps": (lambda: fc.LayerNorm(eps=1e-3), "epsilon"),
    "EarlyStopping tol": (lambda: fc.EarlyStopping(tol=0.1), "min_delta"),
    "EarlyStopping n_iter_no_change": (lambda: fc.EarlyStopping(n_iter_no_change=3), "patience"),
    "EarlyStopping restore_best_weights": (lambda: fc.EarlyStopping(restore_best_weights=True), "restore_best"),
    "Checkpoint filepath": (lambda: fc.Checkpoint(filepath="a"), "path"),
    "EMA": (lambda: fc.EMA(decya=0.9), "decay"),
    "Huber": (lambda: losses.Huber(detla=2), "delta"),
    "CrossEntropy smoothing": (lambda: losses.CrossEntropy(smoothing=0.1), "label_smoothing"),
    "Quantile quantile": (lambda: losses.Quantile(quantile=0.1), "q"),
    "Cosine warmup": (lambda: schedules.Cosine(warmup=0.1), "warm_up"),
    "Cosine eta_min": (lambda: schedules.Cosine(eta_min=0.1), "floor"),
    "StepDecay gamma": (lambda: schedules.StepDecay(gamma=0.1), "factor"),
    "ReduceOnPlateau min_lr": (lambda: schedules.ReduceOnPlateau(min_lr=0.1), "floor"),
    "fit verbose": (lambda: net().fit(X, Y, verbose=0), "progress"),
    "fit n_epochs": (lambda: net().fit(X, Y, n_epochs=3), "epochs"),
    "fit max_iter": (lambda: net().fit(X, Y, max_iter=3), "epochs"),
    "fit validation_fraction": (lambda: net().fit(X, Y, validation_fraction=0.1), "validation_split"),
    "fit batchsize": (lambda: net().fit(X, Y, batchsize=3), "batch_size"),
    "fit scheduler": (lambda: net().fit(X, Y, scheduler=None), "schedule"),
    "fit sample_weights": (lambda: net().fit(X, Y, sample_weights=[1, 1]), "sample_weight"),
    "train_on_batch optimiser": (lambda: net().train_on_batch(X, Y, optimiser=fc.Adam()), "optimizer"),
    "evaluate metric": (lambda: net().evaluate(X, Y, metric=["f1"]), "metrics"),
    "gradients sample_weights": (lambda: net().gradients(X, Y, sample_weights=[1, 1]), "sample_weight"),
    "explain lr": (lambda: net().explain(X, Y, lr=0.1), "learning_rate"),
    "diagnose lr": (lambda: net().diagnose(X, Y, lr=0.1), "learning_rate"),
    "find_learning_rate max_iter": (lambda: net().find_learning_rate(X, Y, step=9), "steps"),
    "save filename": (lambda: net().save(filename="a"), "path"),
    "save include_optimizer": (lambda: net().save("a", include_optimizer=False), "optimizer_state"),
    "load filename": (lambda: fc.load(filename="a"), "path"),
}


@pytest.mark.parametrize(("call", "meant"), MEANT.values(), ids=MEANT.keys())
def test_what_was_meant_is_suggested(call, meant):
    with pytest.raises(TypeError, match=rf"\w+\(\) has no argument '\w+'; did you mean {meant}\?$"):
        call()


BELONGS = {
    "learning_rate to an optimizer": (lambda: fc.Network([2, 2], learning_rate=0.1), "it belongs to an optimizer"),
    "lr to an optimizer": (lambda: net().fit(X, Y, lr=0.1), r"like fit\(optimizer=fcnet.SGD\(learning_rate=0.1\)\)"),
    "optimizer to fit": (lambda: fc.Network([2, 2], optimizer="adam"), "it belongs to Network.fit"),
    "max_iter to fit": (lambda: fc.Network([2, 2], max_iter=100), "it belongs to Network.fit"),
    "input_shape to sizes": (lambda: fc.Dense(3, input_shape=(2,)), "Network takes it as the first entry of sizes"),
    "weight_decay to AdamW": (lambda: fc.Adam(weight_decay=0.1), "'weight_decay'; fcnet.AdamW, SGD and Lion have it$"),
    "momentum to SGD": (lambda: fc.Adagrad(momentum=0.9), "'momentum'; fcnet.SGD and RMSprop have it$"),
    "nesterov to NAdam": (lambda: fc.Adam(nesterov=True), "'nesterov'; fcnet.SGD has it, and fcnet.NAdam"),
    "an optimizer's to no other": (lambda: fc.Adam(foo=1), "has no argument 'foo': expected some of learning_rate, "),
    "nowhere": (lambda: fc.EMA(foo=1), r"has no argument 'foo': expected some of decay$"),
}


@pytest.mark.parametrize(("call", "match"), BELONGS.values(), ids=BELONGS.keys())
def test_what_belongs_elsewhere_is_said(call, match):
    with pytest.raises(TypeError, match=match):
        call()


def test_an_error_from_inside_stays_as_it_is():
    def loss(output, target):
        return sum(output, start=0, key=1)

    with pytest.raises(TypeError, match="sum"):
        fc.Network([2, 2], loss=loss).fit(X, [[1, 0], [0, 1]], epochs=1, batch_size=2)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'sizes'"):
        fc.Network()


TOO_MANY = {
    "sizes": (
        lambda: fc.Network(2, 3, 2),
        r"^Network\(\) takes the sizes as one list, like Network\(\[784, 512, 10\]\)$",
    ),
    "a loss": (
        lambda: fc.Network([2, 2], "mse"),
        r"^Network\(\) takes sizes by position: give all others by their names$",
    ),
    "epochs": (lambda: net().fit(X, Y, 10), r"^fit\(\) takes x, y by position: give all others by their names$"),
}


@pytest.mark.parametrize(("call", "message"), TOO_MANY.values(), ids=TOO_MANY.keys())
def test_arguments_without_their_names_are_told_to_have_them(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(
    "kind", [fc.Adam, fc.Network, fc.Dense, fc.EarlyStopping, schedules.Cosine], ids=lambda k: k.__name__
)
def test_signatures_and_docs_stay(kind):
    parameters = inspect.signature(kind).parameters
    assert not any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values())
    assert inspect.signature(fc.Network.fit).parameters["epochs"].default == 10
    assert "Parameters\n" in inspect.getdoc(fc.Network.fit)
    assert fc.Network.fit.__qualname__ == "Fitting.fit"


def test_objects_are_still_copied_compared_and_pickled():
    for each in (fc.Adam(0.1, l2=0.1), fc.EarlyStopping(3), schedules.Cosine(), losses.Huber(2), fc.BatchNorm()):
        assert pickle.loads(pickle.dumps(each)) == copy.deepcopy(each) == each


def test_a_function_of_any_kind_can_suggest():
    @suggesting
    def scale(x, *, factor=2):
        return x * factor

    assert scale(3, factor=3) == 9
    with pytest.raises(TypeError, match=r"scale\(\) has no argument 'facto'; did you mean factor\?"):
        scale(3, facto=3)


def test_an_argument_that_has_no_counterpart_is_answered():
    with pytest.raises(TypeError, match=r"no argument 'validation_steps'; validation data are gone through whole"):
        net().fit(X, Y, validation_steps=3)
