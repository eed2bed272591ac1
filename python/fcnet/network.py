"""Networks: what a user holds. Each method checks and delegates."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Never

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet import derivatives
from fcnet._checks import console
from fcnet._checks.keywords import answering, suggesting, unknown_argument
from fcnet._checks.numbers import flag, whole_number
from fcnet._checks.public import public
from fcnet._inputs import class_names, tables
from fcnet._inputs.feature_names import restored
from fcnet._model.activation import Parametric
from fcnet._model.architecture import Architecture
from fcnet._model.columns import Columns
from fcnet._model.dense import Dense
from fcnet._model.layer_spec import refuse_constants
from fcnet._model.members import Adapters, Members
from fcnet._model.scale import Scale
from fcnet._model.summary import Summary, arguments, summary
from fcnet._saving import network_file
from fcnet._training import parameters
from fcnet._training.averaging import EMA, Averaging
from fcnet._training.callbacks import Callback, Callbacks, Logs
from fcnet._training.dataset import MOST_EPOCHS, ClassWeight
from fcnet._training.early_stopping import EarlyStopping
from fcnet._training.evaluation import Metrics, evaluate_given
from fcnet._training.fit import fit
from fcnet._training.fit_arguments import FitOptions, data_to_fit
from fcnet._training.history import History
from fcnet._training.learning_rate_search import ExponentialRamp, LearningRates, lr_range_test
from fcnet._training.prediction import predict, predict_classes, rows_of
from fcnet._training.progress import ProgressMode
from fcnet._training.single_steps import apply_gradients, train_on_batch
from fcnet._training.train_state import TrainState
from fcnet.activations import Activation, ActivationName
from fcnet.columns import EmbeddedColumns
from fcnet.derivatives import LaplacianPullback, Pullback
from fcnet.gradients import Gradients
from fcnet.layers import Layer
from fcnet.losses import Custom, Loss, LossFunction, LossName, loss_of
from fcnet.optimizers import SGD, Optimizer, OptimizerName, optimizer_of
from fcnet.schedules import Schedule

if TYPE_CHECKING:
    from fcnet.explanation import Diagnosis, Explanation, GradientCheck

_OF_ESTIMATORS = {"predict_proba": "predict", "score": "evaluate"}  # methods of scikit-learn's, by those here


@public
@suggesting
class Network:
    """A fully connected neural network (multilayer perceptron) for classification or regression.

    The loss determines the output activation: softmax for cross-entropy, sigmoid for binary cross-entropy, exp for
    Poisson, otherwise the identity.

    Initial weights are drawn from a normal distribution with variance ``2 / inputs of the layer`` (He et al. 2015), or
    ``1 / inputs`` where a hidden layer has tanh, sigmoid, selu or identity (LeCun et al. 1998). Biases start at 0.

    Parameters
    ----------
    sizes : sequence of int, Dense, Scale or Columns
        Number of inputs, of neurons in each hidden layer, and of outputs: at least two entries, each at least 1. Use a
        ``Dense`` in place of a number to set the options of a layer, and a ``Scale`` before a layer to give each of its
        inputs a trainable factor. A ``Columns`` in place of the number of inputs embeds numbers and categories.
    loss : str, of fcnet.losses, or callable, optional
        A name: "cross_entropy" (multi-class classification, softmax), "binary_cross_entropy" (binary or multi-label
        classification, sigmoid), "mse", "rmse", "mae", "huber", "poisson" (exp or softplus) or "quantile". An object of
        ``fcnet.losses`` sets options, like ``fcnet.losses.Huber(2)``. A custom loss is a function ``loss(output,
        target) -> (value, d value / d output)`` of a whole batch, arrays (n, outputs); value is the mean over the
        batch, and a fit with sample weights passes them as a third argument. The default is "cross_entropy", unless the
        activation of the last ``Dense`` is sigmoid, exp or identity.
    seed : int in [0, 2**64), optional
        Seed of the initial weights, shuffling and dropout. By default the operating system provides a random one, which
        the attribute ``seed`` shows.
    dtype : {"float32", "float64"}, default "float32"
    scale, offset : number or array-like (inputs,), default 1 and 0
        Input scaling: the first layer's input is ``h_0 = scale (x - offset)``, computed while x is read. Use ``scale=1
        / 255`` for pixels of uint8, ``1 / x.std(axis=0)`` and ``x.mean(axis=0)`` to standardise, or ``adapt``. The
        scaling is part of the network and applies in ``predict`` too. The offset is subtracted in float64 where x holds
        numbers that float32 rounds, such as time stamps in float64 or int64; rows of float32 are scaled in float32.
        Both are stored in float64. Codes of categories (``Columns``) have scale 1 and offset 0.
    activation : str, fcnet.activations or Parametric, or a sequence of one for each hidden layer, default "relu"
        Activation of the hidden layers that are given as numbers; ``Dense`` lists the names.
    classes : sequence of labels, optional
        The class labels that y contains (text, numbers or other), in the order of the outputs; two labels where a
        single sigmoid output decides between two classes. By default the first fit takes them from text labels in y,
        sorted; labels ``0, 1, 2, ...`` need no names.
    members : 1, 2, 4, 8, 16 or 32, optional
        Train that many networks at once which share the weights W of their hidden layers (TabM, Gorishniy et al. 2025),
        and predict the mean of their outputs. The loss is the mean of their losses. Each has a last layer of its own.
        Initial W and B are uniform within ``+-1 / sqrt(inputs of the layer)``. Members do not go together with
        ``Columns``, ``Scale``, normalization, rmse and custom losses.
    adapters : {"first", "all"}, default "first"
        What else each member has of its own: ``R`` (1 or -1 at first), by which it multiplies the inputs of the first
        layer (TabM-mini), or in all hidden layers ``R``, ``S`` and ``B`` of ``F(((h o R) W) o S + B)`` (TabM).

    Attributes
    ----------
    sizes, loss, seed, dtype : as given
    scale, offset : array () or (inputs,) of float64
    members, adapters : as given
    columns : EmbeddedColumns, or None
        With ``Columns``, their arrays, which can be read and assigned: ``net.columns.tables``.
    layers : tuple of Layer
        ``net.layers[i].W`` (k, m), ``.B`` (m,), in a normalised layer ``.gamma``, ``.mean``, ``.variance``, with
        ``Parametric`` ``.mix``, after a ``Scale`` ``.scale``, and ``.trainable`` can be read and assigned. All else is
        fixed when the network is created.
    epochs_trained : int
        Number of epochs trained, over all fits. The shuffling of an epoch depends on its number.
    classes : tuple, or None
        The class labels, as given or as found in the first y.
    feature_names : tuple, or None
        The column names of the first table that the network was fitted on. From then on a table with other columns, or
        with the columns in another order, is refused. Arrays have no column names and are accepted as they are; so is a
        DataFrame whose columns are only numbered from 0, as pandas numbers those of an array, unless the stored names
        contain numbers too.
    history : History
        The history of the last fit, also of one that was interrupted.

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

    __slots__ = ("__weakref__", "_state")
    _state: TrainState

    def __init__(
        self,
        sizes: Sequence[int | Dense | Scale | Columns],
        *,
        loss: LossName | Loss | LossFunction | None = None,
        seed: int | None = None,
        dtype: DTypeLike = "float32",
        scale: ArrayLike = 1,
        offset: ArrayLike = 0,
        activation: (
            ActivationName | Activation | Parametric | Sequence[ActivationName | Activation | Parametric]
        ) = "relu",
        classes: Sequence[Hashable] | None = None,
        members: int | None = None,
        adapters: Adapters | None = None,
    ) -> None:
        labels, ensemble = class_names.given(classes), Members.of(members, adapters)
        architecture = Architecture.of(sizes, loss, seed, dtype, scale, offset, activation, labels, ensemble)
        refuse_constants(architecture.sizes, architecture.specs)
        self._begin(TrainState(architecture), scale, offset)

    @classmethod
    def _of(cls, state: TrainState) -> Network:
        """Return a network with this state; with parameters that are there, none are drawn."""
        net = cls.__new__(cls)
        net._state = state
        return net

    def _begin(self, state: TrainState, scale: ArrayLike, offset: ArrayLike) -> None:
        """Hold a state, with the names of columns that scale and offset have."""
        self._state = state
        names = {label for label in map(tables.index_names, (offset, scale)) if label is not None}
        if len(names) > 1:
            raise ValueError("offset and scale have different labels: expected those of the same columns, in one order")
        self._state.feature_names = next(iter(names), None)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, neurons of each hidden layer, outputs."""
        architecture = self._state.architecture
        return (architecture.inputs, *architecture.sizes[1:])

    @property
    def loss(self) -> str | Loss | LossFunction:
        """The loss that a fit minimises: its name, or the object or function where it has options."""
        return self._state.architecture.given_loss

    @property
    def seed(self) -> int:
        """Seed of the initial weights, shuffling and dropout."""
        return self._state.architecture.seed

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the weights and of all computations."""
        return self._state.architecture.dtype

    @property
    def scale(self) -> NDArray[Any]:
        """Factor of the inputs: a read-only array () or (inputs,)."""
        return self._state.architecture.scale

    @property
    def offset(self) -> NDArray[Any]:
        """Offset that is subtracted from the inputs: a read-only array () or (inputs,)."""
        return self._state.architecture.offset

    @property
    def classes(self) -> tuple[Hashable, ...] | None:
        """The class labels in the order of the outputs; None where they have no names."""
        classes = self._state.architecture.classes
        return None if classes is None else class_names.restored(classes)

    @property
    def feature_names(self) -> tuple[Hashable, ...] | None:
        """The column names of the first table that the network was fitted on, or None."""
        names = self._state.feature_names
        return None if names is None else tuple(map(restored, names))

    @property
    def columns(self) -> EmbeddedColumns | None:
        """The columns of x that are embedded; None without ``Columns``."""
        return self._state.columns

    @property
    def members(self) -> int | None:
        """The number of members that share the hidden layers, or None."""
        members = self._state.architecture.members
        return None if members is None else members.count

    @property
    def adapters(self) -> Adapters | None:
        """Where members have arrays of their own beside the last layer: "first" or "all" hidden layers."""
        members = self._state.architecture.members
        return None if members is None else members.adapters

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, in order."""
        return self._state.layers

    @property
    def epochs_trained(self) -> int:
        """Number of epochs trained, over all fits."""
        return self._state.model.epochs

    @property
    def history(self) -> History:
        """The history of the last fit."""
        return self._state.history

    def summary(self) -> Summary:
        """Return a table of the layers: shapes of W and of the output for n samples, and the number of parameters.

        The last rows count the parameters that are trainable and frozen, the running statistics of batch normalisation,
        which are not parameters, and the bytes of all of them.

        Returns
        -------
        str
            A notebook or a prompt shows it as a table too, without ``print``.
        """
        return summary(self._state.architecture, self._state.trainable)

    if not TYPE_CHECKING:  # to type checkers, an unknown attribute stays one

        def __getattr__(self, name: str) -> Any:
            """Raise AttributeError; for a method of scikit-learn's estimators it names the one here."""
            if name in _OF_ESTIMATORS:
                message = f"{type(self).__name__!r} object has no attribute {name!r}: use {_OF_ESTIMATORS[name]}"
                raise AttributeError(message, name=name, obj=self)
            return super().__getattribute__(name)  # raises the error once more, also one from inside a property

    def __repr__(self) -> str:
        return f"{type(self).__name__}({arguments(self._state.architecture)})"

    @suggesting
    def adapt(self, x: ArrayLike | Iterable[Any]) -> None:
        """Standardise the inputs: set offset and scale so that every column of x gets mean 0 and standard deviation 1.

        ``offset`` becomes the mean of each column and ``scale`` one over its standard deviation, computed in float64;
        the scale of a constant column is 1. Sparse rows keep the offset 0, because they would not stay sparse. Codes of
        categories (``Columns``) stay as they are.

        Parameters
        ----------
        x : as for fit, or an iterable of batches x, (x, y) or (x, y, sample_weight)
            The network stores the column names of a table.

        Raises
        ------
        TypeError, ValueError : x is not as for fit or has no rows, or the network is trained already.
        RuntimeError : the network is being fitted.
        """
        self._state.adapt(x)

    @suggesting
    def fit(
        self,
        x: ArrayLike | Iterable[tuple[ArrayLike, ...]],
        y: ArrayLike | None = None,
        *,
        epochs: int = 10,
        initial_epoch: int = 0,
        batch_size: int = 32,
        optimizer: Optimizer | OptimizerName = SGD(0.1),
        shuffle: bool = True,
        drop_last: bool = False,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        steps_per_epoch: int | None = None,
        validation_data: tuple[ArrayLike, ...] | Iterable[tuple[ArrayLike, ...]] | None = None,
        validation_split: float = 0,
        metrics: Metrics | None = None,
        schedule: Schedule | None = None,
        decay_schedule: Schedule | None = None,
        dropout_schedule: Schedule | None = None,
        smoothing_schedule: Schedule | None = None,
        early_stopping: EarlyStopping | None = None,
        averaging: Averaging | None = None,
        callbacks: Sequence[Callback | Callable[[int, Logs], object]] | None = None,
        progress: ProgressMode = None,
    ) -> History:
        """Train the network by mini-batch gradient descent: forward pass, backpropagation and weight update.

        A second fit continues the first as one longer fit would, bit for bit; an optimizer of another kind starts with
        a fresh optimizer state. Ctrl-C raises KeyboardInterrupt within a tenth of a second and leaves the weights of
        the last completed step.

        Parameters
        ----------
        x : array-like, tensor, table or sparse array (n, inputs) of finite real numbers
            Floats and integers of up to 64 bits, in any memory order, are not copied but converted batch by batch; this
            includes a ``np.memmap``, a pandas DataFrame of one type and SciPy's CSR. Other types are converted first.
            Without y, x is an iterable of batches ``(x, y)`` or ``(x, y, sample_weight)``. Each batch may have any size
            and makes one step, and every epoch iterates over x again: use a list or a data loader, or, for one epoch or
            with ``steps_per_epoch``, a generator.
        y : array-like, column or table
            For cross-entropy: class labels (n,), one-hot rows or probabilities (n, outputs). For other losses: targets
            (n, outputs), or (n,) for one output. For a custom loss: n rows of anything that an array can hold.
        epochs : int >= 0
        initial_epoch : int in [0, epochs], default 0
            Number of epochs that an interrupted fit has already completed, without those of earlier fits; schedules and
            early stopping continue from there. After ``fcnet.load`` of a checkpoint it is ``len(net.history)``.
        batch_size : int >= 1
            Samples per step; the last batch of an epoch may be smaller. An iterable of batches keeps its own sizes.
            Batch normalisation needs more than one sample per step; a last batch of one sample gives a warning.
        optimizer : SGD, Adam, AdamW, NAdam, RMSprop, Adagrad or Lion, or str
            A name, such as "adam", means the optimizer with its default options. The default holds for a second fit
            too, whatever the optimizer of the first was.
        shuffle : bool
            Shuffle the samples before every epoch. The order depends on ``seed`` and the epoch only; batches passed as
            an iterable keep their order.
        drop_last : bool
            Drop the last batch of every epoch if it has fewer than batch_size samples. With gradient accumulation, full
            batches are kept even where the last step has fewer of them.
        sample_weight : array-like (n,) of numbers >= 0, optional
            Weight of each sample in the loss and its gradient, which become weighted means.
        class_weight : {class: weight}, array-like (classes,) or "balanced", optional
            Weight of each class, multiplied by sample_weight. A class that is not in the dict has weight 1; a Series is
            looked up by its index; where y holds probabilities, each class weighs its share. "balanced" means ``n /
            (number of classes * samples of the class)``; it is not available for an iterable of batches.
        steps_per_epoch : int >= 1, optional
            Number of batches per epoch, for an iterable of batches. The next epoch continues where the last one ended,
            so that a generator may be infinite. An iterable that can be iterated again starts over at its end; a
            generator that ends early ends the fit with a RuntimeWarning.
        validation_data : (x, y) or (x, y, sample_weight), or an iterable of such batches, optional
            Validation data, evaluated after every epoch; class_weight does not apply to it. An iterable of batches may
            be larger than memory; for several epochs it must be possible to iterate over it again, as over a list.
            ``metrics`` keep all outputs and y of these batches in memory. A custom loss is averaged over the batches by
            their total weights.
        validation_split : float in [0, 1), default 0
            Fraction of the samples to hold out for validation, in place of validation_data. The split is random by
            ``seed`` and stratified by class; no data are copied.
        metrics : sequence of str or callable, or {name: callable}, optional
            Metrics to compute on the validation data after every epoch; the history shows "f1" as ``history.val_f1``.
            Names for classification: "top_k_accuracy", "log_loss", "roc_auc", "f1", "precision", "recall", the last
            three also averaged, such as "f1_macro", "f1_micro", "f1_weighted". Names for regression: "mse", "rmse",
            "mae", "r2". See ``fcnet.metrics``. Named metrics use the sample weights and are averaged over the labels of
            multi-label targets. Functions take ``(y_true, output)``: y_true are labels (n,), as class indices where
            classes have names, or targets (n, outputs), and output is what ``predict`` returns. Every metric is called
            once before the first step.
        schedule : of fcnet.schedules, optional
            Learning-rate schedule: factors on the optimizer's learning rate, for every step of this fit.
        decay_schedule, dropout_schedule, smoothing_schedule : of fcnet.schedules, optional
            Factors on the optimizer's weight decay (not on its L2 penalty), on the dropout rates of all layers, and on
            the label smoothing of the loss, for every step of this fit. Validation and ``evaluate`` use the label
            smoothing of the loss itself.
        early_stopping : EarlyStopping, optional
            When to stop before the last epoch, and whether to restore the best weights.
        averaging : EMA or SWA, optional
            Weight averaging: whatever reads the weights or predicts, during the fit and after it, sees their average
            instead of the last ones.
        callbacks : sequence of Callback or callable, optional
            Callbacks in the order in which they are called. A function is called as ``(epoch, logs)`` after every
            epoch; see ``fcnet.Callback`` for other events. Raising ``fcnet.StopTraining`` in a callback ends the fit.
        progress : bool or "lines", optional
            True shows a progress bar on standard error with the loss, the metrics, samples per second and the time
            left. This is the default where tqdm is installed and standard error is a terminal, and in a notebook.
            "lines" prints a line to standard output after every epoch, also where there is no terminal, as Keras'
            ``verbose=2``.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError : an argument is not as above. The network is unchanged; where a batch of an iterable is
            invalid, it keeps the weights of the last completed step.
        DivergenceError : the loss became infinite or NaN; the network keeps its last finite weights.
        RuntimeError : another thread is fitting the network.
        Exception : what a callback or a metric raises, with a note that names the metric; the network keeps the weights
            of the last completed step.
        """
        options = FitOptions.of(
            self._state,
            epochs,
            optimizer,
            initial_epoch=initial_epoch,
            schedule=schedule,
            decay_schedule=decay_schedule,
            dropout_schedule=dropout_schedule,
            smoothing_schedule=smoothing_schedule,
            early_stopping=early_stopping,
            averaging=averaging,
            metrics=metrics,
            progress=progress,
        )
        callback_list = Callbacks(callbacks, self)
        data = data_to_fit(
            self._state,
            options,
            x,
            y,
            batch_size=batch_size,
            shuffle=shuffle,
            drop_last=drop_last,
            sample_weight=sample_weight,
            class_weight=class_weight,
            steps_per_epoch=steps_per_epoch,
            validation_data=validation_data,
            validation_split=validation_split,
        )
        return fit(self._state, data, options, callback_list)

    @suggesting
    def train_on_batch(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        outputs: ArrayLike | None = None,
        optimizer: Optimizer | OptimizerName = SGD(0.1),
        learning_rate: float | None = None,
        averaging: EMA | None = None,
    ) -> dict[str, float]:
        """Train on one batch for a single step, for custom training loops.

        The optimizer state and a weight average carry over between calls and fits, as long as the optimizer is of the
        same kind. Neither ``epochs_trained`` nor ``history`` counts the step.

        Parameters
        ----------
        x, y, sample_weight : as for fit
        outputs : array-like (n,) of whole numbers in [0, number of outputs), optional
            The one output of each row that is trained, as for the actions of reinforcement learning; y is then (n,).
            The loss is that of this output alone, its mean over the rows; the other outputs have no gradient. For mse,
            rmse, mae, huber, poisson, binary_cross_entropy and a single quantile.
        optimizer : as for fit
        learning_rate : float, optional
            Learning rate of this step in place of the optimizer's: finite and at least 0.
        averaging : EMA, optional
            As for fit; SWA is not possible, because it averages over epochs.

        Returns
        -------
        ``{"loss": ..., "accuracy": ...}``
            Loss and, for classification, accuracy of the batch, measured just before the step.

        Raises
        ------
        TypeError, ValueError : an argument is not as above; the network is unchanged.
        DivergenceError : the loss or a weight became infinite or NaN. The weights are unchanged; the optimizer state
            and a weight average are reset.
        RuntimeError : the network is being fitted, by another thread or by the fit that called a callback.

        Examples
        --------
        >>> import fcnet as fc
        >>> net = fc.Network([2, 2], seed=0)
        >>> losses = [net.train_on_batch([[1, 0], [0, 1]], [0, 1], optimizer=fc.Adam(0.1))["loss"] for _ in range(9)]
        >>> losses[-1] < losses[0]
        True
        """
        return train_on_batch(self._state, x, y, sample_weight, outputs, optimizer, learning_rate, averaging)

    @suggesting
    def apply_gradients(
        self,
        gradients: Gradients | Sequence[Sequence[ArrayLike]] | ArrayLike,
        *,
        optimizer: Optimizer | OptimizerName = SGD(0.1),
        learning_rate: float | None = None,
        averaging: EMA | None = None,
    ) -> None:
        """Make one step with gradients that are given, for losses outside ``fit``.

        It is the step that ``train_on_batch`` makes with its own gradients: clipping, penalties and decay, frozen
        layers and the optimizer state are the same. ``net.apply_gradients(net.gradients(x, y))`` gives the same
        parameters, bit for bit, as ``net.train_on_batch(x, y)`` where no layer has dropout and no frozen one batch
        normalisation; clip_norm may round differently. The running statistics of batch normalisation do not change.

        Parameters
        ----------
        gradients : Gradients, or as ``Network.gradients`` returns them, or flat as ``Gradients.flat``
            Finite real numbers. The gradient of a frozen layer is not used.
        optimizer, learning_rate, averaging : as for train_on_batch
            The optimizer cannot have l2_sum, which depends on the number of samples.

        Raises
        ------
        TypeError, ValueError : an argument is not as above, or the gradients are those of another network; the network
            is unchanged.
        DivergenceError : a gradient is infinite or NaN; the network and the optimizer state are unchanged. Or a weight
            became so in the step; the weights are unchanged, the optimizer state and a weight average are reset.
        RuntimeError : the network is being fitted.

        Examples
        --------
        >>> import fcnet as fc
        >>> net = fc.Network([2, 3, 1], loss="mse", seed=0)
        >>> gradients, norm = fc.clip_by_norm(net.gradients([[1, 2]], [3]), 0.5)
        >>> net.apply_gradients(gradients, optimizer=fc.Adam())
        """
        apply_gradients(self._state, gradients, optimizer, learning_rate, averaging)

    @property
    def parameters(self) -> NDArray[Any]:
        """All parameters in one dimension: a read-only copy; assign a whole array to change them in one step.

        The order is layer by layer W (row by row), B, gamma, product_bias, mix and scale, as ``layers`` have them; a
        layer without bias has no B here. Last are the arrays of ``columns``, in the order of its documentation. The
        running statistics of batch normalisation are not parameters, and stay as they are when parameters are
        assigned. The length is the total of ``summary()``. ``copy_parameters`` and ``blend`` take another network's
        without the way through NumPy.

        Raises
        ------
        TypeError : what is assigned does not hold real numbers.
        ValueError : what is assigned has another shape, or numbers that are too large for the network's dtype.
        RuntimeError : parameters are assigned while the network is being fitted.
        """
        return self._state.model.flat()

    @parameters.setter
    def parameters(self, value: ArrayLike) -> None:
        parameters.assign(self._state, value)

    @suggesting
    def copy_parameters(self, other: Network) -> None:
        """Take the parameters of another network, which are not copied: both share them until one of them changes.

        The running statistics of batch normalisation are taken too; the optimizer state of both networks stays as it
        is. An average of the weights ends, as when parameters are assigned.

        Parameters
        ----------
        other : Network
            With the same layers, dtype, scale and offset; its loss may differ. It may be in a fit, whose last published
            weights count. ``copy.deepcopy(net)`` makes a network with all of that.

        Raises
        ------
        TypeError : other is not a network.
        ValueError : other has other layers, or another dtype, scale or offset.
        RuntimeError : this network is being fitted.
        """
        parameters.copy(self._state, _network(other)._state)

    @suggesting
    def blend(self, other: Network, tau: float) -> None:
        """Move towards the parameters of another network: ``x <- (1 - tau) x + tau other``, for every parameter.

        Such a slow copy is the target network of reinforcement learning (Polyak averaging). The running statistics of
        batch normalisation are blended too; the optimizer state of both networks stays as it is. The result has the
        same bits for any number of threads. The memory of the former parameters is kept for the next call.

        Parameters
        ----------
        other : as for copy_parameters
        tau : float in [0, 1]
            With 1 it is ``copy_parameters``.

        Raises
        ------
        TypeError : other is not a network, or tau is not a number.
        ValueError : tau is out of range, or other has other layers, or another dtype, scale or offset.
        RuntimeError : this network is being fitted.
        """
        parameters.blend(self._state, _network(other)._state, tau)

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
        """Predict: return the output of the last layer, class probabilities or the values of a regression.

        Parameters
        ----------
        x : array-like, tensor, table or sparse array (n, inputs) of real numbers
            NaN and infinity propagate, and so do numbers that are too large for the network's dtype. x may also be an
            iterator or another iterable of such batches or of pairs (x, y), other than an array, list, tuple or table;
            the result then holds the rows of all batches.
        output : "logits", optional
            Return ``h_in`` of the last layer, before its activation: the logits of softmax and sigmoid, or the
            logarithm of the rate for exp. For the identity these are the values themselves; several quantiles are not
            sorted.
        dropout : bool, default False
            Apply dropout as a training step does, with a separate mask for each row (Monte Carlo dropout). The spread
            of several such predictions is a measure of uncertainty (Gal and Ghahramani 2016).
        seed : int in [0, 2**64), optional
            Seed of the dropout masks, which then depend on the seed and the row's index only. By default every call
            draws new masks. Not for an iterable of batches, whose rows have no index.

        Returns
        -------
        array (n, outputs) of the network's dtype
            The result for a row does not depend on the other rows.

        Raises
        ------
        TypeError, ValueError : an argument is not as above; no layer of the network has dropout.
        """
        if unknown:
            raise unknown_argument(Network.predict, next(iter(unknown)))
        if output is None and dropout is False and seed is None:
            outputs = self._state.model.predict_plain(x)
            if outputs is not None:
                return outputs
        return predict(self._state, x, output, dropout, seed)

    @suggesting
    def predict_classes(self, x: ArrayLike | Iterable[ArrayLike]) -> NDArray[Any]:
        """Predict the class of each row: the one with the largest probability.

        With a single output, it is the second class where the probability is above 1/2.

        Parameters
        ----------
        x : as for predict

        Returns
        -------
        array (n,)
            Labels of ``classes``, or class indices where the classes have no names.

        Raises
        ------
        TypeError : x is not as for predict.
        ValueError : x is not as for predict, the network is not a classifier, or an output is NaN.
        """
        return predict_classes(self._state, x)

    @suggesting
    def activations(self, x: ArrayLike) -> list[NDArray[Any]]:
        """Return the activations ``h_out`` of every layer.

        The last ones are what ``predict`` returns, except that ``predict`` sorts several quantiles.

        Parameters
        ----------
        x : as for predict, but not an iterable of batches

        Returns
        -------
        [array (n, m), ...] of the network's dtype

        Raises
        ------
        TypeError, ValueError : x is not as for predict.
        """
        Members.refuse(self._state.architecture.members, "activations")
        return self._state.model.activations(rows_of(self._state, x))

    @suggesting
    def evaluate(
        self,
        x: ArrayLike | Iterable[tuple[ArrayLike, ...]],
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        metrics: Metrics | None = None,
    ) -> dict[str, float]:
        """Compute the mean loss, for classification the accuracy, and metrics.

        Parameters
        ----------
        x, y, sample_weight : as for fit, but x may contain NaN and infinity
            Without y, x is an iterable of batches ``(x, y)`` or ``(x, y, sample_weight)``, for data larger than memory.
        metrics : as for fit, optional
            Further metrics; they take a second pass over x, and keep all outputs and y of batches in memory.

        Returns
        -------
        ``{"loss": ..., "accuracy": ..., "f1": ...}``
            The loss is the network's, weighted by sample_weight. The accuracy is not weighted and is reported for
            classification only: it is the share of rows whose largest output belongs to the label, or, for binary
            cross-entropy, whose outputs are all on the correct side of 1/2. Both are NaN if there are no rows. A row
            that contains NaN makes the loss NaN and counts as wrong.

        Raises
        ------
        TypeError, ValueError : an argument is not as for fit.
        """
        return evaluate_given(self._state, x, y, sample_weight, metrics)

    @suggesting
    def gradients(
        self, x: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> list[tuple[NDArray[Any], ...]]:
        """Return the gradients of the mean loss: ``dL/dW_i = h_{i-1}^T sigma_i`` and ``dL/dB_i = sum sigma_i``.

        Frozen layers have gradients too. No dropout is applied. Batch normalisation uses the mean and variance of x, as
        a training step does, also in a frozen layer, for which a training step would use the running statistics.

        Parameters
        ----------
        x, y, sample_weight : as for fit

        Returns
        -------
        [(dW (k, m), dB (m,)), ...], an entry for every layer
            dB is 0 in a layer without bias. The entry of a normalised layer is (dW, dB, dgamma); then follow dmix in a
            layer with ``Parametric``, and dscale in a layer after a ``Scale``. With ``Columns``, a last entry has the
            gradients of the arrays of ``columns``, in the order of its documentation, those of all tables in one array.

        Raises
        ------
        TypeError, ValueError : x or y is not as for fit, or has no rows.
        """
        dataset = self._state.dataset(x, y, sample_weight, finite=False).check_weights("sample_weight")
        return self._state.gradients(dataset)

    @suggesting
    def vjp(
        self, x: ArrayLike, *, training: bool = False, output: Literal["logits"] | None = None
    ) -> tuple[NDArray[Any], Pullback]:
        """Predict, and return a function that leads from a cotangent of the outputs back (vector-Jacobian product).

        For a loss that lies outside: compute its derivative by the outputs, give it to ``back``, and pass the result to
        ``apply_gradients``, or ``g.x`` on to what computed x.

        Parameters
        ----------
        x : as for predict, but not an iterable of batches
        training : bool, default False
            Normalise by the mean and variance of x where the network has batch normalisation; by default by the running
            statistics, as ``predict`` does. No dropout is applied, and running statistics do not change.
        output : "logits", optional
            As for predict: the output before the last activation.

        Returns
        -------
        outputs : array (n, outputs) of the network's dtype
        back : Pullback
            ``back(cotangent)`` returns a ``Gradients`` with ``x``, ``layers`` and ``flat``: sums over the rows, where
            those of ``gradients`` are means. It keeps all activations in memory.

        Raises
        ------
        TypeError, ValueError : an argument is not as above.
        MemoryError : the activations do not fit in memory.

        Examples
        --------
        >>> import fcnet as fc
        >>> net = fc.Network([2, 8, 1], loss="mse", seed=0)
        >>> outputs, back = net.vjp([[0.5, -1.0]])
        >>> g = back(2 * (outputs - 3))  # the loss (output - 3)^2
        >>> g.x.shape, [dW.shape for dW, dB in g.layers]
        ((1, 2), [(2, 8), (8, 1)])
        """
        back = Pullback(self._state, x, training, output)
        return back.outputs, back

    @suggesting
    def input_gradient(
        self,
        x: ArrayLike,
        cotangent: ArrayLike | None = None,
        *,
        of: Any = None,
        output: Literal["logits"] | None = None,
    ) -> NDArray[Any]:
        """Return the derivative of an output by x as it was given, for every row: saliency, control, surrogates.

        It is ``vjp`` without the gradients of the parameters, in chunks of rows: for any number of them.

        Parameters
        ----------
        x : as for predict, but not an iterable of batches or sparse
        cotangent : array-like (n, outputs), or (n,) for one output, optional
            Factors of the outputs, whose weighted sum is derived; all 1 if there is one output.
        of : int or class label, or array-like (n,) of them, optional
            The output to derive, in place of a cotangent.
        output : "logits", optional
            As for predict: derive the output before the last activation.

        Returns
        -------
        array (n, inputs) of the network's dtype
            0 in columns of codes (``Columns``).

        Raises
        ------
        TypeError, ValueError : an argument is not as above, or there are several outputs and neither cotangent nor of.

        Examples
        --------
        >>> import fcnet as fc
        >>> net = fc.Network([2, 8, 3], seed=0, classes=["a", "b", "c"])
        >>> net.input_gradient([[1, 2]], of="b").shape
        (1, 2)
        """
        return derivatives.input_gradient(self._state, x, cotangent, of, output)

    @suggesting
    def jacobian(self, x: ArrayLike, *, output: Literal["logits"] | None = None) -> NDArray[Any]:
        """Return the derivatives of all outputs by all inputs, for every row.

        It takes one pass through the network for each output or, if there are fewer, for each input. In the first case
        the rows are those of ``vjp``, bit for bit.

        Parameters
        ----------
        x : as for predict, but not an iterable of batches or sparse
        output : "logits", optional
            As for predict.

        Returns
        -------
        array (n, outputs, inputs) of the network's dtype

        Raises
        ------
        TypeError, ValueError : an argument is not as above.
        """
        return derivatives.jacobian(self._state, x, output)

    @suggesting
    def jvp(
        self, x: ArrayLike, v: ArrayLike, *, output: Literal["logits"] | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Predict, and return the derivative of the outputs along v (Jacobian-vector product, forward mode).

        Parameters
        ----------
        x : as for predict, but not an iterable of batches or sparse
        v : array-like (n, inputs) of real numbers
            Direction in which each row of x moves.
        output : "logits", optional
            As for predict.

        Returns
        -------
        outputs, tangents : arrays (n, outputs) of the network's dtype

        Raises
        ------
        TypeError, ValueError : an argument is not as above.
        """
        return derivatives.jvp(self._state, x, v, output)

    @suggesting
    def hvp(
        self, x: ArrayLike, cotangent: ArrayLike, v: ArrayLike, *, output: Literal["logits"] | None = None
    ) -> Gradients:
        """Return the derivative along v of what ``vjp`` returns (Hessian-vector product).

        ``h.x`` is the Hessian of ``cotangent . outputs`` by the inputs times v, row by row, and ``h.layers`` the change
        of ``g.layers`` as the rows of x move along v. It is exact: one forward pass with tangents, led back.

        Parameters
        ----------
        x : as for predict, but not an iterable of batches or sparse
        cotangent : array-like (n, outputs), or (n,) for one output
        v : array-like (n, inputs) of real numbers
        output : "logits", optional
            As for predict.

        Returns
        -------
        Gradients
            Of the parameters: sums over the rows.

        Raises
        ------
        TypeError : an argument is not as above.
        ValueError : an argument is not as above, or the network has ``Columns``, softmax, normalization, ``Scale`` or
            ``Parametric``.
        """
        return derivatives.hvp(self._state, x, cotangent, v, output)

    @suggesting
    def laplacian(
        self, x: ArrayLike, *, weights: ArrayLike | None = None, output: Literal["logits"] | None = None
    ) -> tuple[NDArray[Any], NDArray[Any], LaplacianPullback]:
        """Predict with the Laplacian of the outputs, and return a function that leads back from both.

        The Laplacian is the sum of the second derivatives by each input, exact, of x as it was given. A
        physics-informed network trains on it: compute the derivatives of the loss by outputs and Laplacian, give them
        to ``back``, and pass the result to ``apply_gradients``.

        Parameters
        ----------
        x : as for predict, but not an iterable of batches or sparse
        weights : array-like (inputs,), optional
            Factors of the second derivatives, by default 1: ``[0, 1]`` is the second derivative by the second input.
        output : "logits", optional
            As for predict.

        Returns
        -------
        outputs, laplacian : arrays (n, outputs) of the network's dtype
        back : LaplacianPullback
            ``back(cotangent, laplacian_cotangent)`` returns a ``Gradients``; ``back.jacobian`` are the first
            derivatives.

        Raises
        ------
        TypeError : an argument is not as above.
        ValueError : an argument is not as above, or the network has ``Columns``, normalization, ``Scale``,
            ``Parametric`` or an activation that is not twice differentiable, such as relu.
        MemoryError : the activations do not fit in memory.

        Examples
        --------
        >>> import numpy as np
        >>> import fcnet as fc
        >>> net = fc.Network([2, 16, 1], activation="tanh", loss="mse", seed=0, dtype="float64")
        >>> u, laplacian, back = net.laplacian(np.random.default_rng(0).uniform(size=(8, 2)))
        >>> g = back(None, 2 * (laplacian - 1) / 8)  # the equation: laplacian = 1
        >>> g.flat.shape
        (65,)
        """
        back = LaplacianPullback(self._state, x, weights, output)
        return back.outputs, back.laplacian, back

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
        """Run a learning-rate range test: train a copy with a rising learning rate and record the loss.

        The network itself does not change.

        Parameters
        ----------
        x, y, batch_size : as for fit
        lowest, highest : float, 0 < lowest < highest
            Learning rates of the first and the last step. The test ends early where the loss explodes.
        steps : int >= 2
        optimizer : as for fit
            The optimizer to find a learning rate for; its own learning rate is ignored.

        Returns
        -------
        LearningRates
            It has ``rates``, ``losses``, ``suggestion`` and ``plot()``. A RuntimeWarning is given where the loss hardly
            falls at any learning rate, for example because the network is already trained.

        Raises
        ------
        TypeError, ValueError : an argument is not as above.
        DivergenceError : the loss before the second step is already infinite or NaN.

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
        ramp = ExponentialRamp(lowest, highest, whole_number(steps, "steps", 2, MOST_EPOCHS - self.epochs_trained))
        batch_size = whole_number(batch_size, "batch_size", 1)
        return lr_range_test(self._state, self._state.dataset(x, y).not_empty("x"), ramp, batch_size, optimizer)

    @suggesting
    def to_onnx(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        labels: Sequence[str] | Sequence[int] | None = None,
        outputs: Literal["all", "scores"] = "all",
        opset: int | None = None,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> bytes:
        """Return the network as a model in the ONNX format, for other runtimes, and write it to a file.

        The input is ``x`` (batch, inputs). A classifier has the outputs ``label`` (batch,) and ``probabilities``
        (batch, classes), two columns where one sigmoid decides; of a multi-label one ``label`` (batch, outputs) holds 0
        and 1. Other networks have ``output`` (batch, outputs), what ``predict`` returns.

        Parameters
        ----------
        path : path, optional
            File to write, which is replaced atomically.
        labels : sequence of str or of int, optional
            Labels of the classes. By default the network's ``classes``, or 0, 1, 2, ...
        outputs : {"all", "scores"}, default "all"
            "scores" leaves out ``label``.
        opset : int in [13, 20], optional
            Version of ONNX' operators; by default the lowest that serves, 13, or 17 with layer normalization, so that
            old runtimes open the file.
        dtype : {"float32", "float64"}, default "float32"
            Type of inputs, weights and outputs.

        Returns
        -------
        bytes

        Raises
        ------
        TypeError : labels is neither text nor whole numbers.
        ValueError : an argument is not as above; the network's classes are neither text nor whole numbers, and labels
            is not given; a parameter is not finite in dtype, or a scale 0 in it; a layer has gelu with "float64", which
            onnxruntime does not compute; or the model would have 2 GiB or more.
        OSError : the file cannot be written; an existing file is unchanged.

        Warns
        -----
        UserWarning : the offset, rounded to float32, changes scaled inputs by more than 0.001.

        Examples
        --------
        >>> import fcnet as fc
        >>> model = fc.Network([4, 8, 3], seed=0, classes=["setosa", "versicolor", "virginica"]).to_onnx()
        >>> type(model)
        <class 'bytes'>
        """
        from fcnet._exporting.onnx.model import to_onnx

        return to_onnx(self._state, path, labels, outputs, opset, dtype)

    @suggesting
    def explain(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        learning_rate: float = 0.1,
        steps: int = 1,
        answer: Mapping[str, ArrayLike] | None = None,
        class_names: Sequence[str] | None = None,
    ) -> Explanation:
        """Show every number of one or more gradient-descent steps on all of x as one batch.

        The network itself does not change.

        No dropout is applied. Batch normalisation uses the mean and variance of x, as a training step does.

        Parameters
        ----------
        x : array-like, table or sparse array (n, inputs) of finite real numbers
        y : as for fit
        learning_rate : float > 0
            The article's alpha.
        steps : int >= 1
        answer : {name: array-like}, optional
            Your own results for quantities of the first step, like ``{"dW_2": [[0.16, 0.08], [0.11, 0.06]]}``.
            ``findings`` then say which are wrong and which common mistake gives that result.
        class_names : sequence of str, optional
            Labels of the outputs; by default the network's ``classes``, or else class indices.

        Returns
        -------
        Explanation
            ``print`` it, show it in a notebook, or write it with ``to_html(path)``, ``to_svg``, ``to_latex``,
            ``to_markdown`` or ``to_dict``. ``explanation["sigma_2"]`` returns the numbers.

        Raises
        ------
        TypeError, ValueError : an argument is not as above, the network has ``Scale`` or ``Columns``, a frozen layer
            has batch normalisation, or the explanation would have more than 20 million numbers.
        DivergenceError : a step leads to infinite or NaN numbers.
        ArithmeticError : the native core and the NumPy reference differ by more than rounding errors, which is a bug in
            fcnet.

        Examples
        --------
        >>> import fcnet as fc
        >>> shown = fc.Network([2, 3, 2], seed=0).explain([[1, 1]], [0], class_names=["odd", "even"])
        >>> shown["dW_1"].shape, bool(shown["L_new"] < shown["L"])
        ((2, 3), True)
        """
        from fcnet.explanation import Explanation

        Members.refuse(self._state.architecture.members, "explain")
        return Explanation(self._state, x, y, learning_rate, steps, answer, class_names)

    @suggesting
    def check_gradients(self, x: ArrayLike, y: ArrayLike, *, most: int = 200) -> GradientCheck:
        """Compare backpropagation with finite differences of the loss, in float64.

        For a custom loss, the derivative that it returns is checked separately, to show whether it or backpropagation
        is wrong. At a kink, such as that of ReLU, the loss has no derivative to compare. Weights whose finite
        differences cross a kink, however small the step, are skipped and counted; the check fails if more than half of
        the weights are skipped. Batch normalisation uses the mean and variance of x, as a training step does.

        Parameters
        ----------
        x, y : as for fit
        most : int >= 1
            How many weights and how many biases of a layer are checked at most; they are chosen at random by ``seed``.

        Returns
        -------
        GradientCheck
            It has ``passed``, ``worst`` and more; ``print`` it for a report.

        Raises
        ------
        TypeError, ValueError : an argument is not as above, or the loss is not finite.
        """
        from fcnet.explanation.numbers import gradient_check

        Members.refuse(self._state.architecture.members, "check_gradients")
        most = whole_number(most, "most", 1)
        return gradient_check.checked(self._state.copy(), x, y, most)

    @suggesting
    def diagnose(self, x: ArrayLike, y: ArrayLike, *, learning_rate: float = 0.1) -> Diagnosis:
        """Check the weights, activations and gradients of every layer for common problems, and give advice.

        Parameters
        ----------
        x : array-like, table or sparse array (n, inputs) of finite real numbers
            Batch normalisation uses the mean and variance of x, as a training step does.
        y : as for fit
        learning_rate : float > 0
            Learning rate of a single trial step on a copy.

        Returns
        -------
        Diagnosis
            It has ``advice``, with the evidence, and the statistics of every layer in ``layers``; ``print`` shows them
            with histograms.

        Raises
        ------
        TypeError, ValueError : an argument is not as above.
        """
        from fcnet.explanation.numbers import diagnosis

        Members.refuse(self._state.architecture.members, "diagnose")
        return diagnosis.diagnosed(self._state.copy(), x, y, SGD(learning_rate))

    @suggesting
    def save(self, path: str | os.PathLike[str], *, optimizer_state: bool = True) -> None:
        """Write the network to a file in the safetensors format, which ``fcnet.load`` reads.

        The file is replaced atomically: after a crash the path holds either the old or the new file, complete. If
        another thread is fitting the network, the file holds the weights of the last epoch (or, for an iterable of
        batches, of the last step), and may lack the optimizer state and the unaveraged weights. To resume training
        later, save from a callback such as ``fcnet.Checkpoint``.

        Parameters
        ----------
        path : path
            Path of the file, by convention ``*.safetensors``; an existing file is replaced.
        optimizer_state : bool, default True
            Save what is needed to continue training. If False, the file is up to a third as large and suffices for
            prediction; a fit of the loaded network starts with a fresh optimizer state. With ``averaging``, such a file
            holds the average only, not the weights being trained. The best weights of early stopping are not saved
            either.

        A custom loss function is stored by its name only; see ``fcnet.load``.

        Raises
        ------
        TypeError : path is not a path, optimizer_state is not a bool, or a column name has a type that only a pickle
            can hold, such as a member of an enum.
        ValueError : the network has more layers than a file can list, several thousand.
        OSError : the file cannot be written. An existing file is unchanged, unless the message is about its folder.
        """
        state = self._state.to_dict()
        if not flag(optimizer_state, "optimizer_state"):
            state = network_file.for_prediction(state)
        network_file.save(state, path)

    @suggesting
    def to_c(
        self,
        path: str | os.PathLike[str],
        *,
        name: str = "net",
        dtype: Literal["float32", "int8"] = "float32",
        calibration: ArrayLike | None = None,
    ) -> None:
        """Write the network as a header of C99, which needs no library but ``math.h``.

        ``net_predict(x, y)`` computes the outputs y of one row x in float32. It contains ``scale`` and ``offset``,
        allocates no memory and may be called from several threads at once. For rows of float32 its results are those of
        ``predict``: the same bits if all activations are relu, leaky_relu or identity and fused multiply-add is used,
        otherwise up to the last bits of ``math.h``. The parameters of a float64 network are rounded to float32.

        Parameters
        ----------
        path : path
            Path of the header, by convention ``*.h``; an existing file is replaced.
        name : str, default "net"
            What all names in the header begin with.
        dtype : {"float32", "int8"}, default "float32"
            "int8" computes with 8-bit weights and activations and 32-bit sums, for a quarter of the memory. Hidden
            layers then have relu, leaky_relu or identity, and perhaps batch normalisation. How far its results are from
            ``predict`` on the rows of calibration is printed and written into the header.
        calibration : array-like (n, inputs), optional
            Rows as the network will meet them, required for "int8", at least 100: their largest activations determine
            the scales. The first three are those of the self-test. In float32 they serve for that only.

        Raises
        ------
        TypeError, ValueError : an argument is not as above, or the network has members, ``Columns``, numbers that are
            not finite, a scale that is 0 in float32, or, for "int8", what is not listed there.
        OSError : the file cannot be written.

        Warns
        -----
        UserWarning : the offset, rounded to float32, changes scaled inputs by more than 0.001.

        Examples
        --------
        >>> import fcnet as fc
        >>> import tempfile
        >>> from pathlib import Path
        >>> net = fc.Network([2, 8, 1], loss="mse", seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.to_c(f"{folder}/net.h")
        ...     "net_predict(const float x[2], float y[1])" in Path(folder, "net.h").read_text()
        True
        """
        from fcnet._exporting.c.header import to_c

        to_c(self._state, path, name, dtype, calibration)

    @suggesting
    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        image: tuple[int, int] | None = None,
        x: ArrayLike | None = None,
        labels: Sequence[object] | None = None,
        title: str | None = None,
        description: str | None = None,
    ) -> None:
        """Write a page on which one can try the network: a file of HTML that needs no server and no network access.

        It has a slider for each input, or with ``image`` a field to draw on, and shows the outputs as bars. They are
        computed by the page itself, in the network's arithmetic, and differ from ``predict`` by less than a millionth
        of the largest.

        Parameters
        ----------
        path : path
            Path of the page, by convention ``*.html``; an existing file is replaced.
        image : (height, width), optional
            The inputs are the pixels of an image, row by row. Drawings are scaled and moved, and drawn with a pen, such
            that they look like the images of x.
        x : array-like, table (n, inputs), optional
            Data: the ends of the sliders and where they begin (the median), the examples of a button, for regression
            the ends of the bars. Without it, sliders reach three times ``1 / scale`` around ``offset``. With ``image``
            it is required. Up to 20 rows become part of the page.
        labels : sequence, optional
            Names of the outputs, or of the two classes that one sigmoid output decides between; by default the
            network's ``classes``.
        title, description : str, optional
            Heading, and the text below it.

        Raises
        ------
        TypeError, ValueError : an argument is not as above, the network has members, ``Columns`` or numbers that are
            not finite, or there are more than 300 inputs and no ``image``.
        OSError : the file cannot be written.

        Examples
        --------
        >>> import fcnet as fc
        >>> import tempfile
        >>> digits = fc.datasets.load_digits()
        >>> net = fc.Network([64, 32, 10], scale=1 / 16, seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.to_html(f"{folder}/digits.html", image=(8, 8), x=digits.x_train, title="Draw a digit")
        """
        from fcnet._exporting.html.page import to_html

        to_html(self._state, path, image, x, labels, title, description)

    @suggesting
    def to_torch(self, *, output: Literal["logits"] | None = None) -> Any:
        """Return the network as a module of PyTorch, which can be trained there, saved and traced.

        The module is a ``torch.nn.Sequential`` of PyTorch's own modules, with traced ones for scaling, ``Parametric``,
        ``Scale``, ``Columns``, members and sorted quantiles; a file by ``torch.save`` needs no fcnet. It takes tensors
        of the network's type, and outputs what ``predict`` does, up to rounding. Frozen layers do not require
        gradients. ``fcnet.from_torch`` leads back, with equal weights, except for columns and members.

        Parameters
        ----------
        output : "logits", optional
            Leave out the last activation, for losses of PyTorch that contain it, such as ``CrossEntropyLoss``.

        Returns
        -------
        torch.nn.Sequential
            In ``eval()``; a copy, whose training does not change the network. Learning-rate factors and the loss are
            not part of it.

        Raises
        ------
        ImportError : PyTorch is not installed.
        ValueError : output is another value, or "logits" for a network with members.

        Examples
        --------
        >>> import fcnet as fc
        >>> fc.Network([4, 8, 3], seed=0).to_torch()
        Sequential(
          (0): Linear(in_features=4, out_features=8, bias=True)
          (1): ReLU()
          (2): Linear(in_features=8, out_features=3, bias=True)
          (3): Softmax(dim=-1)
        )
        """
        from fcnet._exporting.torch_module import to_torch

        return to_torch(self, output)

    @suggesting
    def to_keras(self, *, output: Literal["logits"] | None = None) -> Any:
        """Return the network as a model of Keras 3, which can be trained there and saved.

        It has Keras' own layers only, so that a file of it needs no fcnet. Its outputs are what ``predict`` returns, up
        to rounding. Frozen layers have ``trainable=False``. ``fcnet.from_keras`` leads back, with equal weights.

        Parameters
        ----------
        output : "logits", optional
            Leave out the last activation, for losses with ``from_logits=True``.

        Returns
        -------
        keras.Sequential
            A copy that is not compiled; its training does not change the network. Learning-rate factors and the loss
            are not part of it.

        Raises
        ------
        ImportError : Keras, or its backend, is not installed.
        ValueError : output is another value, or the network has what Keras' layers cannot hold: ``Columns``, members,
            ``Scale``, ``Parametric``, gelu_tanh, or several quantiles without ``output="logits"``.
        """
        from fcnet._exporting.keras_model import to_keras

        return to_keras(self, output)

    @suggesting
    def to_flax(self, *, output: Literal["logits"] | None = None) -> Any:
        """Return the network as a module of Flax (NNX), for JAX.

        Its outputs are what ``predict`` returns, up to rounding. Whether layers are frozen is not part of it.

        Parameters
        ----------
        output : "logits", optional
            Leave out the last activation, for losses of optax that contain it.

        Returns
        -------
        flax.nnx.Sequential
            After ``eval()``; ``train()`` turns dropout on, and normalisation by the batch. A copy, whose training does
            not change the network; ``fcnet.from_state_dict`` leads back.

        Raises
        ------
        ImportError : Flax is not installed.
        ValueError : output is another value, or the network has ``Columns``, members, ``Scale``, ``Parametric``,
            several quantiles without ``output="logits"``, or float64 where JAX has it turned off.
        """
        from fcnet._exporting.flax_model import to_flax

        return to_flax(self, output)

    @suggesting
    def state_dict(self, layout: Literal["torch", "flax"] = "torch") -> dict[str, Any]:
        """Return the arrays of the network by the names, and in the shapes, of another library; it is not imported.

        Parameters
        ----------
        layout : {"torch", "flax"}, default "torch"
            "torch": names and shapes of ``to_torch().state_dict()``, such as ``"0.weight"`` (outputs, inputs). "flax":
            nested dicts as of ``to_flax()``, such as ``["layers"][0]["kernel"]`` (inputs, outputs); ``nnx.update(model,
            net.state_dict("flax"))`` takes them.

        Returns
        -------
        dict of arrays
            Copies. ``fcnet.from_state_dict`` leads back.

        Raises
        ------
        ValueError : layout is another value, or the network has what the layout does not know: ``Columns`` or members,
            for Flax also ``Scale`` and ``Parametric``.

        Examples
        --------
        >>> import fcnet as fc
        >>> {name: array.shape for name, array in fc.Network([4, 8, 3], seed=0).state_dict().items()}
        {'0.weight': (8, 4), '0.bias': (8,), '2.weight': (3, 8), '2.bias': (3,)}
        """
        from fcnet._exporting.state_dict import state_dict

        return state_dict(self, layout)

    def __getstate__(self) -> dict[str, Any]:
        """Return the complete state in plain values and arrays, for ``pickle`` and ``copy``."""
        return self._state.to_dict()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the network from a state; ValueError or TypeError where the state is invalid."""
        self._state = TrainState.from_dict(state)


def _network(given: object) -> Network:
    if not isinstance(given, Network):
        raise TypeError(f"other is a {type(given).__name__}: expected a fcnet.Network")
    return given


def network_of(
    tensors: dict[str, NDArray[Any]],
    metadata: dict[str, str],
    path: str,
    *,
    loss: LossFunction | None = None,
    allow_nonfinite: bool = False,
) -> Network:
    """Restore a network from the content of a file; ``fcnet.load`` documents the arguments.

    Raises
    ------
    ValueError : the content is not a network that this version of fcnet can load, or loss is given although it holds
        the network's loss.
    """
    net = Network.__new__(Network)
    try:
        state = network_file.state_of(tensors, metadata, allow_nonfinite=allow_nonfinite)
        stored = state["loss"].get("name")
        if loss is not None and stored == Custom.name:
            given_name, saved_name = (str(one.get("function", "")) for one in (loss_of(loss).plain(), state["loss"]))
            if given_name.rpartition(".")[2] != saved_name.rpartition(".")[2]:
                console.warn(f"{path!r} was saved with the loss {saved_name}, and loss is {given_name}")
            state["loss"] = loss
        net.__setstate__(state)
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{path!r} is not a network that can be loaded: {error}") from None
    if loss is not None and stored != Custom.name:
        raise ValueError(f"loss is given, but {path!r} holds the loss {stored!r}: expected none")
    return net
