"""Classify handwritten digits of 8 x 8 pixels with scikit-learn's tools: scale, fit, report, confusion matrix.

python examples/sklearn_digits.py [sklearn]     (with scikit-learn's own network, for comparison)

Only the import line differs between the two.
"""

from __future__ import annotations

import sys
import time

from sklearn.datasets import load_digits
from sklearn.metrics import classification_report, confusion_matrix
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

if "sklearn" in sys.argv[1:]:
    from sklearn.neural_network import MLPClassifier
else:
    from fcnet.sklearn import MLPClassifier


def main() -> None:
    """Train, test, and cross-validate."""
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, stratify=y, random_state=0)
    net = make_pipeline(MinMaxScaler(), MLPClassifier(hidden_layer_sizes=(100,), max_iter=500, random_state=0))
    start = time.perf_counter()
    net.fit(x, y)
    seconds = time.perf_counter() - start
    predicted = net.predict(x_test)
    print(classification_report(y_test, predicted, digits=3))
    print(confusion_matrix(y_test, predicted))
    scores = cross_val_score(net, x, y, cv=3)
    print(f"cross-validated accuracy {scores.mean():.3f} +- {scores.std():.3f}")
    print(f"test accuracy {net.score(x_test, y_test):.3f}, fitted in {seconds:.2f} s")


if __name__ == "__main__":
    main()
