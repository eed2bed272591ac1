"""A small table with everything that a column may hold, from every library, and as rows."""

from __future__ import annotations

import numpy as np

from fcnet.tabular import ColumnEncoder, Encoding

from interop import interop, library
from tables import Named

TABLE = {
    "age": [31.0, None, 45.5, 62.0, 18.0, 45.5, 27.0, None, 33.0, 51.0],
    "rooms": [3, 4, 1, 1, 2, 7, 3, 3, 2, 5],
    "city": ["Rome", "Oslo", None, "Rome", "Bern", "Oslo", "Rome", "", "Ålesund", "Bern"],
    "member": [True, False, False, True, True, True, False, True, False, False],
    "smoker": [None, False, False, True, None, False, False, False, True, False],
    "code": [7, 7, 3, 3, 12, 7, 3, 7, 7, 12],
    "floor": [1, None, 2, 2, 1, 1, 2, None, 1, 2],
    "never": [None] * 10,
    "always": [2.5] * 10,
}
CODES = ["code", "floor"]
NEW = {
    "age": [40.0, None],
    "rooms": [2, 30],
    "city": ["Paris", "Rome"],
    "member": [False, True],
    "smoker": [True, None],
    "code": [3, 4],
    "floor": [None, 1],
    "never": [None, None],
    "always": [2.5, 9.0],
}


def rows(columns):
    return [list(row) for row in zip(*columns.values(), strict=True)]


def objects(columns):
    return np.array(rows(columns), object)


def named(columns):
    return Named(objects(columns), columns)


def as_objects(columns):
    return library("pandas").DataFrame(columns, dtype=object)


def nullable(columns):
    return library("pandas").DataFrame(columns).convert_dtypes()


def of_arrow(columns):
    library("pyarrow")
    return library("pandas").DataFrame(columns).convert_dtypes(dtype_backend="pyarrow")


def categorical(columns):
    return library("pandas").DataFrame(columns).astype(dict.fromkeys(("city", "smoker", "code", "floor"), "category"))


def polars_categorical(columns):
    pl = library("polars")
    return pl.DataFrame(columns).with_columns(pl.col("city").cast(pl.Categorical))


def dictionaries(columns):
    pa = library("pyarrow")
    encoded = {
        name: pa.array(values).dictionary_encode() for name, values in columns.items() if name in (*CODES, "city")
    }
    return pa.table(columns | encoded)


def chunks(columns):
    pa = library("pyarrow")
    return pa.concat_tables([pa.table(columns).slice(0, 1), pa.table(columns).slice(1)])


def stream(columns):
    return library("pyarrow").table(columns).to_reader()


MAKERS = {
    "rows": rows,
    "objects": objects,
    "named": named,
    **interop(
        {
            "pandas": lambda columns: library("pandas").DataFrame(columns),
            "pandas-objects": as_objects,
            "pandas-nullable": nullable,
            "pandas-arrow": of_arrow,
            "pandas-categories": categorical,
            "polars": lambda columns: library("polars").DataFrame(columns),
            "polars-categories": polars_categorical,
            "arrow": lambda columns: library("pyarrow").table(columns),
            "arrow-batch": lambda columns: library("pyarrow").RecordBatch.from_pydict(columns),
            "arrow-chunks": chunks,
            "arrow-dictionaries": dictionaries,
            "arrow-stream": stream,
        }
    ),
}


def fitted(encoding=Encoding(), given=TABLE, make=named, **options):
    return ColumnEncoder.fit(make(given), encoding=encoding, **options)


def column(values):
    return np.array(values, object)[:, None]
