"""Tell a device at once that its TCP connections were cut.

A device that only listens (a download, a stream) sends nothing, so it would learn nothing and
hang until some time-out of its own. It is therefore sent one empty segment in the name of the
far end. By RFC 9293 (3.10.7.4) it answers a segment that it can't accept with an ACK that
carries its own numbers; to the router that ACK belongs to no connection, so the rules answer
with a reset that fits exactly. The router needs to know no sequence number for that.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from orchestrator.checksum import checksum

_ACK = 0x10
_TTL = 64


@dataclass(frozen=True, slots=True)
class TcpConnection:
    """A connection as the device sees it."""

    device: IPv4Address
    device_port: int
    peer: IPv4Address
    peer_port: int


def nudge(connections: Iterable[TcpConnection]) -> None:
    """Send each connection's device one empty segment; call inside the router's namespace.

    Needs CAP_NET_RAW. A segment that can't be sent is no error: that device just learns later.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for connection in connections:
            with contextlib.suppress(OSError):
                raw.sendto(segment(connection), (str(connection.device), 0))


def segment(connection: TcpConnection) -> bytes:
    """Return an IPv4 packet with an empty ACK from the peer to the device (RFC 791, RFC 9293).

    Sequence and acknowledgement numbers are zero: all but surely outside the window.
    """
    source, target = connection.peer.packed, connection.device.packed
    tcp = struct.pack(
        "!HHIIBBHHH", connection.peer_port, connection.device_port, 0, 0, 5 << 4, _ACK, 0, 0, 0
    )
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    # The kernel fills in total length, identification and header checksum (raw(7)).
    header = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, _TTL, socket.IPPROTO_TCP, 0)
    return header + source + target + tcp
