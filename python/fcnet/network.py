"""Network: what a user holds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any

from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet import arrays, feature_names, storage
from fcnet.architecture import ARGUMENTS, Activation, Architecture, Described, Loss
from fcnet.early_stopping import EarlyStopping
from fcnet.examples import Examples
from fcnet.history import History
from fcnet.layers import Layer
from fcnet.optimizers import SGD, Optimizer
from fcnet.samples import samples
from fcnet.schedule import Schedule
from fcnet.splitting import MOST_EPOCHS
from fcnet.training import evaluate, open_trainer, run_epochs


class Network(Described):
    """A fully connected network: hidden layers, then softmax (cross-entropy) or identity (regression).

    Weights start normal with variance ``2 / inputs of the layer`` (He et al. 2015), or ``1 / inputs`` before a hidden
    layer's tanh, sigmoid, selu or identity (LeCun et al. 1998); biases at 0.

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
    activation : str, or a sequence of one for each hidden layer, default "relu"
        "relu", "leaky_relu" (slope 0.01), "elu", "selu", "sigmoid", "tanh", "softplus" or "identity": the F of the
        hidden layers, see ``fcnet.reference.activation``.

    Attributes
    ----------
    sizes, loss, seed, dtype : as given
    scale, offset : array () or (inputs,)
    layers : tuple of Layer
        ``net.layers[i].W`` (k, m) and ``.B`` (m,), to get and to set; all else is fixed once the network is made.
    epochs_trained : int
        Over all fits; the shuffle of an epoch belongs to its number.
    feature_names : tuple of str, or None
        The columns of the first table fitted; from then on a table must have them, in their order. Arrays have none.
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

    __slots__ = ("__weakref__", "_epochs_before", "_history", "_layers", "_model")

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        loss: Loss = "cross_entropy",
        seed: int | None = None,
        dtype: DTypeLike = "float32",
        scale: ArrayLike = 1,
        offset: ArrayLike = 0,
        activation: Activation | Sequence[Activation] = "relu",
    ) -> None:
        self._begin(Architecture.of(sizes, loss, seed, dtype, scale, offset, activation))

    def _begin(self, made: Architecture, parameters: Sequence[tuple[ArrayLike, ArrayLike]] | None = None) -> None:
        self._model = made.model(parameters)
        self._architecture = made
        self._epochs_before, self._history, self._feature_names = 0, History(), None
        self._layers = tuple(Layer(self._model, i, made) for i in range(len(made.sizes) - 1))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, in order."""
        return self._layers

    @property
    def epochs_trained(self) -> int:
        """Over all fits."""
        return self._epochs_before + len(self._history)

    @property
    def history(self) -> History:
        """Of the last fit."""
        return self._history

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
        validation_split: float = 0,
        schedule: Schedule | None = None,
        early_stopping: EarlyStopping | None = None,
        progress: bool | None = None,
    ) -> History:
        """Train by gradient descent on mini-batches: forward pass, backpropagation, update, for whole epochs natively.

        Fitting again goes on from the weights and the epoch count reached; momentum and Adam's averages start at 0 in
        every fit. Ctrl-C raises KeyboardInterrupt within a tenth of a second and leaves the weights of the last step.

        Parameters
        ----------
        x : array-like, tensor, table or sparse array (n, inputs) of finite real numbers
            Rows of floats and whole numbers up to 64 bits, in any order, also of a ``np.memmap``, a pandas frame of one
            type or SciPy's CSR, are read where they lie and converted batch by batch; others are converted first.
        y : array-like, column or table
            Class labels (n,) or one-hot rows (n, outputs); for regression targets (n, outputs), or (n,) for one.
        epochs : int >= 0
        batch_size : int >= 1
            Samples a step; the last batch of an epoch may be smaller.
        optimizer : SGD, Adam or AdamW
        shuffle : bool
            Draw a new order of the samples in every epoch, by (seed, epoch).
        validation_data : (x, y), optional
            Evaluated after every epoch.
        validation_split : float in [0, 1), default 0
            Instead: hold back this share of the samples, drawn by ``seed``, of every class alike; train on a copy.
        schedule : of fcnet.schedules, optional
            Factors on the optimiser's learning rate, step by step over the epochs of this fit.
        early_stopping : EarlyStopping, optional
            When to end before the last epoch, and go back to the best weights.
        progress : bool, optional
            Show a progress bar; by default on a terminal, where tqdm is installed.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError : an argument is not as above; the network is as before.
        DivergenceError : the loss became infinite or NaN; the network has its last good weights.
        RuntimeError : the network is being fitted already, by another thread.
        """
        epochs = arrays.whole_number(epochs, "epochs", 0, MOST_EPOCHS - self.epochs_trained)
        batch_size = arrays.whole_number(batch_size, "batch_size", 1)
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer is {optimizer!r}: expected one like fcnet.SGD(0.1) or fcnet.Adam()")
        shuffle = arrays.flag(shuffle, "shuffle")
        progress = progress if progress is None else arrays.flag(progress, "progress")
        train = Examples.of(self._architecture, x, y, finite=True, known=self._feature_names).not_empty("x")
        if not isinstance(schedule, Schedule | None):
            raise TypeError(f"schedule is {schedule!r}: expected one like fcnet.schedules.Cosine()")
        if not isinstance(early_stopping, EarlyStopping | None):
            raise TypeError(f"early_stopping is {early_stopping!r}: expected fcnet.EarlyStopping(...)")
        train, validation = train.with_validation(self._architecture, validation_data, validation_split)
        if early_stopping is not None:
            early_stopping.check(validates=validation is not None, classifies=self._architecture.classifies)
        batch_size = min(batch_size, len(train.x))
        with closing(open_trainer(self._model, train, batch_size, optimizer, shuffle)) as trainer:
            self._epochs_before, self._history, self._feature_names = self.epochs_trained, History(), train.features
            run_epochs(
                self._model,
                trainer,
                samples=len(train.x),
                batch_size=batch_size,
                first_epoch=self._epochs_before,
                epochs=epochs,
                optimizer=optimizer,
                classify=self._architecture.classifies,
                validation=validation,
                progress=progress,
                history=self._history,
                schedule=schedule,
                early_stopping=early_stopping,
            )
        return self._history

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """The network's output ``h_out`` of the last layer: probabilities, or the values of a regression.

        Parameters
        ----------
        x : array-like, tensor, table or sparse array (n, inputs) of real numbers
            NaN and infinity propagate; so does what the network's dtype cannot hold.

        Returns
        -------
        array (n, outputs) of the network's dtype; a row does not depend on the others

        Raises
        ------
        TypeError, ValueError : x is not as above.
        """
        return self._model.predict(samples(x, self.sizes[0], self.dtype, finite=False, known=self._feature_names))

    def evaluate(self, x: ArrayLike, y: ArrayLike) -> dict[str, float]:
        """Mean loss and, for classification, accuracy.

        Parameters
        ----------
        x, y : as for fit, but x may also be NaN or infinite

        Returns
        -------
        {"loss": ..., "accuracy": ...}
            Mean cross-entropy, MSE or RMSE, and for classification the share of rows whose largest output is the
            label's. Both NaN for no rows. A row with NaN in it makes the loss NaN, and counts as wrong.

        Raises
        ------
        TypeError, ValueError : x or y is not as for fit.
        """
        examples = Examples.of(self._architecture, x, y, finite=False, known=self._feature_names)
        return evaluate(self._model, examples, self._architecture.classifies)

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
        examples = Examples.of(self._architecture, x, y, finite=False, known=self._feature_names)
        return self._model.gradients(examples.x, examples.y)[1]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file in the safetensors format, which ``fcnet.load`` reads.

        The file is put in its place in one step, once it is on the disk: a killed process leaves the old one or the new
        one. The history is not stored; during a fit, the weights are those of the last finished epoch.

        Parameters
        ----------
        path : path
            By custom ``*.safetensors``; a file that is there is replaced.

        Raises
        ------
        TypeError : path is not a path.
        ValueError : the network has more layers than a file can list, some thousand.
        OSError : the file cannot be written; one that was there is as before, unless the message is about its folder.
        """
        storage.save(self.__getstate__(), path)

    def __getstate__(self) -> dict[str, Any]:
        """Everything that the network is, in plain values and arrays, for ``pickle`` and ``copy``."""
        return {
            **self._architecture.arguments(),
            "epochs_trained": self.epochs_trained,
            "history": asdict(self.history),
            "feature_names": self._feature_names,
            "parameters": self._model.parameters(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin from such a state; ValueError or TypeError where it is not one."""
        others = ("parameters", "history", "epochs_trained", "feature_names")
        if not isinstance(state, dict) or set(state) != {*ARGUMENTS, *others}:
            raise ValueError(f"the state of a network is damaged: expected {', '.join(sorted((*ARGUMENTS, *others)))}")
        s = dict(state)
        parameters, history, epochs_trained, names = (s.pop(name) for name in others)
        made = Architecture.of(**s)
        if len(parameters) != len(made.sizes) - 1:
            raise ValueError(f"there are parameters of {len(parameters)} layers: expected {len(made.sizes) - 1}")
        self._begin(made, parameters)
        self._feature_names = feature_names.checked(names, made.sizes[0])
        self._history = History(**history)
        self._epochs_before = arrays.whole_number(epochs_trained, "epochs_trained", 0, MOST_EPOCHS) - len(self._history)
