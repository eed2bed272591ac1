"""The tables, read from the folder that FCNET_BENCH_DATA names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd


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
