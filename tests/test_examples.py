"""The examples run, on tiny files of the same form as their data."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from processes import output_of, run

pytestmark = pytest.mark.once

EXAMPLES = Path(__file__).parent.parent / "examples"
HEADER = """longitude,latitude,housing_median_age,total_rooms,total_bedrooms,population,households,median_income,\
median_house_value,ocean_proximity"""
KINDS = ["INLAND", "<1H OCEAN", "NEAR OCEAN", "NEAR BAY"]


@pytest.fixture(scope="module")
def housing(tmp_path_factory):
    """600 districts, every 50th without a number of bedrooms; no ISLAND, as in most random samples."""
    rng = np.random.default_rng(0)
    lines = [HEADER]
    for i in range(600):
        x, y, income = rng.uniform(-124, -114), rng.uniform(33, 42), rng.uniform(1, 9)
        homes = rng.integers(50, 900)
        bedrooms = "" if i % 50 == 0 else f"{homes * 1.1:.1f}"
        price = 40_000 * income + 10_000 * (x + 124) + rng.normal(0, 20_000)
        lines.append(
            f"{x:.2f},{y:.2f},{i % 52 + 1}.0,{homes * 5}.0,{bedrooms},{homes * 3}.0,{homes}.0,{income:.4f},"
            f"{price:.1f},{KINDS[i % 4]}"
        )
    path = tmp_path_factory.mktemp("housing") / "housing.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    """Digits that show their number as a bright row."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", 600), ("test", 60)):
        y = (np.arange(n) % 10).astype(np.uint8)
        x = rng.integers(0, 32, (n, 28, 28), dtype=np.uint8)
        x[np.arange(n), 2 * y + 4] = 255
        arrays |= {f"x_{part}": x.reshape(n, 784), f"y_{part}": y}
    path = tmp_path_factory.mktemp("mnist") / "mnist.npz"
    np.savez(path, **arrays)
    return path


def run_example(name, *arguments):
    return output_of(str(EXAMPLES / f"{name}.py"), *map(str, arguments))


def test_article():
    assert "odd rose from 0.4393 to 0.4836" in run_example("article")


def test_mnist(mnist):
    printed = run_example("mnist", mnist)
    assert re.search(r"test accuracy [\d.]+% on 60 held-back digits", printed)
    assert re.search(r"fcnet +[\d.]+ s per epoch\nscikit-learn ", printed)


def test_mnist_best(mnist):
    printed = run_example("mnist_best", mnist, "--epochs", 4)
    assert float(re.search(r"test accuracy ([\d.]+)% on 60 held-back digits", printed)[1]) > 90


def test_california(housing):
    printed = run_example("california", housing, "--splits", 0, "--epochs", 10)
    rows = dict(re.findall(r"^(\w.*?)  +([\d,]+) +[\d,]+ +[\d,]+ +[\d.]+$", printed, re.MULTILINE))
    assert {"fcnet, mean of 5 networks", "fcnet, one network"} <= set(rows)
    if find_spec("sklearn"):
        assert len(rows) == 5
    # A plane with a spread of 100,000 dollars, mostly of the income, is no riddle.
    assert int(rows["fcnet, mean of 5 networks"].replace(",", "")) < 60_000


@pytest.mark.interop
def test_programs_of_scikit_learn(housing):
    assert float(re.search(r"test accuracy ([\d.]+)", run_example("sklearn_text"))[1]) > 0.9
    assert float(re.search(r"test accuracy ([\d.]+)", run_example("sklearn_digits"))[1]) > 0.95
    assert float(re.search(r"test R2 ([\d.]+)", run_example("sklearn_table", housing))[1]) > 0.7


def test_california_names_the_columns_that_it_expects(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text(HEADER.replace("latitude", "height") + "\n" + "1," * 9 + "INLAND\n")
    done = run(str(EXAMPLES / "california.py"), str(path))
    assert done.returncode != 0
    assert "height" in done.stderr
    assert "expected" in done.stderr


@pytest.mark.interop
@pytest.mark.parametrize("name", ["mnist_best", "california"])
def test_pictures(name, mnist, housing, tmp_path):
    data, pictures = {
        "mnist_best": (mnist, {"mnist_training.png", "mnist_misread.png"}),
        "california": (housing, {"california.png"}),
    }[name]
    few = ["--splits", 0] if name == "california" else []
    run_example(name, data, tmp_path, "--epochs", 1, *few)
    assert {path.name for path in tmp_path.iterdir()} == pictures


@pytest.mark.skipif(find_spec("matplotlib") is not None, reason="matplotlib is installed")
@pytest.mark.parametrize("name", ["mnist_best", "california"])
def test_pictures_without_matplotlib_are_refused_before_any_work(name, mnist, tmp_path):
    done = run(str(EXAMPLES / f"{name}.py"), str(mnist), str(tmp_path))
    assert done.returncode == 2
    assert "pip install matplotlib" in done.stderr
