"""The safetensors format: a JSON header and named arrays. Nothing in a file is executed, looked up or imported.

A file has eight bytes with the header's length, the header, and the arrays' bytes without gaps, little-endian and
C-ordered.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fcnet._inputs.tensors import widened
from fcnet._saving.atomic_file import path_text
from fcnet._saving.regular_file import opened

_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "U8": np.dtype("u1")}
_HALF: dict[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "BF16": np.dtype([("bfloat16", "<u2")])}
_WHOLE: dict[str, np.dtype[Any]] = {f"I{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)}
_FOREIGN = _TYPES | _HALF | _WHOLE | {"BOOL": np.dtype("u1")}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}
_LONGEST_HEADER = 1 << 20
_MOST_TENSORS = 10_000


def write(file: BinaryIO, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write arrays of float32, float64 or uint8, in their order.

    Parameters
    ----------
    file : binary file, open for writing
    tensors : name -> array
    metadata : text -> text

    Raises
    ------
    ValueError : there are more arrays, or the header is longer, than ``read`` accepts.
    OSError : the file cannot be written.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in tensors.items():
        begin, end = end, end + tensor.nbytes
        kind = _NAMES[tensor.dtype.newbyteorder("<")]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > _LONGEST_HEADER or len(tensors) > _MOST_TENSORS:
        raise ValueError(f"{len(tensors)} arrays and a header of {len(text)} bytes: more than a file may have")
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for tensor in tensors.values():
        file.write(np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<")).data)


def read(
    path: str | os.PathLike[str],
    check: Callable[[Mapping[str, str]], None] | None = None,
    *,
    foreign: bool = False,
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Read the arrays and metadata of a file, which may be malicious.

    Parameters
    ----------
    path : path
    check : function of the metadata, optional
        Raises ValueError to reject a file before its arrays are read.
    foreign : bool, default False
        Read the types of other libraries' files too: half ones, which become float32 or stay float16, and whole ones.

    Returns
    -------
    {name: array}, {text: text}

    Raises
    ------
    TypeError : path is not a path.
    OSError : the file cannot be read.
    ValueError : the file is not complete and in this format, or has other types than these.
    """
    with opened(path) as file:
        try:
            return _read(file, os.fstat(file.fileno()).st_size, check, _FOREIGN if foreign else _TYPES)
        except (ValueError, RecursionError) as error:
            reason: object = error
            if isinstance(error, RecursionError):
                reason = "its header is nested too deeply"
            elif isinstance(error, UnicodeDecodeError | json.JSONDecodeError):
                reason = "it is not in the safetensors format, as its header is not JSON"
            raise ValueError(f"{path_text(path)!r} is not a model file: {reason}") from None


def _read(
    file: BinaryIO,
    size: int,
    check: Callable[[Mapping[str, str]], None] | None,
    types: Mapping[str, np.dtype[Any]],
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    length = int.from_bytes(file.read(8), "little") if size >= 8 else 0
    if size >= 8 and _LONGEST_HEADER < length <= size - 8 and file.read(1) == b"{":
        raise ValueError(f"its header of {length} bytes is longer than fcnet writes")
    if size < 8 or length > min(size - 8, _LONGEST_HEADER):
        raise ValueError(f"it is not in the safetensors format, as its {size} bytes do not hold a header of {length}")
    text = file.read(length)
    if not text.startswith(b"{"):
        raise ValueError("it is not in the safetensors format, as its header does not begin with '{'")
    header = json.loads(text.decode(), object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata is not text")
    if len(header) > _MOST_TENSORS:
        raise ValueError(f"it lists {len(header)} arrays: expected at most {_MOST_TENSORS}")
    if check is not None:
        check(metadata)
    layouts = sorted((_layout(name, entry, types) for name, entry in header.items()), key=lambda layout: layout[3:])
    at = 0
    for name, _, _, begin, end in layouts:
        if begin != at:
            raise ValueError(f"the bytes of {name!r} begin at {begin}: expected {at}")
        at = end
    if 8 + length + at != size:
        raise ValueError(f"it has {size} bytes: its header says {8 + length + at}")
    tensors = {}
    for name, dtype, shape, _, _ in layouts:
        tensor = np.empty(shape, dtype)
        if file.readinto(tensor.reshape(-1).view(np.uint8).data) != tensor.nbytes:  # type: ignore[attr-defined]
            raise ValueError("it became shorter while it was read")
        tensors[name] = widened(tensor.astype(dtype.newbyteorder("="), copy=False))
    return tensors, metadata


def _layout(
    name: str, entry: object, types: Mapping[str, np.dtype[Any]]
) -> tuple[str, np.dtype[Any], tuple[int, ...], int, int]:
    """Return name, type, shape, first and last byte of an array in the header."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name!r} is not described by dtype, shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in types:
        *others, last = types
        raise ValueError(f"{name!r} has dtype {kind!r}: expected {', '.join(others)} or {last}")
    for numbers, most in ((shape, 8), (offsets, 2)):
        if not isinstance(numbers, list) or len(numbers) > most or not all(type(n) is int and n >= 0 for n in numbers):
            raise ValueError(f"{name!r} has the shape or data_offsets {numbers!r}")
    if len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * types[kind].itemsize:
        raise ValueError(f"{name!r} has the bytes {offsets!r}: its shape is {shape!r} of {kind}")
    return name, types[kind], tuple(shape), offsets[0], offsets[1]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("its header has a name twice")
    return result


def _refuse(number: str) -> None:
    raise ValueError(f"its header has the number {number}: expected whole ones")
