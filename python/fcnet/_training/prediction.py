"""Predictions of rows and of batches of rows: outputs, logits, with dropout, classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.numbers import flag
from fcnet._inputs import class_names
from fcnet._inputs.features import check_x
from fcnet._inputs.iterables import BatchesGivenError, inputs_of
from fcnet._model.architecture import checked_seed
from fcnet._training.train_state import TrainState


def rows_of(state: TrainState, x: Any, name: str = "x") -> Any:
    """Checked rows to predict; messages call them ``name``.

    Raises
    ------
    BatchesGivenError : x is batches of rows.
    TypeError, ValueError : x is not as for ``Network.predict``.
    """
    architecture, known = state.architecture, state.feature_names
    return check_x(x, architecture.sizes[0], architecture.dtype, finite=False, known=known, name=name)


def _rows_of_batches(state: TrainState, batches: Any) -> Iterator[tuple[Any, str]]:
    """The rows of each batch, and what messages call them."""
    name = None
    for i, batch in enumerate(batches):
        name = f"x of batch {i}"
        yield rows_of(state, inputs_of(batch), name), name
    if name is None:
        raise ValueError("x has no batches: a generator can be gone through only once")


def predict(state: TrainState, x: Any, output: object, dropout: object, seed: int | None) -> NDArray[Any]:
    """``Network.predict``, of rows or batches, with its arguments.

    Raises
    ------
    TypeError, ValueError : an argument is not as there.
    """
    architecture, known = state.architecture, state.feature_names  # as rows_of, with a call less
    try:
        rows = check_x(x, architecture.sizes[0], architecture.dtype, finite=False, known=known)
    except BatchesGivenError:
        return _predict_batches(state, x, output, dropout, seed)
    if output is None and dropout is False and seed is None:
        return state.model.predict(rows)
    return _predict_rows(state, rows, output, dropout, seed)


def _predict_batches(
    state: TrainState, batches: Any, output: object, dropout: object, seed: int | None
) -> NDArray[Any]:
    if seed is not None:
        raise ValueError(f"seed is {seed!r}, and x is batches, whose rows have no numbers: expected none")
    parts = (_predict_rows(state, rows, output, dropout, None) for rows, _ in _rows_of_batches(state, batches))
    return np.concatenate(list(parts))


def _predict_rows(state: TrainState, rows: Any, output: object, dropout: object, seed: int | None) -> NDArray[Any]:
    if output is None and dropout is False and seed is None:
        return state.model.predict(rows)
    if output is not None and not (isinstance(output, str) and output == "logits"):
        raise ValueError(f"output is {output!r}: expected 'logits' or None")
    if not flag(dropout, "dropout"):
        if seed is not None:
            raise ValueError(f"seed is {seed!r}, but nothing is drawn: expected dropout=True with it")
        return state.model.predict_otherwise(rows, output is not None)
    if not any(spec.dropout for spec in state.architecture.specs):
        raise ValueError("dropout is True, but no layer has any: expected a network with fcnet.Dense(..., dropout=)")
    return state.model.predict_otherwise(rows, output is not None, checked_seed(seed))


def predict_classes(state: TrainState, x: Any) -> NDArray[Any]:
    """``Network.predict_classes``.

    Raises
    ------
    TypeError, ValueError : x is not as there; the network does not tell classes apart; an output is NaN.
    """
    architecture, outputs = state.architecture, state.architecture.sizes[-1]
    count = class_names.number(architecture.loss, outputs)
    if count is None or (outputs == 1 and architecture.specs[-1].activation not in ("sigmoid", "softmax")):
        raise ValueError(f"loss is {architecture.given_loss!r}, and the {outputs} outputs are no classes: see predict")
    model = state.model.as_now()
    parts: Iterable[tuple[Any, str]]
    try:
        parts = [(rows_of(state, x), "x")]
    except BatchesGivenError:
        parts = _rows_of_batches(state, x)
    found = np.concatenate([class_names.most_likely(model.predict, *part, outputs) for part in parts])
    return found if architecture.classes is None else class_names.array_of(architecture.classes)[found]
