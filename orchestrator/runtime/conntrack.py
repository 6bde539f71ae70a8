"""Connection tracking by mark: which connections there are, and none of them any more.

A device may have thousands of flows, and a switch waits for all of them to be counted. pyroute2
takes every entry apart, half a millisecond each; here the kernel filters by mark, and of an entry
no more is read than where it comes from and goes to. The messages are those of
linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from orchestrator.runtime.netfilter import ACK, DUMP, REQUEST, Netfilter, attribute, attributes
from orchestrator.runtime.nudge import TcpConnection

_GET, _DELETE = 1 << 8 | 1, 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_*
_CTA_TUPLE_ORIG, _CTA_MARK, _CTA_MARK_MASK = 1, 8, 21
_ALL_BITS = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Flows:
    """The connections with a mark: how many, and which of them are TCP on IPv4."""

    count: int
    tcp: tuple[TcpConnection, ...]


class Conntrack:
    """The connection tracking of the namespace in which it is made.

    Every method raises OSError with the kernel's errno, or TimeoutError.
    """

    def __init__(self) -> None:
        self._netfilter = Netfilter()

    def close(self) -> None:
        """Give the socket back."""
        self._netfilter.close()

    def flows(self, mark: int) -> Flows:
        """Return the connections with exactly this mark."""
        count, tcp = 0, []
        for message in self._ask(_GET, REQUEST | DUMP, mark):
            count += 1
            if (connection := tcp_connection(message)) is not None:
                tcp.append(connection)
        return Flows(count, tuple(tcp))

    def delete(self, mark: int) -> None:
        """Forget every connection with exactly this mark: one message, the kernel does the rest."""
        for _ in self._ask(_DELETE, REQUEST | ACK, mark):
            pass

    def _ask(self, kind: int, flags: int, mark: int) -> Iterator[memoryview]:
        wanted = b"".join(
            attribute(number, struct.pack(">I", value))
            for number, value in ((_CTA_MARK, mark), (_CTA_MARK_MASK, _ALL_BITS))
        )
        return self._netfilter.ask(kind, flags, socket.AF_INET, wanted)


def tcp_connection(entry: memoryview) -> TcpConnection | None:
    """Return the original direction of an entry; None when it is not TCP on IPv4.

    `entry` is the message after its netlink header: nfgenmsg and attributes.
    """
    tuples = attributes(attributes(entry[4:])[_CTA_TUPLE_ORIG])
    addresses, protocol = attributes(tuples[1]), attributes(tuples[2])
    if protocol[1][0] != socket.IPPROTO_TCP or 1 not in addresses:
        return None
    return TcpConnection(
        device=IPv4Address(bytes(addresses[1])),
        device_port=int.from_bytes(protocol[2]),
        peer=IPv4Address(bytes(addresses[2])),
        peer_port=int.from_bytes(protocol[3]),
    )
