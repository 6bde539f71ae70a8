"""Messages to the kernel and its answers, as bytes: see netlink(7).

pyroute2 takes every entry of an answer apart, half a millisecond each. What is asked often, or of
tables with thousands of entries, is asked here, and no more is read than is needed.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import Self

ROUTE, NETFILTER = 0, 12  # linux/netlink.h
REQUEST, ACK, DUMP, REPLACE, CREATE = 0x01, 0x04, 0x300, 0x100, 0x400
_ERROR, _DONE = 2, 3
_INTERRUPTED = 0x10
_HEADER = struct.Struct("IHHII")  # nlmsghdr
_ATTRIBUTE = struct.Struct("HH")
_TYPE_MASK = 0x3FFF  # without the flags "nested" and "network byte order"
_NESTED = 0x8000
_SECONDS = 30.0  # for one answer of the kernel; a whole table takes less
_ROOM = 1 << 18  # bytes of answers at a time


class Netlink:
    """A socket to the kernel, in the namespace in which it is made.

    Every method raises OSError with the kernel's errno, or TimeoutError.
    """

    def __init__(self, family: int) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, family)
        self._socket.bind((0, 0))
        self._socket.settimeout(_SECONDS)
        self._number = 0
        self.interrupted = False  # what the last answer lists has changed while it was listed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def send(self, kind: int, flags: int, body: bytes) -> None:
        """Send one message; `answers` reads what comes of it."""
        self._number = self._number % 0x7FFFFFFF + 1
        header = _HEADER.pack(_HEADER.size + len(body), kind, flags, self._number, 0)
        self._socket.send(header + body)

    def answers(self) -> Iterator[memoryview]:
        """Yield each entry that answers the last request, up to the end of the answer.

        That end is the kernel's word that it is done, so the request has DUMP or ACK set.
        """
        self.interrupted = False
        while True:
            data = memoryview(self._socket.recv(_ROOM))
            while data:
                length, kind, flags, number, _ = _HEADER.unpack_from(data)
                if number == self._number:  # not the rest of an answer that came too late
                    self.interrupted = self.interrupted or bool(flags & _INTERRUPTED)
                    if kind in (_DONE, _ERROR):
                        _raise(data)
                        return
                    yield data[_HEADER.size : length]
                data = data[length + 3 & ~3 :]


def _raise(message: memoryview) -> None:
    (error,) = struct.unpack_from("i", message, _HEADER.size)
    if error:
        raise OSError(-error, os.strerror(-error))


def attribute(kind: int, payload: bytes) -> bytes:
    """Return an attribute, padded as the kernel wants it."""
    length = _ATTRIBUTE.size + len(payload)
    return _ATTRIBUTE.pack(length, kind) + payload + b"\0" * (-length % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute that holds others."""
    return attribute(kind | _NESTED, b"".join(attributes))


def attributes(data: memoryview) -> dict[int, memoryview]:
    """Return the attributes in a message by their numbers."""
    return dict(each_attribute(data))


def each_attribute(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the number and the payload of each attribute; a list has many of one number."""
    position, end = 0, len(data) - _ATTRIBUTE.size
    while position <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, position)
        yield kind & _TYPE_MASK, data[position + _ATTRIBUTE.size : position + length]
        position += max(_ATTRIBUTE.size, length + 3 & ~3)
