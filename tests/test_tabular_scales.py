"""Numbers are scaled and encoded as their formulas say, and as NumPy, SciPy and scikit-learn compute it."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from fcnet.tabular import (
    ColumnEncoder,
    Encoding,
    median_and_factor,
    normal_quantile,
    normal_quantiles,
    piecewise_linear,
    quantile_edges,
    smooth_clip,
    to_normal,
)
from fcnet.tabular.quantiles import equal_quantiles, quarters_of_counts

from bounds import max_error
from interop import library

pytestmark = pytest.mark.once


def samples():
    """Columns of numbers of several sizes, smooth and with ties."""
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 5, 49, 50, 1000):
        yield rng.standard_normal(n)
        yield rng.integers(0, 5, n).astype(float)
        yield rng.standard_cauchy(n) * 1e6


@pytest.mark.parametrize("parts", [1, 4, 7, 48])
def test_quantiles_are_those_of_numpy(parts):
    for x in samples():
        expected = np.quantile(x, np.linspace(0, 1, parts + 1))
        assert max_error([equal_quantiles(np.sort(x), parts)], [expected]) <= 1e-12
        assert (np.diff(equal_quantiles(np.sort(x), parts)) >= 0).all()


def test_quantiles_that_are_numbers_of_the_column_are_exact():
    x = np.array([0.1, 0.2, 0.7])
    assert equal_quantiles(x, 2).tolist() == x.tolist()
    assert set(equal_quantiles(np.repeat(x, 1000), 10)) <= set(x)


def test_quarters_of_counts_are_those_of_the_numbers():
    rng = np.random.default_rng(0)
    values = np.array([-1.0, 0.0, 1.0])
    for n in range(1, 40):
        drawn = rng.integers(0, 3, (4, n))
        counts = np.array([np.bincount(row, minlength=3) for row in drawn])
        expected = np.quantile(values[drawn], [0, 0.25, 0.5, 0.75, 1], axis=1)
        assert max_error([quarters_of_counts(values, counts)], [expected]) <= 1e-14


def test_median_and_factor_are_those_of_the_formula():
    for x in samples():
        median, factor = median_and_factor(x)
        lower, upper = np.quantile(x, [0.25, 0.75])
        distance = upper - lower if upper > lower else np.ptp(x) / 2
        assert median == pytest.approx(np.median(x), rel=1e-14)
        assert factor == pytest.approx(1 / distance if distance else 0, rel=1e-12)


def test_clipping_is_smooth_and_within_3(dtype):
    z = np.concatenate([np.linspace(-20, 20, 401), [np.inf, -np.inf, 1e30, np.nan]]).astype(dtype)
    got = smooth_clip(z)
    assert got.dtype == dtype
    assert max_error([got[-4:-1]], [np.array([3, -3, 3])]) <= 4 * np.finfo(dtype).eps
    assert np.isnan(got[-1])
    exact = z[:-4].astype(np.float64)
    expected = exact / np.sqrt(1 + (exact / 3) ** 2)
    assert max_error([got[:-4]], [expected]) <= 4 * np.finfo(dtype).eps
    assert smooth_clip(3).dtype == np.float64


def test_the_normal_quantile_is_that_of_the_standard_library():
    small = np.logspace(-300, -1, 600)
    p = np.concatenate([np.linspace(0, 1, 1001)[1:-1], small, 1 - small[small > 1e-16]])
    expected = np.array([statistics.NormalDist().inv_cdf(each) for each in p])
    np.testing.assert_allclose(normal_quantile(p), expected, rtol=1e-14, atol=1e-15)
    assert np.isnan(normal_quantile([np.nan])).all()
    assert normal_quantile(0.5) == 0
    assert normal_quantile([[0.001, 0.999]]).shape == (1, 2)


@pytest.mark.interop
def test_the_normal_quantile_is_that_of_scipy():
    p = np.random.default_rng(0).random(10_000)
    np.testing.assert_allclose(normal_quantile(p), library("scipy.special").ndtri(p), rtol=1e-13, atol=1e-15)


@pytest.mark.interop
@pytest.mark.parametrize("n", [5, 9, 100, 301, 5_000, 40_000])
def test_numbers_become_normal_as_by_scikit_learn(n):
    rng = np.random.default_rng(n)
    x = np.stack([rng.standard_normal(n), rng.integers(0, 9, n), 1e6 * np.exp(3 * rng.standard_normal(n))], axis=1)
    later = np.concatenate([x, x[:100] + 0.5, 10 * x[:100], x[:1] * np.nan])
    count = min(max(min(n // 30, 1000), 10), n)
    preprocessing = library("sklearn.preprocessing")
    theirs = preprocessing.QuantileTransformer(n_quantiles=count, output_distribution="normal", subsample=None).fit(x)
    expected = theirs.transform(later)
    got = [to_normal(later[:, i], normal_quantiles(x[:, i], noise=0)) for i in range(3)]
    np.testing.assert_allclose(np.stack(got, axis=1), expected, rtol=0, atol=1e-9)


def test_numbers_become_normal_by_interpolation_between_quantiles():
    quantiles = np.array([0.0, 1.0, 1.0, 1.0, 3.0])
    x = np.array([-1, 0, 0.5, 1, 2, 3, 4])
    levels = [0, 0, 0.125, 0.5, 0.875, 1, 1]
    inverse = [statistics.NormalDist().inv_cdf(min(max(p, 1e-7), 1 - 1e-7)) for p in levels]
    np.testing.assert_allclose(to_normal(x, quantiles), inverse, rtol=1e-8, atol=1e-15)


def test_noise_splits_ties_and_nothing_else():
    x = np.repeat(np.arange(5.0), 400) * 1e-9  # as for numbers of any other size
    plain, noisy = normal_quantiles(x, noise=0), normal_quantiles(x)
    assert len(plain) == len(noisy) == 66
    assert len(np.unique(noisy)) == 66
    assert np.abs(plain - noisy).max() <= 1e-3 * np.ptp(x)
    np.testing.assert_array_equal(noisy, normal_quantiles(x[::-1]))
    assert (noisy != normal_quantiles(x, seed=1)).any()
    scaled = normal_quantiles(x * 2.0**40)
    np.testing.assert_array_equal(scaled, noisy * 2.0**40)


def test_numbers_of_training_become_normal():
    x = np.random.default_rng(0).exponential(size=(30_000, 1)) ** 3
    z = ColumnEncoder.fit(x, encoding=Encoding("normal")).transform(x, np.float64)
    assert abs(z.mean()) < 0.01
    assert abs(z.std() - 1) < 0.01
    order = np.argsort(x[:, 0])
    assert (np.diff(z[order, 0]) >= -1e-12).all()


def test_a_constant_column_has_no_quantiles():
    assert normal_quantiles([3.0] * 100).shape == (0,)
    assert normal_quantiles([3.0]).shape == (0,)


def encoded_one_by_one(x, edges):
    """The formula of Gorishniy, Rubachev, Babenko (2022), number by number."""
    bins = len(edges) - 1
    result = np.empty((len(x), bins))
    for row, number in enumerate(x):
        for t in range(bins):
            share = (number - edges[t]) / (edges[t + 1] - edges[t])
            least = -np.inf if t == 0 else 0
            most = np.inf if t == bins - 1 else 1
            result[row, t] = min(max(share, least), most)
    return result


@pytest.mark.parametrize("bins", [1, 2, 3, 48])
def test_piecewise_linear_encoding_is_that_of_the_formula(bins, dtype):
    rng = np.random.default_rng(bins)
    edges = np.sort(rng.standard_normal(bins + 1))
    x = (3 * rng.standard_normal(50)).astype(dtype)
    got = piecewise_linear(x, edges)
    assert got.dtype == dtype
    assert got.shape == (50, bins)
    np.testing.assert_array_equal(got, encoded_one_by_one(x.astype(np.float64), edges).astype(dtype))


def test_piecewise_linear_encoding_gives_the_number_back():
    edges = np.array([-2.0, -0.5, 1.0, 4.0])
    x = np.array([-7.0, -2.0, -1.0, 0.0, 3.0, 9.0])
    np.testing.assert_allclose(edges[0] + piecewise_linear(x, edges) @ np.diff(edges), x, rtol=1e-14)
    assert np.isnan(piecewise_linear([np.nan], edges)).all()
    assert piecewise_linear([1.0, 2.0], [3.0]).shape == (2, 0)


@pytest.mark.parametrize("bins", [1, 3, 48])
def test_edges_are_the_distinct_quantiles(bins):
    for x in samples():
        most = min(bins, max(len(x) - 1, 1))
        expected = np.unique(np.quantile(x, np.arange(most + 1) / most))
        got = quantile_edges(x, bins)
        assert (np.diff(got) > 0).all()
        assert got[0] == x.min()
        assert got[-1] == x.max()
        if len(expected) == len(got):  # rounding may make two of one quantile of NumPy's
            assert max_error([got], [expected]) <= 1e-12
    assert quantile_edges([2.0, 2.0]).tolist() == [2.0]


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: quantile_edges([1, 2], bins=0), ValueError, "bins is 0: expected at least 1"),
        (lambda: quantile_edges([]), ValueError, "x is empty"),
        (lambda: quantile_edges([1, np.nan]), ValueError, "x contains nan in row 1"),
        (lambda: quantile_edges([[1, 2]]), ValueError, r"x has shape \(1, 2\): expected one dimension"),
        (lambda: quantile_edges(["a"]), TypeError, "x has dtype <U1: expected real numbers"),
        (lambda: piecewise_linear([1], [1, 1]), ValueError, r"edges is \[1.0, 1.0\]: expected finite numbers in ascen"),
        (lambda: piecewise_linear([1], []), ValueError, r"edges is \[\]"),
        (lambda: piecewise_linear([1], [0, np.inf]), ValueError, "edges is .*: expected finite"),
    ],
)
def test_other_numbers_and_edges_are_refused(use, error, message):
    with pytest.raises(error, match=message):
        use()


def test_quantiles_that_differ_by_rounding_are_one_edge():
    x = [0, 0.1, 0.2, 0.3, 0.1 + 0.2] * 20
    edges = quantile_edges(x, bins=24)
    assert np.diff(edges).min() > 0.09
    assert abs(piecewise_linear([1.0], edges)).max() < 10


def test_no_bin_of_a_table_is_so_narrow_that_a_larger_number_becomes_huge():
    random = np.random.default_rng(0)
    x = np.concatenate([random.standard_normal(500), [2, 2 + 1e-9] * 50])[:, None]
    encoder = ColumnEncoder.fit(x, encoding=Encoding("robust", bins=24))
    assert abs(encoder.transform([[100.0], [-100.0]])).max() < 3000
