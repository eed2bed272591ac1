"""Derivatives of a network's outputs by its inputs and parameters, for losses that lie outside."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fcnet import _native
from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import flag
from fcnet._inputs import arrays, class_names
from fcnet._inputs.feature_names import cut
from fcnet._inputs.sparse import SparseRows
from fcnet._model.architecture import Architecture
from fcnet._model.members import Members
from fcnet._training.prediction import is_logits, rows_of
from fcnet._training.train_state import TrainState
from fcnet.activations import ACTIVATIONS, KINKS
from fcnet.gradients import Gradients

_MOST_BYTES = 2 << 30  # of gradients per sample


def _refuse_sparse(rows: NDArray[Any] | SparseRows, what: str) -> None:
    """Raise ValueError if the rows are sparse, for a result that would not be."""
    if isinstance(rows, SparseRows):
        raise ValueError(f"x is sparse, but {what} would be dense: expected a dense array, use x.toarray()")


def _of_rows(value: ArrayLike, rows: int, columns: int, dtype: np.dtype[Any], name: str, like: str) -> NDArray[Any]:
    """Check numbers of the shape (rows, columns), or (rows,) for one column, and convert them to ``dtype``."""
    if type(value) is np.ndarray and value.dtype == dtype and value.shape == (rows, columns):
        return value
    array = arrays.real(arrays.plain(value, name), name)
    if columns == 1 and array.shape == (rows,):
        array = array[:, None]
    if array.shape != (rows, columns):
        raise ValueError(f"{name} has shape {array.shape}: expected {(rows, columns)}, as {like}")
    return arrays.cast(array, dtype, name)


class Pullback:
    """Leads from a cotangent of the outputs back to the inputs and the parameters: what ``Network.vjp`` returns.

    It keeps the activations, and the parameters of the moment of ``vjp``: it may be called any number of times, and
    later changes of the network do not matter. Several threads may call it; they wait for each other.

    Attributes
    ----------
    outputs : array (n, outputs)
        What ``vjp`` returned beside it.
    """

    __slots__ = ("_architecture", "_pass", "_rows", "_training", "outputs")

    def __init__(self, state: TrainState, x: ArrayLike, training: object, output: object) -> None:
        self._architecture = state.architecture
        Members.refuse(state.architecture.members, "vjp")
        self._training, logits = flag(training, "training"), is_logits(output)
        self._rows = rows_of(state, x)
        if self._training and len(self._rows) == 1 and _has_batch_norm(self._architecture):
            raise ValueError("training is True and x has one row, over which batch normalisation is not defined")
        self._pass = _native.Vjp(state.model, self._rows, self._training, logits)
        self.outputs: NDArray[Any] = self._pass.outputs()

    @suggesting
    def __call__(
        self, cotangent: ArrayLike, *, x: bool = True, parameters: bool = True, per_sample: bool = False
    ) -> Gradients:
        """Compute the vector-Jacobian products of a cotangent.

        With the value ``L`` of a loss, the cotangent is ``dL / d outputs``, and the result ``dL / dx`` and ``dL /
        d(parameters)``: sums over the rows, not means as those of ``Network.gradients``.

        Parameters
        ----------
        cotangent : array-like (n, outputs), or (n,) for one output
            Of real numbers; NaN and infinity propagate.
        x : bool, default True
            Compute ``g.x``. Sparse rows need False.
        parameters : bool, default True
            Compute ``g.layers`` and ``g.flat``, also of frozen layers.
        per_sample : bool, default False
            Give the gradients of every row by themselves: (n, k, m) for W, (n, m) for B.

        Returns
        -------
        Gradients
            ``g.x`` (n, inputs) is the derivative by x as it was given, before the network's ``offset`` and ``scale``;
            it is 0 in columns of codes (``Columns``).

        Raises
        ------
        TypeError : an argument is not as above.
        ValueError : the cotangent has another shape; x is sparse and its gradient is wanted; gradients per sample would
            take more than 2 GiB, do not exist because ``training`` was True with batch normalisation, or are not
            implemented because the network has ``Columns``.
        """
        inputs, wanted, separate = flag(x, "x"), flag(parameters, "parameters"), flag(per_sample, "per_sample")
        architecture, n = self._architecture, len(self._rows)
        if inputs and isinstance(self._rows, SparseRows):
            raise ValueError("x is sparse, but g.x would be dense: expected x=False here, or vjp(x.toarray())")
        given = _of_rows(cotangent, n, architecture.sizes[-1], architecture.dtype, "cotangent", "the output")
        if separate and wanted:
            self._check_per_sample(n)
            dx, layers = self._pass.back_per_sample(given, inputs)
            biases = [spec.bias for spec in architecture.specs]
            return Gradients(architecture.without_statistics(layers), dx, biases=biases)
        dx, flat = self._pass.back(given, inputs, wanted)
        return Gradients._of_flat(flat, dx, architecture.split)

    def _check_per_sample(self, n: int) -> None:
        architecture = self._architecture
        if self._training and _has_batch_norm(architecture):
            raise ValueError("training was True: with batch normalisation there are no gradients per sample")
        if isinstance(self._rows, SparseRows):
            raise ValueError("x is sparse, but gradients per sample would be dense: expected vjp(x.toarray())")
        if architecture.columns is not None:
            raise ValueError("the network has fcnet.Columns, for which there are no gradients per sample")
        numbers = sum(k * m for k, m in itertools.pairwise(architecture.sizes))
        size = n * numbers * architecture.dtype.itemsize
        if size > _MOST_BYTES:
            what = f"gradients per sample of {n} rows would take {size / 2**30:.1f} GiB"
            raise ValueError(f"{what}: expected at most 2 GiB")

    def __repr__(self) -> str:
        rows, outputs = self.outputs.shape
        return f"Pullback({rows} rows, {outputs} outputs)"


def _has_batch_norm(architecture: Architecture) -> bool:
    return any("mean" in spec.parts for spec in architecture.specs)


def input_gradient(
    state: TrainState, x: ArrayLike, cotangent: ArrayLike | None, of: Any, output: object
) -> NDArray[Any]:
    """Compute ``Network.input_gradient``.

    Raises
    ------
    TypeError, ValueError : an argument is not as documented there.
    """
    Members.refuse(state.architecture.members, "input_gradient")
    architecture, rows, logits = state.architecture, rows_of(state, x), is_logits(output)
    _refuse_sparse(rows, "its gradient")
    n, outputs, dtype = len(rows), architecture.sizes[-1], architecture.dtype
    if cotangent is not None:
        if of is not None:
            raise ValueError("cotangent and of are given: expected one of them")
        given = _of_rows(cotangent, n, outputs, dtype, "cotangent", "the output")
    elif of is not None:
        given = np.zeros((n, outputs), dtype)
        given[np.arange(n), _outputs(architecture, of, n)] = 1
    elif outputs == 1:
        given = np.ones((n, 1), dtype)
    else:
        raise ValueError(f"the network has {outputs} outputs: expected of=, an output, or a cotangent")
    return _native.input_gradient(state.model, rows, given, logits)


def _outputs(architecture: Architecture, of: Any, n: int) -> NDArray[Any]:
    """Return the output that ``of`` names for each row: an output or a class, or one for each row."""
    outputs, names = architecture.sizes[-1], architecture.classes
    single = isinstance(of, str) or np.ndim(of) == 0
    labels: Any = [of] if single else of
    if names is not None and len(names) != outputs:
        raise ValueError(f"of is {cut(repr(of))}: the one output is the probability of {names[-1]!r}, expected no of")
    if names is not None:
        labels, _ = class_names.labels(labels, names, architecture.loss, outputs, "of", learn=False)
    found = arrays.plain(labels, "of")
    if n == 0 and found.shape == (0,):
        return np.empty(0, np.int64)
    if found.dtype.kind not in "iu":
        raise TypeError(f"of is {cut(repr(of))}: expected an output as a whole number, or one for each row")
    if found.shape not in ((1,), (n,)) or (not single and found.shape != (n,)):
        raise ValueError(f"of has shape {found.shape}: expected one number, or one for each row: ({n},)")
    if found.size and not (0 <= int(found.min()) and int(found.max()) < outputs):
        wrong = int(found.min()) if found.min() < 0 else int(found.max())
        raise ValueError(f"of contains the output {wrong}: expected 0 <= of < {outputs}")
    return found


def jacobian(state: TrainState, x: ArrayLike, output: object) -> NDArray[Any]:
    """Compute ``Network.jacobian``.

    Raises
    ------
    TypeError, ValueError : an argument is not as documented there.
    """
    Members.refuse(state.architecture.members, "jacobian")
    rows, logits = rows_of(state, x), is_logits(output)
    _refuse_sparse(rows, "the Jacobian")
    return _native.Vjp(state.model, rows, False, logits).jacobian()


def jvp(state: TrainState, x: ArrayLike, v: ArrayLike, output: object) -> tuple[NDArray[Any], NDArray[Any]]:
    """Compute ``Network.jvp``.

    Raises
    ------
    TypeError, ValueError : an argument is not as documented there.
    """
    Members.refuse(state.architecture.members, "jvp")
    rows, logits = rows_of(state, x), is_logits(output)
    _refuse_sparse(rows, "its tangent")
    architecture = state.architecture
    tangent = _of_rows(v, len(rows), architecture.inputs, architecture.dtype, "v", "x")
    kept = _native.Vjp(state.model, rows, False, logits)
    return kept.outputs(), kept.along(tangent)


_SMOOTH = frozenset(ACTIVATIONS) - {"softmax", *KINKS}  # of one number, twice differentiable


def _refuse_other_stages(architecture: Architecture, logits: bool, what: str, *, smooth: bool) -> None:
    """Raise ValueError if second derivatives are not defined, or not by formulas that fcnet has, and say where."""
    Members.refuse(architecture.members, what)
    if architecture.columns is not None:
        raise ValueError(f"the network has fcnet.Columns: {what} needs one that takes x without embeddings")
    last = len(architecture.specs) - 1
    for i, spec in enumerate(architecture.specs):
        named = None
        if spec.normalization is not None:
            named = f"normalization {spec.normalization!r}"
        elif "scale" in spec.parts:
            named = "fcnet.Scale() before it"
        elif spec.parametric:
            named = f"activation {spec.parametric!r}"
        elif not (logits and i == last):
            if spec.activation == "softmax":
                named = "activation 'softmax'"
            elif smooth and spec.activation not in _SMOOTH:
                named = f"activation {spec.activation!r}, which is not twice differentiable"
        if named is not None:
            advice = "; output='logits' leaves out the last activation" if named == "activation 'softmax'" else ""
            expected = f"one of {', '.join(sorted(_SMOOTH))}" if smooth else "an activation of one number"
            others = "and no normalization, scale or parametric activation"
            raise ValueError(f"layer {i} has {named}: {what} needs {expected}, {others}{advice}")


def hvp(state: TrainState, x: ArrayLike, cotangent: ArrayLike, v: ArrayLike, output: object) -> Gradients:
    """Compute ``Network.hvp``.

    Raises
    ------
    TypeError, ValueError : an argument is not as documented there.
    """
    architecture, rows, logits = state.architecture, rows_of(state, x), is_logits(output)
    _refuse_sparse(rows, "its gradient")
    _refuse_other_stages(architecture, logits, "hvp", smooth=False)
    n, sizes, dtype = len(rows), architecture.sizes, architecture.dtype
    given = _of_rows(cotangent, n, sizes[-1], dtype, "cotangent", "the output")
    direction = _of_rows(v, n, sizes[0], dtype, "v", "x")
    # the derivative along v of cotangent . outputs, led back
    dx, flat = _native.Jets(state.model, rows, logits, direction).back([None, given])
    return Gradients._of_flat(flat, dx, architecture.split)


class LaplacianPullback:
    """Leads from cotangents of the outputs and of their Laplacian back: what ``Network.laplacian`` returns.

    It keeps the activations, and the parameters of the moment of ``laplacian``, as ``Pullback`` does: some 4 (inputs +
    2) numbers for each row and neuron.

    Attributes
    ----------
    outputs, laplacian : arrays (n, outputs)
    jacobian : array (n, outputs, inputs)
        The first derivatives, which are computed along the way; a fresh copy each time it is read.
    """

    __slots__ = ("_architecture", "_count", "_jets", "laplacian", "outputs")

    def __init__(self, state: TrainState, x: ArrayLike, weights: ArrayLike | None, output: object) -> None:
        self._architecture = architecture = state.architecture
        rows, logits, inputs = rows_of(state, x), is_logits(output), architecture.sizes[0]
        _refuse_sparse(rows, "its derivatives")
        _refuse_other_stages(architecture, logits, "laplacian", smooth=True)
        given = np.ones(inputs) if weights is None else arrays.real(arrays.plain(weights, "weights"), "weights")
        if given.shape != (inputs,) or not np.isfinite(given).all():
            raise ValueError(f"weights is {weights!r}: expected a finite number for each of {inputs} inputs")
        self._count = len(rows)
        self._jets = _native.Jets(state.model, rows, logits, None, arrays.cast(given, architecture.dtype, "weights"))
        self.outputs: NDArray[Any] = self._jets.part(0)
        self.laplacian: NDArray[Any] = self._jets.part(inputs + 1)

    @property
    def jacobian(self) -> NDArray[Any]:
        """The first derivatives (n, outputs, inputs)."""
        return np.stack([self._jets.part(k + 1) for k in range(self._architecture.sizes[0])], axis=-1)

    @suggesting
    def __call__(
        self,
        cotangent: ArrayLike | None,
        laplacian_cotangent: ArrayLike | None,
        *,
        jacobian_cotangent: ArrayLike | None = None,
        x: bool = True,
        parameters: bool = True,
    ) -> Gradients:
        """Compute the gradients of a loss of the outputs, their Laplacian and their first derivatives.

        Parameters
        ----------
        cotangent, laplacian_cotangent : array-like (n, outputs), (n,) for one output, or None for 0
            Derivatives of the loss by the outputs and by their Laplacian.
        jacobian_cotangent : array-like (n, outputs, inputs), optional
            Derivative of the loss by ``jacobian``.
        x : bool, default True
            Compute ``g.x``.
        parameters : bool, default True
            Compute ``g.layers`` and ``g.flat``.

        Returns
        -------
        Gradients
            Sums over the rows.

        Raises
        ------
        TypeError, ValueError : an argument is not as above.
        """
        sizes, dtype, n = self._architecture.sizes, self._architecture.dtype, self._count

        def rows(given: ArrayLike | None, name: str, like: str) -> NDArray[Any] | None:
            return None if given is None else _of_rows(given, n, sizes[-1], dtype, name, like)

        inputs, wanted = flag(x, "x"), flag(parameters, "parameters")
        parts = [rows(cotangent, "cotangent", "the output"), *[None] * sizes[0]]
        parts.append(rows(laplacian_cotangent, "laplacian_cotangent", "the output"))
        if jacobian_cotangent is not None:
            name, shape = "jacobian_cotangent", (n, sizes[-1], sizes[0])
            given = arrays.real(arrays.plain(jacobian_cotangent, name), name)
            if given.shape != shape:
                raise ValueError(f"{name} has shape {given.shape}: expected {shape}, as jacobian")
            parts[1:-1] = [arrays.cast(given[..., k], dtype, name) for k in range(sizes[0])]
        dx, flat = self._jets.back(parts, inputs, wanted)
        return Gradients._of_flat(flat, dx, self._architecture.split)

    def __repr__(self) -> str:
        rows, outputs = self.outputs.shape
        return f"LaplacianPullback({rows} rows, {outputs} outputs)"
