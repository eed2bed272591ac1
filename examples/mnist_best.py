"""MNIST with data augmentation (shifted copies), AdamW and the one-cycle schedule, in a minute or two.

python examples/mnist_best.py PATH/TO/mnist.npz [FOLDER]     (pictures go into FOLDER, with matplotlib)

All hyperparameters were chosen with 5,000 training digits held out for validation; the test digits are used once, at
the end.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import fcnet as fc

SIZES, BATCH, RATE = [784, 512, 256, 10], 128, 1e-3
SHIFTS = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]


def shifted(x: np.ndarray) -> np.ndarray:
    """The digits (n, 784) and their copies one pixel to each side: (5 n, 784). Nearly all have an empty margin."""
    pixels = x.reshape(-1, 28, 28)
    return np.concatenate([np.roll(pixels, by, axis=(1, 2)).reshape(x.shape) for by in SHIFTS])


def draw(net: fc.Network, x: np.ndarray, y: np.ndarray, folder: Path) -> None:
    """Training curve, confusion matrix, and the misclassified digits."""
    from matplotlib.figure import Figure

    p = net.predict(x)
    read = p.argmax(axis=1)
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (y, read), 1)
    folder.mkdir(parents=True, exist_ok=True)

    figure = Figure(figsize=(9, 4), layout="constrained", dpi=110)
    left, right = figure.subplots(1, 2)
    history, epochs = net.history, np.add(net.history.epochs, 1)
    left.semilogy(epochs, 1 - np.array(history.accuracy), "o-", color="#0072b2", label="training, during the epoch")
    left.semilogy(epochs, 1 - np.array(history.val_accuracy), "s-", color="#d55e00", label="validation")
    left.set(title="Error rate", xlabel="epoch", xticks=epochs)
    left.legend(frameon=False)
    wrong = confusion * (1 - np.eye(10, dtype=int))
    right.imshow(wrong, cmap="Blues")
    right.set(title="Misclassified test digits", xlabel="predicted", ylabel="true", xticks=range(10), yticks=range(10))
    for i, j in np.argwhere(wrong):
        dark = wrong[i, j] > wrong.max() / 2
        right.text(j, i, wrong[i, j], ha="center", va="center", color="white" if dark else "black")
    figure.savefig(folder / "mnist_training.png")

    worst = np.flatnonzero(read != y)
    worst = worst[np.argsort(p[worst, y[worst]])][:32]  # the most confident errors first
    figure = Figure(figsize=(9, 5), layout="constrained", dpi=110)
    for axes, i in zip(figure.subplots(4, 8).flat, worst, strict=False):
        axes.imshow(x[i].reshape(28, 28), cmap="gray_r")
        axes.set_title(f"{y[i]} predicted {read[i]}, {p[i, read[i]]:.0%}", fontsize=7)
    for axes in figure.axes:
        axes.axis("off")
    figure.savefig(folder / "mnist_misread.png")


def main() -> None:
    """Train, evaluate, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="uint8 arrays x_train, y_train, x_test, y_test")
    parser.add_argument("pictures", type=Path, nargs="?", help="folder of the pictures")
    parser.add_argument("--epochs", type=int, default=5, help="over the digits and their shifted copies")
    options = parser.parse_args()
    if options.pictures and find_spec("matplotlib") is None:
        parser.error("pictures need matplotlib: pip install matplotlib")
    with np.load(options.data, allow_pickle=False) as data:
        x, y, x_test, y_test = (data[name] for name in ("x_train", "y_train", "x_test", "y_test"))

    held_back = len(x) // 12
    net = fc.Network(SIZES, scale=1 / 255, seed=0)
    history = net.fit(
        shifted(x[held_back:]),
        np.tile(y[held_back:], len(SHIFTS)),
        epochs=options.epochs,
        batch_size=BATCH,
        optimizer=fc.AdamW(RATE),
        schedule=fc.schedules.OneCycle(),
        validation_data=(x[:held_back], y[:held_back]),
    )
    for epoch, loss, accuracy, seconds in zip(
        history.epochs, history.loss, history.val_accuracy, history.seconds, strict=True
    ):
        print(f"epoch {epoch:2}  loss {loss:.4f}  validation accuracy {accuracy:.2%}  {seconds:.2f} s")
    accuracy = net.evaluate(x_test, y_test)["accuracy"]
    print(
        f"\ntest accuracy {accuracy:.2%} on {len(x_test):,} held-back digits, {sum(history.seconds):.0f} s of training"
    )

    if options.pictures:
        draw(net, x_test, y_test, options.pictures)


if __name__ == "__main__":
    main()
