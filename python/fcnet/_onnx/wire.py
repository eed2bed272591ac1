"""Read protobuf's wire format, of bytes that may be malicious: every length is checked before anything is taken.

A message is a sequence of fields, each a tag (number and wire type) and a value. Values of type BYTES are views of the
file; messages within a message are such views too, and whoever knows their fields reads them. Nothing is recursive.
"""

from __future__ import annotations

from collections.abc import Iterator

from fcnet._onnx.fields import Wire

_FIXED = {Wire.FIXED64: 8, Wire.FIXED32: 4}
Value = int | memoryview


def fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield number and value of every field: an int for VARINT, the bytes for other types.

    Raises
    ------
    ValueError : the bytes are not fields, or go on behind the end.
    """
    at, end = 0, len(message)
    while at < end:
        tag = message[at]
        at += 1
        if tag >= 0x80:
            tag, at = varint(message, at - 1)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise ValueError(f"a field has the number {number}")
        if wire == Wire.VARINT:
            value, at = varint(message, at)
            yield number, value
            continue
        if wire == Wire.BYTES:
            length, at = varint(message, at)
        elif wire in _FIXED:
            length = _FIXED[wire]
        else:
            raise ValueError(f"field {number} has the wire type {wire}")
        if length > end - at:
            raise ValueError(f"field {number} has {length} bytes, and {end - at} are left")
        yield number, message[at : at + length]
        at += length


def varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number of variable length, without sign, that stands at ``at``, and where it ends.

    Raises
    ------
    ValueError : it does not end within ten bytes and the message.
    """
    value = 0
    for i, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + i + 1
    raise ValueError("a number does not end")


def signed(value: Value) -> int:
    """Return a number with its sign, as int32 and int64 are stored.

    Raises
    ------
    ValueError : it is not a number of variable length.
    """
    number = whole(value)
    return number - (1 << 64) if number >= 1 << 63 else number


def whole(value: Value) -> int:
    """Return a number of variable length.

    Raises
    ------
    ValueError : the field has another wire type.
    """
    if not isinstance(value, int):
        raise ValueError("a field has bytes in place of a number")
    return value


def view(value: Value) -> memoryview:
    """Return the bytes of a field.

    Raises
    ------
    ValueError : the field is a number.
    """
    if isinstance(value, int):
        raise ValueError("a field has a number in place of bytes")
    return value


def text(value: Value) -> str:
    """Return the text of a field.

    Raises
    ------
    ValueError : it is not UTF-8.
    """
    return str(view(value), "utf-8")


def signed_numbers(value: Value) -> Iterator[int]:
    """Yield one number, or the many of a packed field, with their signs.

    Raises
    ------
    ValueError : a number does not end.
    """
    if isinstance(value, int):
        yield signed(value)
        return
    at = 0
    while at < len(value):
        number, at = varint(value, at)
        yield signed(number)


def joined(before: memoryview | bytearray | None, value: Value) -> memoryview | bytearray:
    """Return the bytes of a list of numbers of fixed length: one packed field as it is, several one behind the other.

    Raises
    ------
    ValueError : the field is a number of variable length.
    """
    if before is None:
        return view(value)
    if isinstance(before, memoryview):
        before = bytearray(before)
    before += view(value)
    return before
