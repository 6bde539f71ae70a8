"""A named counter of the firewall, read by one message to the kernel.

It is read every second and in every destination; starting `nft` for that took two hundred times
as long as the question itself, which a small processor would feel.
"""

from __future__ import annotations

import struct

import netlink

# linux/netfilter/nfnetlink.h and nf_tables.h
_INET = 1
_NEW_OBJECT, _GET_OBJECT = (10 << 8) | 18, (10 << 8) | 19
_TABLE, _NAME, _TYPE, _DATA = 1, 2, 3, 4
_COUNTER, _PACKETS = 1, 2
_TYPE_MASK = 0x3FFF  # the bits above say how a value is laid out
_HEADERS = netlink.HEADER + 4  # and nfgenmsg


def packets(table: str, name: str) -> int | None:
    """Return how many packets the counter in an `inet` table has seen; None when it is not there.

    Needs CAP_NET_ADMIN.
    """
    body = struct.pack("!BBH", _INET, 0, 0)
    body += netlink.attribute(_TABLE, table.encode() + b"\0")
    body += netlink.attribute(_NAME, name.encode() + b"\0")
    body += netlink.attribute(_TYPE, struct.pack("!I", _COUNTER))
    try:
        return read(netlink.ask(netlink.NETFILTER, _GET_OBJECT, body, ack=False))
    except OSError:
        return None


def read(answer: bytes) -> int | None:
    """Return the number of packets in the kernel's answer; None when it is none."""
    if len(answer) < _HEADERS or struct.unpack_from("=H", answer, 4)[0] != _NEW_OBJECT:
        return None
    data = _attributes(answer[_HEADERS:]).get(_DATA, b"")
    number = _attributes(data).get(_PACKETS, b"")
    return int.from_bytes(number) if len(number) == 8 else None


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & _TYPE_MASK] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found
