"""The commands fcnet train and fcnet predict: from a CSV file to a model to predictions, and what is refused."""

from __future__ import annotations

import csv
import io
import os
import re
import sys

import numpy as np
import pytest

import fcnet as fc
from fcnet import cli
from fcnet.cli.csv_file import read_csv
from fcnet.tabular import Table

from interop import library
from processes import output
from tables import Named

pytestmark = pytest.mark.once
FAST = ("--networks", "1")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a table of flats, where scikit-learn seems not to be installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    flats()
    return tmp_path


def flats(n=120, **columns):
    random = np.random.default_rng(0)
    area, city = random.uniform(20, 150, n).round(1), random.choice(["Rome", "Oslo", "Lima"], n)
    price = (area * np.where(city == "Rome", 4, 6)).round(2)
    table = {"area": area, "city": city, "price": price, "dear": np.where(price > 450, "yes", "no")} | columns
    with open("flats.csv", "w", newline="") as file:
        csv.writer(file).writerows([list(table), *zip(*table.values(), strict=True)])
    return table


def in_a_process(code):
    return output(code, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))  # it may have been relative


def printed(capsys, *arguments):
    code = cli.main(list(arguments))
    found = capsys.readouterr()
    assert code == 0, found.err
    return found.out


def refused(capsys, *arguments):
    assert cli.main(list(arguments)) == 2
    found = capsys.readouterr()
    assert found.err.startswith(f"fcnet {arguments[0]}: ")
    assert found.err.count("\n") == 1
    return found.err


def test_numbers_are_trained_scored_saved_and_predicted(folder, capsys):
    text = printed(capsys, "train", "flats.csv", "--target", "price", "--ignore", "dear", *FAST)
    assert "flats.csv: 120 rows, 4 columns" in text
    assert "Target price: numbers, because it has 114 different numbers, not all of them whole\n" in text
    assert "Left out: dear, --ignore says so" in text
    assert "Numbers: area\nCategories: city\nTraining on 96 rows; 24 others are the test" in text
    lines = text.splitlines()
    start = lines.index("Scores on the 24 test rows; lower is better, but higher where there is an arrow ↑")
    header, ours, mean = lines[start + 1 : start + 4]
    assert header.split() == ["rmse", "mae", "r2", "↑", "seconds"]
    assert (ours.split()[0], mean.split()[:2]) == ("fcnet", ["the", "mean"])
    assert float(ours.split()[1].replace(",", "")) < 0.5 * float(mean.split()[2].replace(",", ""))
    assert "fcnet predict model.safetensors new.csv --output predictions.csv" in text
    out = printed(capsys, "predict", "model.safetensors", "flats.csv").split()
    model, columns = fc.load("model.safetensors"), read_csv("flats.csv").columns
    table = Table(("area", "city"), 120, 2, tuple(columns[name].values() for name in ("area", "city")))
    assert out[0] == "prediction"
    np.testing.assert_allclose(np.array(out[1:], float), model.predict(table), rtol=1e-7)


@pytest.mark.parametrize(
    ("by", "told"), [("time", "seconds, stopped by time\n"), ("interrupted", "seconds, interrupted\n")]
)
def test_what_ended_the_training_is_said(by, told, folder, capsys, monkeypatch):
    fit = fc.tabular.TabularRegressor.fit

    def ended(self, *data):
        fit(self, *data).stopped_by_ = by

    monkeypatch.setattr(fc.tabular.TabularRegressor, "fit", ended)
    assert told in printed(capsys, "train", "flats.csv", "--target", "price", "--ignore", "dear", *FAST)


def test_the_shown_score_is_that_of_rows_that_were_not_trained_on(folder, capsys):
    text = printed(capsys, "train", "flats.csv", "--target", "price", "--ignore", "dear", *FAST)
    model = fc.load("model.safetensors")
    columns = read_csv("flats.csv").columns
    rows = fc.tabular.splits.held_back(120, 0.2, None, np.random.default_rng(0))
    assert len(model.validation_predictions_) == len(rows.train) == 96
    values = [fc.cli.text_column.of_rows(columns[name].values(), rows.validation) for name in ("area", "city", "price")]
    outputs = model.predict(Table(("area", "city"), 24, 2, tuple(values[:2])))
    rmse = fc.metrics.rmse(values[2].array[:, None], outputs[:, None])
    [line] = [line for line in text.splitlines() if line.startswith("fcnet  ")]
    assert float(line.split()[1]) == pytest.approx(rmse, rel=1e-3)


def test_classes_are_predicted_with_probabilities(folder, capsys):
    text = printed(capsys, "train", "flats.csv", "--target", "dear", "--output", "m.safetensors", "--no-test", *FAST)
    assert "Target dear: classes, because it is text of 2 kinds\n" in text
    assert "Scores" not in text
    printed(capsys, "predict", "m.safetensors", "flats.csv", "--proba", "--output", "out.csv")
    rows = list(csv.DictReader(io.StringIO((folder / "out.csv").read_text())))
    assert list(rows[0]) == ["prediction", "probability no", "probability yes"]
    assert len(rows) == 120
    for row in rows:
        assert (float(row["probability yes"]) > 0.5) == (row["prediction"] == "yes")
    truth = read_csv("flats.csv").columns["dear"]
    right = [row["prediction"] == truth.texts[code] for row, code in zip(rows, truth.codes, strict=True)]
    assert np.mean(right) > 0.9


def test_numbers_are_predicted_with_intervals(folder, capsys):
    printed(capsys, "train", "flats.csv", "--target", "price", *FAST)
    out = printed(capsys, "predict", "model.safetensors", "flats.csv", "--interval", "0.8")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == ["prediction", "lower", "upper"]
    ends = np.array([[float(row[name]) for name in rows[0]] for row in rows])
    np.testing.assert_allclose(ends[:, 0], ends[:, 1:].mean(axis=1), rtol=1e-6)
    assert np.mean((ends[:, 1] <= truth("price")) & (truth("price") <= ends[:, 2])) > 0.7
    found = refused(capsys, "predict", "model.safetensors", "flats.csv", "--interval", "0.99")
    assert "coverage is 0.99, which needs 99 validation rows, but the fit had 19" in found


def test_probabilities_are_calibrated_on_request(folder, capsys):
    flats(dear=np.where(np.random.default_rng(1).random(120) < 0.2, "no", "yes"))
    printed(capsys, "train", "flats.csv", "--target", "dear", "--calibrate", *FAST)
    assert fc.load("model.safetensors").temperature_ != 1
    assert "--interval is given" in refused(capsys, "predict", "model.safetensors", "flats.csv", "--interval", "0.8")
    assert "--calibrate is given" in refused(
        capsys, "train", "flats.csv", "--target", "price", "--calibrate", "--force"
    )


def truth(name):
    return read_csv("flats.csv").columns[name].values().array


def test_columns_that_tell_nothing_are_left_out_with_advice(folder, capsys):
    n = 120
    flats(id=np.arange(n), name=[f"flat {i}" for i in range(n)], sold=[f"2024-01-{i % 28 + 1:02d}" for i in range(n)])
    text = printed(capsys, "train", "flats.csv", "--target", "price", *FAST)
    assert "Left out: id, the number of the row, from 0 on; --keep id takes it" in text
    assert "Left out: name, text that differs in most rows, such as 'flat 0'; --keep name takes it" in text
    assert "Left out: sold, dates; make columns such as year, month, weekday" in text
    text = printed(capsys, "train", "flats.csv", "--target", "price", "--force", *FAST, "--keep", "id", "sold", "name")
    assert "Left out" not in text


WRITTEN = {
    "separators": ([f"{i + 1},736.{i % 9}3" for i in range(120)], "numbers with separators"),
    "points and a comma": ([f"{i + 1}.736,5" for i in range(120)], "numbers with separators"),
    "per cent": ([f"{i / 10}%" for i in range(120)], "numbers with per cent signs"),
    "per cent and a space": ([f"{i} %" for i in range(119)] + [""], "numbers with per cent signs"),
    "other text": ([f"{i}%a" for i in range(120)], None),
    "codes": ([f"{i:05}" for i in range(120)], None),
}


@pytest.mark.parametrize("what", WRITTEN)
def test_text_that_looks_like_numbers_is_said_to_be_converted(what, folder, capsys):
    cells, found = WRITTEN[what]
    advice = f", which looks like {found}: convert it to plain numbers" if found else ""
    flats(rent=cells)
    text = printed(capsys, "train", "flats.csv", "--target", "price", *FAST)
    assert f"Left out: rent, text that differs in most rows, such as {cells[0]!r}{advice}; --keep rent" in text
    flats(rent=np.resize(cells[:3], 120))
    text = printed(capsys, "train", "flats.csv", "--target", "price", "--force", *FAST)
    assert "Categories: city, dear, rent\n" in text
    assert ("Note:" in text) == bool(found)
    assert not found or f"Note: rent is text, such as {cells[0]!r}{advice}\n" in text


def test_rows_without_a_target_are_left_out(folder, capsys):
    flats(price=["" if i % 10 == 0 else str(i * 1.5) for i in range(120)])
    text = printed(capsys, "train", "flats.csv", "--target", "price", *FAST)
    assert "Left out: 12 rows without a target" in text
    assert "Training on 87 rows; 21 others" in text


WHOLE = {
    "two": ([0, 1], "classes, because it has only 2 different whole numbers, 0, 1"),
    "few": ([3, 4, 5], "classes, because it has only 3 different whole numbers, 3, 4, 5"),
    "many": (range(40), "numbers, because it has 40 different whole numbers"),
    "truths": (["true", "false"], "classes, because it is true or false"),
}


@pytest.mark.parametrize(("values", "message"), WHOLE.values(), ids=WHOLE)
def test_the_task_is_decided_by_the_targets_values_and_said(values, message, folder, capsys):
    flats(y=np.resize(list(values), 120))
    text = printed(capsys, "train", "flats.csv", "--target", "y", *FAST)
    other = "numbers" if "classes" in message else "classes"
    assert f"Target y: {message} (otherwise: --task {other})\n" in text
    kind = fc.load("model.safetensors")
    assert type(kind).__name__ == ("TabularClassifier" if "classes" in message else "TabularRegressor")


def test_the_task_can_be_given(folder, capsys):
    flats(y=np.resize([3, 4, 5], 120))
    text = printed(capsys, "train", "flats.csv", "--target", "y", "--task", "numbers", *FAST)
    assert "Target y: numbers, because --task says so\n" in text
    assert isinstance(fc.load("model.safetensors"), fc.tabular.TabularRegressor)


def test_options_reach_the_estimator(folder, capsys):
    flats(code=np.resize([10, 20, 30], 120))
    given = ("--recipe", "realmlp-s", "--metric", "mae", "--folds", "2", "--networks", "2", "--time-limit", "60")
    more = ("--categorical", "code", "--seed", "3", "--threads", "1")
    assert "mae" in printed(capsys, "train", "flats.csv", "--target", "price", *given, *more)
    model = fc.load("model.safetensors")
    assert (model.recipe, model.metric, model.folds, model.networks) == ("realmlp-s", "mae", 2, 2)
    assert model.time_limit == 60
    assert model.columns_[-1].kind == "category"


def test_the_same_seed_gives_the_same_file(folder, capsys):
    for name in ("a", "b"):
        printed(capsys, "train", "flats.csv", "--target", "price", "--output", name, *FAST)
    printed(capsys, "predict", "a", "flats.csv", "--output", "a.csv")
    printed(capsys, "predict", "b", "flats.csv", "--output", "b.csv")
    assert (folder / "a.csv").read_bytes() == (folder / "b.csv").read_bytes()


def test_predictions_take_columns_in_another_order_and_cells_as_the_fit_did(folder, capsys):
    flats(city=["1", "b", "c"] * 40)
    printed(capsys, "train", "flats.csv", "--target", "price", "--ignore", "dear", *FAST)
    (folder / "new.csv").write_text("other;city;area\nx;1;70\ny;1;\n")
    assert len(printed(capsys, "predict", "model.safetensors", "new.csv").split()) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.csv", "--target", "price"], "nowhere.csv: No such file"),
        (["flats.csv"], "--target is missing: expected one of 'area', 'city', 'price', 'dear'"),
        (["flats.csv", "--target", "prise"], "--target is 'prise', which flats.csv lacks: .*; did you mean 'price'?"),
        (["flats.csv", "--target", "price", "--ignore", "citty"], "--ignore is 'citty', which .* mean 'city'?"),
        (["flats.csv", "--target", "price", "--keep", "price"], "--keep is 'price', which is the target or ignored"),
        (["flats.csv", "--target", "city", "--task", "numbers"], "'city' is text, such as 'Lima': expected numbers"),
        (
            ["flats.csv", "--target", "price", "--task", "classes"],
            "'price' is [0-9.]+ in a row: expected text",
        ),
        (["flats.csv", "--target", "price", "--ignore", "area", "city", "dear"], "no columns to learn from"),
        (
            ["flats.csv", "--target", "price", "--test", "0.9"],
            "--test is 0.9: expected a number above 0 and",
        ),
        (["flats.csv", "--target", "price", "--test", "0.001"], "--test is 0.001, which is no row of 120"),
        (["flats.csv", "--target", "price", "--metric", "f1"], "metric is 'f1': expected one of auto, mse"),
        (["flats.csv", "--target", "price", "--recipe", "auto2"], "recipe is 'auto2': expected one of auto"),
        (["flats.csv", "--target", "price", "--output", "no/m"], "--output is 'no/m': expected a file in a folder"),
        (["flats.csv", "--target", "price", "--output", "flats.csv"], "flats.csv exists: .* --force"),
        (["one.csv", "--target", "y"], "the target 'y' has values in 1 row: expected at least 10"),
        (["same.csv", "--target", "y"], "the target 'y' is 'a' in every row: expected different values"),
        (["ids.csv", "--target", "y"], "'y' is text that differs in most rows, such as 'n0': expected classes"),
        (["days.csv", "--target", "y"], "the target 'y' has dates: expected classes or numbers"),
        (["inf.csv", "--target", "y"], "inf.csv has inf in row 2 of the column 'x': expected finite numbers"),
        (["header.csv", "--target", "y"], "did you mean|first line should have the names of the columns"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(arguments, message, folder, capsys):
    (folder / "one.csv").write_text("x,y\n1,2\n")
    (folder / "same.csv").write_text("x,y\n" + "1,a\n2,a\n" * 9)
    (folder / "ids.csv").write_text("x,y\n" + "".join(f"1,n{i}\n" for i in range(20)))
    (folder / "days.csv").write_text("x,y\n" + "".join(f"1,2024-01-{i:02d}\n" for i in range(10, 30)))
    (folder / "inf.csv").write_text("x,y\n1,a\ninf,b\n" + "1,a\n" * 20)
    (folder / "header.csv").write_text("1.5,2\n" * 20)
    before = sorted(path.name for path in folder.iterdir())
    found = refused(capsys, "train", *arguments)
    assert re.search(message, found), found
    assert sorted(path.name for path in folder.iterdir()) == before


def test_predict_refuses_what_does_not_fit(folder, capsys):
    printed(capsys, "train", "flats.csv", "--target", "price", "--ignore", "dear", *FAST)
    (folder / "new.csv").write_text("Area,town\n1,2\n")
    lacks = refused(capsys, "predict", "model.safetensors", "new.csv")
    assert "new.csv lacks the columns 'area', 'city' of the model; did you mean 'Area'?" in lacks
    (folder / "new.csv").write_text("area,city\nlarge,Rome\n")
    assert "new.csv has the column 'area' with 'large' in row 1" in refused(
        capsys, "predict", "model.safetensors", "new.csv"
    )
    assert "--proba is given" in refused(capsys, "predict", "model.safetensors", "flats.csv", "--proba")
    assert "flats.csv exists" in refused(capsys, "predict", "model.safetensors", "flats.csv", "--output", "flats.csv")
    fc.Network([2, 2], seed=0).save("net.safetensors")
    assert "net.safetensors holds a network" in refused(capsys, "predict", "net.safetensors", "flats.csv")
    assert "not a model file" in refused(capsys, "predict", "flats.csv", "flats.csv")


def test_a_model_of_an_array_takes_columns_by_their_places(folder, capsys):
    random = np.random.default_rng(0)
    x = random.standard_normal((60, 2))
    model = fc.tabular.TabularRegressor(epochs=2, networks=1, random_state=0).fit(x, x[:, 0])
    model.save("array.safetensors")
    (folder / "new.csv").write_text("b,a\n1.5,2\n")
    [_, found] = printed(capsys, "predict", "array.safetensors", "new.csv").split()
    assert float(found) == pytest.approx(model.predict([[1.5, 2]])[0], rel=1e-6)
    (folder / "new.csv").write_text("a\n1.5\n")
    assert "new.csv has 1 columns: expected 2" in refused(capsys, "predict", "array.safetensors", "new.csv")


def test_the_commands_work_in_a_process_of_their_own(folder):
    def command(*arguments):
        return in_a_process(f"from fcnet.cli import main; raise SystemExit(main({arguments}))")

    command("train", "flats.csv", "--target", "dear", "--output", "m", *FAST)
    assert command("predict", "m", "flats.csv").startswith("prediction\n")


@pytest.mark.interop
def test_gradient_boosted_trees_stand_beside_it(folder, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "sklearn.ensemble")
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", library("sklearn.ensemble"))
    flats(city=np.resize(["a", "b", "", "c"], 120), code=np.resize([1, 2, 2, 5], 120), is_new=["true", "false"] * 60)
    for target in ("price", "dear"):
        options = ("--categorical", "code", "--force", *FAST)
        text = printed(capsys, "train", "flats.csv", "--target", target, *options)
        [line] = [line for line in text.splitlines() if line.startswith("scikit-learn's HistGradientBoosting")]
        assert float(line.split()[2].rstrip("%").replace(",", "")) >= 0


@pytest.mark.interop
def test_the_printed_lines_of_python_predict_the_same(folder, capsys):
    library("pandas")
    text = printed(capsys, "train", "flats.csv", "--target", "dear", *FAST)
    lines = [line.strip() for line in text.splitlines()[-3:]]
    code = "\n".join([*lines[:-1], f"print(*({lines[-1]}))".replace("new.csv", "flats.csv")])
    found = in_a_process(code).split()
    assert found == printed(capsys, "predict", "model.safetensors", "flats.csv").split()[1:]


READ_OTHERWISE_BY_PANDAS = {
    "codes": ({"zip": np.resize(["01234", "00501", "90210"], 120)}, "dtype={'zip': str}"),
    "codes and a gap": ({"zip": np.resize(["01234", "?", "90210"], 120)}, "dtype={'zip': str}, na_values=['?']"),
    "texts some of which are numbers": ({"size": np.resize(["1", "2", "XL"], 120)}, "dtype={'size': str}"),
    "gaps among numbers": ({"age": np.resize(["31", "?", "45.5", "na"], 120)}, "na_values=['?', 'na']"),
    "gaps among truths": ({"new": np.resize(["true", "?", "false"], 120)}, "na_values=['?']"),
    "gaps that pandas knows": ({"age": np.resize(["31", "", "45.5", "NA"], 120)}, '"new.csv")'),
}


@pytest.mark.interop
@pytest.mark.parametrize("what", READ_OTHERWISE_BY_PANDAS)
def test_the_printed_lines_read_cells_as_the_command_does(what, folder, capsys):
    library("pandas")
    columns, options = READ_OTHERWISE_BY_PANDAS[what]
    flats(**columns)
    text = printed(capsys, "train", "flats.csv", "--target", "price", "--ignore", "dear", *FAST)
    assert options in text.splitlines()[-1]
    assert_printed_lines_predict_the_same(text, capsys)


@pytest.mark.interop
@pytest.mark.parametrize("mark", ",.")
def test_the_printed_lines_read_decimals_as_the_command_does(mark, folder, capsys):
    library("pandas")
    flats()
    cells = (folder / "flats.csv").read_text().replace(",", ";")
    (folder / "flats.csv").write_text(cells.replace(".", mark))
    text = printed(capsys, "train", "flats.csv", "--target", "price", "--ignore", "dear", *FAST)
    assert ('decimal=","' in text) == (mark == ",")
    assert_printed_lines_predict_the_same(text, capsys)


@pytest.mark.interop
def test_the_printed_lines_read_cells_with_spaces_as_the_command_does(folder, capsys):
    library("pandas")
    flats(zone=np.resize(["a", "b ", " "], 120))
    cells = (folder / "flats.csv").read_text().replace(",", ", ")
    (folder / "flats.csv").write_text(cells)
    text = printed(capsys, "train", "flats.csv", "--target", "price", "--ignore", "dear", *FAST)
    assert "skipinitialspace=True" in text.splitlines()[-1]
    assert_printed_lines_predict_the_same(text, capsys)


def test_a_model_of_the_command_does_not_see_spaces_around_text(folder, capsys):
    table = flats()
    printed(capsys, "train", "flats.csv", "--target", "price", "--ignore", "dear", *FAST)
    model = fc.load("model.safetensors")
    area, city = table["area"].tolist(), table["city"].tolist()
    spaced = Named(np.array([area, [f" {name} " for name in city]], object).T, ["area", "city"])
    expected = model.predict(Named(np.array([area, city], object).T, ["area", "city"]))
    np.testing.assert_array_equal(model.predict(spaced), expected)


def test_text_that_the_command_takes_gets_no_second_warning(folder, capsys):
    flats(name=[f"name {i}" for i in range(120)], street=[f"street {i // 2.1:.0f}" for i in range(120)])
    options = ("--target", "price", "--ignore", "dear", "--keep", "name", *FAST)
    assert cli.main(["train", "flats.csv", *options]) == 0
    found = capsys.readouterr()
    assert "Categories: city, name, street" in found.out
    assert "warning" not in found.err


def assert_printed_lines_predict_the_same(text, capsys):
    lines = [line.strip() for line in text.splitlines()[-3:]]
    code = "\n".join([*lines[:-1], f"print(*({lines[-1]}))".replace("new.csv", "flats.csv")])
    exec(code, {})
    found = np.array(capsys.readouterr().out.split(), float)
    expected = np.array(printed(capsys, "predict", "model.safetensors", "flats.csv").split()[1:], float)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
