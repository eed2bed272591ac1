"""The libraries, each with its defaults."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pandas as pd

from bench.tabular.sets import Table
from fcnet.tabular import TabularClassifier, TabularRegressor


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


def multilayer_perceptron(module: str) -> Callable[..., Any]:
    """The class of scikit-learn's interface, behind standard scores and one-hot codes, with early stopping."""

    def make(table: Table, seed: int) -> Any:
        from sklearn.compose import TransformedTargetRegressor, make_column_transformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        names = [name for name in table.x if table.x[name].dtype == "category"]
        columns = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), names),
            remainder=make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
        )
        kind = "MLPClassifier" if table.classifies else "MLPRegressor"
        net = getattr(importlib.import_module(module), kind)(early_stopping=True, random_state=seed)
        scaled = net if table.classifies else TransformedTargetRegressor(net, transformer=StandardScaler())
        return make_pipeline(columns, scaled)

    return make


METHODS: dict[str, tuple[str, Callable[..., Any]]] = {  # with the library that it needs
    "auto": ("fcnet", fcnet()),
    "auto, 1 network": ("fcnet", fcnet(networks=1)),
    "auto, 5 folds": ("fcnet", fcnet(folds=5, networks=1)),
    "realmlp": ("fcnet", fcnet(recipe="realmlp")),
    "realmlp-s": ("fcnet", fcnet(recipe="realmlp-s")),
    "tabm-mini": ("fcnet", fcnet(recipe="tabm-mini")),
    "tabm": ("fcnet", fcnet(recipe="tabm")),
    "fcnet's MLP": ("sklearn", multilayer_perceptron("fcnet.sklearn")),
    "scikit-learn's MLP": ("sklearn", multilayer_perceptron("sklearn.neural_network")),
    "HistGradientBoosting": ("sklearn", trees),
    "LightGBM": ("lightgbm", lightgbm),
    "CatBoost": ("catboost", catboost),
    "pytabkit TD-S": ("pytabkit", pytabkit("RealMLP_TD_S")),
    "pytabkit TD": ("pytabkit", pytabkit("RealMLP_TD")),
    "pytabkit TabM": ("pytabkit", pytabkit("TabM_D")),
}


def prepared(table: Table, method: str) -> pd.DataFrame:
    """Categories as the others expect them; fcnet.tabular gets the table as it is."""
    if METHODS[method][0] == "fcnet":
        return table.x
    x = table.x.copy()
    for name in x:
        if x[name].dtype.kind not in "fiu" or name in table.codes:
            x[name] = x[name].astype("string").fillna("missing").astype("category")
        elif METHODS[method][0] == "pytabkit":
            x[name] = x[name].fillna(x[name].median())
    return x
