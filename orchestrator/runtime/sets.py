"""The elements of the router's sets and maps, with their counters.

The live page asks for them each second and `status` at every look. What costs is not the kernel but
to take its answer apart, so the first element of an answer tells where things stand in all
that are like it: a tenth of what libnftables' JSON takes (linux/netfilter/nf_tables.h).
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from typing import NamedTuple

from orchestrator.runtime import netlink
from orchestrator.runtime.netlink import Netlink, attribute, each_attribute

_NFGENMSG = bytes((1, 0, 0, 0))  # NFPROTO_INET
_GET_ELEMENTS = 10 << 8 | 13  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETSETELEM
_LIST_TABLE, _LIST_SET, _LIST_ELEMENTS = 1, 2, 3
# NFTA_SET_ELEM_*, then NFTA_DATA_VALUE, or NFTA_EXPR_DATA and NFTA_COUNTER_*: in the order of
# Element's fields, which is that in which the kernel writes them.
_PATHS = ((1, 1), (2, 1), (7, 2, 1), (7, 2, 2), (5,))
_ATTEMPTS = 5


class Element(NamedTuple):
    """One element, each part as the kernel has it; empty, which counts as zero, without it.

    Key and data consist of parts that are padded to 4 bytes. The rest are big-endian numbers.
    """

    key: bytes
    data: bytes  # of a map
    octets: bytes
    packets: bytes
    expires_ms: bytes


class Sets:
    """The sets of one table in the namespace in which it is made."""

    def __init__(self, table: str) -> None:
        self._table = attribute(_LIST_TABLE, table.encode() + b"\0")
        self._netlink = Netlink(netlink.NETFILTER)

    def close(self) -> None:
        """Give the socket back."""
        self._netlink.close()

    def elements(self, name: str) -> list[Element]:
        """Return what a set or map holds. Raises OSError: ENOENT when there is no such set."""
        for _ in range(_ATTEMPTS):
            found = list(self._elements(name))
            if not self._netlink.interrupted:
                return found
        raise OSError(errno.EINTR, f"the set {name} changes all the time")

    def _elements(self, name: str) -> Iterator[Element]:
        wanted = _NFGENMSG + self._table + attribute(_LIST_SET, name.encode() + b"\0")
        self._netlink.send(_GET_ELEMENTS, netlink.REQUEST | netlink.DUMP, wanted)
        for message in self._netlink.answers():
            for kind, listed in each_attribute(message[4:]):
                if kind == _LIST_ELEMENTS:
                    yield from _parsed(listed)


def _parsed(listed: memoryview) -> list[Element]:
    if not listed:
        return []
    (size,) = struct.unpack_from("H", listed)
    if not len(listed) % size:
        rows = list(_layout(listed[:size]).iter_unpack(listed))
        if all(row[0] == rows[0][0] for row in rows):
            return [Element(*row[1:]) for row in rows]
    return [_single(element) for element in _each(listed)]


def _each(listed: memoryview) -> Iterator[memoryview]:
    while listed:
        (size,) = struct.unpack_from("H", listed)
        yield listed[:size]
        listed = listed[size + 3 & ~3 :]


def _single(element: memoryview) -> Element:
    return Element(*_layout(element).unpack(element)[1:])


def _layout(element: memoryview) -> struct.Struct:
    """Return how to unpack an element with its header, which is the first that comes out."""
    form, at = "4s", 4
    for path in _PATHS:
        start, end = _find(element, path)
        form += f"{start - at}x{end - start}s" if end else "0s"
        at = end or at
    return struct.Struct(f"{form}{len(element) - at}x")


def _find(data: memoryview, path: tuple[int, ...]) -> tuple[int, int]:
    """Return where the value of a nested attribute begins and ends; (0, 0): it is not there."""
    start, end = 4, len(data)
    for wanted in path:
        at = start
        for kind, value in each_attribute(data[start:end]):
            if kind == wanted:
                start, end = at + 4, at + 4 + len(value)
                break
            at += 4 + len(value) + 3 & ~3
        else:
            return 0, 0
    return start, end
