"""Networks: what a user holds. Each method checks and delegates."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Never

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fcnet._checks import console
from fcnet._checks.keywords import answering, suggesting, unknown_argument
from fcnet._checks.numbers import flag, whole_number
from fcnet._checks.public import public
from fcnet._inputs import class_names
from fcnet._inputs.feature_names import restored
from fcnet._model.architecture import Architecture
from fcnet._model.dense import Activation, Dense
from fcnet._model.layer_spec import refuse_constants
from fcnet._model.summary import Summary, arguments, summary
from fcnet._saving import network_file, safetensors
from fcnet._training.averaging import EMA, Averaging
from fcnet._training.callbacks import Callback, Callbacks, Logs
from fcnet._training.dataset import MOST_EPOCHS, ClassWeight
from fcnet._training.early_stopping import EarlyStopping
from fcnet._training.evaluation import Metrics, evaluate_given
from fcnet._training.fit import fit, train_step
from fcnet._training.fit_arguments import FitOptions, data_to_fit
from fcnet._training.history import History
from fcnet._training.learning_rate_search import ExponentialRamp, LearningRates, lr_range_test
from fcnet._training.prediction import predict, predict_classes, rows_of
from fcnet._training.progress import Wanted
from fcnet._training.train_state import TrainState
from fcnet.layers import Layer
from fcnet.losses import Custom, Loss, LossFunction, LossName, loss_of
from fcnet.optimizers import SGD, Optimizer, OptimizerName, optimizer_of
from fcnet.schedules import Schedule

if TYPE_CHECKING:
    from fcnet.explanation import Diagnosis, Explanation, GradientCheck


@public
@suggesting
class Network:
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

    __slots__ = ("__weakref__", "_state")
    _state: TrainState

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
        self._state = TrainState(architecture)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, neurons of each hidden layer, outputs."""
        return self._state.architecture.sizes

    @property
    def loss(self) -> str | Loss | LossFunction:
        """The loss that a fit lowers: its name, or what it is where it has options of its own."""
        return self._state.architecture.given_loss

    @property
    def seed(self) -> int:
        """Of the initial weights and the shuffles."""
        return self._state.architecture.seed

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the weights and of all that is computed."""
        return self._state.architecture.dtype

    @property
    def scale(self) -> NDArray[Any]:
        """Array () or (inputs,), read-only."""
        return self._state.architecture.scale

    @property
    def offset(self) -> NDArray[Any]:
        """Array () or (inputs,), read-only."""
        return self._state.architecture.offset

    @property
    def classes(self) -> tuple[Hashable, ...] | None:
        """The names of the classes, in the order of the outputs."""
        classes = self._state.architecture.classes
        return None if classes is None else class_names.restored(classes)

    @property
    def feature_names(self) -> tuple[Hashable, ...] | None:
        """The columns of the first table that the network was fitted on, by names of any type."""
        names = self._state.feature_names
        return None if names is None else tuple(map(restored, names))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, in order."""
        return self._state.layers

    @property
    def epochs_trained(self) -> int:
        """Over all fits."""
        return self._state.model.epochs

    @property
    def history(self) -> History:
        """Of the last fit."""
        return self._state.history

    def summary(self) -> Summary:
        """A table of the layers: shapes of W and of the output for n samples, and how many parameters.

        Below, how many of the parameters a fit would train and how many are frozen, and the bytes that they take, with
        the running statistics of batch normalisation, which are no parameters.

        Returns
        -------
        str
            One that a notebook or a prompt shows as a table too, without ``print``.
        """
        return summary(self._state.architecture, self._state.trainable)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({arguments(self._state.architecture)})"

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
        early_stopping: EarlyStopping | None = None,
        averaging: Averaging | None = None,
        callbacks: Sequence[Callback | Callable[[int, Logs], object]] | None = None,
        progress: Wanted = None,
    ) -> History:
        """Train by gradient descent on mini-batches: forward pass, backpropagation, update, for whole epochs natively.

        Fitting again goes on as one longer fit would, bit for bit; an optimiser of another kind begins anew.
        Ctrl-C raises KeyboardInterrupt within a tenth of a second; the weights are those of the last finished step.

        Parameters
        ----------
        x : array-like, tensor, table or sparse array (n, inputs) of finite real numbers
            Rows of floats and whole numbers up to 64 bits, in any order, also of a ``np.memmap``, a pandas frame of one
            type or SciPy's CSR, are read where they lie and converted batch by batch; others are converted first.
            Without y: an iterable of batches ``(x, y)`` or ``(x, y, sample_weight)``, each of any size and one step,
            gone through anew in every epoch: a list, a data loader, or, for one epoch or with ``steps_per_epoch``, a
            generator.
        y : array-like, column or table
            For cross-entropy class labels (n,), one-hot rows or probabilities (n, outputs); else targets (n, outputs),
            or (n,) for one output. For a loss of your own n rows of anything that an array can hold.
        epochs : int >= 0
        initial_epoch : int in [0, epochs], default 0
            How many of them are done already, in a fit that was cut off: schedules and early stopping go on from there.
        batch_size : int >= 1
            Samples a step; the last batch of an epoch may be smaller. Batches that are given stay as they are. Batch
            normalisation needs more than one sample a step; a last batch of one gives a warning.
        optimizer : SGD, Adam, AdamW, NAdam, RMSprop, Adagrad or Lion, or str
            By name, such as "adam", with its usual options.
        shuffle : bool
            Draw a new order of the samples in every epoch, by (seed, epoch); that of batches is theirs.
        drop_last : bool
            Leave out of every epoch what does not fill a batch; batches that an optimiser accumulates stay, also where
            the last step has fewer of them.
        sample_weight : array-like (n,) of numbers >= 0, optional
            How much each sample counts in the loss: its mean, and its gradient, are weighted ones.
        class_weight : {class: weight}, array-like (classes,) or "balanced", optional
            The same by class, times sample_weight; a class that is not in the dict weighs 1; a Series goes by its
            index; of probabilities every class's part. "balanced": ``n / (number of classes * samples of the class)``,
            which batches cannot tell.
        steps_per_epoch : int >= 1, optional
            Of an iterable of batches: how many make an epoch. The next epoch goes on where it ended, so that a
            generator may go on for ever. What can begin again does so at its end; a generator that ends early ends the
            fit, with a RuntimeWarning.
        validation_data : (x, y) or (x, y, sample_weight), or an iterable of such batches, optional
            Evaluated after every epoch; class_weight does not apply to it. An iterable that can begin again, such as
            a list of batches, may be larger than memory: it is gone through batch by batch. Of ``metrics`` all outputs
            and y are kept meanwhile; a loss of your own is the mean over its batches, by what they weigh.
        validation_split : float in [0, 1), default 0
            In place of validation_data: hold back this share of the samples, drawn by ``seed`` and stratified by class.
            Nothing is copied.
        metrics : sequence of str or callable, or {name: callable}, optional
            Computed on the validation data after every epoch, ``history.val_f1`` for "f1". By name: "top_k_accuracy",
            "log_loss", "roc_auc", "f1", "precision", "recall", these also as "f1_macro", "f1_micro", "f1_weighted"; for
            regression "mse", "rmse", "mae", "r2"; see ``fcnet.metrics``; with the samples' weights, and for
            multi-label targets the mean over the labels. Functions take ``(y_true, output)``: labels (n,), of named
            classes their numbers, multi-label or other targets (n, outputs), and what ``predict`` gives. All are tried
            once before the first step.
        schedule : of fcnet.schedules, optional
            Factors on the optimiser's learning rate, step by step over the epochs of this fit.
        early_stopping : EarlyStopping, optional
            When to end before the last epoch, and go back to the best weights.
        averaging : EMA or SWA, optional
            Publish an average of the weights instead of the last ones: to whatever looks at the network, during the fit
            and after it.
        callbacks : sequence of Callback or callable, optional
            What to call as the fit goes, in this order; functions take ``(epoch, logs)`` after every epoch, see
            ``fcnet.Callback``. ``raise fcnet.StopTraining`` in one ends the fit.
        progress : bool or "lines", optional
            True: show a progress bar on standard error, with figures, samples a second and the time left; by default
            where tqdm is installed, in a notebook or where standard error is a terminal. "lines": print a line to
            standard output after every epoch, also where there is no terminal, as Keras' ``verbose=2``.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError : an argument is not as above; the network is as before, or as the last finished step left
            it where a batch of an iterable is wrong.
        DivergenceError : the loss became infinite or NaN; the network has its last good weights.
        RuntimeError : the network is being fitted already, by another thread.
        Exception : what a callback or a metric raises, with a note of the metric's name; the network as the last
            finished step left it.
        """
        options = FitOptions.of(
            self._state,
            epochs,
            optimizer,
            initial_epoch=initial_epoch,
            schedule=schedule,
            early_stopping=early_stopping,
            averaging=averaging,
            metrics=metrics,
            progress=progress,
        )
        heard = Callbacks(callbacks, self)
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
        return fit(self._state, data, options, heard)

    @suggesting
    def train_on_batch(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        optimizer: Optimizer | OptimizerName = SGD(0.1),
        averaging: EMA | None = None,
    ) -> dict[str, float]:
        """One step on one batch, for training loops of your own.

        What the optimiser remembers goes on from call to call, and from fits and to them, as long as it is of the same
        kind; so does an average. Neither ``epochs_trained`` nor ``history`` counts the step.

        Parameters
        ----------
        x, y, sample_weight : as for fit
        optimizer : as for fit
        averaging : EMA, optional
            As for fit; single steps have no epochs for SWA.

        Returns
        -------
        ``{"loss": ..., "accuracy": ...}``
            Of the batch, measured just before the step.

        Raises
        ------
        TypeError, ValueError : an argument is not as above; the network is as before.
        DivergenceError : the loss or a weight became infinite or NaN; the network is as before, but for the optimiser
            state and an average, which begin anew.
        RuntimeError : the network is being fitted, by another thread or the caller of a callback.

        Examples
        --------
        >>> import fcnet as fc
        >>> net = fc.Network([2, 2], seed=0)
        >>> losses = [net.train_on_batch([[1, 0], [0, 1]], [0, 1], optimizer=fc.Adam(0.1))["loss"] for _ in range(9)]
        >>> losses[-1] < losses[0]
        True
        """
        batch = self._state.dataset(x, y, sample_weight).not_empty("x").weighing("sample_weight")
        return train_step(self._state, batch, optimizer, averaging)

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
        return predict(self._state, x, output, dropout, seed)

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
        return predict_classes(self._state, x)

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
        return evaluate_given(self._state, x, y, sample_weight, metrics)

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
        dataset = self._state.dataset(x, y, sample_weight, finite=False).weighing("sample_weight")
        return self._state.gradients(dataset)

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
        ramp = ExponentialRamp(lowest, highest, whole_number(steps, "steps", 2, MOST_EPOCHS - self.epochs_trained))
        batch_size = whole_number(batch_size, "batch_size", 1)
        return lr_range_test(self._state, self._state.dataset(x, y).not_empty("x"), ramp, batch_size, optimizer)

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
        """Show steps of gradient descent on all of x at once, number by number; the network stays as it is.

        Nothing is dropped, as in a prediction, where layers have dropout; with batch normalisation mean and variance
        are those of x, as in a step.

        Parameters
        ----------
        x : array-like, table or sparse array (n, inputs) of finite real numbers
        y : as for fit
        learning_rate : float > 0
            The article's alpha.
        steps : int >= 1
        answer : {name: array-like}, optional
            Your own results for quantities of the first step, like ``{"dW_2": [[0.16, 0.08], [0.11, 0.06]]}``:
            ``findings`` say what is wrong and which usual slip gives it.
        class_names : sequence of str, optional
            What the outputs stand for, by default the network's ``classes``, else their numbers.

        Returns
        -------
        Explanation
            ``print`` it, look at it in a notebook, or write it with ``to_html(path)``, ``to_svg``, ``to_latex``,
            ``to_markdown``, ``to_dict``; ``explanation["sigma_2"]`` has the numbers.

        Raises
        ------
        TypeError, ValueError : an argument is not as above, a frozen layer has batch normalisation, or there would be
            more than 20 million numbers.
        DivergenceError : a step leads to numbers that are not finite.
        ArithmeticError : the native core and the reference differ by more than rounding: a bug of fcnet.

        Examples
        --------
        >>> import fcnet as fc
        >>> shown = fc.Network([2, 3, 2], seed=0).explain([[1, 1]], [0], class_names=["odd", "even"])
        >>> shown["dW_1"].shape, bool(shown["L_new"] < shown["L"])
        ((2, 3), True)
        """
        from fcnet.explanation import Explanation

        return Explanation(self._state, x, y, learning_rate, steps, answer, class_names)

    @suggesting
    def check_gradients(self, x: ArrayLike, y: ArrayLike, *, most: int = 200) -> GradientCheck:
        """Compare backpropagation with finite differences of the loss, in float64.

        A loss of your own is also compared with the derivative that it returns, so that one can tell whether that or
        backpropagation is wrong. Where the loss has a kink, as ReLU makes them, it has no derivative to compare:
        weights whose steps cross one, however small, are left out and counted; more than half of them are no pass.
        With batch normalisation mean and variance are those of x, as in a step.

        Parameters
        ----------
        x, y : as for fit
        most : int >= 1
            Weights of a layer, and biases, that are looked at; of more, a random choice by ``seed``.

        Returns
        -------
        GradientCheck
            ``passed``, ``worst`` and more; ``print`` says it in words.

        Raises
        ------
        TypeError, ValueError : an argument is not as above, or the loss is not finite.
        """
        from fcnet.explanation.numbers import gradient_check

        most = whole_number(most, "most", 1)
        return gradient_check.checked(self._state.copy(), x, y, most)

    @suggesting
    def diagnose(self, x: ArrayLike, y: ArrayLike, *, learning_rate: float = 0.1) -> Diagnosis:
        """Look at weights, activations and gradients of every layer, and say what is wrong and what to do.

        Parameters
        ----------
        x : array-like, table or sparse array (n, inputs) of finite real numbers
            With batch normalisation mean and variance are those of x, as in a step.
        y : as for fit
        learning_rate : float > 0
            Of the one step that is tried on a copy.

        Returns
        -------
        Diagnosis
            ``advice``, each with its evidence, and figures of every ``layer``; ``print`` shows them with histograms.

        Raises
        ------
        TypeError, ValueError : an argument is not as above.
        """
        from fcnet.explanation.numbers import diagnosis

        return diagnosis.diagnosed(self._state.copy(), x, y, SGD(learning_rate))

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
        state = self._state.to_dict()
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
        return self._state.to_dict()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin from such a state; ValueError or TypeError where it is not one."""
        self._state = TrainState.from_dict(state)


@suggesting
def load(path: str | os.PathLike[str], *, loss: LossFunction | None = None, allow_nonfinite: bool = False) -> Network:
    """Load a network that ``Network.save`` wrote.

    Nothing in the file is executed; one that is damaged, truncated or made to do harm is a ValueError.

    Parameters
    ----------
    path : path
    loss : callable, optional
        The loss of a network whose loss is a function: a file holds no code, only what the function was called. Without
        it such a network predicts, and says what is missing where it is fitted, evaluated or asked for gradients.
    allow_nonfinite : bool, default False
        Accept parameters that are infinite or NaN.

    Returns
    -------
    Network
        Predicts the same bits as the one that was saved. A UserWarning says where loss is a function of another name
        than the one that it was saved with.

    Raises
    ------
    TypeError : path is not a path, loss is not a function.
    OSError : the file cannot be read.
    ValueError : it is not a network that this version of fcnet can load; loss is given, but the network has one that
        the file holds.
    MemoryError : it does not fit in memory.

    Examples
    --------
    >>> import tempfile
    >>> import fcnet as fc
    >>> net = fc.Network([64, 100, 10], seed=0)
    >>> path = tempfile.mkdtemp() + "/digits.safetensors"
    >>> net.save(path)
    >>> fc.load(path)
    Network([64, 100, 10], loss='cross_entropy', seed=0, dtype='float32')
    """
    if loss is not None and not isinstance(loss_of(loss), Custom):
        raise TypeError(f"loss is {loss!r}: expected the function that is the network's loss")
    tensors, metadata = safetensors.read(path, network_file.check_format)
    net = Network.__new__(Network)
    try:
        state = network_file.state_of(tensors, metadata, allow_nonfinite=allow_nonfinite)
        stored = state["loss"].get("name")
        if loss is not None and stored == Custom.name:
            called, wanted = (str(one.get("function", "")) for one in (loss_of(loss).plain(), state["loss"]))
            if called.rpartition(".")[2] != wanted.rpartition(".")[2]:
                console.warn(f"{os.fspath(path)!r} was saved with the loss {wanted}, and loss is {called}")
            state["loss"] = loss
        net.__setstate__(state)
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not a network that can be loaded: {error}") from None
    if loss is not None and stored != Custom.name:
        raise ValueError(f"loss is given, but {os.fspath(path)!r} holds the loss {stored!r}: expected none")
    return net
