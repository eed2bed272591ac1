"""Network: what a user holds."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, Never, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet._checks.keywords import answering, suggesting, unknown_argument
from fcnet._checks.numbers import flag, whole_number
from fcnet._checks.public import public
from fcnet._inputs import arrays, class_names, feature_names, tables
from fcnet._inputs.features import check_x
from fcnet._inputs.iterables import BatchesGivenError, inputs_of, is_batches
from fcnet._inputs.standardization import Columns
from fcnet._model.architecture import ARGUMENTS, Architecture, checked_seed
from fcnet._model.dense import Activation, Dense
from fcnet._model.layer_spec import refuse_constants
from fcnet._saving import network_file
from fcnet._training.batches import Y_IS_MISSING, CheckedBatches
from fcnet._training.dataset import MOST_EPOCHS
from fcnet._training.early_stopping import Best
from fcnet._training.evaluation import Metrics, MetricSet, evaluate
from fcnet._training.history import History
from fcnet._training.learning_rate_search import ExponentialRamp, LearningRates, lr_range_test
from fcnet.explaining import Explaining
from fcnet.layers import Layer
from fcnet.losses import Loss, LossFunction, LossName
from fcnet.optimizers import SGD, Optimizer, OptimizerName, optimizer_of


@public
@suggesting
class Network(Explaining):
    """A fully connected network: hidden layers, then softmax for cross-entropy, or what another loss goes with.

    Weights start normal with variance ``2 / inputs of the layer`` (He et al. 2015), or ``1 / inputs`` before a hidden
    layer's tanh, sigmoid, selu or identity (LeCun et al. 1998); biases at 0.

    Parameters
    ----------
    sizes : sequence of int or Dense
        Inputs, neurons of each hidden layer, outputs; at least two entries, each at least 1. A ``Dense`` in place of a
        number says more of its layer.
    loss : str, of fcnet.losses, or callable, optional
        "cross_entropy" (of softmax probabilities with class labels; the default, unless the last ``Dense`` says
        sigmoid, exp or identity), "binary_cross_entropy" (sigmoid), "mse", "rmse", "mae", "huber", "poisson" (exp or
        softplus), "quantile"; one of ``fcnet.losses`` with options, like ``fcnet.losses.Huber(2)``; or a function
        ``loss(output, target) -> (value, d value / d output)`` of whole batches, arrays (n, outputs): a mean, with
        sample weights as a third argument where a fit has any.
    seed : int in [0, 2**64), optional
        Of the initial weights and the shuffles; drawn from the operating system by default, see attribute ``seed``.
    dtype : {"float32", "float64"}, default "float32"
    scale, offset : number or array-like (inputs,), default 1 and 0
        The first layer's input is ``h_0 = scale (x - offset)``, computed while x is read: ``scale=1 / 255`` for pixels
        of uint8, ``1 / x.std(axis=0)`` and ``x.mean(axis=0)`` to standardise. Part of the network, also in ``predict``.
        The offset is subtracted in float64 where x holds numbers that float32 rounds, such as time stamps in float64 or
        int64; rows of float32 are scaled in float32. Both are kept in float64.
    activation : str, or a sequence of one for each hidden layer, default "relu"
        The F of hidden layers that are given as numbers, by a name that ``Dense`` knows.
    classes : sequence of labels, optional
        The name of each class in the order of the outputs, of two classes where one sigmoid tells them apart: text,
        numbers or other labels that y is made of. Otherwise the first y of text that is fitted names them, sorted;
        whole numbers need no names.

    Attributes
    ----------
    sizes, loss, seed, dtype : as given
    scale, offset : array () or (inputs,) of float64
    layers : tuple of Layer
        ``net.layers[i].W`` (k, m), ``.B`` (m,), where it is normalised ``.gamma``, ``.mean``, ``.variance``, and
        ``.trainable``, to get and to set; all else is fixed once the network is made.
    epochs_trained : int
        Over all fits; the shuffle of an epoch belongs to its number.
    classes : tuple, or None
        The names of the classes, as given or as learnt.
    feature_names : tuple, or None
        The columns of the first table that was fitted, by names of any type. From then on a table with other columns,
        or in another order, is refused; arrays, which have no names, are taken as they are. So is a frame whose
        columns are but numbered from 0 on, as pandas numbers those of an array, unless these names have numbers, too.
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

    __slots__ = ("__weakref__",)

    def __init__(
        self,
        sizes: Sequence[int | Dense],
        *,
        loss: LossName | Loss | LossFunction | None = None,
        seed: int | None = None,
        dtype: DTypeLike = "float32",
        scale: ArrayLike = 1,
        offset: ArrayLike = 0,
        activation: Activation | Sequence[Activation] = "relu",
        classes: Sequence[Hashable] | None = None,
    ) -> None:
        named = class_names.given(classes)
        architecture = Architecture.of(sizes, loss, seed, dtype, scale, offset, activation, named)
        refuse_constants(architecture.sizes, architecture.specs)
        self._begin(architecture)

    def _begin(self, architecture: Architecture, parameters: Sequence[Sequence[ArrayLike]] | None = None) -> None:
        self._model = architecture.model(parameters)
        self._architecture = architecture
        self._feature_names = None
        self._stepper, self._steps = None, 0
        self._history = History()
        self._best = Best(None, self._history)
        self._layers = tuple(Layer(self._model, i, architecture) for i in range(len(architecture.specs)))

    @suggesting
    def adapt(self, x: ArrayLike | Iterable[Any]) -> None:
        """Take offset and scale from x, so that every column has mean 0 and standard deviation 1 for the first layer.

        ``offset`` becomes the mean of each column, ``scale`` one over its standard deviation, computed in float64; of a
        constant column 1. Sparse rows keep the offset 0, as they would not be sparse any more.

        Parameters
        ----------
        x : as for fit, or an iterable of batches of it, also (x, y) or (x, y, sample_weight)
            The network stores the column names of a table.

        Raises
        ------
        TypeError, ValueError : x is not as for fit, or has no rows; the network is trained already.
        RuntimeError : the network is being fitted.
        """
        if self._has_learnt:
            raise ValueError(
                "the network is trained already, for the offset and scale that it has: expected a new one, to adapt "
                "before its first fit"
            )
        architecture = self._architecture
        columns = Columns(architecture.sizes[0], self._feature_names)
        columns.add(x)
        if not columns.count:
            raise ValueError("x has no rows: expected at least one")
        offset, scale = (
            arrays.per_feature(values, architecture.sizes[0], architecture.dtype, name)
            for values, name in zip(columns.offset_and_scale(architecture.dtype), ("offset", "scale"), strict=True)
        )
        adapted = replace(architecture, offset=offset, scale=scale)
        self._model.set_input(*adapted.input())
        self._architecture = adapted
        self._feature_names = columns.names

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, in order."""
        return self._layers

    @answering
    def predict(
        self,
        x: ArrayLike | Iterable[ArrayLike],
        *,
        output: Literal["logits"] | None = None,
        dropout: bool = False,
        seed: int | None = None,
        **unknown: Never,
    ) -> NDArray[Any]:
        """The network's output ``h_out`` of the last layer: probabilities, or the values of a regression.

        Parameters
        ----------
        x : array-like, tensor, table or sparse array (n, inputs) of real numbers
            NaN and infinity propagate; so does what the network's dtype cannot hold. Or an iterator or other iterable
            of such batches, or of pairs (x, y), that is no array, list, tuple or table: the outputs of all of them.
        output : "logits", optional
            Return ``h_in`` of the last layer instead, what its activation is applied to: the logits of softmax and of
            sigmoid, the logarithm of the rate of exp; for an identity they are the values themselves, of several
            quantiles unsorted.
        dropout : bool, default False
            Drop outputs of the hidden layers as a training step does, each row with a mask of its own: the spread of
            several such predictions is a measure of uncertainty (Gal and Ghahramani 2016).
        seed : int in [0, 2**64), optional
            Of the masks of dropout, which then depend on the seed and the number of the row only; by default every call
            draws new ones. Not for batches, whose rows have no numbers.

        Returns
        -------
        array (n, outputs) of the network's dtype
            A row does not depend on the others.

        Raises
        ------
        TypeError, ValueError : an argument is not as above; no layer of the network has dropout.
        """
        if unknown:
            raise unknown_argument(Network.predict, next(iter(unknown)))
        try:
            architecture = self._architecture  # as _rows does, one call less
            rows = check_x(x, architecture.sizes[0], architecture.dtype, finite=False, known=self._feature_names)  # type: ignore[arg-type]
        except BatchesGivenError:
            return self._predict_batches(x, output, dropout, seed)
        if output is None and dropout is False and seed is None:
            return self._model.predict(rows)
        return self._predict_otherwise(rows, output, dropout, seed)

    def _rows(self, x: Any, name: str = "x") -> Any:
        """Rows to predict; BatchesGivenError where x is batches of them."""
        architecture = self._architecture
        return check_x(x, architecture.sizes[0], architecture.dtype, finite=False, known=self._feature_names, name=name)

    def _predict_batches(
        self, batches: Any, output: Literal["logits"] | None, dropout: bool, seed: int | None
    ) -> NDArray[Any]:
        if seed is not None:
            raise ValueError(f"seed is {seed!r}, and x is batches, whose rows have no numbers: expected none")
        plain = output is None and dropout is False
        return np.concatenate(
            [
                self._model.predict(rows) if plain else self._predict_otherwise(rows, output, dropout, None)
                for rows, _ in self._rows_of(batches)
            ]
        )

    def _rows_of(self, batches: Any) -> Iterator[tuple[Any, str]]:
        """The rows of each batch, and what messages call them."""
        name = None
        for i, batch in enumerate(batches):
            name = f"x of batch {i}"
            yield self._rows(inputs_of(batch), name), name
        if name is None:
            raise ValueError("x has no batches: a generator can be gone through only once")

    def _predict_otherwise(self, rows: Any, output: object, dropout: object, seed: int | None) -> NDArray[Any]:
        if output is not None and not (isinstance(output, str) and output == "logits"):
            raise ValueError(f"output is {output!r}: expected 'logits' or None")
        if not flag(dropout, "dropout"):
            if seed is not None:
                raise ValueError(f"seed is {seed!r}, but nothing is drawn: expected dropout=True with it")
            return self._model.predict_otherwise(rows, output is not None)
        if not any(kind.dropout for kind in self._architecture.specs):
            raise ValueError(
                "dropout is True, but no layer has any: expected a network with fcnet.Dense(..., dropout=)"
            )
        return self._model.predict_otherwise(rows, output is not None, checked_seed(seed))

    @suggesting
    def predict_classes(self, x: ArrayLike | Iterable[ArrayLike]) -> NDArray[Any]:
        """The class of each row: that of the largest probability, of a single one the second class above 1/2.

        Parameters
        ----------
        x : as for predict

        Returns
        -------
        array (n,)
            Of ``classes``, or of their numbers where they have no names.

        Raises
        ------
        TypeError : x is not as for predict.
        ValueError : x is not as for predict; the network does not tell classes apart; an output is NaN.
        """
        architecture = self._architecture
        count = class_names.number(architecture.loss, self.sizes[-1])
        if count is None or (self.sizes[-1] == 1 and architecture.specs[-1].activation not in ("sigmoid", "softmax")):
            raise ValueError(f"loss is {self.loss!r}, and the {self.sizes[-1]} outputs are no classes: see predict")
        predict = self._model.as_now().predict
        parts: Iterable[tuple[Any, str]]
        try:
            parts = [(self._rows(x), "x")]
        except BatchesGivenError:
            parts = self._rows_of(x)
        found = np.concatenate([class_names.most_likely(predict, *part, self.sizes[-1]) for part in parts])
        return found if architecture.classes is None else class_names.array_of(architecture.classes)[found]

    @suggesting
    def activations(self, x: ArrayLike) -> list[NDArray[Any]]:
        """``h_out`` of every layer; the last one's is what ``predict`` returns, but that it sorts several quantiles.

        Parameters
        ----------
        x : as for predict, but no batches

        Returns
        -------
        [array (n, m), ...] of the network's dtype

        Raises
        ------
        TypeError, ValueError : x is not as for predict.
        """
        return self._model.activations(self._rows(x))

    @suggesting
    def evaluate(
        self,
        x: ArrayLike | Iterable[tuple[ArrayLike, ...]],
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        metrics: Metrics | None = None,
    ) -> dict[str, float]:
        """Mean loss, for classification accuracy, and metrics.

        Parameters
        ----------
        x, y, sample_weight : as for fit, but x may also be NaN or infinite
            Without y: an iterable of batches ``(x, y)`` or ``(x, y, sample_weight)``, for data larger than memory.
        metrics : as for fit, optional
            Computed too; they take a second pass over x, and keep all outputs and y of batches.

        Returns
        -------
        ``{"loss": ..., "accuracy": ..., "f1": ...}``
            The loss is the network's. Accuracy, not weighted, is the share of rows whose largest output is the label's,
            or for binary cross-entropy whose outputs are all on the right side of 1/2; without it for other losses.
            Both NaN for no rows. A row with NaN in it makes the loss NaN, and counts as wrong.

        Raises
        ------
        TypeError, ValueError : an argument is not as for fit.
        """
        architecture = self._architecture
        metric_set = MetricSet(metrics, architecture)
        if y is None:
            if hasattr(x, "shape") or not (isinstance(x, Iterable) or is_batches(x)):
                raise TypeError(Y_IS_MISSING)
            if sample_weight is not None:
                raise ValueError("sample_weight is for x and y: expected it in the batches, (x, y, sample_weight)")
            learn = not self._has_learnt
            batches = CheckedBatches(architecture, x, self._feature_names, finite=False, learn=learn)
            figures = evaluate(self._model, architecture, batches, metric_set)
            if not batches.weigh:
                raise ValueError("sample_weight has nothing but 0 in every batch: expected some weight")
            return figures
        dataset = self._dataset(cast(ArrayLike, x), y, sample_weight, finite=False).weighing("sample_weight")
        return evaluate(self._model, architecture, dataset, metric_set)

    @suggesting
    def gradients(
        self, x: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> list[tuple[NDArray[Any], ...]]:
        """``dL/dW_i = h_{i-1}^T sigma_i`` and ``dL/dB_i = sum sigma_i`` of the mean loss over all rows of x.

        Nothing is dropped out; also of layers that are frozen. Batch normalisation takes the statistics of x, as in a
        training step; also in a frozen layer, which a step normalises as in a prediction.

        Parameters
        ----------
        x, y, sample_weight : as for fit

        Returns
        -------
        [(dW (k, m), dB (m,)), ...] of every layer
            dB is 0 where a layer has no bias. A normalised layer has three, (dW, dB, dgamma).

        Raises
        ------
        TypeError, ValueError : x or y is not as for fit, or has no rows.
        """
        architecture = self._architecture
        dataset = self._dataset(x, y, sample_weight, finite=False).weighing("sample_weight")
        return [tuple(parts[:3]) for parts in self._model.gradients(*dataset.of_loss(architecture))[1]]

    @suggesting
    def find_learning_rate(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        lowest: float = 1e-6,
        highest: float = 10,
        steps: int = 100,
        batch_size: int = 32,
        optimizer: Optimizer | OptimizerName = SGD(0.1),
    ) -> LearningRates:
        """Train a copy for some steps whose learning rate rises, and look at the loss; the network stays as it is.

        Parameters
        ----------
        x, y, batch_size : as for fit
        lowest, highest : float, 0 < lowest < highest
            The rates of the first and of the last step; the test ends before where the loss explodes.
        steps : int >= 2
        optimizer : as for fit
            Whose learning rate is looked for; the one it has does not matter.

        Returns
        -------
        LearningRates
            With ``rates``, ``losses``, ``suggestion`` and ``plot()``. A RuntimeWarning says where the loss hardly falls
            at any rate, as that of a network that is trained already.

        Raises
        ------
        TypeError, ValueError : an argument is not as above.
        DivergenceError : not even the loss before the second step is finite.

        Examples
        --------
        >>> import fcnet as fc
        >>> digits = fc.datasets.load_digits()
        >>> net = fc.Network([64, 32, 10], seed=0)
        >>> found = net.find_learning_rate(digits.x_train / 16, digits.y_train)
        >>> 0.01 < found.suggestion < 10
        True
        """
        optimizer = optimizer_of(optimizer)
        span = ExponentialRamp(lowest, highest, whole_number(steps, "steps", 2, MOST_EPOCHS - self.epochs_trained))
        batch_size = whole_number(batch_size, "batch_size", 1)
        x, y = tables.in_memory(x, "x"), tables.in_memory(y, "y")
        train = self._dataset(x, y, None, finite=True).not_empty("x")
        return lr_range_test(self, x, y, len(train.x), span, batch_size, optimizer)

    @suggesting
    def save(self, path: str | os.PathLike[str], *, optimizer_state: bool = True) -> None:
        """Write the network to a file in the safetensors format, which ``fcnet.load`` reads.

        The file is put in its place in one step, once it is on the disk: a killed process leaves the old one or the new
        one. While another thread fits the network, the file has the weights of its last epoch (of batches given one by
        one, of its last step) and may lack its optimiser state and the weights that an average is formed of: save
        from a callback like ``fcnet.Checkpoint`` to go on.

        Parameters
        ----------
        path : path
            By custom ``*.safetensors``; a file that is there is replaced.
        optimizer_state : bool, default True
            Without it the file is for prediction alone, and up to a third as large: a fit begins with a fresh optimizer
            state. Of ``averaging`` it has the average alone, without the weights that go on training; the best
            weights of early stopping are left out too.

        A loss that is a function is not in the file, but what it is called: see ``fcnet.load``.

        Raises
        ------
        TypeError : path is not a path, optimizer_state is no bool; a column has a name that only a pickle can hold,
            such as a member of an enum.
        ValueError : the network has more layers than a file can list, some thousand.
        OSError : the file cannot be written; one that was there is as before, unless the message is about its folder.
        """
        state = self.__getstate__()
        if not flag(optimizer_state, "optimizer_state"):
            best = state["best"]
            state |= {
                "optimizer_state": None,
                "average_state": None,
                "best": best if best and best[1] is None else None,
            }
        network_file.save(state, path)

    def __getstate__(self) -> dict[str, Any]:
        """Everything that the network is, in plain values and arrays, for ``pickle`` and ``copy``."""
        kept = self._best.kept  # while another thread fits, it is of no epoch that the history has not seen,
        history = self.history.plain()  # and that of none that the weights have not
        weights = kept and kept[1]
        parameters, optimizer_state, average_state, epochs_trained, best = self._model.state(weights)
        return {
            **self._architecture.arguments(),
            "trainable": [layer.trainable for layer in self.layers],
            "epochs_trained": epochs_trained,
            "steps": self._steps,
            "history": history,
            "feature_names": self._feature_names,
            "parameters": parameters,
            "optimizer_state": optimizer_state,
            "average_state": average_state,
            "best": kept and (kept[0], best),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin from such a state; ValueError or TypeError where it is not one."""
        states = ("optimizer_state", "average_state", "best")
        others = ("parameters", "history", "epochs_trained", "steps", "feature_names", "trainable", *states)
        newer = {"best": None, "classes": None, "steps": 0}  # which older pickles lack
        state = newer | state if isinstance(state, dict) else {}
        if set(state) != {*ARGUMENTS, *others}:
            raise ValueError(f"the state of a network is damaged: expected {', '.join(sorted((*ARGUMENTS, *others)))}")
        s = dict(state)
        parameters, history, epochs_trained, steps, names, trainable, optimizer_state, average_state, best = map(
            s.pop, others
        )
        architecture = Architecture.restored(**s)
        if not isinstance(trainable, list) or len(trainable) != len(architecture.specs):
            raise ValueError(
                f"trainable is {trainable!r}: expected a flag for each of {len(architecture.specs)} layers"
            )
        self._begin(architecture, parameters)
        for layer, of_layer in zip(self.layers, trainable, strict=True):
            layer.trainable = of_layer
        if optimizer_state is not None:
            self._model.set_optimizer_state(*optimizer_state)
        if average_state is not None:
            kind, count, beneath = average_state
            self._model.set_average_state(kind, count, architecture.parts(beneath))
        self._feature_names = feature_names.checked(names, architecture.sizes[0])
        if best is not None:
            epoch, weights = best
            weights = self._model.snapshot(weights and architecture.parts(weights))
            self._best.kept = whole_number(epoch, "best", 0, MOST_EPOCHS), weights
        self._history = History(**history)
        self._steps = whole_number(steps, "steps", 0, 2**63 - 1)
        self._model.epochs = whole_number(epochs_trained, "epochs_trained", 0, MOST_EPOCHS)
