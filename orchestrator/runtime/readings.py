"""What the router's kernel has noted, as values: marks, strangers, refusals, and what has flowed.

Everything here runs in the router's namespace and asks its sets. A set that is not there means that
the rules are not loaded, and that is said by None or by nothing.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from orchestrator.render.marks import LIVE_SET, MARK_MAP, SENDER_SET
from orchestrator.render.router import DNS_ELSEWHERE_SET, HIDDEN_DNS_SET, STALE_SET, STRANGERS_SET
from orchestrator.runtime.sets import Element, Sets

_PADDED_MAC = 8  # bytes of a MAC address that is followed by something


@dataclass(frozen=True, slots=True)
class Marks:
    """What the kernel has: the mark of each MAC address, whose marks they are, which may pass."""

    by_mac: Mapping[str, int]
    senders: frozenset[tuple[str, int]]
    live: frozenset[int]

    def agree_with(self, marks: Mapping[str, int]) -> bool:
        """Say whether exactly `marks` are given and live."""
        given = self.by_mac == marks and self.senders == set(marks.items())
        return given and self.live == set(marks.values())

    def all(self) -> set[int]:
        """Return every mark that a connection may have."""
        return {*self.by_mac.values(), *self.live}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes since a mark was given to its device. A switch gives another one, from zero."""

    sent: Mapping[tuple[str, int], int]  # by (MAC, mark)
    received: Mapping[int, int]  # by mark


@dataclass(frozen=True, slots=True)
class Refused:
    """How often each MAC address tried, since it was first noted."""

    hidden_dns: Mapping[str, int]
    dns_elsewhere: Mapping[str, int]


def read_marks(sets: Sets) -> Marks | None:
    """Return the marks; None before the rules are loaded. Raises OSError."""
    by_mac, senders, live = (_noted(sets, n) for n in (MARK_MAP, SENDER_SET, LIVE_SET))
    if by_mac is None or senders is None or live is None:
        return None
    return Marks(
        {_mac(e.key): _number(e.data) for e in by_mac},
        frozenset(map(_sender, senders)),
        frozenset(_number(e.key) for e in live),
    )


def read_live(sets: Sets) -> set[int]:
    """Return the marks that may pass. Raises OSError."""
    return {_number(e.key) for e in _noted(sets, LIVE_SET) or ()}


def read_stale(sets: Sets) -> set[int]:
    """Return the dead marks that something still sends by. Raises OSError."""
    return {_number(e.key) for e in _noted(sets, STALE_SET) or ()}


def read_strangers(sets: Sets) -> list[tuple[str, IPv4Address]]:
    """Return (MAC, address) of who sent without a mark, the latest last. Raises OSError."""
    noted = sorted(_noted(sets, STRANGERS_SET) or (), key=lambda e: (e.expires_ms, e.key))
    return [(_mac(e.key), IPv4Address(e.key[_PADDED_MAC:])) for e in noted]


def read_traffic(sets: Sets) -> Traffic | None:
    """Return what has flowed; None before the rules are loaded. Raises OSError."""
    senders, live = _noted(sets, SENDER_SET), _noted(sets, LIVE_SET)
    if senders is None or live is None:
        return None
    return Traffic(
        {_sender(e): int.from_bytes(e.octets) for e in senders},
        {_number(e.key): int.from_bytes(e.octets) for e in live},
    )


def read_refused(sets: Sets) -> Refused:
    """Return the refusals that were counted. Raises OSError."""
    hidden, elsewhere = (
        {_mac(e.key): int.from_bytes(e.packets) for e in _noted(sets, name) or ()}
        for name in (HIDDEN_DNS_SET, DNS_ELSEWHERE_SET)
    )
    return Refused(hidden, elsewhere)


def read_legs(pid: int, pool: IPv4Network) -> dict[int, tuple[int, int]]:
    """Return {slot: (bytes from its egress, bytes to it)} of the router's process.

    Which leg is whose follows from its route, because names are Docker's choice. Raises OSError.
    """
    net = Path(f"/proc/{pid}/net")
    slots = {}
    for line in (net / "route").read_text().splitlines()[1:]:  # proc_net_route: hexadecimal
        name, target = line.split()[:2]
        address = IPv4Address(int(target, 16).to_bytes(4, sys.byteorder))
        if address in pool:
            slots[name] = address.packed[2]
    legs = {}
    for line in (net / "dev").read_text().splitlines()[2:]:
        name, _, numbers = line.partition(":")
        if (slot := slots.get(name.strip())) is not None:
            columns = numbers.split()
            legs[slot] = (int(columns[0]), int(columns[8]))
    return legs


def _noted(sets: Sets, name: str) -> list[Element] | None:
    try:
        return sets.elements(name)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return None


def _mac(key: bytes) -> str:
    return key[:6].hex(":")


def _number(part: bytes) -> int:
    return int.from_bytes(part, sys.byteorder)


def _sender(element: Element) -> tuple[str, int]:
    return _mac(element.key), _number(element.key[_PADDED_MAC:])
