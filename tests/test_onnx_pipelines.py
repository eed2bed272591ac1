"""skl2onnx converts the estimators, alone and behind scikit-learn's transformers."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

from estimators import CLASSES, FEW, LABELS, TEXT, VALUES, N, X, beside_sklearn
from interop import library
from onnx_networks import outputs_of

library("sklearn")
from fcnet.sklearn import MLPClassifier, MLPRegressor, register_onnx

skl2onnx, types = library("skl2onnx"), library("skl2onnx.common.data_types")
pytestmark = [*beside_sklearn, pytest.mark.once]

X32 = X.astype(np.float32)
Y = {
    "three classes": CLASSES,
    "two classes": (CLASSES > 0).astype(int),
    "text": TEXT,
    "two texts": np.array(["no", "yes"])[(CLASSES > 0).astype(int)],
    "far numbers": np.array([-7, 2**40])[(CLASSES > 0).astype(int)],
    "false and true": CLASSES > 0,
    "whole floats": CLASSES.astype(float),
    "several labels": LABELS,
}


@pytest.fixture(autouse=True)
def registered():
    register_onnx()


@pytest.mark.parametrize("opset", [None, 13, 17, 20])
@pytest.mark.parametrize("y", Y.values(), ids=Y)
def test_a_classifier_has_its_labels_and_probabilities(y, opset):
    net = MLPClassifier(**FEW).fit(X32, y)
    model = skl2onnx.to_onnx(net, X32[:1], options={"zipmap": False}, target_opset=opset)
    found = outputs_of(model.SerializeToString(), X32)
    assert list(found) == ["label", "probabilities"]
    assert found["label"].tolist() == net.predict(X32).tolist()
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(X32), rtol=0, atol=1e-5)


def test_a_zipmap_has_the_classes_as_keys():
    net = MLPClassifier(**FEW).fit(X32, TEXT)
    found = outputs_of(skl2onnx.to_onnx(net, X32[:1]).SerializeToString(), X32)
    rows = [[row[name] for name in net.classes_] for row in found["output_probability"]]
    assert found["output_label"].tolist() == net.predict(X32).tolist()
    np.testing.assert_allclose(rows, net.predict_proba(X32), rtol=0, atol=1e-5)


def test_without_class_labels_there_are_indices():
    net = MLPClassifier(**FEW).fit(X32, TEXT)
    model = skl2onnx.to_onnx(net, X32[:1], options={"zipmap": False, "nocl": True})
    found = outputs_of(model.SerializeToString(), X32)
    assert net.classes_[found["label"]].tolist() == net.predict(X32).tolist()


@pytest.mark.parametrize("loss", ["squared_error", "poisson", fc.losses.Huber(2)])
@pytest.mark.parametrize("targets", [1, 3])
def test_a_regressor_has_its_values(targets, loss):
    y = np.abs(np.column_stack([VALUES, -VALUES, VALUES**2])[:, :targets].squeeze())
    net = MLPRegressor(loss=loss, **FEW).fit(X32, y)
    found = outputs_of(skl2onnx.to_onnx(net, X32[:1]).SerializeToString(), X32)["variable"]
    assert found.shape == (N, targets)
    np.testing.assert_allclose(found, net.predict(X32).reshape(N, -1), rtol=0, atol=1e-5)


@pytest.mark.parametrize("activation", ["logistic", "identity", "mish", "selu"])
def test_float64_stays_float64(activation):
    net = MLPClassifier(activation=activation, **FEW).fit(X, CLASSES)
    given = [("X", types.DoubleTensorType([None, 4]))]
    model = skl2onnx.convert_sklearn(net, initial_types=given, options={"zipmap": False})
    found = outputs_of(model.SerializeToString(), X)["probabilities"]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, net.predict_proba(X), rtol=0, atol=1e-13)


def test_whole_numbers_as_inputs_become_float32():
    x = np.arange(4 * N).reshape(N, 4) % 7
    net = MLPRegressor(**FEW).fit(x, VALUES)
    model = skl2onnx.convert_sklearn(net, initial_types=[("X", types.Int64TensorType([None, 4]))])
    found = outputs_of(model.SerializeToString(), x)["variable"]
    np.testing.assert_allclose(found[:, 0], net.predict(x), rtol=0, atol=1e-5)


def test_pipelines_and_column_transformers_convert():
    pandas = library("pandas")
    compose, impute, pipeline = [library(f"sklearn.{name}") for name in ("compose", "impute", "pipeline")]
    preprocessing = library("sklearn.preprocessing")
    frame = pandas.DataFrame(X32, columns=list("abcd"))
    frame["city"] = np.array(["Oslo", "Rom", "Ulm"])[np.arange(N) % 3]
    frame.loc[::7, "a"] = np.nan
    numbers = pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    columns = compose.make_column_transformer(
        (numbers, list("abcd")), (preprocessing.OneHotEncoder(sparse_output=False), ["city"])
    )
    whole = pipeline.make_pipeline(columns, MLPClassifier(**FEW)).fit(frame, TEXT)
    given = [(name, types.FloatTensorType([None, 1])) for name in "abcd"]
    given.append(("city", types.StringTensorType([None, 1])))
    model = skl2onnx.convert_sklearn(whole, initial_types=given, options={"zipmap": False})
    inputs = {name: frame[[name]].to_numpy(np.float32) for name in "abcd"}
    found = outputs_of(model.SerializeToString(), **inputs, city=frame[["city"]].to_numpy())
    assert found["label"].tolist() == whole.predict(frame).tolist()
    np.testing.assert_allclose(found["probabilities"], whole.predict_proba(frame), rtol=0, atol=1e-5)


def test_two_networks_in_one_model_keep_their_names_apart():
    ensemble = library("sklearn.ensemble")
    nets = [(name, MLPRegressor(**(FEW | {"random_state": i}))) for i, name in enumerate("ab")]
    voting = ensemble.VotingRegressor(nets).fit(X32, VALUES)
    found = outputs_of(skl2onnx.to_onnx(voting, X32[:1]).SerializeToString(), X32)["variable"]
    np.testing.assert_allclose(found[:, 0], voting.predict(X32), rtol=0, atol=1e-5)


def test_weights_that_were_assigned_are_converted():
    net = MLPRegressor(**FEW).fit(X32, VALUES)
    net.intercepts_ = [np.zeros(8), np.array([5.0])]
    found = outputs_of(skl2onnx.to_onnx(net, X32[:1]).SerializeToString(), X32)["variable"]
    np.testing.assert_allclose(found[:, 0], net.predict(X32), rtol=0, atol=1e-5)


REFUSALS = {
    "one class": (MLPClassifier(**FEW), np.full(N, "only"), {}, "one class only, 'only'"),
    "an old opset": (MLPClassifier(**FEW), CLASSES, {"target_opset": 12}, "target_opset is 12: expected at least 13"),
}


@pytest.mark.parametrize(("net", "y", "options", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_refused_is_named(net, y, options, message):
    with pytest.raises(ValueError, match=message):
        skl2onnx.to_onnx(net.fit(X32, y), X32[:1], **options)


def test_gelu_in_float64_is_refused_by_name():
    net = MLPRegressor(activation="gelu", **FEW).fit(X, VALUES)
    with pytest.raises(ValueError, match=r"layers\[0\] has gelu, whose operator Erf"):
        skl2onnx.convert_sklearn(net, initial_types=[("X", types.DoubleTensorType([None, 4]))])
