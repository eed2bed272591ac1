"""explain_row of the tabular estimators: integrated gradients, their sum, rows in every form, the printed table."""

from __future__ import annotations

import numpy as np
import pytest

from fcnet.tabular import RealMLP, RowExplanation, TabM, TabularClassifier, TabularRegressor
from fcnet.tabular.row_explanation import one_row
from fcnet.tabular.temperature import at_temperature, slope_at_temperature

from interop import library
from tables import Named

pytestmark = pytest.mark.once
SMALL = RealMLP(hidden=(16,), epochs=30, batch_size=32, bins=4)
CODED = RealMLP(hidden=(16,), epochs=30, batch_size=32, one_hot=2, activation="mish")
NAMES = ["size", "colour", "is_new", "noise"]


def table(n=240):
    random = np.random.default_rng(0)
    x = np.empty((n, 4), object)
    x[:, 0], x[:, 1] = random.standard_normal(n) * 10 + 5, random.choice(["red", "green", "blue", "black"], n)
    x[:, 2], x[:, 3] = (random.random(n) < 0.3).tolist(), random.standard_normal(n)
    size, is_new = x[:, 0].astype(float), x[:, 2].astype(bool)
    x[::11, 3] = None
    return Named(x, NAMES), size * np.where(x[:, 1] == "red", 2, 1) + 30 * is_new


def row(i, given=None):
    return (table()[0] if given is None else given).__array__()[i].tolist()


def regressor(recipe=SMALL, **options):
    return TabularRegressor(recipe, random_state=0, **options).fit(*table())


def classifier(recipe=SMALL, **options):
    x, y = table()
    classes = np.select([y < 5, y < 20], ["low", "middle"], "high")
    return TabularClassifier(recipe, random_state=0, **options).fit(x, classes)


MODELS = {
    "numbers": lambda: regressor(),
    "in float64": lambda: regressor(dtype="float64"),
    "clipped": lambda: regressor(RealMLP(hidden=(16,), epochs=3, clip=True, learning_rate=0.5)),
    "networks and folds": lambda: regressor(folds=3, networks=2),
    "trainable tables": lambda: regressor(CODED),
    "realmlp": lambda: regressor("realmlp", epochs=5),
    "classes": lambda: classifier(),
    "calibrated classes": lambda: classifier(calibrate=True, folds=2),
    "calibrated, tables": lambda: classifier(CODED, calibrate=True),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_contributions_add_up_to_the_difference_of_the_predictions(make):
    model = make()
    for i in range(6):
        found = model.explain_row(row(i))
        difference = found.prediction - found.base_prediction
        bound = 2e-4 * np.abs(found.contributions).max() + 4e-6 * abs(found.prediction)
        assert abs(found.contributions.sum() - difference) <= bound
        if isinstance(model, TabularRegressor):
            assert found.prediction == pytest.approx(model.predict([row(i)])[0], rel=1e-6)
        else:
            p = model.predict_proba([row(i)])[0]
            assert found.what == f"probability of {model.classes_[p.argmax()]}"
            assert found.prediction == pytest.approx(p.max(), rel=1e-6)


@pytest.mark.parametrize("kind", ["numbers", "classes", "calibrated classes", "folds"])
def test_contributions_are_the_integrals_of_derivatives(kind):
    """The reference: central differences at the middles of many steps along the line, input by input."""
    options = {"dtype": "float64"} | ({"folds": 2} if kind == "folds" else {})
    model = classifier(calibrate=kind != "classes", **options) if "classes" in kind else regressor(**options)
    found, steps, h = model.explain_row(row(3)), 400, 1e-5
    ends = [one_row(each, tuple(NAMES), "row") for each in ([*found.base_values], row(3))]
    lines = [[part.inputs(end)[0] for part in model._parts] for end in ends]
    total = np.zeros(4)
    output = model.predict_proba([row(3)])[0].argmax() if "classes" in kind else 0

    def value(inputs):
        parts = zip(model._parts, inputs, strict=True)
        all_outputs = [part.targets.back(net.predict(x[None])) for part, x in parts for net in part.networks]
        return model._calibrated(np.mean(all_outputs, axis=0))[0, output]

    for step in range(steps):
        at = [a + (step + 0.5) / steps * (b - a) for a, b in zip(*lines, strict=True)]
        for place, part in enumerate(model._parts):
            for j, column in enumerate(part.encoder.origins):
                near = []
                for shift in (h, -h):
                    moved = [x.copy() for x in at]
                    moved[place][j] += shift
                    near.append(value(moved))
                total[column] += (near[0] - near[1]) / (2 * h) * (lines[1][place][j] - lines[0][place][j]) / steps
    np.testing.assert_allclose(found.contributions, total, atol=2e-3 * np.abs(total).max())


def test_a_category_in_a_trainable_table_is_switched_before_and_after_the_rest():
    model = regressor(CODED)
    base, other = [5.0, "red", False, 0.0], [9.0, "blue", True, 1.5]
    found = model.explain_row(other, base=base)

    def predicted(at, colour):
        return model.predict([[at[0], colour, *at[2:]]])[0]

    first = predicted(base, "blue") - predicted(base, "red")
    last = predicted(other, "blue") - predicted(other, "red")
    assert model._parts[0].encoder.widths.codes == 1
    assert found.contributions[1] == pytest.approx((first + last) / 2, rel=1e-4)


def test_the_base_row_has_medians_and_the_most_frequent_categories():
    model = regressor()
    found = model.explain_row(row(0))
    [size, colour, _, noise] = model.columns_
    assert found.base_values[0] == size.median
    assert found.base_values[1] == colour.categories[int(np.argmax(colour.counts))]
    assert found.base_values[2] is False
    assert found.base_values[3] == noise.median
    assert found.values == (*row(0)[:3], None)
    assert found.names == tuple(NAMES)
    own = model.explain_row(row(0), base=row(0))
    np.testing.assert_array_equal(own.contributions, 0)
    assert own.prediction == own.base_prediction


def test_a_row_may_have_any_form():
    model, values = regressor(), row(1)
    expected = model.explain_row(values).contributions
    named = dict(zip(NAMES, values, strict=True))
    forms = [tuple(values), np.array(values, object), [values], named, dict(reversed(named.items()))]
    for form in [*forms, Named(np.array([values], object), NAMES)]:
        np.testing.assert_array_equal(model.explain_row(form).contributions, expected)


@pytest.mark.interop
def test_a_row_may_be_of_pandas_or_polars():
    pd, pl = library("pandas"), library("polars")
    model, values = regressor(), row(1)
    frame = pd.DataFrame([values], columns=NAMES)
    expected = model.explain_row(values).contributions
    for form in (frame, frame.iloc[0], pl.DataFrame(dict(zip(NAMES, zip(values), strict=True)))):
        np.testing.assert_array_equal(model.explain_row(form).contributions, expected)


def test_the_class_or_number_to_explain_can_be_chosen():
    model = classifier()
    p = model.predict_proba([row(0)])[0]
    found = [model.explain_row(row(0), of=name) for name in model.classes_]
    np.testing.assert_allclose([each.prediction for each in found], p, rtol=1e-6)
    np.testing.assert_allclose(sum(each.contributions for each in found), 0, atol=1e-5)
    x, y = table()
    both = TabularRegressor(SMALL, random_state=0).fit(x, np.column_stack([y, -y]))
    assert both.explain_row(row(0), of=1).prediction == pytest.approx(both.predict([row(0)])[0, 1], rel=1e-6)
    assert both.explain_row(row(0), of=1).what == "prediction 1"


def test_what_does_not_fit_is_refused():
    model = regressor()
    for given, error, message in (
        ([row(0), row(1)], ValueError, "row has 2 rows: expected one"),
        (row(0)[:3], ValueError, "row has 3 columns, but the fit had 4"),
        ({"size": 1.0}, ValueError, "row lacks the columns 'colour', 'is_new', 'noise'"),
        (["large", *row(0)[1:]], TypeError, "has the column 'size' of text"),
    ):
        with pytest.raises(error, match=message):
            model.explain_row(given)
    with pytest.raises(ValueError, match="base has 2 rows: expected one"):
        model.explain_row(row(0), base=[row(0), row(1)])
    with pytest.raises(ValueError, match="of is 1: expected"):
        model.explain_row(row(0), of=1)
    with pytest.raises(ValueError, match="of is 'hihg': expected one of 'high', 'low', 'middle'; did you mean 'high'"):
        classifier().explain_row(row(0), of="hihg")
    with pytest.raises(ValueError, match=r"call fit\(X, y\) first"):
        TabularRegressor().explain_row(row(0))
    x, y = table()
    unnamed = TabularRegressor(SMALL, random_state=0).fit(np.asarray(x), y)
    assert unnamed.explain_row(row(0)).names == ("0", "1", "2", "3")
    with pytest.raises(ValueError, match="row has names, but the columns of the fit had none"):
        unnamed.explain_row(dict(zip(NAMES, row(0), strict=True)))


def test_members_are_refused():
    model = regressor(TabM(hidden=(8,), members=2, epochs=2))
    with pytest.raises(ValueError, match="explain_row is not implemented for networks with members"):
        model.explain_row(row(0))


def test_it_prints_an_aligned_table_with_the_largest_contribution_first():
    found = RowExplanation(
        "prediction",
        ("area", "city", "floor"),
        (113.25, "Oslo", None),
        (84.0, "Rome", 4.0),
        np.array([98.71, 1031.5, -0.0123]),
        1512.3,
        382.1,
    )
    assert str(found).splitlines() == [
        "prediction 1,512; of the base row 382.1",
        "column    value  base  contribution",
        "city       Oslo  Rome        +1,032",
        "area     113.25    84        +98.71",
        "floor   missing     4      -0.01230",
        "sum                          +1,130",
    ]
    many = RowExplanation("p", tuple(map(str, range(25))), (1,) * 25, (0,) * 25, np.arange(25.0), 300.0, 0.0)
    lines = [line.split() for line in str(many).splitlines()]
    assert (len(lines), lines[2]) == (24, ["24", "1", "0", "+24.00"])
    assert lines[-2:] == [["5", "others", "+10.00"], ["sum", "+300.0"]]


def test_the_slope_at_a_temperature_is_its_derivative():
    random = np.random.default_rng(0)
    p = random.dirichlet([1, 1, 1], 5)
    for temperature in (0.5, 1.0, 3.0):
        for output in range(3):
            slope = slope_at_temperature(p, temperature, output)
            for k in range(3):
                step = 1e-6 * np.eye(3)[k]
                ends = [at_temperature(each, temperature)[:, output] for each in (p + step, p - step)]
                np.testing.assert_allclose(slope[:, k], (ends[0] - ends[1]) / 2e-6, rtol=1e-4, atol=1e-6)
