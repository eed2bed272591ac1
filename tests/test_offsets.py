"""Offsets are subtracted in float64 where the numbers are wider than float32; what float32 would lose is said once."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

import fcnet as fc

from interop import library
from walks import walk

RNG = np.random.default_rng(0)
OFFSETS = np.array([1.7e9 + 1 / 3, -3e12, 0.0, 5.5e6] * 5 + [1.7e9])  # not numbers of float32
WIDE = ["float64", "int32", "uint32", "int64", "uint64", ">f8", ">i8", "longdouble"]
NARROW = ["float32", "float16", "int8", "uint8", "int16", "uint16", "bool", ">f4"]
ORDERS = {
    "c": np.ascontiguousarray,
    "f": np.asfortranarray,
    "reversed": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "every other": lambda x: np.repeat(np.repeat(x, 2, axis=0), 2, axis=1)[::2, ::2],
}


def rows(n, kind, inputs=21):
    """Large numbers of a type that differ by some tens, and what lies in their middle."""
    limits = np.iinfo(kind) if np.dtype(kind).kind in "iu" else None
    offset = OFFSETS[:inputs] if limits is None or limits.max > 2**32 else np.full(inputs, 1.7e9 + 1 / 3)
    offset = np.abs(offset) if limits is not None else offset
    x = RNG.uniform(0, 50, (n, inputs)) + offset
    return (x if limits is None else np.rint(x)).astype(kind), offset


def by_hand(x, offset, scale):
    """The first layer's input, rounded once before the scale is applied."""
    difference = x.astype(np.float64) - offset
    return difference.astype(np.float32) * scale.astype(np.float32)


@walk("order", ORDERS)
@walk("kind", WIDE)
@pytest.mark.parametrize("n", [1, 5, 33, 100])
def test_wide_numbers_lose_their_offset_before_they_are_rounded(n, kind, order, isa):
    x, offset = rows(n, kind)
    x, scale, y = ORDERS[order](x), RNG.uniform(0.01, 0.1, 21), np.arange(n) % 4
    scaled, plain = (fc.Network([21, 9, 4], seed=2, **o) for o in ({"scale": scale, "offset": offset}, {}))
    expected = by_hand(x, offset, scale)
    np.testing.assert_array_equal(scaled.predict(x), plain.predict(expected))
    assert scaled.evaluate(x, y) == plain.evaluate(expected, y)
    for ours, theirs in zip(scaled.gradients(x, y), plain.gradients(expected, y), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
    for batch in (3, 50):
        scaled.fit(x, y, epochs=1, batch_size=batch)
        plain.fit(expected, y, epochs=1, batch_size=batch)
        np.testing.assert_array_equal(scaled.layers[0].W, plain.layers[0].W)
    assert scaled.train_on_batch(x, y) == plain.train_on_batch(expected, y)


@walk("kind", NARROW)
@pytest.mark.parametrize("n", [1, 33])
def test_narrow_numbers_are_scaled_in_float32_as_ever(n, kind, isa):
    x = RNG.uniform(0, 100, (n, 21)).astype(kind)
    scale, offset = RNG.uniform(0.01, 0.1, 21), RNG.uniform(0, 100, 21)
    net, plain = fc.Network([21, 9, 4], seed=2, scale=scale, offset=offset), fc.Network([21, 9, 4], seed=2)
    expected = (x.astype(np.float32) - offset.astype(np.float32)) * scale.astype(np.float32)
    np.testing.assert_array_equal(net.predict(x), plain.predict(expected))


@pytest.mark.parametrize("n", [1, 5, 33, 100])
def test_without_an_offset_wide_numbers_are_rounded_first_as_ever(n, isa):
    x, scale = RNG.standard_normal((n, 21)) * 1e6, RNG.uniform(0.01, 0.1, 21)
    net, plain = fc.Network([21, 9, 4], seed=2, scale=scale), fc.Network([21, 9, 4], seed=2)
    expected = x.astype(np.float32) * scale.astype(np.float32)
    np.testing.assert_array_equal(net.predict(x), plain.predict(expected))


@pytest.mark.interop
@pytest.mark.parametrize("n", [1, 40])
@pytest.mark.parametrize("places", [np.int32, np.int64])
@pytest.mark.parametrize("kind", ["float64", "int64", "float32"])
def test_sparse_rows_are_scaled_as_dense_ones(kind, places, n, isa):
    sparse = library("scipy.sparse")
    x, offset = rows(n, kind)
    x[RNG.random(x.shape) < 0.7] = 0
    taken = sparse.csr_array(x)
    taken.indices = taken.indices.astype(places)
    options = {"seed": 0, "scale": 1 / np.maximum(abs(offset), 1), "offset": offset}
    net, same = fc.Network([21, 40, 4], **options), fc.Network([21, 40, 4], **options)
    np.testing.assert_array_equal(net.predict(taken), net.predict(x))
    y = np.arange(n) % 4
    for batch in (3, 40):
        net.fit(taken, y, epochs=1, batch_size=batch, optimizer=fc.SGD(1e-3))
        same.fit(x, y, epochs=1, batch_size=batch, optimizer=fc.SGD(1e-3))
        np.testing.assert_array_equal(net.layers[0].W, same.layers[0].W)


def time_stamps(n=2000):
    """Of ten seconds, and in which half of them."""
    x = 1.7e9 + RNG.uniform(0, 10, (n, 1))
    return x, (x[:, 0] > 1.7e9 + 5).astype(int)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["float64", "int64"])
def test_time_stamps_are_learnt_by_the_documented_recipe(kind):
    x, y = time_stamps()
    x = x if kind == "float64" else np.rint(x * 1e6).astype(kind)  # microseconds
    net = fc.Network([1, 16, 2], seed=0, offset=x.mean(0), scale=1 / x.std(0))
    net.fit(x, y, epochs=60, optimizer=fc.Adam(0.02))
    assert net.evaluate(x, y)["accuracy"] >= 0.995
    assert pickle.loads(pickle.dumps(net)).evaluate(x, y) == net.evaluate(x, y)


def test_the_advice_of_a_diagnosis_makes_time_stamps_learnable():
    stamps, y = time_stamps()
    for x in (stamps, np.hstack([stamps, RNG.standard_normal(stamps.shape), np.full(stamps.shape, 3.0)])):
        found = fc.Network([x.shape[1], 16, 2], seed=0).diagnose(x, y)
        advice = next(each.advice for each in found.advice if "like Network(" in each.advice)
        recipe = advice.partition("like Network(")[2].rpartition(")")[0]
        options = eval(f"dict({recipe})", {"x": x, "np": np, "abs": abs})
        net = fc.Network([x.shape[1], 16, 2], seed=0, **options)
        net.fit(x, y, epochs=60, optimizer=fc.Adam(0.02))
        assert net.evaluate(x, y)["accuracy"] >= 0.995, advice
        assert "like Network(" not in str(net.diagnose(x, y))


def test_files_and_pickles_keep_scale_and_offset_in_float64(tmp_path):
    scale, offset = RNG.uniform(0.01, 0.1, 21), OFFSETS
    net = fc.Network([21, 4], seed=0, scale=scale, offset=offset)
    net.save(tmp_path / "net")
    for again in (fc.load(tmp_path / "net"), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(again.offset, offset)
        np.testing.assert_array_equal(again.scale, scale)
        assert again.offset.dtype == again.scale.dtype == np.float64
        x, _ = rows(40, "float64")
        np.testing.assert_array_equal(again.predict(x), net.predict(x))


def test_explanations_and_gradient_checks_see_the_numbers_that_the_network_sees():
    x, offset = rows(12, "float64", 4)
    net = fc.Network([4, 6, 3], seed=0, activation="tanh", scale=0.05, offset=offset)
    y = np.arange(12) % 3
    np.testing.assert_array_equal(net.explain(x, y)["I"], by_hand(x, offset, np.float64(0.05)))
    assert net.check_gradients(x, y).passed
    x32 = x.astype(np.float32)
    first = fc.Network([4, 4], loss="mse", seed=0, scale=0.05, offset=offset)
    first.layers[0].W, first.layers[0].B = np.eye(4), np.zeros(4)
    for given in (x, x32, np.rint(x).astype(np.int64), x.astype(np.float16) if (abs(x) < 6e4).all() else x32):
        np.testing.assert_array_equal(first.predict(given), first._state.architecture.scaled(given))


LOST = {
    "time stamps": (1.7e9 + RNG.uniform(0, 10, (500, 1)), "column 0"),
    "one of three columns": (np.hstack([RNG.random((500, 2)), 1e8 + RNG.standard_normal((500, 1))]), "column 2"),
    "whole numbers": (np.arange(500, dtype=np.int64)[:, None] + 10**12, "column 0"),
    "unsigned": ((np.arange(500) % 3 + 2**31).astype(np.uint32)[:, None], "column 0"),
    "small beside one": (1 + 1e-9 * RNG.random((500, 1)), "column 0"),
    "after a wrong offset": (1.7e9 + RNG.uniform(0, 10, (500, 1)), "column 0", {"offset": 1.0}),
}
KEPT = {
    "normal": RNG.standard_normal((500, 3)),
    "uniform": RNG.uniform(0, 1e5, (500, 3)),
    "whole numbers up to 2**24": RNG.integers(0, 2**24, (500, 3)),
    "ids": RNG.integers(0, 10**9, (500, 1)),
    "ascending ids": np.arange(100_000)[:, None] + 10**9,
    "years": RNG.integers(1950, 2026, (500, 1)),
    "constant columns": np.tile([0.1, 1.7e9 + 1, 0.0, 2.0**40 + 1], (500, 1)),
    "large float32": (1.7e9 + RNG.uniform(0, 10, (500, 1))).astype(np.float32),
    "prices": np.round(RNG.lognormal(3, 2, (500, 2)), 2),
    "a day of time stamps": 1.7e9 + RNG.uniform(0, 86_400, (500, 1)),
    "one row": np.full((1, 2), 1e9 + 1),
    "flags": RNG.integers(0, 2, (500, 2)),
    "large and small": 10.0 ** RNG.uniform(-9, 9, (500, 2)),
}


@pytest.mark.parametrize("case", LOST)
def test_a_fit_warns_of_columns_whose_numbers_become_equal(case):
    x, column, *options = LOST[case]
    net = fc.Network([x.shape[1], 2], seed=0, **(options[0] if options else {}))
    with pytest.warns(
        UserWarning, match=rf"x loses digits in float32: distinct numbers of {column} become equal; "
    ) as caught:
        net.fit(x, np.zeros(len(x), int), epochs=0)
    assert [each.filename for each in caught] == [__file__]


@pytest.mark.parametrize("case", KEPT)
def test_ordinary_data_give_no_warning(case):
    x = KEPT[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fc.Network([x.shape[1], 2], seed=0).fit(x, np.zeros(len(x), int), epochs=0)
        if x.shape[1] == 1:
            fc.Network([1, 1], loss="mse", seed=0).fit(np.zeros((len(x), 1)), x, epochs=0)


@pytest.mark.filterwarnings("error")
def test_no_warning_where_the_offset_or_float64_keeps_the_digits():
    x = LOST["time stamps"][0]
    fc.Network([1, 2], seed=0, offset=x.mean(0)).fit(x, np.zeros(500, int), epochs=0)
    fc.Network([1, 2], seed=0, dtype="float64").fit(x, np.zeros(500, int), epochs=0)
    fc.Network([1, 1], loss="mse", seed=0, dtype="float64").fit(x, x, epochs=0)


@pytest.mark.interop
def test_the_warning_calls_a_column_of_a_table_by_its_name():
    pandas = library("pandas")
    x = pandas.DataFrame({"price": RNG.random(100), "time": 1.7e9 + RNG.uniform(0, 10, 100)})
    with pytest.warns(UserWarning, match="of column 'time' become"):
        fc.Network([2, 2], seed=0).fit(x, np.zeros(100, int), epochs=0)


def test_a_fit_warns_of_targets_that_become_equal():
    y = 1e8 + RNG.standard_normal(1000)
    with pytest.warns(
        UserWarning, match="y loses digits in float32: distinct numbers of column 0 become equal; subtract"
    ):
        fc.Network([2, 1], loss="mse", seed=0).fit(RNG.random((1000, 2)), y, epochs=0)


def test_a_fit_of_batches_warns_once_of_x_and_of_y():
    x = LOST["time stamps"][0]
    batches = [(x, 1e8 + RNG.standard_normal(500)) for _ in range(3)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        fc.Network([1, 1], loss="mse", seed=0, scale=1e-9).fit(batches, epochs=2, optimizer=fc.SGD(1e-9))
    assert sorted(str(each.message)[:8] for each in caught) == ["x loses ", "y loses "]
    assert {each.filename for each in caught} == {__file__}


def test_a_single_step_warns_of_x_once_for_a_network():
    x, y = 1.7e9 + RNG.uniform(0, 10, (64, 1)), RNG.integers(0, 2, 64)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for seed in (0, 1):
            net = fc.Network([1, 2], seed=seed)
            for _ in range(3):
                net.train_on_batch(x, y, optimizer=fc.SGD(1e-30))
    assert [str(w.message)[:27] for w in caught] == ["x loses digits in float32: "] * 2
    assert caught[0].filename == __file__


def test_scale_and_offset_of_the_native_model_can_be_set_between_fits():
    x, offset = rows(40, "float64", 4)
    net, other = fc.Network([4, 3], seed=0), fc.Network([4, 3], seed=0, scale=0.05, offset=offset)
    net._state.model.set_input(np.full(4, 0.05), offset)
    np.testing.assert_array_equal(net.predict(x), other.predict(x))
    net._state.model.set_input(None, None)
    np.testing.assert_array_equal(net.predict(x), fc.Network([4, 3], seed=0).predict(x))


@pytest.mark.parametrize("exponent", [24, 25, 26])
def test_whole_numbers_that_float32_merges_give_a_warning(exponent):
    numbers = np.arange(2**exponent, 2**exponent + 1000)
    with pytest.warns(UserWarning, match="x loses digits in float32"):
        fc.Network([1, 8, 2], seed=0).fit(numbers[:, None], numbers % 2, epochs=1, optimizer=fc.Adam(1e-9))
    with pytest.warns(UserWarning, match="y loses digits in float32"):
        fc.Network([1, 8, 1], loss="mse", seed=0).fit(np.ones((1000, 1)), numbers, epochs=1, optimizer=fc.Adam(1e-9))


def test_columns_of_fine_resolution_give_no_warning():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.standard_normal(50_000) + 1000, np.sin(np.linspace(0, 6, 50_000)) + 1])
    fc.Network([2, 8, 2], seed=0).fit(x, rng.integers(0, 2, 50_000), epochs=1, batch_size=5000, optimizer=fc.SGD(1e-6))


class Means:
    """A pandas Series of numbers as fcnet knows it."""

    iloc, ndim = None, 1

    def __init__(self, values, index):
        self._values, self.index = np.asarray(values), index

    def __array__(self, dtype=None, copy=None):
        return self._values


def test_labels_of_offset_and_scale_are_column_names():
    net = fc.Network([2, 4, 2], seed=0, offset=Means([1.0, 2.0], ["a", "b"]), scale=Means([1.0, 0.5], ["a", "b"]))
    assert net.feature_names == ("a", "b")
    assert fc.Network([2, 4, 2], seed=0, offset=Means([1.0, 2.0], [0, 1])).feature_names is None
    with pytest.raises(ValueError, match="offset and scale have different labels"):
        fc.Network([2, 4, 2], offset=Means([1.0, 2.0], ["a", "b"]), scale=Means([1.0, 2.0], ["b", "a"]))
