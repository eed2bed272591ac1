"""``fcnet.PLR`` and ``fcnet.PiecewiseLinear``: as rtdl_num_embeddings 0.0.12 computes them, and by themselves.

Its numbers are in ``golden/number_embeddings.npz``, which ``golden/make_number_embeddings.py`` has written. That they
train as their oracle is in ``test_embeddings.py``.
"""

from __future__ import annotations

import copy
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import fcnet as fc
from fcnet.tabular import piecewise_linear, quantile_edges

from embeddings import COLUMNS, EDGES, data, network

EMBEDDINGS = {
    "plr": fc.PLR(3, 5),
    "pl": fc.PLR(3, 5, activation="identity"),
    "lite": fc.PLR(3, 5, lite=True),
    "bins A": fc.PiecewiseLinear(EDGES, 5, version="A"),
    "bins A, relu": fc.PiecewiseLinear(EDGES, 5, version="A", activation="relu"),
    "bins B": fc.PiecewiseLinear(EDGES, 5),
}


@cache
def golden():
    with np.load(Path(__file__).parent / "golden" / "number_embeddings.npz") as file:
        return dict(file)


def of(name, prefix=""):
    """The arrays of an embedding, or their gradients, by our names and in our shapes."""
    names = {"frequencies": "periodic.weight", "W": "linear.weight", "B": "linear.bias"}
    if name == "bins B":
        names = {"W": "linear.weight", "B": "linear0.bias", "slopes": "linear0.weight"}
    found = {ours: golden().get(f"{name}/{prefix}{theirs}") for ours, theirs in names.items()}
    if name == "lite":
        found["W"] = found["W"].T
    if name.startswith("bins"):  # whose last bin is in the last row
        bins = [len(edges) - 1 for edges in EDGES]
        rows = [np.vstack([of_j[: count - 1], of_j[-1:]]) for of_j, count in zip(found["W"], bins, strict=True)]
        found["W"] = np.vstack(rows)
    return {ours: array for ours, array in found.items() if array is not None}


def embedding_alone(embedding, dtype="float64", numbers=3):
    """A network that returns the embeddings."""
    columns = fc.Columns(numbers, embedding=embedding)
    last = fc.Dense(columns.features, "identity", init=np.eye(columns.features))
    return fc.Network([columns, last], loss="mse", dtype=dtype, seed=3)


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_results_and_gradients_are_those_of_the_original(name, isa):
    net = embedding_alone(EMBEDDINGS[name])
    arrays = of(name)
    assert list(arrays) == list(net.columns.specification.shapes)
    for part, array in arrays.items():
        setattr(net.columns, part, array)
    x, cotangent = golden()["x"], golden()["cotangent"]
    y, back = net.vjp(x)
    np.testing.assert_allclose(y, golden()[f"{name}/result"].reshape(len(x), -1), rtol=1e-12, atol=1e-13)
    gradients = back(cotangent.reshape(len(x), -1)).layers[-1]
    for part, gradient in zip(arrays, gradients, strict=True):
        np.testing.assert_allclose(gradient, of(name, "gradient ")[part], rtol=1e-11, atol=1e-12, err_msg=part)


def test_bins_are_the_product_of_the_piecewise_linear_encoding(dtype, isa):
    edges = [-1.5, -0.5, 0.25, 2]
    net = embedding_alone(fc.PiecewiseLinear([edges], 6, version="A"), dtype, 1)
    x = np.array([-1e6, -2, *edges, -0.5 - 1e-3, 0.1, 1.9, 3, 1e6])[:, None].astype(dtype)
    encoded = piecewise_linear(x[:, 0].astype(float), edges)
    expected = encoded @ net.columns.W.astype(float) + net.columns.B.astype(float)
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-5 if dtype == np.float32 else 1e-13, atol=1e-6)


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_nan_stays_nan(name, dtype, isa):
    net = embedding_alone(EMBEDDINGS[name], dtype)
    net.columns.W = 1 + np.abs(net.columns.W)
    y = net.predict(np.full((1, 3), np.nan)).reshape(3, 5)
    assert np.isnan(y).all()


def test_first_values_are_those_of_the_original():
    plr = fc.Columns(200, embedding=fc.PLR(sigma=0.3))
    own = fc.Network([plr, 1], loss="mse", seed=5, dtype="float64").columns
    assert own.frequencies.std() == pytest.approx(0.3 * 0.9866, rel=0.02)  # of a normal distribution, cut at 3 sigma
    assert 0.85 < np.abs(own.frequencies).max() <= 0.9
    for part in (own.W, own.B):
        assert 0.97 < np.abs(part).max() * np.sqrt(96) <= 1
    edges = [quantile_edges(column, 48) for column in np.random.default_rng(0).standard_normal((100, 500))]
    b = fc.Network([fc.Columns(100, embedding=fc.PiecewiseLinear(edges)), 1], loss="mse", seed=5).columns
    assert b.W.shape == (4800, 16)
    assert not b.W.any()
    for part in (b.B, b.slopes):
        assert part.shape == (100, 16)
        assert 0.99 < np.abs(part).max() * 4 <= 1
    version_a = fc.PiecewiseLinear(edges, version="A")
    a = fc.Network([fc.Columns(100, embedding=version_a), 1], loss="mse", seed=5).columns
    assert 0.99 < np.abs(a.W).max() * np.sqrt(48) <= 1
    with pytest.raises(AttributeError, match="has no slopes"):
        a.slopes  # noqa: B018


@pytest.mark.parametrize("name", COLUMNS)
def test_files_and_copies_keep_every_embedding(name, dtype, tmp_path):
    x, y = data(COLUMNS[name], 40)
    net = network(COLUMNS[name], dtype=dtype)
    net.fit(x, y, epochs=1)
    net.save(tmp_path / "net.safetensors")
    for again in (fc.load(tmp_path / "net.safetensors"), copy.deepcopy(net)):
        assert again.columns.specification == net.columns.specification
        np.testing.assert_array_equal(again.predict(x), net.predict(x))
        again.fit(x, y, epochs=1)
        other = copy.deepcopy(net)
        other.fit(x, y, epochs=1)
        np.testing.assert_array_equal(again.parameters, other.parameters)


@pytest.mark.parametrize("name", COLUMNS)
def test_finite_differences_agree(name):
    x, y = data(COLUMNS[name], 30)
    net = network(COLUMNS[name], dtype="float64")
    for array in net.columns.specification.shapes:
        if array != "tables":
            setattr(net.columns, array, getattr(net.columns, array) + 0.01)
    assert net.check_gradients(x, y).passed


def test_they_are_shown_in_short():
    columns = fc.Columns(3, embedding=EMBEDDINGS["bins A, relu"])
    text = "PiecewiseLinear(7 bins, size=5, version='A', activation='relu')"
    assert repr(columns) == f"Columns(numbers=3, embedding={text})"
    assert repr(fc.PLR(8, lite=True)) == "PLR(frequencies=8, lite=True)"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fc.PLR(65), ValueError, "frequencies is 65: expected from 1 to 64"),
        (lambda: fc.PLR(size=0), ValueError, "size is 0: expected from 1 to 128"),
        (lambda: fc.PLR(activation="tanh"), ValueError, "activation is 'tanh': expected 'relu' or 'identity'"),
        (lambda: fc.PLR(activation="identity", lite=True), ValueError, "lite is True, and activation is 'identity'"),
        (lambda: fc.PLR(lite=1), TypeError, "lite is 1"),
        (lambda: fc.PiecewiseLinear(3), TypeError, "edges is 3: expected a sequence of edges for each number"),
        (lambda: fc.PiecewiseLinear([]), ValueError, "edges is empty"),
        (lambda: fc.PiecewiseLinear([[0, 1], [2]]), ValueError, "edges[1] has shape (1,): expected 2 to 129 numbers"),
        (lambda: fc.PiecewiseLinear([[0, 1, 1]]), ValueError, "edges[0] is [0.0, 1.0, 1.0]: expected finite numbers"),
        (lambda: fc.PiecewiseLinear([[0, np.nan]]), ValueError, "edges[0] is [0.0, nan]: expected finite numbers"),
        (lambda: fc.PiecewiseLinear([["a", "b"]]), TypeError, "edges[0] is ['a', 'b']: expected numbers"),
        (lambda: fc.PiecewiseLinear([[0, 1]], version="C"), ValueError, "version is 'C': expected 'A' or 'B'"),
        (lambda: fc.PiecewiseLinear([[0, 1]], activation="relu"), ValueError, "'relu', and version is 'B'"),
        (
            lambda: fc.Columns(2, embedding=fc.PiecewiseLinear([[0, 1]])),
            ValueError,
            "embedding has edges for 1 numbers, and numbers is 2: expected as many",
        ),
        (lambda: fc.Columns(2, embedding=fc.PiecewiseLinear), TypeError, "edges"),
    ],
)
def test_what_is_wrong_is_named(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


@pytest.mark.parametrize("edges", [[0, 1e-40], [-1e39, 0, 1e39], [1, 1 + 1e-12]])
def test_edges_that_float32_does_not_tell_apart_are_refused(edges):
    sizes = [fc.Columns(1, embedding=fc.PiecewiseLinear([edges])), 1]
    with pytest.raises(ValueError, match=r"edges\[0\] is .*: expected edges that are finite and differ in float32"):
        fc.Network(sizes, loss="mse")
    net = fc.Network(sizes, loss="mse", dtype="float64")
    assert np.isfinite(net.predict([[0.5]])).all()


def test_edges_of_text_are_refused():
    with pytest.raises(TypeError, match=r"edges\[0\] is \['1', '2'\]: expected numbers"):
        fc.PiecewiseLinear([["1", "2"]])
