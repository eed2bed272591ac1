"""Network: what a user holds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet import arrays, feature_names, storage
from fcnet.architecture import ARGUMENTS, Activation, Architecture, Loss
from fcnet.examples import Examples
from fcnet.fitting import Fitting
from fcnet.history import History
from fcnet.layers import Layer
from fcnet.samples import samples
from fcnet.scoring import Metrics, Scores
from fcnet.splitting import MOST_EPOCHS
from fcnet.training import evaluate


class Network(Fitting):
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
        The columns of the first table that was fitted. From then on a table with other columns, or in another order,
        is refused; arrays, which have no names, are taken as they are.
    history : History
        Of the last fit, also of one that was interrupted.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    MemoryError, OverflowError : a network of this size does not fit in memory.

    Examples
    --------
    >>> import numpy as np
    >>> from fcnet.optimizers import SGD
    >>> net = Network([2, 8, 2], seed=1)
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> history = net.fit(x, [0, 1, 1, 0], epochs=500, batch_size=4, optimizer=SGD(0.5))
    >>> net.predict(x).argmax(axis=1)
    array([0, 1, 1, 0])
    """

    __slots__ = ("__weakref__", "_layers")

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
        self._feature_names = None
        self._epochs_before = 0
        self._history = History()
        self._layers = tuple(Layer(self._model, i, made) for i in range(len(made.sizes) - 1))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, in order."""
        return self._layers

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """The network's output ``h_out`` of the last layer: probabilities, or the values of a regression.

        Parameters
        ----------
        x : array-like, tensor, table or sparse array (n, inputs) of real numbers
            NaN and infinity propagate; so does what the network's dtype cannot hold.

        Returns
        -------
        array (n, outputs) of the network's dtype
            A row does not depend on the others.

        Raises
        ------
        TypeError, ValueError : x is not as above.
        """
        return self._model.predict(samples(x, self.sizes[0], self.dtype, finite=False, known=self._feature_names))

    def evaluate(self, x: ArrayLike, y: ArrayLike, *, metrics: Metrics | None = None) -> dict[str, float]:
        """Mean loss, for classification accuracy, and metrics.

        Parameters
        ----------
        x, y : as for fit, but x may also be NaN or infinite
        metrics : as for fit, optional
            Computed too; they take a second pass over x.

        Returns
        -------
        {"loss": ..., "accuracy": ..., "f1": ...}
            The loss is the network's: mean cross-entropy, MSE or RMSE. Accuracy is the share of rows whose largest
            output is the label's; without it for regression. Both NaN for no rows. A row with NaN in it makes the loss
            NaN, and counts as wrong.

        Raises
        ------
        TypeError, ValueError : an argument is not as for fit.
        """
        scores = Scores(metrics, self._architecture.classifies)
        examples = Examples.of(self._architecture, x, y, finite=False, known=self._feature_names)
        return evaluate(self._model, examples, self._architecture.classifies, scores)

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
