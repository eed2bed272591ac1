"""Messages of protobuf: fields that hold whole numbers, real ones, text, bytes, or other messages."""

from __future__ import annotations

import struct
from typing import Any

from numpy.typing import NDArray

from fcnet._onnx.fields import Wire


def varint(value: int) -> bytes:
    """Return a whole number in seven bits a byte, the lowest first; a negative one as the 64 bits of int64."""
    value &= 2**64 - 1
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


class Message:
    """A message that is written field by field; ``bytes`` joins its parts, so that arrays are copied once.

    Attributes
    ----------
    size : int
        The number of bytes so far.
    """

    __slots__ = ("_parts", "size")

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self.size = 0

    def number(self, field: int, value: int) -> None:
        """Add a whole number, from -2**63 to 2**64 - 1."""
        self._add(varint(field << 3 | Wire.VARINT) + varint(value))

    def real(self, field: int, value: float) -> None:
        """Add a real number, rounded to float32."""
        self._add(varint(field << 3 | Wire.FIXED32) + struct.pack("<f", value))

    def text(self, field: int, value: str | bytes) -> None:
        """Add text, or bytes."""
        given = value.encode() if isinstance(value, str) else value
        self._begin(field, len(given))
        self._add(given)

    def array(self, field: int, value: NDArray[Any]) -> None:
        """Add the bytes of an array, which is contiguous; they are copied by ``bytes`` alone."""
        self._begin(field, value.nbytes)
        self._parts.append(value.reshape(-1).view("u1").data)
        self.size += value.nbytes

    def message(self, field: int, value: Message) -> None:
        """Add a message, which must be complete."""
        self._begin(field, value.size)
        self._parts += value._parts
        self.size += value.size

    def __bytes__(self) -> bytes:
        return b"".join(self._parts)

    def _begin(self, field: int, size: int) -> None:
        self._add(varint(field << 3 | Wire.BYTES) + varint(size))

    def _add(self, part: bytes) -> None:
        self._parts.append(part)
        self.size += len(part)
