"""Train 784-512-256-10 on MNIST, and time an epoch beside scikit-learn's MLPClassifier when that is installed.

python examples/mnist.py PATH/TO/mnist.npz      (uint8 arrays x_train, y_train, x_test, y_test)
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np

import fcnet as fc

EPOCHS, BATCH, RATE = 10, 128, 0.1


def sklearn_seconds_per_epoch(x: np.ndarray, y: np.ndarray) -> float | None:
    """One epoch of the same network, batch size and learning rate; None without scikit-learn."""
    try:
        from sklearn.neural_network import MLPClassifier
    except ImportError:
        return None
    net = MLPClassifier(
        (512, 256), solver="sgd", momentum=0, alpha=0, learning_rate_init=RATE, batch_size=BATCH, max_iter=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch does not converge
        start = time.perf_counter()
        net.fit(x, y)
        return time.perf_counter() - start


def main() -> None:
    """Train, evaluate, compare."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.exit(f"usage: python {sys.argv[0]} PATH/TO/mnist.npz")
    data = np.load(sys.argv[1], allow_pickle=False)
    x, x_test = (data[name].astype(np.float32) / 255 for name in ("x_train", "x_test"))
    y, y_test = data["y_train"], data["y_test"]

    net = fc.Network([784, 512, 256, 10], seed=0)
    history = net.fit(x, y, epochs=EPOCHS, batch_size=BATCH, optimizer=fc.SGD(RATE), validation_data=(x_test, y_test))
    for epoch, loss, accuracy, seconds in zip(
        history.epochs, history.loss, history.val_accuracy, history.seconds, strict=True
    ):
        print(f"epoch {epoch:2}  loss {loss:.4f}  test accuracy {accuracy:.2%}  {seconds:.2f} s")

    ours = float(np.median(history.seconds))
    print(f"\ntest accuracy {history.val_accuracy[-1]:.2%} on {len(x_test):,} held-back digits")
    print(f"fcnet         {ours:.2f} s per epoch")
    theirs = sklearn_seconds_per_epoch(x, y)
    if theirs is None:
        print("scikit-learn  not installed: pip install scikit-learn to compare")
    else:
        print(f"scikit-learn  {theirs:.2f} s per epoch, {theirs / ours:.1f} times as long")


if __name__ == "__main__":
    main()
