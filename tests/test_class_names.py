"""Labels of any kind: a network keeps the names of its classes, takes y by them and predicts them."""

from __future__ import annotations

import copy
import datetime
import pickle

import numpy as np
import pytest

import fcnet as fc
from fcnet._inputs import arrays

from interop import library

pytestmark = pytest.mark.once


def problem(names, n=60, k=4):
    rng = np.random.default_rng(0)
    numbers = np.arange(n) % len(names)
    x = rng.standard_normal((n, k)) + 3 * np.eye(len(names), k)[numbers]
    labels = np.empty(n, object)
    labels[:] = [names[i] for i in numbers]
    return x, numbers, labels


def softmax(classes=None, outputs=3, **options):
    return fc.Network([4, 8, outputs], seed=0, classes=classes, **options)


def sigmoid(classes=None, **options):
    return fc.Network([4, 8, 1], loss="binary_cross_entropy", seed=0, classes=classes, **options)


THREE, TWO = ("ape", "bee", "cat"), ("no", "yes")
KINDS = {
    "text": (("cat", "ape", "bee"), list),
    "text array": (("cat", "ape", "bee"), lambda y: np.array(y.tolist())),
    "objects": (("cat", "ape", "bee"), lambda y: y),
    "column": (("cat", "ape", "bee"), lambda y: y[:, None]),
    "numbers": ((7, -1, 2**40), lambda y: y.astype(np.int64)),
    "floats": ((0.5, 1.0, 2.0), lambda y: y.astype(float)),
    "bytes": ((b"c", b"a", b"b"), lambda y: y),
    "dates": (tuple(datetime.date(2026, 1, day) for day in (3, 1, 2)), lambda y: y),
    "mixed": (("a", 1, ("b", 2)), lambda y: y),
    "flags": ((True, False, "unknown"), lambda y: y),
}


@pytest.mark.parametrize("kind", KINDS)
def test_given_classes_train_as_their_numbers(kind):
    names, made = KINDS[kind]
    x, numbers, labels = problem(names)
    named, plain = softmax(list(names)), softmax()
    y = made(labels)
    named.fit(x, y, epochs=3, validation_data=(x, y), metrics=["f1_macro"])
    plain.fit(x, numbers, epochs=3, validation_data=(x, numbers), metrics=["f1_macro"])
    assert named.classes == names
    assert named.predict(x).tobytes() == plain.predict(x).tobytes()
    assert named.history.to_dict().keys() == plain.history.to_dict().keys()
    assert named.history["val_f1_macro"] == plain.history["val_f1_macro"]
    assert named.evaluate(x, y) == plain.evaluate(x, numbers)
    assert all((a == b).all() for a, b in zip(named.gradients(x, y)[0], plain.gradients(x, numbers)[0], strict=True))
    predicted = named.predict_classes(x)
    assert predicted.tolist() == [names[i] for i in plain.predict_classes(x)]
    assert (plain.predict_classes(x) == plain.predict(x).argmax(axis=1)).all()


@pytest.mark.parametrize("feed", ["arrays", "split", "batches", "train_on_batch"])
def test_the_first_text_names_the_classes_sorted(feed):
    x, numbers, labels = problem(THREE)
    named, plain = softmax(), softmax()
    for net, y in ((named, labels), (plain, numbers)):
        if feed == "arrays":
            net.fit(x, y, epochs=2)
        elif feed == "split":
            net.fit(x, y, epochs=2, validation_split=0.3)
        elif feed == "batches":
            net.fit([(x[:20], y[:20]), (x[20:21], y[20:21]), (x[21:], y[21:])], epochs=2, validation_data=(x, y))
        else:
            net.train_on_batch(x, y)
            net.train_on_batch(x[:1], y[:1])
    assert named.classes == THREE
    assert plain.classes is None
    assert named.predict(x).tobytes() == plain.predict(x).tobytes()
    assert named.evaluate(x[:2], labels[:2]) == plain.evaluate(x[:2], numbers[:2])


def test_one_sigmoid_tells_two_classes_apart():
    x, numbers, labels = problem(TWO)
    for named in (sigmoid(), sigmoid(TWO)):
        plain = sigmoid()
        named.fit(x, labels, epochs=20)
        plain.fit(x, numbers, epochs=20)
        assert named.classes == TWO
        assert named.predict(x).tobytes() == plain.predict(x).tobytes()
        assert named.evaluate(x, labels, metrics=["f1"]) == plain.evaluate(x, numbers, metrics=["f1"])
        assert named.predict_classes(x).tolist() == [TWO[i] for i in plain.predict_classes(x)]
        assert (plain.predict_classes(x) == (plain.predict(x)[:, 0] > 0.5)).all()


def test_one_hot_rows_and_probabilities_stay_what_they_are():
    x, numbers, _ = problem(THREE)
    hot = np.eye(3)[numbers]
    named, plain = softmax(THREE), softmax()
    for y in (hot, 0.8 * hot + 0.2 / 3):
        for net in (named, plain):
            net.fit(x, y, epochs=1)
    assert named.predict(x).tobytes() == plain.predict(x).tobytes()


@pytest.mark.parametrize("classes", [THREE, None], ids=["given", "learnt"])
def test_class_weight_is_by_name(classes):
    x, numbers, labels = problem(THREE)
    named, plain = softmax(classes), softmax()
    named.fit(x, labels, epochs=2, class_weight={"bee": 3.0, "cat": 0.5})
    plain.fit(x, numbers, epochs=2, class_weight={1: 3.0, 2: 0.5})
    assert named.predict(x).tobytes() == plain.predict(x).tobytes()
    with pytest.raises(ValueError, match="class_weight has the unknown class 1: expected one of 'ape', 'bee', 'cat'"):
        named.fit(x, labels, class_weight={1: 3.0})


def test_a_loss_of_ones_own_gets_numbers():
    def loss(output, target):
        hot = np.eye(3)[target]
        return float(((output - hot) ** 2).mean()), 2 * (output - hot) / output.size

    x, numbers, labels = problem(THREE)
    nets = [fc.Network([4, fc.Dense(3, "softmax")], loss=loss, seed=0, classes=names) for names in (THREE, None)]
    for net, y in zip(nets, (labels, numbers), strict=True):
        net.fit(x, y, epochs=2)
    assert nets[0].predict(x).tobytes() == nets[1].predict(x).tobytes()
    assert nets[0].predict_classes(x[:1]).dtype.kind == "U"


WAYS = {
    "file": lambda net, folder: (net.save(folder / "net"), fc.load(folder / "net"))[1],
    "pickle": lambda net, folder: pickle.loads(pickle.dumps(net)),
    "deepcopy": lambda net, folder: copy.deepcopy(net),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [*KINDS, "sigmoid", "newline", "none"])
def test_they_stay_with_the_network(kind, way, tmp_path):
    names = {"sigmoid": TWO, "newline": ("a\nb", "ä", ""), "none": None}.get(kind) or KINDS.get(kind, [None])[0]
    net = sigmoid(names) if kind == "sigmoid" else softmax(names)
    again = WAYS[way](net, tmp_path)
    assert again.classes == (names and tuple(names))
    assert [type(name) for name in again.classes or ()] == [type(name) for name in names or ()]
    assert (again.predict_classes(np.eye(4)) == net.predict_classes(np.eye(4))).all()


def test_an_older_pickle_has_no_classes():
    state = softmax().__getstate__()
    del state["classes"]
    net = fc.Network.__new__(fc.Network)
    net.__setstate__(state)
    assert net.classes is None


def fitted(y, **options):
    x = np.random.default_rng(0).standard_normal((len(y), 4))
    net = softmax(**options)
    net.fit(x, y, epochs=1)
    return net, x


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: softmax("abc"), TypeError, "classes is 'abc': expected a list"),
        (lambda: softmax({"a", "b", "c"}), TypeError, "expected a list"),
        (lambda: softmax(["a", "b"]), ValueError, "there are 2 classes, 'a', 'b': expected 3 for 3 outputs"),
        (lambda: softmax(["a", "b", "a"]), ValueError, "classes has 'a' twice"),
        (lambda: softmax(["a", None, "b"]), ValueError, r"classes\[1\] is None: expected a name"),
        (lambda: softmax(["a", float("nan"), "b"]), ValueError, r"classes\[1\] is nan"),
        (lambda: softmax(["a", "b", ["c"]]), TypeError, "hashable"),
        (lambda: softmax(TWO, loss="mse"), ValueError, "the 3 outputs are values for loss 'mse'"),
        (lambda: softmax(THREE, loss="binary_cross_entropy"), ValueError, "3 outputs are multi-label: expected None"),
        (lambda: sigmoid(THREE), ValueError, "there are 3 classes, .*: expected 2 for 1 outputs"),
        (lambda: fitted(["ape", "bee", "dog"], classes=THREE), ValueError, "y contains the label 'dog' in row 2: "),
        (lambda: fitted([0, 1, 2], classes=THREE), ValueError, "y contains the label 0 in row 0: expected one of"),
        (lambda: fitted(["ape", "bee"]), ValueError, "y has 2 classes, 'ape', 'bee', but the network has 3: expected"),
        (lambda: fitted(list("abcd")), ValueError, "y has 4 classes, .*expected all of them"),
        (lambda: fitted(["a", "b", "c", None]), ValueError, "y is None in row 3: expected a label for every sample"),
        (lambda: fitted(np.array(["a", float("nan"), "c"], object)), ValueError, "y is nan in row 1"),
        (lambda: softmax(loss="mse").predict_classes(np.eye(4)), ValueError, "are not classes: see predict"),
        (lambda: softmax(loss="binary_cross_entropy").predict_classes(np.eye(4)), ValueError, "are not classes"),
        (lambda: softmax().predict_classes(np.eye(4) * np.nan), ValueError, "the output for row 0 of x is NaN"),
    ],
)
def test_what_is_wrong_with_them_is_said(use, error, message):
    with pytest.raises(error, match=message):
        use()


def test_a_network_that_was_fitted_on_numbers_takes_no_text():
    net, x = fitted([0, 1, 2])
    before = net.predict(x).tobytes()
    for use in (net.fit, net.evaluate, net.gradients, net.train_on_batch):
        with pytest.raises(TypeError, match="y is text, but the network was fitted on integer labels"):
            use(x, ["a", "b", "c"])
    assert net.classes is None
    assert net.predict(x).tobytes() == before


def test_a_fit_that_fails_names_no_classes():
    net = softmax()
    with pytest.raises(ValueError, match="epochs"):
        net.fit(np.eye(4)[:3], list("abc"), epochs=-1)
    with pytest.raises(ValueError, match="validation_data"):
        net.fit(np.eye(4)[:3], list("abc"), validation_data=(np.eye(4)[:3], list("abd")))
    assert net.classes is None


@pytest.mark.interop
def test_columns_of_pandas_are_labels():
    pandas = library("pandas")
    x, numbers, labels = problem(THREE)
    plain = softmax()
    plain.fit(x, numbers, epochs=1)
    for dtype in ("category", "string", object):
        net = softmax()
        net.fit(x, pandas.Series(labels, dtype=dtype), epochs=1)
        assert net.classes == THREE
        assert net.predict(x).tobytes() == plain.predict(x).tobytes()


@pytest.mark.interop
@pytest.mark.parametrize(
    "table",
    [
        lambda y: library("pandas").DataFrame({"kind": y}),
        lambda y: library("pandas").DataFrame({"kind": y}, dtype="category"),
        lambda y: library("polars").DataFrame({"kind": y}),
        lambda y: library("pyarrow").table({"kind": y}),
    ],
)
def test_the_only_column_of_a_table_may_be_text(table):
    x, numbers, labels = problem(THREE)
    net, plain = softmax(), softmax()
    net.fit(x, table(labels.tolist()), epochs=1)
    plain.fit(x, numbers, epochs=1)
    assert net.classes == THREE
    assert net.predict(x).tobytes() == plain.predict(x).tobytes()


def test_objects_that_are_text_of_numpy_are_labels():
    x, _, labels = problem(THREE)
    mixed = np.array([np.str_(label) if i % 3 else label for i, label in enumerate(labels)], object)
    net, plain = softmax(), softmax()
    net.fit(x, mixed, epochs=1)
    plain.fit(x, labels, epochs=1)
    assert net.classes == THREE
    assert [type(name) for name in net.classes] == [str] * 3
    assert net.predict(x).tobytes() == plain.predict(x).tobytes()
    assert net.evaluate(x, mixed) == plain.evaluate(x, labels)


def test_a_message_cuts_a_long_label_off():
    with pytest.raises(
        ValueError, match=r"y contains the label 'q{79}\.\.\. in row 0: expected one of the classes 'ape'"
    ):
        fitted(["q" * 1000, "ape", "bee"], classes=THREE)


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy is older than 2")
def test_texts_of_any_length_are_labels():
    x, _, labels = problem(THREE)
    net = softmax()
    net.fit(x, np.array(labels.tolist(), np.dtypes.StringDType()), epochs=1)
    assert net.classes == THREE
    with pytest.raises(TypeError, match="y is text"):
        fitted([0, 1, 2])[0].fit(x, np.array(labels.tolist(), np.dtypes.StringDType()))


@pytest.mark.interop
def test_a_table_of_columns_by_class_has_the_order_of_the_classes():
    pandas = library("pandas")
    x, _, labels = problem(THREE)
    net = softmax(THREE)
    hot = pandas.get_dummies(pandas.Series(labels))
    assert net.evaluate(x, hot) == net.evaluate(x, labels)
    with pytest.raises(ValueError, match=r"expected 'ape', 'bee', 'cat', use y\[list\(net.classes\)\]$"):
        net.evaluate(x, hot[["cat", "ape", "bee"]])
    assert net.evaluate(x, hot[["cat", "ape", "bee"]][list(net.classes)]) == net.evaluate(x, labels)


def test_the_classes_of_batches_are_those_of_their_rows():
    x, _, labels = problem(THREE)
    net = softmax()
    net.fit(x, labels, epochs=1)
    whole = net.predict_classes(x)
    assert (net.predict_classes(iter([x[:7], x[7:]])) == whole).all()
    assert (net.predict_classes((x[i : i + 20], labels[i : i + 20]) for i in (0, 20, 40)) == whole).all()
    with pytest.raises(ValueError, match="row 1 of x of batch 1 is NaN"):
        net.predict_classes(iter([x, np.vstack([x[:1], x[:1] * np.nan])]))
    with pytest.raises(ValueError, match="x has no batches"):
        net.predict_classes(iter([]))


def test_batches_of_text_are_evaluated_by_a_network_that_was_never_fitted():
    x, _, labels = problem(THREE)
    assert softmax().evaluate(iter([(x, labels)])) == softmax().evaluate(x, labels)


def test_many_rows_are_predicted_some_at_a_time(monkeypatch):
    x, numbers, _ = problem(THREE, n=700)
    net = softmax(THREE)
    net.fit(x, [THREE[i] for i in numbers], epochs=1)
    whole = net.predict_classes(x)
    monkeypatch.setattr(arrays, "rows_at_once", lambda outputs: 90 // outputs)
    assert (net.predict_classes(x) == whole).all()
    assert net.predict_classes(x[:0]).shape == (0,)


@pytest.mark.interop
def test_sparse_rows_are_predicted_some_at_a_time(monkeypatch):
    x, _, labels = problem(THREE, n=700)
    net = softmax()
    net.fit(x, labels, epochs=1)
    monkeypatch.setattr(arrays, "rows_at_once", lambda outputs: 90 // outputs)
    assert (net.predict_classes(library("scipy.sparse").csr_array(x)) == net.predict_classes(x)).all()


@pytest.mark.interop
@pytest.mark.parametrize("kind", ["timestamps", "nanoseconds", "index", "array"])
def test_points_in_time_are_one_label_from_whichever_library_they_come(kind):
    pandas = library("pandas")
    index = pandas.date_range("2020-01-01", periods=3)
    forms = {"timestamps": list(index), "nanoseconds": index.as_unit("ns"), "index": index, "array": index.to_numpy()}
    net = fc.Network([2, 4, 3], classes=forms[kind], seed=0)
    numbers = np.array([0, 1, 2, 1])
    x = np.random.default_rng(0).normal(size=(4, 2))
    expected = net.evaluate(x, pandas.Series(index)[numbers])
    for form in forms.values():
        assert net.evaluate(x, [form[i] for i in numbers]) == expected
    assert net.classes == tuple(index)
    assert set(net.predict_classes(x)) <= set(index)


def test_a_table_is_no_list_of_classes():
    with pytest.raises(TypeError, match=r"classes is .*: expected a list like \['no', 'yes'\]"):
        fc.Network([2, 3], classes=np.array([["a"], ["b"], ["c"]]))
