"""Prediction: outputs, logits, outputs with dropout and classes, of rows or of batches of rows."""

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
from fcnet._model.members import Members
from fcnet._training.train_state import TrainState


def rows_of(state: TrainState, x: Any, name: str = "x") -> Any:
    """Check the rows to predict; ``name`` is the argument in messages.

    Raises
    ------
    BatchesGivenError : x is an iterable of batches.
    TypeError, ValueError : x is not as for ``Network.predict``.
    """
    architecture, known = state.architecture, state.feature_names
    own = architecture.inputs, architecture.dtype
    return check_x(x, *own, finite=False, known=known, codes=architecture.codes, name=name)


def is_logits(output: object) -> bool:
    """Check the argument ``output``, and return whether it asks for logits.

    Raises
    ------
    ValueError : it is neither None nor "logits".
    """
    if output is not None and not (isinstance(output, str) and output == "logits"):
        raise ValueError(f"output is {output!r}: expected 'logits' or None")
    return output is not None


def _rows_of_batches(state: TrainState, batches: Any) -> Iterator[tuple[Any, str]]:
    """Yield the checked rows of each batch, and their name in messages."""
    name = None
    for i, batch in enumerate(batches):
        name = f"x of batch {i}"
        yield rows_of(state, inputs_of(batch), name), name
    if name is None:
        raise ValueError("x has no batches: expected some; a generator can be iterated over only once")


def predict(state: TrainState, x: Any, output: object, dropout: object, seed: int | None) -> NDArray[Any]:
    """Compute ``Network.predict`` for rows or batches.

    Raises
    ------
    TypeError, ValueError : an argument is not as documented there.
    """
    architecture, known = state.architecture, state.feature_names  # rows_of, inlined for speed
    try:
        own = architecture.inputs, architecture.dtype
        rows = check_x(x, *own, finite=False, known=known, codes=architecture.codes)
    except BatchesGivenError:
        return _predict_batches(state, x, output, dropout, seed)
    if output is None and dropout is False and seed is None:
        return state.model.predict(rows)
    return _predict_rows(state, rows, output, dropout, seed)


def _predict_batches(
    state: TrainState, batches: Any, output: object, dropout: object, seed: int | None
) -> NDArray[Any]:
    if seed is not None:
        raise ValueError(f"seed is {seed!r}, but x is batches, whose rows have no index: expected no seed")
    parts = (_predict_rows(state, rows, output, dropout, None) for rows, _ in _rows_of_batches(state, batches))
    return np.concatenate(list(parts))


def _predict_rows(state: TrainState, rows: Any, output: object, dropout: object, seed: int | None) -> NDArray[Any]:
    if output is None and dropout is False and seed is None:
        return state.model.predict(rows)
    logits = is_logits(output)
    if logits:
        Members.refuse(state.architecture.members, "output='logits'")
    if not flag(dropout, "dropout"):
        if seed is not None:
            raise ValueError(f"seed is {seed!r}, but predict is not random: expected dropout=True with it")
        return state.model.predict_otherwise(rows, logits)
    if not any(spec.dropout for spec in state.architecture.specs):
        raise ValueError(
            "dropout is True, but no layer has dropout: expected a network with fcnet.Dense(..., dropout=)"
        )
    return state.model.predict_otherwise(rows, logits, checked_seed(seed))


def predict_classes(state: TrainState, x: Any) -> NDArray[Any]:
    """Compute ``Network.predict_classes``.

    Raises
    ------
    TypeError, ValueError : x is not as documented there, the network is not a classifier, or an output is NaN.
    """
    architecture, outputs = state.architecture, state.architecture.sizes[-1]
    count = class_names.number(architecture.loss, outputs)
    if count is None or (outputs == 1 and architecture.specs[-1].activation not in ("sigmoid", "softmax")):
        raise ValueError(f"loss is {architecture.given_loss!r}, so the {outputs} outputs are not classes: see predict")
    model = state.model.as_now()
    parts: Iterable[tuple[Any, str]]
    try:
        parts = [(rows_of(state, x), "x")]
    except BatchesGivenError:
        parts = _rows_of_batches(state, x)
    indices = np.concatenate([class_names.most_likely(model.predict, *part, outputs) for part in parts])
    return indices if architecture.classes is None else class_names.array_of(architecture.classes)[indices]
