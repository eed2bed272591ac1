"""The estimators of tables as ONNX: their columns, networks and means are the same in onnxruntime."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

import fcnet as fc
from fcnet._onnx.graph import Graph
from fcnet.tabular import ColumnEncoder, Encoding, RealMLP, TabM, TabularClassifier, TabularRegressor
from fcnet.tabular.onnx_columns import Inputs, add_columns

from interop import library
from onnx_networks import outputs_of

pandas = library("pandas")
pytestmark = [pytest.mark.interop, pytest.mark.once]

N = 60
RNG = np.random.default_rng(0)
FRAME = pandas.DataFrame(
    {
        "age": RNG.normal(40, 10, N).astype(np.float32),
        "income": np.exp(RNG.normal(10, 1, N)).astype(np.float32),
        "rooms": RNG.integers(1, 6, N),
        "city": np.array(["Rom", "Oslo", "Ålesund", "Bern"])[RNG.integers(0, 4, N)],
        "street": [f"street {i}" for i in RNG.integers(0, 20, N)],
        "member": RNG.random(N) < 0.5,
        "smoker": np.array([True, False, None], object)[RNG.integers(0, 3, N)],
        "code": RNG.integers(0, 3, N) * 7,
        "rate": np.array([0.1, 0.2, 0.7])[RNG.integers(0, 3, N)],
        "constant": 2.5,
        "never": np.nan,
    }
)
FRAME.loc[::7, "age"] = np.nan
FRAME.loc[::11, "city"] = None
CODES = ["code", "rate"]
NEW = FRAME.iloc[:6].copy()
NEW["age"] = [-1e9, 1e9, 0, np.nan, 41, 35.5]
NEW["city"] = ["Paris", "Rom", None, "", "Bern", "Oslo"]
NEW["code"] = [14, 3, 7, 0, 7, 14]
Y = np.array(["no", "yes", "perhaps"])[(FRAME.rooms > 2).astype(int) + (FRAME.code == 7)]
VALUES = (FRAME.income / 1000 + 5 * FRAME.rooms).to_numpy()


def inputs_of(encoder, frame, dtype):
    """A frame as the inputs of a model: a column each, text or numbers."""
    given = {}
    for label, column in zip(frame.columns, encoder.columns, strict=True):
        is_text = column.kind != "number" and (not column.categories or isinstance(column.categories[0], str))
        values = frame[[label]]
        given[str(label)] = values.fillna("").to_numpy(object) if is_text else values.to_numpy(float).astype(dtype)
    return given


ENCODINGS = {
    "realmlp": Encoding(),
    "all one-hot": Encoding(one_hot=None),
    "all codes": Encoding(one_hot=0),
    "no signs": Encoding(one_hot=None, signs=False),
    "unknown": Encoding(unknown=True),
    "bins": Encoding(bins=5),
    "tabm": Encoding("normal", one_hot=None, signs=False, unknown=True),
    "normal, bins": Encoding("normal", bins=7),
    "equal quantiles": Encoding("normal", noise=0),
}


@pytest.mark.parametrize("opset", [13, 20])
@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
def test_columns_are_encoded_as_transform_does(encoding, opset):
    encoder = ColumnEncoder.fit(FRAME, categorical_features=CODES, encoding=encoding, rows=np.arange(0, N, 2))
    double = np.dtype(np.float64)
    graph = Graph(double, opset)
    x = add_columns(graph, Inputs(graph, encoder, double), encoder)
    graph.output(x, "output", double, ("batch", sum(encoder.widths)))
    model = graph.model(("fcnet", ""), {})
    for frame in (FRAME, NEW, FRAME.iloc[:1], FRAME.iloc[:0]):
        found = outputs_of(model, **inputs_of(encoder, frame, double))["output"]
        expected = encoder.transform(frame, double)
        # a last digit of a level near 1 is the eleventh of its normal quantile
        bound = 1e-12 if encoding.numbers == "robust" else 1e-10
        np.testing.assert_allclose(found, expected, rtol=bound, atol=bound)


@pytest.mark.parametrize("count", [2, 3, 10, 11, 40])
def test_numbers_between_on_and_beyond_quantiles_are_the_same(count):
    rng = np.random.default_rng(count)
    x = np.column_stack([rng.integers(0, 5, count), rng.standard_normal(count), np.arange(count) > 0])
    encoder = ColumnEncoder.fit(x, encoding=Encoding("normal", noise=0))
    double = np.dtype(np.float64)
    graph = Graph(double, 13)
    columns = add_columns(graph, Inputs(graph, encoder, double), encoder)
    graph.output(columns, "output", double, ("batch", sum(encoder.widths)))
    values = np.unique(np.concatenate([np.ravel(x), x.ravel() + 0.25, [-9, 9]]))
    rows = np.column_stack([values, values, values])
    given = {f"x{i}": rows[:, [i]] for i in range(3)}
    found = outputs_of(graph.model(("fcnet", ""), {}), **given)["output"]
    np.testing.assert_allclose(found, encoder.transform(rows, double), rtol=1e-12, atol=1e-12)


SMALL = {"hidden": (16, 12), "epochs": 2, "batch_size": 16}
RECIPES = {
    "realmlp": RealMLP(**SMALL),
    "embeddings of numbers": RealMLP(one_hot=3, embedding=fc.PLR(4, 3), bins=4, parametric=True, clip=True, **SMALL),
    "periodic": RealMLP(one_hot=8, embedding=fc.Periodic(4, 3), activation="mish", **SMALL),
    "tabm": TabM(members=8, **SMALL),
    "tabm with bins": TabM(members=2, adapters="all", bins=4, **SMALL),
}


def fitted(kind, recipe, y, frame=FRAME, **options):
    estimator = kind(recipe, categorical_features=CODES, random_state=0, progress=False, **options)
    return estimator.fit(frame, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_classifier_is_the_same_in_onnxruntime(recipe, dtype):
    estimator = fitted(TabularClassifier, recipe, Y, folds=2, networks=2)
    estimator.temperature_ = 1.7
    model = estimator.to_onnx(dtype=dtype)
    for frame in (FRAME, NEW, FRAME.iloc[:1], FRAME.iloc[:0]):
        found = outputs_of(model, **inputs_of(estimator._parts[0].encoder, frame, dtype))
        assert list(found) == ["label", "probabilities"]
        assert found["label"].tolist() == estimator.predict(frame).tolist()
        np.testing.assert_allclose(found["probabilities"], estimator.predict_proba(frame), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_regressor_is_the_same_in_onnxruntime(recipe, dtype):
    y = np.column_stack([VALUES, -VALUES])
    estimator = fitted(TabularRegressor, recipe, y, folds=2, dtype=dtype)
    model = estimator.to_onnx(dtype=dtype)
    for frame in (FRAME, NEW, FRAME.iloc[:0]):
        found = outputs_of(model, **inputs_of(estimator._parts[0].encoder, frame, dtype))["output"]
        expected = estimator.predict(frame)
        bound = (1e-12 if dtype == "float64" else 1e-4) * np.abs(expected).max(initial=0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (FRAME.code.to_numpy() + 2**40, [2**40, 2**40 + 7, 2**40 + 14]),
        (FRAME.rooms.to_numpy() > 2, [0, 1]),
        (FRAME.code.to_numpy() * 1.0, [0, 7, 14]),
    ],
)
def test_labels_are_text_or_whole_numbers(y, labels):
    estimator = fitted(TabularClassifier, RealMLP(**SMALL), y)
    found = outputs_of(estimator.to_onnx(), **inputs_of(estimator._parts[0].encoder, FRAME, np.float32))["label"]
    assert found.tolist() == [labels[estimator.classes_.tolist().index(label)] for label in estimator.predict(FRAME)]


def test_the_only_class_has_the_probability_1():
    estimator = fitted(TabularClassifier, RealMLP(**SMALL), np.full(N, "only"))
    found = outputs_of(estimator.to_onnx(), **inputs_of(estimator._parts[0].encoder, NEW, np.float32))
    assert found["label"].tolist() == ["only"] * len(NEW)
    assert found["probabilities"].tolist() == estimator.predict_proba(NEW).tolist() == [[1.0]] * len(NEW)


def test_numbers_beyond_those_of_the_fit_are_clipped_where_predict_clips_them():
    estimator = fitted(TabularRegressor, RealMLP(clip=True, **SMALL), VALUES, folds=2)
    for network, shift in zip(estimator.networks_, (100, -100), strict=True):
        network.layers[-1].B = network.layers[-1].B + shift
    found = outputs_of(estimator.to_onnx(), **inputs_of(estimator._parts[0].encoder, FRAME, np.float32))["output"]
    np.testing.assert_allclose(found[:, 0], estimator.predict(FRAME), rtol=1e-6)
    assert len(np.unique(found)) == 1


def test_columns_of_an_array_have_numbers_as_names():
    x = FRAME[["age", "income"]].to_numpy()
    estimator = TabularRegressor(RealMLP(**SMALL), random_state=0, progress=False).fit(x, VALUES)
    found = outputs_of(estimator.to_onnx(), x0=x[:, [0]], x1=x[:, [1]])["output"]
    np.testing.assert_allclose(found[:, 0], estimator.predict(x), rtol=1e-4)


def test_an_estimator_from_a_file_gives_the_same_bytes(tmp_path):
    estimator = fitted(TabularClassifier, RealMLP(**SMALL), Y)
    estimator.temperature_ = 1.7
    estimator.save(tmp_path / "estimator.safetensors")
    model = fc.load(tmp_path / "estimator.safetensors").to_onnx(tmp_path / "estimator.onnx")
    assert (tmp_path / "estimator.onnx").read_bytes() == model == estimator.to_onnx()


def test_codes_of_float32_find_the_categories_that_were_rounded_to_them():
    estimator = fitted(TabularClassifier, RealMLP(**SMALL), Y)
    given = inputs_of(estimator._parts[0].encoder, FRAME, np.float32)
    assert not (given["rate"] == FRAME[["rate"]].to_numpy()).all()
    found = outputs_of(estimator.to_onnx(), **given)["probabilities"]
    np.testing.assert_allclose(found, estimator.predict_proba(FRAME), rtol=0, atol=1e-5)


def table(**columns):
    return pandas.DataFrame({"age": FRAME.age} | columns)


DATES = np.array([datetime.date(2026, 1, 1 + i % 2) for i in range(N)], object)
ALIKE = np.array([2**24, 2**24 + 1, 0])[np.arange(N) % 3]
REFUSALS = {
    "alike as text": (table(**{"1": VALUES}).rename(columns={"age": 1}), Y, {}, "two columns are called '1' as text"),
    "like an output": (table(label=VALUES), Y, {}, "a column is called 'label', which an input of ONNX cannot be"),
    "without a name": (table(**{"": VALUES}), Y, {}, "a column is called '', which an input of ONNX cannot be"),
    "alike in float32": (table(rate=FRAME.rate, code=ALIKE), Y, {}, "'code' has the categories 16777216 and 16777217"),
    "dates": (table(), DATES, {}, "the classes are .*, and labels in ONNX are text or whole numbers"),
    "an old opset": (table(), Y, {"opset": 12}, "opset is 12: expected from 13 to 20"),
    "half precision": (table(), Y, {"dtype": "float16"}, "dtype is 'float16': expected 'float32' or 'float64'"),
}


@pytest.mark.parametrize(("frame", "y", "options", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_refused_is_named(frame, y, options, message):
    codes = [name for name in CODES if name in frame.columns]
    estimator = TabularClassifier(RealMLP(**SMALL), categorical_features=codes, random_state=0, progress=False)
    with pytest.raises(ValueError, match=message):
        estimator.fit(frame, y).to_onnx(**options)


def test_categories_that_float32_does_not_tell_apart_need_float64():
    frame = table(rate=FRAME.rate, code=ALIKE)
    estimator = fitted(TabularClassifier, RealMLP(**SMALL), Y, frame)
    given = inputs_of(estimator._parts[0].encoder, frame, np.float64)
    found = outputs_of(estimator.to_onnx(dtype="float64"), **given)["probabilities"]
    np.testing.assert_allclose(found, estimator.predict_proba(frame), rtol=0, atol=1e-6)


def test_an_estimator_that_is_not_fitted_is_refused():
    with pytest.raises(ValueError, match=r"this TabularRegressor is not fitted yet: call fit"):
        TabularRegressor().to_onnx()


def test_a_class_that_is_the_only_one_is_certain():
    model = TabularClassifier(RealMLP(hidden=(8,), epochs=2), random_state=0, progress=False).fit(FRAME, ["a"] * N)
    found = outputs_of(model.to_onnx(), **inputs_of(model._parts[0].encoder, FRAME, np.dtype("float32")))
    assert found["label"].tolist() == ["a"] * N
    np.testing.assert_array_equal(found["probabilities"], np.ones((N, 1)))
