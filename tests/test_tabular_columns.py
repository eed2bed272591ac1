"""The columns of a table become inputs of a network: the same bits from every library, gaps and new categories too."""

from __future__ import annotations

import copy
import dataclasses
import functools
import pickle
from decimal import Decimal

import numpy as np
import pytest

from fcnet.tabular import ColumnEncoder, Encoding, Widths, piecewise_linear, read, smooth_clip
from fcnet.tabular.categories import Coder
from fcnet.tabular.values import values_of

from columns_of_tables import CODES, MAKERS, NEW, TABLE, column, fitted, named, objects, rows
from interop import library
from tables import Named

pytestmark = pytest.mark.once

ENCODINGS = {
    "realmlp-td": Encoding(),
    "realmlp-td-s": Encoding(one_hot=None),
    "tabm": Encoding("normal", one_hot=None, signs=False, unknown=True),
    "codes": Encoding(one_hot=0),
    "bins": Encoding(bins=4),
    "normal-bins": Encoding("normal", bins=4, one_hot=2),
}
TRAINING = [0, 1, 2, 4, 5, 7, 8]


@pytest.fixture(params=ENCODINGS)
def encoding(request):
    return ENCODINGS[request.param]


def one(values, encoding=Encoding(), **options):
    """The columns of a table that has one."""
    return ColumnEncoder.fit(column(values), encoding=encoding, **options)


@pytest.mark.parametrize("maker", MAKERS)
def test_every_library_gives_the_same_columns_and_bits(maker, encoding):
    make = MAKERS[maker]
    places = [list(TABLE).index(name) for name in CODES]
    expected = fitted(encoding, categorical_features=CODES, rows=TRAINING)
    got = fitted(encoding, make=make, categorical_features=places, rows=TRAINING)
    if got.named:
        assert got == expected
    else:
        unnamed = [dataclasses.replace(each, name=place) for place, each in enumerate(expected.columns)]
        assert got.columns == tuple(unnamed)
    for given in (TABLE, NEW):
        for dtype in (np.float32, np.float64):
            inputs = got.transform(make(given), dtype)
            assert inputs.dtype == dtype
            assert inputs.flags.c_contiguous
            np.testing.assert_array_equal(inputs, expected.transform(named(given), dtype), strict=True)


@pytest.mark.parametrize("maker", ["rows", "named"])
def test_kinds_and_categories_are_found(maker):
    found = fitted(make=MAKERS[maker], categorical_features=[5, 6]).columns
    kinds = ["number", "number", "category", "binary", "binary", "category", "binary", "number", "number"]
    assert [each.kind for each in found] == kinds
    categories = {2: ("", "Bern", "Oslo", "Rome", "Ålesund"), 3: (False, True), 5: (3, 7, 12), 6: (1, 2)}
    assert {place: found[place].categories for place in categories} == categories
    assert [type(category) for category in found[6].categories] == [int, int]
    assert [each.gaps for each in found] == [2, 0, 1, 0, 2, 0, 2, 10, 0]
    assert found[0].has_gaps
    assert not found[1].has_gaps
    assert found[5].counts == (3, 5, 2)


def test_inputs_have_names_and_the_places_of_their_columns():
    columns = fitted(Encoding(one_hot=3, bins=2), categorical_features=CODES)
    assert columns.widths == Widths(numbers=4, bins=4, flags=7, codes=1)
    assert columns.names_out == (
        *("age", "rooms", "never", "always", "age bin 1", "age bin 2", "rooms bin 1", "rooms bin 2", "age is missing"),
        *("member = False", "smoker = False", "code = 3", "code = 7", "code = 12", "floor = 1", "city"),
    )
    assert columns.origins == (0, 1, 7, 8, 0, 0, 1, 1, 0, 3, 4, 5, 5, 5, 6, 2)
    assert columns.cardinalities == (6,)
    assert columns.feature_names == tuple(TABLE)
    unknown = fitted(Encoding("normal", one_hot=None, signs=False, unknown=True))
    assert unknown.names_out[4:8] == ("age is missing", "floor is missing", "city is missing or unknown", "city = ")
    assert fitted(make=objects).feature_names is None


def test_every_input_has_a_name(encoding):
    columns = fitted(encoding)
    width = columns.transform(named(NEW)).shape[1]
    assert len(columns.names_out) == len(columns.origins) == sum(columns.widths) == width


def test_numbers_are_scaled_by_median_and_quartiles_and_clipped():
    x = np.random.default_rng(0).standard_cauchy((999, 3)) * [1, 1e-6, 1e12] + [0, 5, -1e12]
    training = np.arange(999) % 5 > 0
    known = x[training]
    z = (x - np.median(known, axis=0)) / (np.quantile(known, 0.75, axis=0) - np.quantile(known, 0.25, axis=0))
    got = ColumnEncoder.fit(x, rows=training).transform(x, np.float64)
    np.testing.assert_allclose(got, z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(ColumnEncoder.fit(x, rows=training).transform(x), got.astype(np.float32))


def test_numbers_whose_quartiles_are_equal_are_scaled_by_half_the_range():
    got = one([0.0] * 9 + [4.0]).transform(column([0.0, 4.0, -4.0]), np.float64)
    z = np.array([[0.0], [2.0], [-2.0]])
    np.testing.assert_allclose(got, z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-15)


def test_extreme_numbers_stay_within_bounds():
    x = np.array([0, 1, 2, 3, 1e300, -1e300, 5e-324])[:, None]
    got = ColumnEncoder.fit(x[:4]).transform(x, np.float64)
    assert got[4, 0] == -got[5, 0] == pytest.approx(3, rel=1e-15)
    tiny = np.array([0, 5e-324, 1e-323, 2e-323])[:, None]  # the factor would be infinite
    assert not ColumnEncoder.fit(tiny).transform(tiny).any()
    far = np.array([-1e300, 1e300, 0])[:, None]
    assert np.isfinite(ColumnEncoder.fit(far, encoding=Encoding(bins=2)).transform(far)).all()


@pytest.mark.parametrize("encoding", [Encoding(one_hot=9), Encoding(one_hot=9, signs=False)], ids=["signs", "all"])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_one_hot_inputs_are_scaled_as_numbers_are(count, encoding):
    rng = np.random.default_rng(count)
    for n in range(1, 30):
        drawn = rng.integers(-1, count, n)
        texts = [None if number < 0 else f"c{number}" for number in drawn]
        columns = one([*texts, *(f"c{number}" for number in range(count))], encoding, rows=range(n))
        flags = (drawn[:, None] == np.arange(count)).astype(float)
        if encoding.signs and count == 2:
            flags = flags[:, :1] - flags[:, 1:]
        expected = ColumnEncoder.fit(flags).transform(flags, np.float64)
        np.testing.assert_allclose(columns.transform(column(texts), np.float64), expected, rtol=1e-13, atol=1e-13)


def test_a_rare_category_is_0_or_2_clipped():
    inputs = one(["a"] * 96 + ["b", "c", "c", "d"], Encoding()).transform(column(["a", "b", "c"]), np.float64)
    np.testing.assert_allclose(inputs[:, 1], [0, 2 / np.sqrt(1 + 4 / 9), 0], rtol=1e-15)


def test_two_categories_are_1_and_minus_1_and_0_else():
    columns = one(["no", "yes", None, "no"], Encoding("normal"))
    assert columns.transform(column(["no", "yes", None, "maybe"])).tolist() == [[1], [-1], [0], [0]]
    columns = one(["no", "yes", None, "no"], Encoding("normal", signs=False, unknown=True))
    assert columns.transform(column(["no", "yes", None])).tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_new_and_missing_categories_are_0():
    columns = one(["b", "a", "c", None, "a"], Encoding(one_hot=0))
    assert columns.transform(column(["a", "b", "c", None, "d"])).tolist() == [[1], [2], [3], [0], [0]]
    columns = one(["b", "a", "c", "a"], Encoding("normal"))
    assert columns.transform(column(["c", "d", None])).tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_categories_of_all_rows_are_numbered_and_training_rows_counted():
    columns = one(["b", "a", "c", "b", None], rows=[0, 3, 4])
    assert columns.columns[0].categories == ("a", "b", "c")
    assert columns.columns[0].counts == (0, 2, 0)
    assert columns.columns[0].gaps == 1
    assert columns.rows == 3
    assert columns == one(["b", "a", "c", "b", None], rows=[True, False, False, True, True])


def test_a_gap_of_the_training_rows_has_a_flag_and_other_gaps_are_the_median():
    x = column([1.0, None, 3.0, 5.0, None])
    assert ColumnEncoder.fit(x).transform(x)[:, 1].tolist() == [0, 1, 0, 0, 1]
    assert ColumnEncoder.fit(x).transform(x)[1, 0] == 0
    columns = ColumnEncoder.fit(x, rows=[0, 2, 3])
    assert columns.transform(x).tolist() == [
        [pytest.approx(-0.949, abs=1e-3)],
        [0],
        [0],
        [pytest.approx(0.949, abs=1e-3)],
        [0],
    ]


@pytest.mark.parametrize("numbers", ["robust", "normal"])
def test_a_gap_in_every_row_says_nothing(numbers):
    columns = one([None, np.nan, None], Encoding(numbers, bins=3))
    assert columns.columns[0].kind == "number"
    for later in ([None], [3.0], ["text"]):
        assert not columns.transform(column(later)).any()
    columns = one([None, None], Encoding(numbers), categorical_features=[0])
    assert columns.columns[0].categories == ()
    assert columns.transform(column(["a"])).shape == (1, 0)


def test_a_constant_column_stays_0_or_is_left_out():
    assert one([7.0] * 5).transform(column([7.0, 8.0, None])).tolist() == [[0], [0], [0]]
    assert one([7.0] * 5, Encoding("normal", bins=3)).transform(column([7.0, 8.0])).shape == (2, 0)
    assert one([7.0, None, 7.0], Encoding("normal")).transform(column([8.0, None])).tolist() == [[0], [1]]
    assert one(["a"] * 5).transform(column(["a", "b"])).tolist() == [[0], [0]]
    assert one([1.0, 2.0, 2.0], rows=[1, 2]).transform(column([1.0])).tolist() == [[0]]


def test_a_hundred_thousand_categories_have_their_codes():
    texts = [f"{number:05}" for number in range(100_000)]
    order = np.random.default_rng(0).permutation(100_000)
    columns = one([texts[place] for place in order])
    assert columns.cardinalities == (100_001,)
    np.testing.assert_array_equal(columns.transform(column(texts))[:, 0], np.arange(1, 100_001))
    numbers = order[:, None] * 7
    columns = ColumnEncoder.fit(numbers, categorical_features=[0])
    np.testing.assert_array_equal(columns.transform(numbers)[:, 0], order + 1)


def test_whole_numbers_are_categories_exactly_and_equal_to_floats():
    big = np.array([[2**53], [2**53 + 1], [2**62]])
    columns = ColumnEncoder.fit(big, categorical_features=[0], encoding=Encoding(one_hot=0))
    assert columns.columns[0].categories == (2**53, 2**53 + 1, 2**62)
    assert columns.transform(big).tolist() == [[1], [2], [3]]
    columns = one([1, 5, None], Encoding(one_hot=0), categorical_features=[0])
    for same in (np.array([[5.0]]), np.array([[5]], np.uint8), column([Decimal(5)])):
        assert columns.transform(same).tolist() == [[2]]
    assert columns.transform(np.array([[5.5], [9.0], [np.nan]])).tolist() == [[0], [0], [0]]


def test_truths_are_two_categories_and_numbers_where_numbers_were():
    columns = ColumnEncoder.fit(np.array([[True], [True]]), encoding=Encoding(one_hot=0))
    assert columns.columns[0].categories == (False, True)
    assert columns.transform(np.array([[False], [True]])).tolist() == [[1], [2]]
    assert columns.transform(np.array([[0.0], [1.0], [2.0]])).tolist() == [[1], [2], [0]]
    numbers = ColumnEncoder.fit(np.array([[0.0], [1.0], [2.0]]))
    np.testing.assert_array_equal(numbers.transform([[True]]), numbers.transform([[1]]))


def test_numbers_in_a_list_beside_text_stay_numbers():
    assert [each.kind for each in ColumnEncoder.fit([["a", 1], ["b", 2]]).columns] == ["binary", "number"]


CHOSEN = {
    "names": CODES,
    "places": [5, 6],
    "NumPy's places": np.array([5, 6]),
    "mask": np.isin(list(TABLE), CODES),
    "a list of truths": [name in CODES for name in TABLE],
    "names and others": [*CODES, "city"],
}


@pytest.mark.parametrize("what", CHOSEN)
def test_categorical_features_are_chosen_by_names_places_or_mask(what):
    columns = fitted(categorical_features=CHOSEN[what])
    assert columns == fitted(categorical_features=CODES)
    assert columns != fitted()
    assert fitted(categorical_features=None) == fitted(categorical_features=[]) == fitted()


def test_whole_numbers_that_are_names_are_names():
    table = Named(np.array([[1, 2], [3, 4]]), [1, 0])
    assert [each.kind for each in ColumnEncoder.fit(table, categorical_features=[0]).columns] == ["number", "binary"]


def test_bins_encode_the_scaled_number():
    x = np.random.default_rng(0).standard_normal((200, 2))
    for numbers in ("robust", "normal"):
        columns = ColumnEncoder.fit(x, encoding=Encoding(numbers, bins=7))
        got = columns.transform(x, np.float64)
        assert columns.widths == Widths(2, 14, 0, 0)
        for i, each in enumerate(columns.columns):
            assert len(each.edges) == 8
            np.testing.assert_array_equal(got[:, 2 + 7 * i : 9 + 7 * i], piecewise_linear(got[:, i], each.edges))
        gap = columns.transform([[None, None]], np.float64)[0]
        np.testing.assert_array_equal(gap[2:9], piecewise_linear([0.0], columns.columns[0].edges)[0])


def test_few_rows_have_the_bits_of_many(encoding):
    columns = fitted(encoding)
    given = {name: values * 9_000 for name, values in TABLE.items()}  # more than are worked on at once
    whole = columns.transform(named(given))
    np.testing.assert_array_equal(whole, np.tile(columns.transform(named(TABLE)), (9_000, 1)))
    np.testing.assert_array_equal(whole[:10], np.vstack([columns.transform([row]) for row in rows(TABLE)]))
    assert columns.transform(objects(given)[:0]).shape == (0, whole.shape[1])


def test_an_array_has_the_bits_of_its_columns():
    x = np.random.default_rng(0).standard_normal((500, 4))
    x[::7, 1] = np.nan
    for given in (x, x.astype(np.float32), np.asfortranarray(x), x[::-1], np.round(4 * x[:, [0, 2]]).astype(np.int8)):
        for chosen in ([], [0]):
            columns = ColumnEncoder.fit(given, categorical_features=chosen)
            single = ColumnEncoder.fit(given.astype(object), categorical_features=chosen)
            assert columns == single
            np.testing.assert_array_equal(columns.transform(given), single.transform(given.astype(object)))


def test_a_table_is_read_once_for_several_fits():
    table = read(named(TABLE))
    assert len(table) == 10
    for training in (TRAINING, [3, 6, 9]):
        columns = fitted(rows=training)
        assert ColumnEncoder.fit(table, rows=training) == columns
        np.testing.assert_array_equal(columns.transform(table), columns.transform(named(TABLE)))


def test_the_order_of_rows_does_not_matter(encoding):
    order = np.random.default_rng(0).permutation(10)
    shuffled = {name: [values[place] for place in order] for name, values in TABLE.items()}
    assert fitted(encoding, shuffled) == fitted(encoding)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda columns: pickle.loads(pickle.dumps(columns))])
def test_copies_and_pickles_are_equal(way, encoding):
    columns = fitted(encoding)
    expected = columns.transform(named(NEW))  # what it derives is left out
    again = way(columns)
    assert again == columns
    assert hash(again) == hash(columns)
    np.testing.assert_array_equal(again.transform(named(NEW)), expected)


def test_arguments_are_not_written_to():
    x = np.random.default_rng(0).standard_normal((50, 3))
    before = x.copy()
    x.setflags(write=False)
    ColumnEncoder.fit(x, encoding=Encoding("normal", bins=3)).transform(x, np.float64)
    np.testing.assert_array_equal(x, before)


@pytest.mark.interop
def test_decimals_are_numbers():
    values = [Decimal("1.5"), None, Decimal("2.25")]
    expected = one([1.5, None, 2.25]).columns[0]
    for frame in (
        library("pandas").DataFrame({"a": values}),
        library("polars").DataFrame({"a": values}),
        library("pyarrow").table({"a": values}),
    ):
        assert ColumnEncoder.fit(frame).columns[0] == dataclasses.replace(expected, name="a")


@functools.cache
def many_rows():
    """More rows than are read at once, what is learnt of them, and its inputs."""
    names = ("age", "city", "smoker", *CODES)
    table = {name: TABLE[name] * 14_000 for name in names} | {"half": [*["a"] * 70_000, *[None] * 70_000]}
    columns = ColumnEncoder.fit(named(table), categorical_features=CODES)
    return table, columns, columns.transform(named(table))


@pytest.mark.parametrize("maker", [maker for maker in MAKERS if maker != "named"])
def test_many_rows_of_every_library_are_equal(maker):
    table, expected, inputs = many_rows()
    given = read(MAKERS[maker](table))
    found = ColumnEncoder.fit(given, categorical_features=[3, 4]).columns
    assert [(each.categories, each.counts) for each in found] == [(c.categories, c.counts) for c in expected.columns]
    np.testing.assert_array_equal(expected.transform(given), inputs)


@pytest.mark.interop
def test_texts_of_arrow_are_read_in_pieces_too():
    pa = library("pyarrow")
    texts = [*("a", None, "b") * 1000, *[None] * 3000]
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        whole = pa.chunked_array([pa.array(texts[:7], kind), pa.array(texts[7:], kind), pa.array([], kind)])
        for array in (whole, whole[:1500], whole[1500:], whole[4000:], whole.combine_chunks(), whole[:0]):
            [values] = read(pa.table({"a": array})).values
            expected = ["" if text is None else text for text in array.to_pylist()]
            assert [values.texts[place] if place >= 0 else "" for place in values.array.tolist()] == expected


@pytest.mark.interop
def test_unused_and_missing_categories_of_pandas_do_not_count():
    pd = library("pandas")
    column_ = pd.Categorical(["b", None, "a"], categories=["c", "b", "a"], ordered=True)
    assert ColumnEncoder.fit(pd.DataFrame({"x": column_})).columns[0].categories == ("a", "b")
    column_ = pd.Categorical([None, None], categories=["c"])
    assert ColumnEncoder.fit(pd.DataFrame({"x": column_})).columns[0].categories == ()


@pytest.mark.interop
def test_tensors_and_half_precision_are_read():
    x = np.array([[1.5, np.nan], [2, 3], [4, 5]], np.float32)
    for other in (x.astype(np.float16), x.astype(library("ml_dtypes").bfloat16), x.astype(np.longdouble)):
        assert ColumnEncoder.fit(other) == ColumnEncoder.fit(x)


def test_smooth_clipping_alone_gives_the_same():
    x = np.linspace(-9, 9, 99)[:, None]
    columns = ColumnEncoder.fit(x)
    median, factor = columns.columns[0].median, columns.columns[0].factor
    np.testing.assert_array_equal(columns.transform(x, np.float64), smooth_clip((x - median) * factor))


def test_spaces_around_text_do_not_count():
    cities = ["Rome", " Rome", "Oslo ", "Bern", "\tBern ", " "]
    columns = ColumnEncoder.fit(named({"city": cities}))
    assert columns.columns[0].categories == ("Bern", "Oslo", "Rome")
    assert (columns.columns[0].counts, columns.columns[0].gaps) == ((2, 1, 2), 1)
    stripped = [city.strip() or None for city in cities]
    np.testing.assert_array_equal(
        columns.transform(named({"city": cities})), columns.transform(named({"city": stripped}))
    )


def test_categories_with_spaces_of_older_files_keep_their_codes():
    coder = Coder((" Oslo", "Oslo", "Rome "))
    found = coder.codes(values_of(np.array([" Oslo", "Oslo", "Rome ", "Rome", " Rome", "Oslo ", "Bern", " "])))
    assert found.tolist() == [1, 2, 3, 3, 3, 2, 0, 0]
