"""Who is here: what the router's kernel knows of its neighbours on the home network.

The kernel resolves addresses by ARP anyway and remembers when somebody answered. Whom it has not
heard for a while it is told to ask again, but only while a person looks: nothing is polled, no
packet is read, and every question is an ARP request of the kernel's own. See rtnetlink(7),
linux/neighbour.h.
"""

from __future__ import annotations

import logging
import math
import os
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from orchestrator.presence import Sign
from orchestrator.runtime import netlink
from orchestrator.runtime.clock import uptime
from orchestrator.runtime.engine import EngineFailed
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.runtime.netlink import Netlink, attribute, attributes
from orchestrator.runtime.router import RouterNamespace

log = logging.getLogger(__name__)

ASK_EVERY_S = 20.0
FRESH_S = 15.0  # who was heard since then need not be asked
LOOK_EVERY_S = 0.5
_TICK_S = 0.1  # by more than this the kernel's ages and our clock never differ
MOST = 256  # questions at a time

_NEW, _GET, _GET_LINK = 28, 30, 18  # RTM_*
_NDMSG = struct.Struct("BxxxiHBB")  # family, interface, state, flags, type
_IFINFOMSG = struct.Struct("BxHiII")
_CACHE_INFO = struct.Struct("IIII")  # confirmed, used, updated: clock ticks ago
_DST, _LLADDR, _CACHEINFO, _IFINDEX = 1, 2, 3, 8  # NDA_*
_IFLA_ADDRESS, _IFLA_EXT_MASK, _SKIP_STATS = 1, 29, 8
_USE = 0x01  # NTF_USE
_REACHABLE, _STALE, _DELAY, _PROBE = 0x02, 0x04, 0x08, 0x10  # NUD_*
_VALID = _REACHABLE | _STALE | _DELAY | _PROBE
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A device that the kernel has heard: its address, its MAC, and when.

    `answered`: so many seconds ago. `spoke`: so many seconds ago it asked for the router, if it
    had been lost before that; of one that was not lost it says nothing.
    """

    address: IPv4Address
    mac: str
    answered: float
    spoke: float


class LegMissing(Exception):
    """The router has no leg on the LAN yet."""


def read(leg: str) -> tuple[Neighbour, ...]:
    """Return who was heard on the leg with the MAC address `leg`, inside the router's namespace.

    Raises LegMissing, OSError.
    """
    with Netlink(netlink.ROUTE) as kernel:
        return tuple(_neighbours(kernel, _index(kernel, leg)))


def ask(leg: str, known: Iterable[IPv4Address], unknown: Iterable[IPv4Address]) -> None:
    """Have the kernel ask for these addresses: `known` are those that `read` has returned.

    Raises LegMissing, OSError.
    """
    with Netlink(netlink.ROUTE) as kernel:
        index = _index(kernel, leg)
        for address in known:
            # By NTF_USE a stale neighbour would be asked in five seconds only. Should it be lost
            # meanwhile, the kernel refuses this, and it is asked in the next round.
            _tell(kernel, index, address, _PROBE, 0, netlink.REPLACE)
        for address in unknown:
            _tell(kernel, index, address, 0, _USE, netlink.CREATE)


def _tell(
    kernel: Netlink, index: int, address: IPv4Address, state: int, flags: int, how: int
) -> None:
    body = _NDMSG.pack(socket.AF_INET, index, state, flags, 0) + attribute(_DST, address.packed)
    kernel.send(_NEW, netlink.REQUEST | how, body)


def _index(kernel: Netlink, leg: str) -> int:
    body = _IFINFOMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    body += attribute(_IFLA_EXT_MASK, struct.pack("I", _SKIP_STATS))
    kernel.send(_GET_LINK, netlink.REQUEST | netlink.DUMP, body)
    found = None
    for link in kernel.answers():
        if attributes(link[_IFINFOMSG.size :]).get(_IFLA_ADDRESS, b"").hex(":") == leg:
            found = _IFINFOMSG.unpack_from(link)[2]
    if found is None:
        raise LegMissing("the router has no leg on the home network")
    return int(found)


def _neighbours(kernel: Netlink, index: int) -> Iterable[Neighbour]:
    body = _NDMSG.pack(socket.AF_INET, 0, 0, 0, 0) + attribute(_IFINDEX, struct.pack("I", index))
    kernel.send(_GET, netlink.REQUEST | netlink.DUMP, body)
    for entry in kernel.answers():
        _, interface, state, _, _ = _NDMSG.unpack_from(entry)
        if interface != index or not state & _VALID:
            continue
        found = attributes(entry[_NDMSG.size :])
        confirmed, _, updated, _ = _CACHE_INFO.unpack_from(found[_CACHEINFO])
        yield Neighbour(
            address=IPv4Address(bytes(found[_DST])),
            mac=found[_LLADDR].hex(":"),
            answered=confirmed / _TICKS,
            spoke=updated / _TICKS if state & (_STALE | _DELAY) else math.inf,
        )


class NeighbourWatch:
    """Looks, when somebody wants to know, who is here; asks who has been silent."""

    def __init__(self, router: Callable[[], RouterNamespace | None], leg: str) -> None:
        """`router` returns the open handle; `leg` is the MAC address of its leg on the LAN."""
        self._router = router
        self._leg = leg
        self._signs: dict[str, Sign] = {}
        self._looked_at = self._asked_at = -math.inf
        self._lock = threading.Lock()

    def look(self, devices: Mapping[str, IPv4Address]) -> Mapping[str, Sign]:
        """Return a sign of each device, by MAC; of nobody while the router does not run."""
        with self._lock:
            now = uptime()
            if now - self._looked_at >= LOOK_EVERY_S:
                self._looked_at = now
                self._signs = {mac: self._signs.get(mac, Sign()) for mac in devices}
                self._try(devices, now)
            return self._signs

    def _try(self, devices: Mapping[str, IPv4Address], now: float) -> None:
        try:
            router = self._router()
            if router is None:
                self._signs = {}
                return
            found = {n.address: n for n in router.run(read, self._leg)}
            self._take_in(devices, found, now)
            if now - self._asked_at >= ASK_EVERY_S:
                self._asked_at = now
                self._ask(router, devices, found, now)
        except (LegMissing, NamespaceGone):
            self._signs = {}  # the next router begins with an empty table
        except (EngineFailed, OSError) as error:
            log.warning("the router's neighbours could not be looked at: %s", error)

    def _take_in(
        self,
        devices: Mapping[str, IPv4Address],
        found: Mapping[IPv4Address, Neighbour],
        now: float,
    ) -> None:
        for mac, address in devices.items():
            neighbour, sign = found.get(address), self._signs[mac]
            # At an address that somebody else has taken a device was not heard.
            if neighbour is None or neighbour.mac != mac:
                continue
            silence = neighbour.answered
            if sign.asked is not None:
                silence = min(silence, neighbour.spoke)
            heard = max(now - silence, sign.heard or -math.inf)
            answered = sign.asked is None or heard > sign.asked - _TICK_S
            self._signs[mac] = Sign(heard, None if answered else sign.asked)

    def _ask(
        self,
        router: RouterNamespace,
        devices: Mapping[str, IPv4Address],
        found: Mapping[IPv4Address, Neighbour],
        now: float,
    ) -> None:
        silent = [mac for mac, sign in self._signs.items() if not _is_fresh(sign, now)]
        silent = random.sample(silent, min(MOST, len(silent)))
        addresses = {devices[mac] for mac in silent}
        router.run(ask, self._leg, addresses & found.keys(), addresses - found.keys())
        for mac in silent:
            sign = self._signs[mac]
            self._signs[mac] = Sign(sign.heard, now if sign.asked is None else sign.asked)


def _is_fresh(sign: Sign, now: float) -> bool:
    return sign.asked is None and sign.heard is not None and now - sign.heard < FRESH_S
