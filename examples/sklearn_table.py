"""House prices from a table with missing values and text: a scikit-learn pipeline and a grid search.

python examples/sklearn_table.py PATH/TO/housing.csv [sklearn]     (with scikit-learn's own network, for comparison)

Only the import line differs between the two.
"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

if "sklearn" in sys.argv[2:]:
    from sklearn.neural_network import MLPRegressor
else:
    from fcnet.sklearn import MLPRegressor

TARGET, TEXT = "median_house_value", "ocean_proximity"


def read(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The table without the prices (n, columns) of objects, the prices, and the names of the columns."""
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    names = [name for name in lines[0] if name not in (TARGET, TEXT)] + [TEXT]
    rows = [[line[name] if name == TEXT else float(line[name] or "nan") for name in names] for line in lines]
    return np.array(rows, dtype=object), np.array([float(line[TARGET]) for line in lines]), names


def main() -> None:
    """Search, and test the best estimator."""
    x, y, names = read(Path(sys.argv[1]))
    numbers, text = list(range(len(names) - 1)), [len(names) - 1]
    x, x_test, y, y_test = train_test_split(x, y, random_state=0)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("text", OneHotEncoder(handle_unknown="ignore"), text),
        ]
    )
    net = MLPRegressor(hidden_layer_sizes=(64, 32), early_stopping=True, max_iter=60, random_state=0)
    prices = TransformedTargetRegressor(net, transformer=StandardScaler())
    search = GridSearchCV(
        Pipeline([("columns", columns), ("net", prices)]),
        {"net__regressor__alpha": [1e-4, 1.0], "net__regressor__learning_rate_init": [1e-3, 5e-3]},
        cv=3,
    )
    start = time.perf_counter()
    search.fit(x, y)
    seconds = time.perf_counter() - start
    error = np.sqrt(np.mean((search.predict(x_test) - y_test) ** 2))
    print(f"best of {len(search.cv_results_['params'])} settings: {search.best_params_}")
    print(f"test R2 {search.score(x_test, y_test):.3f}, RMSE {error:,.0f} dollars, fitted in {seconds:.1f} s")


if __name__ == "__main__":
    main()
