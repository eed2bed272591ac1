"""Keyword arguments of other libraries: the error says what they are called here; signatures stay as they are."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

import fcnet as fc
from fcnet import losses, schedules
from fcnet._checks.keywords import suggesting

pytestmark = pytest.mark.once

X, Y = [[1, 2], [3, 4]], [0, 1]


def net():
    return fc.Network([2, 2], seed=0)


MEANT = {
    "fc.Adam(lr=1)": "learning_rate",
    "fc.Adam(betas=(0.9, 0.99))": "beta1 and beta2",
    "fc.Adam(beta_1=0.9)": "beta1",
    "fc.Adam(eps=1e-8)": "epsilon",
    "fc.Adam(clipnorm=1)": "clip_norm",
    "fc.AdamW(decay=1)": "weight_decay",
    "fc.SGD(lr=1)": "learning_rate",
    "fc.SGD(alpha=1)": "l2_sum",
    "fc.RMSprop(alpha=0.9)": "rho",
    "fc.NAdam(learning_rate_init=1)": "learning_rate",
    "fc.Adagrad(eta=1)": "learning_rate",
    "fc.Lion(betas=(0.9, 0.99))": "beta1 and beta2",
    "fc.Network(hidden_layer_sizes=(3,))": "sizes",
    "fc.Network(layers=[2, 2])": "sizes",
    "fc.Network([2, 2], random_state=0)": "seed",
    'fc.Network([2, 2], criterion="mse")': "loss",
    'fc.Network([2, 2], activations="tanh")': "activation",
    "fc.Dense(3, use_bias=False)": "bias",
    'fc.Dense(3, kernel_initializer="zeros")': "init",
    "fc.Dense(out_features=3)": "units",
    "fc.Dense(3, p=0.5)": "dropout",
    "fc.BatchNorm(eps=1e-3)": "epsilon",
    "fc.LayerNorm(eps=1e-3)": "epsilon",
    "fc.EarlyStopping(tol=0.1)": "min_delta",
    "fc.EarlyStopping(n_iter_no_change=3)": "patience",
    "fc.EarlyStopping(restore_best_weights=True)": "restore_best",
    'fc.Checkpoint(filepath="a")': "path",
    "fc.EMA(decya=0.9)": "decay",
    "losses.Huber(detla=2)": "delta",
    "losses.CrossEntropy(smoothing=0.1)": "label_smoothing",
    "losses.Quantile(quantile=0.1)": "q",
    "schedules.Cosine(warmup=0.1)": "warm_up",
    "schedules.Cosine(eta_min=0.1)": "floor",
    "schedules.StepDecay(gamma=0.1)": "factor",
    "schedules.ReduceOnPlateau(min_lr=0.1)": "floor",
    "net().fit(X, Y, verbose=0)": "progress",
    "net().fit(X, Y, n_epochs=3)": "epochs",
    "net().fit(X, Y, max_iter=3)": "epochs",
    "net().fit(X, Y, validation_fraction=0.1)": "validation_split",
    "net().fit(X, Y, batchsize=3)": "batch_size",
    "net().fit(X, Y, scheduler=None)": "schedule",
    "net().fit(X, Y, sample_weights=[1, 1])": "sample_weight",
    "net().train_on_batch(X, Y, optimiser=fc.Adam())": "optimizer",
    'net().evaluate(X, Y, metric=["f1"])': "metrics",
    "net().gradients(X, Y, sample_weights=[1, 1])": "sample_weight",
    "net().explain(X, Y, lr=0.1)": "learning_rate",
    "net().diagnose(X, Y, lr=0.1)": "learning_rate",
    "net().find_learning_rate(X, Y, step=9)": "steps",
    'net().save(filename="a")': "path",
    'net().save("a", include_optimizer=False)': "optimizer_state",
    "net().predict(X, drop_out=True)": "dropout",
    "net().predict(X, random_state=0)": "seed",
    'fc.load(filename="a")': "path",
}


@pytest.mark.parametrize(("call", "meant"), MEANT.items(), ids=list(MEANT))
def test_what_was_meant_is_suggested(call, meant):
    with pytest.raises(TypeError, match=rf"\w+\(\) has no argument '\w+'; did you mean {meant}\?$"):
        eval(call)


BELONGS = {
    "fc.Network([2, 2], learning_rate=0.1)": "it belongs to an optimizer",
    "net().fit(X, Y, lr=0.1)": r"like fit\(optimizer=fcnet.SGD\(learning_rate=0.1\)\)",
    'fc.Network([2, 2], optimizer="adam")': "it belongs to Network.fit",
    "fc.Network([2, 2], max_iter=100)": "it belongs to Network.fit",
    "fc.Dense(3, input_shape=(2,))": "Network takes it as the first entry of sizes",
    "fc.Adam(weight_decay=0.1)": "'weight_decay'; fcnet.AdamW, SGD and Lion have it$",
    "fc.Adagrad(momentum=0.9)": "'momentum'; fcnet.SGD and RMSprop have it$",
    "fc.Adam(nesterov=True)": "'nesterov'; fcnet.SGD has it, and fcnet.NAdam",
    "fc.Adam(foo=1)": "has no argument 'foo': expected some of learning_rate, ",
    "net().predict(X, foo=1)": r"^predict\(\) has no argument 'foo': expected some of x, output, dropout, seed$",
    "net().predict_classes(X, foo=1)": r"^predict_classes\(\) has no argument 'foo': expected some of x$",
    "net().activations(X, foo=1)": r"^activations\(\) has no argument 'foo': expected some of x$",
    "net().adapt(X, foo=1)": r"^adapt\(\) has no argument 'foo': expected some of x$",
    "fc.EMA(foo=1)": r"has no argument 'foo': expected some of decay$",
}


@pytest.mark.parametrize(("call", "match"), BELONGS.items(), ids=list(BELONGS))
def test_what_belongs_elsewhere_is_said(call, match):
    with pytest.raises(TypeError, match=match):
        eval(call)


def test_an_error_from_inside_stays_as_it_is():
    def loss(output, target):
        return sum(output, start=0, key=1)

    with pytest.raises(TypeError, match="sum"):
        fc.Network([2, 2], loss=loss).fit(X, [[1, 0], [0, 1]], epochs=1, batch_size=2)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'sizes'"):
        fc.Network()


TOO_MANY = {
    "fc.Network(2, 3, 2)": r"^Network\(\) takes the sizes as one list, like Network\(\[784, 512, 10\]\)$",
    'fc.Network([2, 2], "mse")': r"^Network\(\) takes sizes by position: pass all others by keyword$",
    "net().fit(X, Y, 10)": r"^fit\(\) takes x, y by position: pass all others by keyword$",
}


@pytest.mark.parametrize(("call", "message"), TOO_MANY.items(), ids=list(TOO_MANY))
def test_arguments_without_their_names_are_told_to_have_them(call, message):
    with pytest.raises(TypeError, match=message):
        eval(call)


@pytest.mark.parametrize(
    "kind", [fc.Adam, fc.Network, fc.Dense, fc.EarlyStopping, schedules.Cosine], ids=lambda k: k.__name__
)
def test_signatures_and_docs_stay(kind):
    parameters = inspect.signature(kind).parameters
    assert not any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values())
    assert inspect.signature(fc.Network.fit).parameters["epochs"].default == 10
    assert "Parameters\n" in inspect.getdoc(fc.Network.fit)
    assert list(inspect.signature(fc.Network.predict).parameters) == ["self", "x", "output", "dropout", "seed"]
    assert fc.Network.fit.__qualname__ == "Network.fit"


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
    with pytest.raises(TypeError, match=r"no argument 'validation_steps'; all validation data are evaluated"):
        net().fit(X, Y, validation_steps=3)
