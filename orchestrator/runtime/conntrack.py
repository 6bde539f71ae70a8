"""Connection tracking by mark: which connections there are, and none of them any more.

A device may have thousands of flows, and a switch waits for all of them to be counted. pyroute2
takes every entry apart, half a millisecond each; here the kernel filters by mark, and of an entry
no more is read than where it comes from and goes to. The messages are those of nfnetlink
(linux/netfilter/nfnetlink_conntrack.h).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from orchestrator.runtime.nudge import TcpConnection

_NETLINK_NETFILTER = 12
_GET, _DELETE = 1 << 8 | 1, 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_*
_REQUEST, _ACK, _DUMP = 0x01, 0x04, 0x300
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_CTA_TUPLE_ORIG, _CTA_MARK, _CTA_MARK_MASK = 1, 8, 21
_HEADER = struct.Struct("IHHII")  # nlmsghdr
_ATTRIBUTE = struct.Struct("HH")
_TYPE_MASK = 0x3FFF  # without the flags "nested" and "network byte order"
_ALL_BITS = 0xFFFFFFFF
_SECONDS = 30.0  # for one answer of the kernel; the whole table takes less
_ROOM = 1 << 18  # bytes of answers at a time


@dataclass(frozen=True, slots=True)
class Flows:
    """The connections with a mark: how many, and which of them are TCP on IPv4."""

    count: int
    tcp: tuple[TcpConnection, ...]


class Conntrack:
    """A socket on the connection tracking of the namespace in which it is made.

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

    def flows(self, mark: int) -> Flows:
        """Return the connections with exactly this mark."""
        count, tcp = 0, []
        self._send(_GET, _REQUEST | _DUMP, mark)
        for message in self._answers():
            count += 1
            if (connection := tcp_connection(message)) is not None:
                tcp.append(connection)
        return Flows(count, tuple(tcp))

    def delete(self, mark: int) -> None:
        """Forget every connection with exactly this mark: one message, the kernel does the rest."""
        self._send(_DELETE, _REQUEST | _ACK, mark)
        for _ in self._answers():
            pass

    def _send(self, kind: int, flags: int, mark: int) -> None:
        self._number = self._number % 0x7FFFFFFF + 1
        body = struct.pack("BBH", socket.AF_INET, 0, 0) + b"".join(
            _ATTRIBUTE.pack(8, number) + struct.pack(">I", value)
            for number, value in ((_CTA_MARK, mark), (_CTA_MARK_MASK, _ALL_BITS))
        )
        header = _HEADER.pack(_HEADER.size + len(body), kind, flags, self._number, 0)
        self._socket.send(header + body)

    def _answers(self) -> Iterator[memoryview]:
        """Yield each entry that answers the last request, up to the end of the answer."""
        while True:
            data = memoryview(self._socket.recv(_ROOM))
            while data:
                length, kind, _, number, _ = _HEADER.unpack_from(data)
                if number == self._number:  # not the rest of an answer that came too late
                    if kind in (_NLMSG_DONE, _NLMSG_ERROR):
                        _raise(data)
                        return
                    yield data[_HEADER.size : length]
                data = data[length + 3 & ~3 :]


def _raise(message: memoryview) -> None:
    (error,) = struct.unpack_from("i", message, _HEADER.size)
    if error:
        raise OSError(-error, os.strerror(-error))


def _attributes(data: memoryview) -> dict[int, memoryview]:
    found, position = {}, 0
    while position + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, position)
        found[kind & _TYPE_MASK] = data[position + _ATTRIBUTE.size : position + length]
        position += max(_ATTRIBUTE.size, length + 3 & ~3)
    return found


def tcp_connection(entry: memoryview) -> TcpConnection | None:
    """Return the original direction of an entry; None when it is not TCP on IPv4.

    `entry` is the message after its netlink header: nfgenmsg and attributes.
    """
    tuples = _attributes(_attributes(entry[4:])[_CTA_TUPLE_ORIG])
    addresses, protocol = _attributes(tuples[1]), _attributes(tuples[2])
    if protocol[1][0] != socket.IPPROTO_TCP or 1 not in addresses:
        return None
    return TcpConnection(
        device=IPv4Address(bytes(addresses[1])),
        device_port=int.from_bytes(protocol[2]),
        peer=IPv4Address(bytes(addresses[2])),
        peer_port=int.from_bytes(protocol[3]),
    )
