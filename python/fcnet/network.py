"""Network: what a user holds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet import arrays
from fcnet._native import Model
from fcnet.history import History
from fcnet.layers import Layer
from fcnet.optimizers import SGD, Optimizer
from fcnet.training import Examples, evaluate, open_trainer, run_epochs

Loss = Literal["cross_entropy", "mse", "rmse"]


class Network:
    """A fully connected network: ReLU hidden layers, then softmax (cross-entropy) or identity (regression).

    Weights start normal with variance ``2 / inputs of the layer`` (He et al. 2015), biases at 0.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, neurons of each hidden layer, outputs; at least two entries, each at least 1.
    loss : {"cross_entropy", "mse", "rmse"}, default "cross_entropy"
        Cross-entropy of softmax probabilities with class labels, or (root of the) mean squared error.
    seed : int in [0, 2**64), optional
        Of the initial weights and the shuffles; drawn from the operating system by default, see attribute ``seed``.
    dtype : {"float32", "float64"}, default "float32"
    scale, offset : number or array-like (inputs,), default 1 and 0
        The first layer's input is ``h_0 = scale (x - offset)``, computed while x is read: ``scale=1 / 255`` for pixels
        of uint8, ``1 / x.std(axis=0)`` and ``x.mean(axis=0)`` to standardise. Part of the network, also in ``predict``.
        Computed in the network's type: subtract an offset that is large beside the spread of x beforehand.

    Attributes
    ----------
    sizes, loss, seed, dtype : as given
    scale, offset : array () or (inputs,)
    layers : tuple of Layer
        ``net.layers[i].W`` (k, m) and ``.B`` (m,), to get and to set.
    epochs_trained : int
        Over all fits; the shuffle of an epoch belongs to its number.
    history : History
        Of the last fit, also of one that was interrupted.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    MemoryError, OverflowError : a network of this size does not fit in memory.

    Examples
    --------
    >>> import numpy as np
    >>> net = Network([2, 8, 2], seed=1)
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> history = net.fit(x, [0, 1, 1, 0], epochs=500, batch_size=4, optimizer=SGD(0.5))
    >>> net.predict(x).argmax(axis=1)
    array([0, 1, 1, 0])
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        loss: Loss = "cross_entropy",
        seed: int | None = None,
        dtype: DTypeLike = "float32",
        scale: ArrayLike = 1,
        offset: ArrayLike = 0,
    ) -> None:
        if isinstance(sizes, str | bytes) or not isinstance(sizes, Sequence | np.ndarray):
            raise TypeError(f"sizes is {sizes!r}: expected a sequence like [784, 512, 10]")
        if len(sizes) < 2:
            raise ValueError(f"sizes is {list(sizes)!r}: expected at least the numbers of inputs and outputs")
        self.sizes = tuple(arrays.whole_number(n, f"sizes[{i}]", 1, 2**62) for i, n in enumerate(sizes))
        if loss not in ("cross_entropy", "mse", "rmse"):
            raise ValueError(f"loss is {loss!r}: expected 'cross_entropy', 'mse' or 'rmse'")
        self.loss = loss
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64) or not self.dtype.isnative:
            raise ValueError(f"dtype is {self.dtype}: expected float32 or float64")
        self.scale = arrays.per_feature(scale, self.sizes[0], self.dtype, "scale")
        self.offset = arrays.per_feature(offset, self.sizes[0], self.dtype, "offset")
        scaled = [np.full(self.sizes[0], one) for one in (self.scale, self.offset)] if self._scales else []
        self.seed = int.from_bytes(os.urandom(8)) if seed is None else arrays.whole_number(seed, "seed", 0, 2**64 - 1)
        self.epochs_trained = 0
        self.history = History()
        self._model = Model(list(self.sizes), loss, self.dtype.name, self.seed, *scaled)
        last = "softmax" if self._classifies else "identity"
        activations = ["relu"] * (len(self.sizes) - 2) + [last]
        self.layers = tuple(Layer(self._model, i, f, self.dtype) for i, f in enumerate(activations))

    @property
    def _scales(self) -> bool:
        return bool((self.scale != 1).any() or (self.offset != 0).any())

    @property
    def _classifies(self) -> bool:
        return self.loss == "cross_entropy"

    def _examples(self, x: ArrayLike, y: ArrayLike, names: tuple[str, str], *, finite: bool) -> Examples:
        samples = arrays.samples(x, self.sizes[0], self.dtype, finite=finite, name=names[0])
        if self._classifies:
            return Examples(samples, arrays.labels(y, len(samples), self.sizes[-1], names[1]))
        return Examples(samples, arrays.targets(y, len(samples), self.sizes[-1], self.dtype, names[1]))

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 10,
        batch_size: int = 32,
        optimizer: Optimizer = SGD(0.1),
        shuffle: bool = True,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        progress: bool | None = None,
    ) -> History:
        """Train by gradient descent on mini-batches: forward pass, backpropagation, update, for whole epochs natively.

        Fitting again goes on from the weights and the epoch count reached. Ctrl-C raises KeyboardInterrupt within a
        tenth of a second and leaves the network with the weights of the last finished step.

        Parameters
        ----------
        x : array-like (n, inputs) of finite real numbers
            Rows of float32, float64 and whole numbers, C- or F-ordered or strided, also of a ``np.memmap``, are read
            where they lie and converted batch by batch; other types are converted first.
        y : array-like
            Class labels (n,) or one-hot rows (n, outputs); for regression targets (n, outputs), or (n,) for one.
        epochs : int >= 0
        batch_size : int >= 1
            Samples a step; the last batch of an epoch may be smaller.
        optimizer : SGD, Adam or AdamW
        shuffle : bool
            Draw a new order of the samples in every epoch, by (seed, epoch).
        validation_data : (x, y), optional
            Evaluated after every epoch.
        progress : bool, optional
            Show a progress bar; by default where standard error is a terminal and tqdm is installed.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError : an argument is not as above; the network is as before.
        DivergenceError : the loss became infinite or NaN; the network has its weights from before that epoch.
        RuntimeError : the network is being fitted already, by another thread.
        """
        epochs = arrays.whole_number(epochs, "epochs", 0, 2**31)
        batch_size = arrays.whole_number(batch_size, "batch_size", 1)
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer is {optimizer!r}: expected one like fcnet.SGD(0.1) or fcnet.Adam()")
        train = self._examples(x, y, ("x", "y"), finite=True)
        if len(train.x) == 0:
            raise ValueError(f"x has shape {train.x.shape}: expected at least one sample")
        validation = None
        if validation_data is not None:
            if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
                raise TypeError("validation_data is not a pair: expected (x, y)")
            names = ("validation_data[0]", "validation_data[1]")
            validation = self._examples(*validation_data, names, finite=True)
        batch_size = min(batch_size, len(train.x))
        trainer = open_trainer(self._model, train, batch_size, optimizer, bool(shuffle))
        self.history = history = History()
        try:
            run_epochs(
                self._model,
                trainer,
                samples=len(train.x),
                first_epoch=self.epochs_trained,
                epochs=epochs,
                optimizer=optimizer,
                classify=self._classifies,
                validation=validation,
                progress=progress,
                history=history,
            )
        finally:
            self.epochs_trained += len(history)
        return history

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """The network's output ``h_out`` of the last layer: probabilities, or the values of a regression.

        Parameters
        ----------
        x : array-like (n, inputs) of real numbers
            NaN and infinity propagate.

        Returns
        -------
        array (n, outputs) of the network's dtype
            A row does not depend on the others.

        Raises
        ------
        TypeError, ValueError : x is not as above.
        """
        return self._model.predict(arrays.samples(x, self.sizes[0], self.dtype, finite=False))

    def evaluate(self, x: ArrayLike, y: ArrayLike) -> dict[str, float]:
        """Mean loss and, for classification, accuracy.

        Parameters
        ----------
        x, y : as for fit

        Returns
        -------
        {"loss": ..., "accuracy": ...}
            Accuracy is the share of rows whose largest output is the label's.

        Raises
        ------
        TypeError, ValueError : x or y is not as for fit.
        """
        return evaluate(self._model, self._examples(x, y, ("x", "y"), finite=False), self._classifies)

    def gradients(self, x: ArrayLike, y: ArrayLike) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """``dL/dW_i = h_{i-1}^T sigma_i`` and ``dL/dB_i = sum sigma_i`` of the mean loss over all rows of x.

        Parameters
        ----------
        x, y : as for fit

        Returns
        -------
        [(dW (k, m), dB (m,)), ...] of every layer

        Raises
        ------
        TypeError, ValueError : x or y is not as for fit, or has no rows.
        """
        examples = self._examples(x, y, ("x", "y"), finite=False)
        return self._model.gradients(examples.x, examples.y)[1]

    def summary(self) -> str:
        """A table of the layers.

        Returns
        -------
        str
        """
        rows = [("layer", "W", "activation", "parameters")]
        total = 0
        for i, layer in enumerate(self.layers):
            k, m = self.sizes[i], self.sizes[i + 1]
            total += (k + 1) * m
            rows.append((str(i), f"{k} x {m}", layer.activation, f"{(k + 1) * m:,}"))
        rows.append(("total", "", "", f"{total:,}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}" for a, b, c, d in rows
        )

    def __repr__(self) -> str:
        return f"Network({list(self.sizes)}, loss={self.loss!r}, seed={self.seed}, dtype={self.dtype.name!r})"
