"""Netfilter's messages: the little of nfnetlink that connection tracking and sets share.

The libraries for it take every answer apart, at some tenths of a millisecond for each entry. Where
a device may have thousands of connections, or a page wants to know each second what flows, only
what is needed is read of the kernel's answer (linux/netfilter/nfnetlink.h).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

REQUEST, ACK, DUMP = 0x01, 0x04, 0x300
_NETLINK_NETFILTER = 12
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_DUMP_INTERRUPTED = 0x10
_HEADER = struct.Struct("IHHII")  # nlmsghdr
_ATTRIBUTE = struct.Struct("HH")
_TYPE_MASK = 0x3FFF  # without the flags "nested" and "network byte order"
_SECONDS = 30.0  # for one answer of the kernel; the whole connection table takes less
_ROOM = 1 << 18  # bytes of answers at a time


class Netfilter:
    """A socket on the netfilter of the namespace in which it is made.

    Every method raises OSError with the kernel's errno, or TimeoutError.
    """

    def __init__(self) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, _NETLINK_NETFILTER)
        self._socket.bind((0, 0))
        self._socket.settimeout(_SECONDS)
        self._number = 0

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def ask(self, kind: int, flags: int, family: int, attributes: bytes) -> Iterator[memoryview]:
        """Send one message and yield each that answers it, from its nfgenmsg on.

        `kind` is subsystem << 8 | message. Raises OSError with EINTR, at the end, when what is
        listed has changed meanwhile.
        """
        self._number = self._number % 0x7FFFFFFF + 1
        body = struct.pack("BBH", family, 0, 0) + attributes
        header = _HEADER.pack(_HEADER.size + len(body), kind, flags, self._number, 0)
        self._socket.send(header + body)
        return self._answers()

    def _answers(self) -> Iterator[memoryview]:
        interrupted = False
        while True:
            data = memoryview(self._socket.recv(_ROOM))
            while data:
                length, kind, flags, number, _ = _HEADER.unpack_from(data)
                if number == self._number:  # not the rest of an answer that came too late
                    interrupted = interrupted or bool(flags & _DUMP_INTERRUPTED)
                    if kind in (_NLMSG_DONE, _NLMSG_ERROR):
                        _raise(data, interrupted=interrupted)
                        return
                    yield data[_HEADER.size : length]
                data = data[length + 3 & ~3 :]


def _raise(message: memoryview, *, interrupted: bool) -> None:
    (error,) = struct.unpack_from("i", message, _HEADER.size)
    if error or interrupted:
        number = -error or errno.EINTR
        raise OSError(number, os.strerror(number))


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute as the kernel takes it."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length & 3)


def each_attribute(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the (kind, value) pairs of a message's or an attribute's inside."""
    position, end = 0, len(data) - _ATTRIBUTE.size
    while position <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, position)
        yield kind & _TYPE_MASK, data[position + _ATTRIBUTE.size : position + length]
        position += max(_ATTRIBUTE.size, length + 3 & ~3)


def attributes(data: memoryview) -> dict[int, memoryview]:
    """Return the attributes of a message or of another attribute by their kind."""
    return dict(each_attribute(data))
