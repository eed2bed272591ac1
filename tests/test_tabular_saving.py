"""Files of the tabular estimators: the same predictions, no pickle, hostile files refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fcnet as fc
from fcnet._saving import safetensors
from fcnet.tabular import RealMLP, TabM, TabularClassifier, TabularRegressor

SMALL = RealMLP(hidden=(8,), epochs=3, batch_size=32, bins=3)

EMBEDDED = RealMLP(hidden=(8,), epochs=3, batch_size=32, embedding=fc.Periodic(4, 2), one_hot=2, table_size=3)


def table():
    random = np.random.default_rng(0)
    x = np.empty((90, 2), object)
    x[:, 0], x[:, 1] = random.standard_normal(90), random.choice(["a", "b", "c"], 90)
    x[::11, 0] = None
    return x


def fitted(kind=TabularClassifier, y=None, **options):
    x = table()
    y = np.where(x[:, 1] == "a", "yes", "no") if y is None else y
    return kind(options.pop("recipe", SMALL), random_state=0, progress=False, **options).fit(x, y)


MODELS = {
    "classes": lambda: fitted(),
    "folds": lambda: fitted(folds=2, networks=2),
    "named recipe": lambda: fitted(recipe="realmlp-s", epochs=2),
    "embeddings": lambda: fitted(recipe=EMBEDDED),
    "members": lambda: fitted(recipe=TabM((8,), members=4, bins=3, epochs=2)),
    "numbers": lambda: fitted(TabularRegressor, np.arange(90.0)),
    "several numbers": lambda: fitted(TabularRegressor, np.arange(180.0).reshape(90, 2), dtype="float64"),
    "booleans": lambda: fitted(y=np.arange(90) % 2 == 0),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_loaded_estimator_is_the_same(make, tmp_path):
    model, path = make(), tmp_path / "model.safetensors"
    model.save(path)
    again = fc.load(path)
    assert type(again) is type(model)
    np.testing.assert_array_equal(again.predict(table()), model.predict(table()))
    np.testing.assert_array_equal(again.validation_predictions_, model.validation_predictions_)
    for name in ("best_score_", "epochs_", "seconds_", "stopped_by_", "best_epochs_", "n_features_in_", "columns_"):
        assert getattr(again, name) == getattr(model, name)
    parameters = {name: value for name, value in model.get_params().items() if name != "random_state"}
    assert {name: again.get_params()[name] for name in parameters} == parameters
    if isinstance(model, TabularClassifier):
        np.testing.assert_array_equal(again.classes_, model.classes_)
        np.testing.assert_array_equal(again.predict_proba(table()), model.predict_proba(table()))
    assert [repr(net) for net in again.networks_] == [repr(net) for net in model.networks_]


def test_a_loaded_estimator_can_be_fitted_anew(tmp_path):
    model, path = fitted(), tmp_path / "model.safetensors"
    model.save(path)
    x = table()
    again = fc.load(path).set_params(random_state=0).fit(x, np.where(x[:, 1] == "a", "yes", "no"))
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))


class Series:
    """A column with an index, such as pandas'."""

    index = (0, 1)

    def to_dict(self):
        return {0: 1.0, 1: 2.0}


PARAMETERS = {
    "numbers of classes": ({"class_weight": {0: 1.0, 1: 2.0}}, {0: 1.0, 1: 2.0}),
    "classes of NumPy": ({"class_weight": {np.int64(0): np.float32(0.5)}}, {0: 0.5}),
    "no class": ({"class_weight": {}}, {}),
    "a column": ({"class_weight": Series()}, {0: 1.0, 1: 2.0}),
    "an array of weights": ({"class_weight": np.array([1.0, 2.0])}, [1.0, 2.0]),
    "a type": ({"dtype": np.float32}, "float32"),
    "a type of NumPy": ({"dtype": np.dtype("f8")}, "float64"),
    "places": ({"categorical_features": np.array([1])}, [1]),
    "a mask": ({"categorical_features": np.array([False, True])}, [False, True]),
    "a place of NumPy": ({"categorical_features": [np.int64(1)]}, [1]),
}


@pytest.mark.parametrize(("given", "expected"), PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_keep_their_types(given, expected, tmp_path):
    y, path = np.arange(90) % 2, tmp_path / "model.safetensors"
    model = fitted(y=y, **given)
    model.save(path)
    again = fc.load(path)
    found = again.get_params()[next(iter(given))]
    assert found == expected
    assert repr(found) == repr(expected)
    anew = again.set_params(random_state=0).fit(table(), y)
    np.testing.assert_array_equal(anew.predict_proba(table()), model.predict_proba(table()))


@pytest.mark.parametrize("labels", [("no", "yes"), (False, True), (1.5e300, 2.0)], ids=str)
def test_class_weights_keep_the_type_of_their_labels(labels, tmp_path):
    weights, path = dict(zip(labels, (1.0, 2.0), strict=True)), tmp_path / "model.safetensors"
    model = fitted(y=np.array(labels)[np.arange(90) % 2], class_weight=weights)
    model.save(path)
    found = fc.load(path).class_weight
    assert found == weights
    assert [type(label) for label in found] == [type(label) for label in labels]


def test_class_weights_of_older_files_are_read(tmp_path):
    path = tmp_path / "model.safetensors"
    fitted().save(path)
    for older in ({"no": 1.0, "yes": 2.0}, {"pairs": 1.0}):
        setting("parameters", "class_weight", to=older)(path)
        assert fc.load(path).class_weight == older


def test_what_only_a_pickle_can_hold_is_refused_and_leaves_the_file(tmp_path):
    path = tmp_path / "model.safetensors"
    fitted().save(path)
    before = path.read_bytes()
    model = fitted(metric=lambda y, p: 0.0)
    with pytest.raises(
        TypeError,
        match=r"^metric is <function .*, a function, which a file cannot hold: .* set_params\(metric='auto'\)",
    ):
        model.save(path)
    assert path.read_bytes() == before
    model.set_params(metric="auto").save(path)
    np.testing.assert_array_equal(fc.load(path).predict_proba(table()), model.predict_proba(table()))


def test_an_estimator_that_is_not_fitted_cannot_be_saved(tmp_path):
    with pytest.raises(Exception, match=r"call fit\(X, y\) first"):
        TabularClassifier().save(tmp_path / "model.safetensors")


def changed(change):
    """A file whose description is changed."""

    def write(path):
        tensors, metadata = safetensors.read(path)
        content = json.loads(tensors["content"].tobytes())
        change(content, tensors)
        tensors["content"] = np.frombuffer(json.dumps(content).encode(), np.uint8)
        with open(path, "wb") as file:
            safetensors.write(file, tensors, metadata)

    return write


def setting(*keys, to):
    def change(content, tensors):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return changed(change)


def without_a_category(path):
    """One of a column whose categories have a table."""
    with_table = fitted(recipe=EMBEDDED)
    with_table.save(path)

    def change(content, tensors):
        columns = json.loads(tensors["columns.0"].tobytes())
        column = columns["columns"][1]
        assert column["categories"].pop() == "c"
        column["gaps"] += column["counts"].pop()
        column["kind"] = "binary"
        columns["encoding"]["one_hot"] = 1
        tensors["columns.0"] = np.frombuffer(json.dumps(columns).encode(), np.uint8)

    changed(change)(path)


def validation(predictions):
    return changed(lambda content, tensors: tensors.update(validation=predictions))


def in_columns(change, part=0):
    def change_all(content, tensors):
        columns = json.loads(tensors[f"columns.{part}"].tobytes())
        change(columns)
        tensors[f"columns.{part}"] = np.frombuffer(json.dumps(columns).encode(), np.uint8)

    return changed(change_all)


HOSTILE = {
    "another class": setting("estimator", to="os.system"),
    "no parameters": setting("parameters", to=[]),
    "an unknown parameter": setting("parameters", "shell", to=1),
    "class weights without labels": setting("parameters", "class_weight", to={"pairs": [1]}),
    "class weights of lists": setting("parameters", "class_weight", to={"pairs": [[[], 1.0]]}),
    "a wrong recipe": setting("parameters", "recipe", to={"hidden": [0]}),
    "classes twice": setting("y", to=["no", "no"]),
    "too many classes": setting("y", to=["a", "b", "c"]),
    "no networks": setting("networks", to=[]),
    "too many networks of a part": setting("parts", 0, "networks", to=2),
    "no network of a part": setting("parts", 0, "networks", to=0),
    "networks as text": setting("parts", 0, "networks", to="1"),
    "targets of other outputs": setting("parts", 0, "targets", to={"outputs": 3, "label_smoothing": 0}),
    "more targets": setting("parts", 0, "targets", "more", to=1),
    "smoothing below 0": setting("parts", 0, "targets", "label_smoothing", to=-0.1),
    "smoothing of 1": setting("parts", 0, "targets", "label_smoothing", to=1),
    "smoothing of a large integer": setting("parts", 0, "targets", "label_smoothing", to=10**400),
    "smoothing as text": setting("parts", 0, "targets", "label_smoothing", to="0.1"),
    "epochs as text": setting("results", "epochs_", to="x"),
    "no epochs": setting("results", "epochs_", to=0),
    "a list of scores": setting("results", "best_score_", to=[1]),
    "no score": setting("results", "best_score_", to=None),
    "seconds below 0": setting("results", "seconds_", to=-1),
    "undefined seconds": setting("results", "seconds_", to=float("nan")),
    "stopped by a list": setting("results", "stopped_by_", to=[]),
    "stopped by something else": setting("results", "stopped_by_", to="x"),
    "predictions of whole numbers": validation(np.zeros((90, 2), np.uint8)),
    "predictions of float32": validation(np.zeros((90, 2), np.float32)),
    "predictions in three dimensions": validation(np.zeros((3, 3, 3))),
    "predictions of other classes": validation(np.zeros((90, 3))),
    "predictions of one number": validation(np.zeros(90)),
    "a prediction without rows": validation(np.zeros(())),
    "predictions of no rows": validation(np.zeros((0, 2))),
    "a large integer as the median": in_columns(lambda columns: columns["columns"][0].update(median=10**400)),
    "no results": setting("results", to={}),
    "a missing array": changed(lambda content, tensors: tensors.pop("network.0.layers.0.W")),
    "a further array": changed(lambda content, tensors: tensors.update(more=np.zeros(3))),
    "no columns": changed(lambda content, tensors: tensors.pop("columns.0")),
    "damaged columns": changed(lambda content, tensors: tensors.update({"columns.0": np.frombuffer(b"{}", np.uint8)})),
    "columns of numbers": changed(lambda content, tensors: tensors.update({"columns.0": np.zeros(2)})),
    "tables of other categories": without_a_category,
    "an unknown embedding": setting("parameters", "recipe", "embedding", to={"name": "os.system"}),
    "a changed weight": changed(lambda content, tensors: tensors["network.0.layers.0.B"].fill(1)),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_damaged_file_is_refused(change, tmp_path):
    path = tmp_path / "model.safetensors"
    fitted().save(path)
    change(path)
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        fc.load(path)


def of_numbers(name, *, to):
    return setting("parts", 0, "targets", name, to=to)


def of_range(low, high):
    return changed(lambda content, _: content["parts"][0]["targets"].update(low=[low], high=[high]))


HOSTILE_NUMBERS = {
    "a large integer": of_numbers("mean", to=[10**400]),
    "an undefined mean": of_numbers("mean", to=[float("nan")]),
    "an infinite mean": of_numbers("mean", to=[float("inf")]),
    "a mean as text": of_numbers("mean", to="1"),
    "a mean of text": of_numbers("mean", to=["1"]),
    "means of two outputs": of_numbers("mean", to=[1.0, 2.0]),
    "two stds": of_numbers("std", to=[1.0, 2.0]),
    "std below 0": of_numbers("std", to=[-1]),
    "std of 0": of_numbers("std", to=[0]),
    "undefined std": of_numbers("std", to=[float("nan")]),
    "infinite std": of_numbers("std", to=[float("inf")]),
    "an undefined low": of_numbers("low", to=[float("nan")]),
    "low above high": of_range(1, 0),
    "an infinite low": of_range(np.inf, np.inf),
    "an infinite high": of_range(-np.inf, -np.inf),
    "no high": of_numbers("high", to=[]),
    "predictions of two numbers": validation(np.zeros((90, 2))),
}


@pytest.mark.parametrize("change", HOSTILE_NUMBERS.values(), ids=HOSTILE_NUMBERS)
def test_a_damaged_file_of_numbers_is_refused(change, tmp_path):
    path = tmp_path / "model.safetensors"
    fitted(TabularRegressor, np.arange(90.0)).save(path)
    change(path)
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        fc.load(path)


@pytest.mark.parametrize("named", [False, True])
def test_parts_with_other_names_of_columns_are_refused(named, tmp_path):
    path = tmp_path / "model.safetensors"
    fitted(folds=2).save(path)

    def rename(columns):
        columns["named"] = True
        for column, name in zip(columns["columns"], ("a", "b"), strict=True):
            column["name"] = name

    in_columns(rename, part=1)(path)
    if named:
        in_columns(rename, part=0)(path)
        assert fc.load(path).feature_names_in_.tolist() == ["a", "b"]
        in_columns(lambda columns: columns["columns"][0].update(name="c"), part=1)(path)
    with pytest.raises(ValueError, match=r"model\.safetensors.* different columns"):
        fc.load(path)


def test_a_loss_is_not_for_an_estimator(tmp_path):
    path = tmp_path / "model.safetensors"
    fitted().save(path)
    with pytest.raises(ValueError, match="holds an estimator: expected none"):
        fc.load(path, loss=lambda y, output, weights: (0.0, output))
