"""``Network.to_c``: its arguments, and the text of the header."""

from __future__ import annotations

import os
import re
import textwrap
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fcnet._checks import console
from fcnet._exporting.c.floats import FloatCode
from fcnet._exporting.c.integers import IntegerCode
from fcnet._exporting.c.text import array, check_rows, checked_name, comment, string
from fcnet._exporting.chain import Array, Chain, chain_of
from fcnet._exporting.producer import PRODUCER
from fcnet._exporting.scaling import NEARER_0, warn_of_offset
from fcnet._inputs.sparse import SparseRows
from fcnet._saving.atomic_file import replacing
from fcnet._training.prediction import predict, rows_of

if TYPE_CHECKING:
    from fcnet._training.train_state import TrainState

TEST_ROWS = 3
LEAST_ROWS = 100  # of calibration
_RANDOM = 7  # the seed of the rows of the self-test
_FLOAT32 = np.dtype(np.float32)

_FRAME = """\
{about}
#ifndef {prefix}_H
#define {prefix}_H

{includes}

#define {prefix}_INPUTS {inputs}
#define {prefix}_OUTPUTS {outputs}

{labels}{functions}
{arrays}
/* Compute the {outputs} outputs y of a row x of {inputs} inputs; x and y must not overlap. */
static inline void {name}_predict(const float x[{inputs}], float y[{outputs}])
{{
{body}
}}

{selftest}
#endif
"""

_SELFTEST = """\
#ifdef {prefix}_SELFTEST
#ifndef {prefix}_TOLERANCE
#define {prefix}_TOLERANCE {tolerance} /* of a row's largest output */
#endif

{x}
{y}
/* 0 if the outputs of {rows} rows are those that {of} gave, otherwise the number of the first other row, from 1. */
static inline int {name}_selftest(void)
{{
  int row, j;
  for (row = 0; row < {rows}; ++row) {{
    float y[{outputs}], most = 0.0f;
    {name}_predict({name}_test_x[row], y);
    for (j = 0; j < {outputs}; ++j)
      if (fabsf({name}_test_y[row][j]) > most) most = fabsf({name}_test_y[row][j]);
    for (j = 0; j < {outputs}; ++j)
      if (!(fabsf(y[j] - {name}_test_y[row][j]) <= {prefix}_TOLERANCE * most)) return row + 1;
  }}
  return 0;
}}
#endif
"""


class _Code(Protocol):
    """What a header holds of the numbers, in float32 or int8."""

    @property
    def includes(self) -> tuple[str, ...]: ...
    @property
    def constants(self) -> int: ...
    @property
    def stack(self) -> int: ...
    def about(self) -> list[str]: ...
    def arrays(self) -> str: ...
    def functions(self) -> str: ...
    def body(self) -> list[str]: ...


def to_c(state: TrainState, path: str | os.PathLike[str], name: str, dtype: str, calibration: Any) -> None:
    """Compute ``Network.to_c``, whose arguments these are.

    Raises
    ------
    TypeError, ValueError : an argument is not as documented there, or the network holds what C does not.
    OSError : the file cannot be written.
    """
    name = checked_name(name)
    if not isinstance(dtype, str) or dtype not in ("float32", "int8"):
        raise ValueError(f"dtype is {dtype!r}: expected 'float32' or 'int8'")
    state = state.copy()
    rows = None if calibration is None else _checked_rows(state, calibration)
    chain = chain_of(state, _FLOAT32, "to_c")
    given = state.architecture
    warn_of_offset(given.offset, given.scale, state.feature_names, _FLOAT32, NEARER_0)
    x = _test_rows(state, chain) if rows is None else rows[:TEST_ROWS]
    if dtype == "float32":
        text = _header(state, chain, FloatCode(chain), name, x, predict_rows(state, x))
    else:
        code = _calibrated(state, chain, rows)
        text = _header(state, chain, code, name, x, code.predict(x))
    with replacing(path) as file:
        file.write(text.encode("ascii"))


def _calibrated(state: TrainState, chain: Chain, rows: Array | None) -> IntegerCode:
    """Return the code in int8, after its results were compared with ``predict``.

    Raises
    ------
    ValueError : there are too few rows, or the network has what int8 does not.
    """
    given = "None" if rows is None else f"of {len(rows)} rows"
    if rows is None or len(rows) < LEAST_ROWS:
        raise ValueError(f"calibration is {given}: expected {LEAST_ROWS} rows of x or more for dtype='int8'")
    code = IntegerCode(chain, rows)
    found, expected = code.predict(rows), predict_rows(state, rows)
    difference = np.abs(found - expected)
    apart = (
        f"outputs differ from those of Network.predict by {difference.mean():.2g} on average, {difference.max():.2g}"
    )
    apart += " at most"
    if state.architecture.classifies:
        of_labels = state.architecture.takes_labels
        first, second = (y.argmax(axis=1) if of_labels else y > 0.5 for y in (found, expected))
        apart = f"{(first == second).mean():.2%} of the classes are the same; {apart}"
    code.measured = f"On {len(rows):,} rows of calibration {apart}."
    console.write_line(f"to_c, int8: {code.measured}")
    return code


def predict_rows(state: TrainState, rows: Array) -> Array:
    """Return the predictions of rows in float32."""
    return np.asarray(predict(state, rows, None, False, None).astype(_FLOAT32))


def _checked_rows(state: TrainState, calibration: Any) -> Array:
    rows = rows_of(state, calibration, "calibration")
    if isinstance(rows, SparseRows):
        raise TypeError("calibration is sparse: expected a dense array, use calibration.toarray()")
    if not len(rows):
        raise ValueError("calibration has no rows: expected some")
    with np.errstate(over="ignore"):
        rows = rows.astype(_FLOAT32)
    check_rows(rows, "calibration")
    return np.asarray(rows)


def _test_rows(state: TrainState, chain: Chain) -> Array:
    """Draw rows as they are after standardisation; where an output is not finite, the row that scaling makes 0."""
    random = np.random.default_rng(_RANDOM).standard_normal((TEST_ROWS, chain.inputs))
    offset = np.zeros(()) if chain.offset is None else chain.offset.astype(float)
    scale = np.ones(()) if chain.scale is None else chain.scale.astype(float)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        rows = (offset + np.where(scale == 0, 0, random / scale)).astype(_FLOAT32)
        usual = np.broadcast_to(offset, rows.shape).astype(_FLOAT32)
        rows = np.where(np.isfinite(rows), rows, usual)
        works = np.isfinite(predict_rows(state, rows)).all(axis=1, keepdims=True)
        rows = np.where(works, rows, usual)
        if not np.isfinite(predict_rows(state, rows)).all():
            raise ValueError("the network's outputs are not finite: expected a network that can predict its offset")
    return rows


def _header(state: TrainState, chain: Chain, code: _Code, name: str, x: Array, y: Array) -> str:
    prefix, plain = name.upper(), {"inputs": chain.inputs, "outputs": chain.outputs}
    names = {"name": name, "prefix": prefix}
    selftest = _SELFTEST.format(
        x=array("float", f"{name}_test_x", x),
        y=array("float", f"{name}_test_y", y),
        rows=len(x),
        of="fcnet",
        tolerance="1e-4f",
        **plain,
        **names,
    )
    pattern = re.compile("NAME_|PREFIX_")

    def named(code: str) -> str:
        return pattern.sub(lambda match: f"{name if match[0] == 'NAME_' else prefix}_", code)

    return _FRAME.format(
        about=comment(_about(state, chain, code, name)),
        includes="\n".join(f"#include <{each}>" for each in code.includes),
        labels=_labels(chain, name),
        functions=named(code.functions()),
        arrays=named(code.arrays()),
        body=textwrap.indent(named("\n".join(code.body())), "  "),
        selftest=selftest,
        **plain,
        **names,
    )


def _about(state: TrainState, chain: Chain, code: _Code, name: str) -> list[str]:
    """The comment at the top."""
    rounded = " Its numbers of float64 are rounded to float32." if state.architecture.dtype != _FLOAT32 else ""
    quantiles = f", in groups of {chain.quantiles} quantiles, sorted" if chain.quantiles > 1 else ""
    names = [f"  x[{i}]: {each}" for i, each in enumerate(chain.feature_names or ())]
    labels = [f"  {'y' if chain.outputs > 1 else 'class '}[{i}]: {each}" for i, each in enumerate(chain.labels or ())]
    return [
        f"A fully connected neural network, written by {PRODUCER}.{rounded}",
        "",
        *(f"Layer {i}: {layer.described}" for i, layer in enumerate(chain.layers)),
        f"Inputs: {chain.inputs}{', scaled inside' if chain.offset is not None or chain.scale is not None else ''}",
        *names,
        f"Outputs: {chain.outputs}{quantiles}",
        *labels,
        "",
        *(line.replace("NAME_", f"{name}_") for line in code.about()),
        f"Constants: {code.constants:,} bytes. Stack: {code.stack:,} bytes of buffers. No memory is allocated, and",
        "nothing is changed but y: several threads may predict at once. Include it in one source file; C99 or C++11.",
    ]


def _labels(chain: Chain, name: str) -> str:
    if chain.labels is None:
        return ""
    entries = ",\n".join(f"  {string(label)}" for label in chain.labels)
    lines = f"static const char *const {name}_labels[{len(chain.labels)}] = {{\n{entries}\n}};"
    order = "in the order of the outputs" if chain.outputs > 1 else "of an output below 0.5, and of one above"
    return f"/* The classes, {order}. */\n#ifdef {name.upper()}_LABELS\n{lines}\n#endif\n\n"
