"""Connection tracking by mark: which connections there are, and none of them any more.

A device may have thousands of flows, and a switch waits for all of them to be counted. Here the
kernel filters by mark, and of an entry no more is read than where it comes from and goes to. The
messages are those of nfnetlink (linux/netfilter/nfnetlink_conntrack.h).
"""

from __future__ import annotations

import errno
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from orchestrator.runtime import netlink
from orchestrator.runtime.netlink import Netlink, attribute, attributes, nested
from orchestrator.runtime.nudge import TcpConnection

_GET, _DELETE = 1 << 8 | 1, 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_*
_CTA_TUPLE_ORIG, _CTA_TUPLE_REPLY, _CTA_MARK, _CTA_MARK_MASK = 1, 2, 8, 21
_CTA_TUPLE_IP, _CTA_TUPLE_PROTO = 1, 2
_CTA_IP_V4_SRC, _CTA_IP_V4_DST = 1, 2
_CTA_PROTO_NUM, _CTA_PROTO_SRC_PORT, _CTA_PROTO_DST_PORT = 1, 2, 3
_NFGENMSG = struct.pack("BBH", socket.AF_INET, 0, 0)
_ALL_BITS = 0xFFFFFFFF


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
        self._netlink = Netlink(netlink.NETFILTER)

    def close(self) -> None:
        """Give the socket back."""
        self._netlink.close()

    def flows(self, mark: int) -> Flows:
        """Return the connections with exactly this mark."""
        count, tcp = 0, []
        self._netlink.send(_GET, netlink.REQUEST | netlink.DUMP, _by_mark(mark))
        for message in self._netlink.answers():
            count += 1
            if (connection := tcp_connection(message)) is not None:
                tcp.append(connection)
        return Flows(count, tuple(tcp))

    def delete(self, mark: int) -> None:
        """Forget every connection with exactly this mark: one message, the kernel does the rest."""
        self._netlink.send(_DELETE, netlink.REQUEST | netlink.ACK, _by_mark(mark))
        for _ in self._netlink.answers():
            pass

    def origin(self, reply: TcpConnection) -> TcpConnection | None:
        """Return how the TCP connection began whose answers go from `reply`'s device to its peer.

        Where addresses are translated that is something else. None: there is no such connection.
        """
        wanted = nested(_CTA_TUPLE_REPLY, *_tuple(reply))
        self._netlink.send(_GET, netlink.REQUEST | netlink.ACK, _NFGENMSG + wanted)
        try:
            found = [tcp_connection(entry) for entry in self._netlink.answers()]
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise
        return found[0] if found else None


def _by_mark(mark: int) -> bytes:
    pairs = ((_CTA_MARK, mark), (_CTA_MARK_MASK, _ALL_BITS))
    return _NFGENMSG + b"".join(attribute(n, struct.pack(">I", value)) for n, value in pairs)


def _tuple(connection: TcpConnection) -> tuple[bytes, bytes]:
    addresses = nested(
        _CTA_TUPLE_IP,
        attribute(_CTA_IP_V4_SRC, connection.device.packed),
        attribute(_CTA_IP_V4_DST, connection.peer.packed),
    )
    protocol = nested(
        _CTA_TUPLE_PROTO,
        attribute(_CTA_PROTO_NUM, bytes([socket.IPPROTO_TCP])),
        attribute(_CTA_PROTO_SRC_PORT, connection.device_port.to_bytes(2)),
        attribute(_CTA_PROTO_DST_PORT, connection.peer_port.to_bytes(2)),
    )
    return addresses, protocol


def tcp_connection(entry: memoryview) -> TcpConnection | None:
    """Return the original direction of an entry; None when it is not TCP on IPv4.

    `entry` is the message after its netlink header: nfgenmsg and attributes.
    """
    tuples = attributes(attributes(entry[4:])[_CTA_TUPLE_ORIG])
    addresses, protocol = attributes(tuples[_CTA_TUPLE_IP]), attributes(tuples[_CTA_TUPLE_PROTO])
    if protocol[_CTA_PROTO_NUM][0] != socket.IPPROTO_TCP or _CTA_IP_V4_SRC not in addresses:
        return None
    return TcpConnection(
        device=IPv4Address(bytes(addresses[_CTA_IP_V4_SRC])),
        device_port=int.from_bytes(protocol[_CTA_PROTO_SRC_PORT]),
        peer=IPv4Address(bytes(addresses[_CTA_IP_V4_DST])),
        peer_port=int.from_bytes(protocol[_CTA_PROTO_DST_PORT]),
    )
