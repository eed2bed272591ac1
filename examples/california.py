"""Prices of California's districts (census of 1990) by fcnet, and by scikit-learn on the same splits.

python examples/california.py PATH/TO/housing.csv [FOLDER]     (pictures go into FOLDER, with matplotlib)

A random fifth of the districts is the test set, for five random splits. Everything that depends on data, from the
medians to the learning rate, is computed from the other four fifths. The features, the layer sizes and the batch size
were chosen once, with a part of the training data of the first split.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import fcnet as fc

HIDDEN, BATCH = (256, 128), 128
RATES = (0.001, 0.002, 0.004)  # one of them is chosen in every split
NETWORKS = 5  # whose mean is the prediction
PLACES, WIDTH = 300, 0.7
ANGLES = np.arange(6) * np.pi / 6
COLUMNS = ("longitude", "latitude", "housing_median_age", "total_rooms", "total_bedrooms", "population", "households",
           "median_income", "median_house_value", "ocean_proximity")  # fmt: skip
Method = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # train, x, test, x_test -> prices
KINDS = ("<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN")


def read(path: Path) -> np.ndarray:
    """The districts as a structured array with one field per column; missing numbers are NaN."""
    districts = np.genfromtxt(path, delimiter=",", names=True, dtype="f8," * 9 + "U10", encoding="utf-8")
    if districts.dtype.names != COLUMNS:
        raise ValueError(f"{path} has the columns {districts.dtype.names}: expected {COLUMNS}")
    if strange := set(districts["ocean_proximity"].tolist()) - set(KINDS):
        raise ValueError(f"ocean_proximity in {path} may be {strange}: expected one of {KINDS}")
    return districts


def raw(districts: np.ndarray) -> np.ndarray:
    """The unprocessed table, ocean_proximity as an integer code: (n, 9), missing numbers are NaN."""
    kind = np.argmax(districts["ocean_proximity"][:, None] == KINDS, axis=1)
    return np.column_stack([districts[name] for name in COLUMNS[:8]] + [kind])


class Features:
    """The features of a district; statistics are computed from the districts that it is constructed with."""

    def __init__(self, districts: np.ndarray) -> None:
        self.bedrooms_per_room = np.nanmedian(districts["total_bedrooms"] / districts["total_rooms"])
        self.centres = np.random.default_rng(0).choice(self.places(districts), PLACES, replace=False)
        between = np.sort(self.distances(self.centres, self.centres), axis=1)
        # Narrow in towns, wide in the desert; coordinates have two decimals, so some centres coincide.
        self.spacing = np.maximum(between[:, 1:4].mean(axis=1), 0.01)

    @staticmethod
    def places(districts: np.ndarray) -> np.ndarray:
        """Coordinates (n, 2) in degrees of latitude; a degree of longitude is shorter by the cosine of the latitude."""
        return np.column_stack([districts["longitude"] * np.cos(np.radians(36)), districts["latitude"]])

    @staticmethod
    def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The distances between all points a (n, 2) and all points b (m, 2): (n, m)."""
        return np.hypot(a[:, :1] - b[:, 0], a[:, 1:] - b[:, 1])

    def __call__(self, districts: np.ndarray) -> np.ndarray:
        """Logarithms of sizes and ratios, ocean_proximity one-hot, and the location: (n, features)."""
        rooms, bedrooms, people, homes, income, age = (districts[name] for name in (*COLUMNS[3:8], COLUMNS[2]))
        missing = np.isnan(bedrooms)
        bedrooms = np.where(missing, self.bedrooms_per_room * rooms, bedrooms)
        ratios = [rooms / homes, bedrooms / rooms, people / homes, people / rooms]
        sizes = np.log([rooms, bedrooms, people, homes, income, *ratios]).T
        kinds = districts["ocean_proximity"][:, None] == KINDS
        places = self.places(districts)
        turned = places @ [np.cos(ANGLES), np.sin(ANGLES)]  # the coast is diagonal
        near = np.exp(-((self.distances(places, self.centres) / (WIDTH * self.spacing)) ** 2) / 2)
        return np.column_stack([sizes, income, age, age == 52, missing, kinds, turned, near])  # 52 means at least 52


class Regression:
    """A network that predicts the standardised price; mean and standard deviation come from its training data."""

    def __init__(self, x: np.ndarray, prices: np.ndarray, *, seed: int, rate: float, epochs: int,
                 held_back: tuple[np.ndarray, np.ndarray] | None = None) -> None:  # fmt: skip
        self.mean, self.std = prices.mean(), prices.std()
        spread = x.std(axis=0)
        spread[spread == 0] = 1  # a value of ocean_proximity that these districts do not have
        sizes = [x.shape[1], *HIDDEN, 1]
        self.net = fc.Network(sizes, loss="mse", seed=seed, offset=x.mean(axis=0), scale=1 / spread)
        self.net.fit(
            x,
            self.standardised(prices),
            epochs=epochs,
            batch_size=BATCH,
            optimizer=fc.AdamW(rate),
            schedule=fc.schedules.OneCycle(),
            validation_data=held_back and (held_back[0], self.standardised(held_back[1])),
        )

    def standardised(self, prices: np.ndarray) -> np.ndarray:
        """Standardised prices."""
        return (prices - self.mean) / self.std

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Prices in dollars."""
        return self.mean + self.std * self.net.predict(x)[:, 0]


def candidates(train: np.ndarray, epochs: int) -> dict[float, Regression]:
    """Learning rate -> a network trained with it on four fifths of the training districts, validated on the rest."""
    held_back, rest = np.split(train, [len(train) // 5])
    features, prices = Features(rest), rest["median_house_value"]
    x, validation = features(rest), (features(held_back), held_back["median_house_value"])
    return {rate: Regression(x, prices, seed=0, rate=rate, epochs=epochs, held_back=validation) for rate in RATES}


def networks(count: int, rate: float, epochs: int) -> Method:
    """The mean of networks with different seeds, that is, different initial weights and shuffling."""

    def predict(train: np.ndarray, x: np.ndarray, test: np.ndarray, x_test: np.ndarray) -> np.ndarray:
        prices = train["median_house_value"]
        trained = (Regression(x, prices, seed=i, rate=rate, epochs=epochs) for i in range(count))
        return np.mean([one.predict(x_test) for one in trained], axis=0)

    return predict


def peers() -> dict[str, Method]:
    """scikit-learn's models, with early stopping on a tenth of the training data."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    trees = {"max_iter": 1000, "learning_rate": 0.05, "early_stopping": True, "n_iter_no_change": 20, "random_state": 0}
    mlp = MLPRegressor(hidden_layer_sizes=HIDDEN, batch_size=BATCH, early_stopping=True, random_state=0)
    mlp = TransformedTargetRegressor(make_pipeline(StandardScaler(), mlp), transformer=StandardScaler())

    def fitted(model, *, on_table: bool = False) -> Method:
        def predict(train: np.ndarray, x: np.ndarray, test: np.ndarray, x_test: np.ndarray) -> np.ndarray:
            model.fit(raw(train) if on_table else x, train["median_house_value"])
            return model.predict(raw(test) if on_table else x_test)

        return predict

    return {
        "HistGradientBoosting, the table": fitted(
            HistGradientBoostingRegressor(categorical_features=[8], **trees), on_table=True
        ),
        "HistGradientBoosting, the features": fitted(HistGradientBoostingRegressor(**trees)),
        "MLPRegressor, the features": fitted(mlp),
    }


def draw(predicted: np.ndarray, test: np.ndarray, tried: dict[float, Regression], folder: Path) -> None:
    """Predicted against true prices, the errors on the map, and the training of the candidates; of one split."""
    from matplotlib.figure import Figure

    prices, error = test["median_house_value"] / 1000, (predicted - test["median_house_value"]) / 1000
    figure = Figure(figsize=(13, 4.2), layout="constrained", dpi=90)
    left, middle, right = figure.subplots(1, 3)
    left.hexbin(prices, predicted / 1000, gridsize=45, bins="log", cmap="Blues", mincnt=1)
    left.plot([0, 500], [0, 500], color="#d55e00", linewidth=1)
    left.set(title="Price of a district, 1,000 dollars", xlabel="true", ylabel="predicted")
    order = np.argsort(np.abs(error))  # the largest errors on top
    points = middle.scatter(
        test["longitude"][order], test["latitude"][order], 5, error[order], cmap="PuOr", vmin=-150, vmax=150
    )
    figure.colorbar(points, ax=middle, label="predicted - true, 1,000 dollars", extend="both")
    middle.set(title="Errors on the map", xlabel="longitude", ylabel="latitude", aspect=1 / np.cos(np.radians(36)))
    for (rate, one), color in zip(tried.items(), ("#0072b2", "#d55e00", "#009e73"), strict=True):
        history, dollars = one.net.history, one.std / 1000
        epochs = np.add(history.epochs, 1)
        right.plot(epochs, np.sqrt(history.loss) * dollars, ":", color=color)
        right.plot(epochs, np.sqrt(history.val_loss) * dollars, color=color, label=f"learning rate {rate}")
    right.set(title="RMSE while training, 1,000 dollars", xlabel="epoch; dotted: training, solid: validation")
    right.legend(frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "california.png")


def main() -> None:
    """For every split: choose the learning rate, train, predict, and do the same with scikit-learn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="housing.csv")
    parser.add_argument("pictures", type=Path, nargs="?", help="folder of the picture california.png")
    parser.add_argument("--splits", type=int, nargs="+", default=range(5), help="the seeds of the random fifths")
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    if options.pictures and find_spec("matplotlib") is None:
        parser.error("pictures need matplotlib: pip install matplotlib")
    others = {}
    if find_spec("sklearn"):
        others = peers()
    else:
        print("scikit-learn is not installed: pip install scikit-learn to compare\n")
    districts = read(options.data)

    errors, seconds = defaultdict(list), defaultdict(list)
    for split in options.splits:
        test, train = np.split(np.random.default_rng(split).permutation(districts), [len(districts) // 5])
        start = time.perf_counter()
        tried = candidates(train, options.epochs)
        rate = min(tried, key=lambda rate: tried[rate].net.history.val_loss[-1])
        validation = tried[rate].std * np.sqrt(tried[rate].net.history.val_loss[-1])
        print(
            f"split {split}: learning rate {rate}, validation RMSE {validation:,.0f} dollars, "
            f"chosen in {time.perf_counter() - start:.0f} s",
            flush=True,
        )

        features, prices = Features(train), train["median_house_value"]
        x, x_test = features(train), features(test)
        ours = {
            f"fcnet, mean of {NETWORKS} networks": networks(NETWORKS, rate, options.epochs),
            "fcnet, one network": networks(1, rate, options.epochs),
        }
        predictions = {}
        for name, method in {**ours, **others}.items():
            start = time.perf_counter()
            # None beyond the prices of the training: the census writes 500,001 for all above.
            predictions[name] = np.clip(method(train, x, test, x_test), prices.min(), prices.max())
            seconds[name].append(time.perf_counter() - start)
            errors[name].append(np.sqrt(np.mean((predictions[name] - test["median_house_value"]) ** 2)))
        if options.pictures and split == options.splits[0]:
            draw(next(iter(predictions.values())), test, tried, options.pictures)

    print(f"\n{'RMSE in dollars':36}   mean  least   most  seconds a fit")
    for name, found in errors.items():
        print(f"{name:36} {np.mean(found):6,.0f} {min(found):6,.0f} {max(found):6,.0f}  {np.mean(seconds[name]):8.1f}")


if __name__ == "__main__":
    main()
