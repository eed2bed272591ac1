"""Scores and CPU seconds on tables: fcnet.tabular beside gradient-boosted trees and neural networks for tables.

python -m bench.tabular --rows 2000 --splits 3 --only auto realmlp-s hgb --sets bike telescope

The tables are read from the folder FCNET_BENCH_DATA. A split: ``default_rng(1000 + seed).permutation(n)``, the first
quarter, at most 10,000 rows, for the test; of the rest the first ``--rows`` train. CPU seconds are of the whole
process. scikit-learn is needed; LightGBM, CatBoost and pytabkit take part where they are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.sitting import ROOT
from fcnet.tabular import TabularClassifier, TabularRegressor

RESULTS = ROOT / "bench/results/tabular.json"


class Table(NamedTuple):
    """A table with its task; codes are columns of numbers that are categories."""

    x: pd.DataFrame
    y: pd.Series
    codes: list[str]

    @property
    def classifies(self) -> bool:
        return self.y.dtype.kind not in "f"


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(Path(os.environ["FCNET_BENCH_DATA"], f"{name}.csv"))


def of(frame: pd.DataFrame, target: str, codes: tuple[str, ...] = (), classes: bool = True) -> Table:
    y = frame.pop(target)
    return Table(frame, pd.Series(pd.factorize(y, sort=True)[0]) if classes else y.astype(float), list(codes))


def housing() -> Table:
    frame = read("housing")
    frame["median_house_value"] /= 1e5
    return of(frame, "median_house_value", classes=False)


def bike() -> Table:
    frame = read("bike").drop(columns="instant")
    frame["dteday"] = pd.to_datetime(frame["dteday"]).dt.day
    frame["cnt"] = np.log1p(frame["cnt"])
    return of(frame, "cnt", ("season", "weathersit", "weekday"), classes=False)


def diamonds() -> Table:
    frame = read("diamonds")
    frame["price"] = np.log(frame["price"])
    return of(frame, "price", classes=False)


SETS: dict[str, Callable[[], Table]] = {
    "telescope": lambda: of(read("telescope"), "Class"),
    "adult": lambda: of(read("adult"), "income >50K"),
    "bank": lambda: of(read("bank"), "deposit"),
    "credit": lambda: of(read("credit"), "default", ("SEX", "EDUCATION", "MARRIAGE")),
    "california": housing,
    "bike": bike,
    "diamonds": diamonds,
}


def fcnet(**options: Any) -> Callable[..., Any]:
    def make(table: Table, seed: int) -> Any:
        kind = TabularClassifier if table.classifies else TabularRegressor
        return kind(categorical_features=table.codes, random_state=seed, progress=False, **options)

    return make


def trees(table: Table, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if table.classifies else HistGradientBoostingRegressor
    return kind(random_state=seed, categorical_features="from_dtype")


def lightgbm(table: Table, seed: int) -> Any:
    import lightgbm

    kind = lightgbm.LGBMClassifier if table.classifies else lightgbm.LGBMRegressor
    return kind(random_state=seed, verbose=-1)


def catboost(table: Table, seed: int) -> Any:
    import catboost

    kind = catboost.CatBoostClassifier if table.classifies else catboost.CatBoostRegressor
    names = [name for name in table.x if table.x[name].dtype == "category"]
    return kind(random_seed=seed, verbose=False, cat_features=names, allow_writing_files=False)


def pytabkit(name: str) -> Callable[..., Any]:
    def make(table: Table, seed: int) -> Any:
        import pytabkit

        kind = getattr(pytabkit, f"{name}_{'Classifier' if table.classifies else 'Regressor'}")
        return kind(random_state=seed, device="cpu", n_threads=1)

    return make


METHODS: dict[str, tuple[str, Callable[..., Any]]] = {  # with the library that it needs
    "auto": ("fcnet", fcnet()),
    "auto, 1 network": ("fcnet", fcnet(networks=1)),
    "auto, 5 folds": ("fcnet", fcnet(folds=5, networks=1)),
    "realmlp": ("fcnet", fcnet(recipe="realmlp")),
    "realmlp-s": ("fcnet", fcnet(recipe="realmlp-s")),
    "HistGradientBoosting": ("sklearn", trees),
    "LightGBM": ("lightgbm", lightgbm),
    "CatBoost": ("catboost", catboost),
    "pytabkit TD-S": ("pytabkit", pytabkit("RealMLP_TD_S")),
    "pytabkit TD": ("pytabkit", pytabkit("RealMLP_TD")),
    "pytabkit TabM": ("pytabkit", pytabkit("TabM_D")),
}


def prepared(table: Table, method: str) -> pd.DataFrame:
    """Categories as the peers expect them; fcnet gets the table as it is."""
    if METHODS[method][0] == "fcnet":
        return table.x
    x = table.x.copy()
    for name in x:
        if x[name].dtype.kind not in "fiu" or name in table.codes:
            x[name] = x[name].astype("string").fillna("missing").astype("category")
        elif METHODS[method][0] == "pytabkit":
            x[name] = x[name].fillna(x[name].median())
    return x


def score(table: Table, seed: int, rows: int, method: str) -> tuple[float, float]:
    """The error rate or RMSE on the test rows, and CPU seconds of the fit."""
    x = prepared(table, method)
    order = np.random.default_rng(1000 + seed).permutation(len(x))
    size = min(len(x) // 4, 10_000)
    test, train = order[:size], order[size : size + rows]
    model = METHODS[method][1](table._replace(x=x), seed)
    start = time.process_time()
    model.fit(x.iloc[train].reset_index(drop=True), table.y.iloc[train].to_numpy())
    seconds = time.process_time() - start
    found, y = np.asarray(model.predict(x.iloc[test].reset_index(drop=True))), table.y.iloc[test].to_numpy()
    value = (found.ravel() != y).mean() if table.classifies else np.sqrt(np.mean((found.ravel() - y) ** 2))
    return float(value), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2000, help="training rows at most")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=SETS)
    parser.add_argument("--only", nargs="*", default=list(METHODS), choices=METHODS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    methods = [name for name in chosen.only if importlib.util.find_spec(METHODS[name][0])]
    warnings.simplefilter("ignore")
    results = []
    for name in chosen.sets:
        table = SETS[name]()
        for seed in range(chosen.splits):
            for method in methods:  # in turns
                value, seconds = score(table, seed, chosen.rows, method)
                results.append({"set": name, "seed": seed, "method": method, "score": value, "seconds": seconds})
                print(f"{name:10} {seed} {method:22} {value:.4f} {seconds:6.2f} s", flush=True)
    chosen.results.parent.mkdir(exist_ok=True)
    chosen.results.write_text(json.dumps({"rows": chosen.rows, "results": results}, indent=1))
    frame = pd.DataFrame(results)
    print(frame.pivot_table(index="set", columns="method", values="score", sort=False).round(4).to_string())
    print(frame.pivot_table(index="set", columns="method", values="seconds", sort=False).round(2).to_string())
    scores = frame.pivot_table(index=["set", "seed"], columns="method", values="score", sort=False)
    first = methods[0]
    print("geometric mean against", first, np.exp(np.log(scores.div(scores[first], axis=0)).mean()).round(3).to_dict())


if __name__ == "__main__":
    main()
