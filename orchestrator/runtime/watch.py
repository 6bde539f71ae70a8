"""Eyes on the wires of the router and the egresses, for the packets of one probe only.

A packet socket that is bound to no interface sees all interfaces of its namespace, also those
that come later (packet(7)); the kernel says for each packet by which one it leaves. A filter in
the kernel keeps packets of other devices from this process, but for DNS queries, and of those
only the probe's own are kept.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pyroute2 import IPRoute

from orchestrator.leaktest.packets import Header, Instruction, capture_filter, parse_header
from orchestrator.leaktest.words import Sighting, Token, Wire
from orchestrator.runtime import packet_filter
from orchestrator.runtime.namespace import NamespaceGone, NamespaceThread, namespace_inode

_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_STATISTICS = 263, 6  # linux/if_packet.h
_PACKET_OUTGOING = 4
_ENOUGH = 2048  # bytes: what tells the probe's packets stands at their beginning
_MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Leg:
    """An interface of a namespace as netlink names it."""

    name: str
    mac: str
    addresses: tuple[IPv4Address, ...]


@dataclass(slots=True)
class _Eye:
    """One watched namespace. `names` maps interfaces to wires; None: not a way out."""

    inode: int
    owner: str
    socket: socket.socket
    names: Mapping[str, Wire | None]
    sound: bool = True

    def wire(self, interface: str) -> Wire | None:
        # An interface that nobody told us of is a wire that nobody should use.
        return self.names.get(interface, Wire(self.owner, interface))


@dataclass(frozen=True, slots=True)
class _Kept:
    wire: Wire
    header: Header
    packet: bytes = field(repr=False)
    at: float  # time.monotonic()


class Watch:
    """Watches namespaces until closed. Packets are known by `prefix` or by going to `targets`."""

    def __init__(self, prefix: str, targets: Sequence[IPv4Address]) -> None:
        self._prefix = prefix.encode()
        self._targets = list(targets)
        self._eyes: dict[str, _Eye] = {}
        self._coming: list[_Eye] = []
        self._going: list[_Eye] = []
        self._kept: list[_Kept] = []
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._ending, self._ended = socket.socketpair()
        self._selector.register(self._ended, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._read, name="watch", daemon=True)
        self._thread.start()

    def attach(
        self, owner: str, pid: int, wires: Callable[[Sequence[Leg]], Mapping[str, Wire | None]]
    ) -> None:
        """Watch the namespace of process `pid`; one that is watched already gets its new names.

        `wires` says for the interfaces that are there which wire each is. Raises NamespaceGone,
        OSError.
        """
        known = self._eyes.get(owner)
        with contextlib.closing(NamespaceThread(pid)) as thread:
            names = wires(thread.run(_legs))
            if known is not None and known.inode == thread.inode and known.sound:
                known.names = names
                return
            opened = thread.run(_open, capture_filter(self._targets))
            eye = _Eye(thread.inode, owner, opened, names)
        with self._lock:
            self._eyes[owner] = eye
            self._coming.append(eye)
            if known is not None:
                self._going.append(known)
        self._ending.send(b"-")

    def sees(self, owner: str, pid: int) -> bool:
        """Say whether the namespace of process `pid` is the one that is watched for `owner`."""
        with self._lock:
            eye = self._eyes.get(owner)
        if eye is None or not eye.sound or not self._thread.is_alive():
            return False
        try:
            return eye.inode == namespace_inode(pid)
        except NamespaceGone:
            return False

    def also(self, target: IPv4Address) -> None:
        """From now on watch for packets to `target`, too."""
        with self._lock:
            if target not in self._targets:
                self._targets.append(target)
                for eye in self._eyes.values():
                    packet_filter.attach(eye.socket, capture_filter(self._targets))

    def wires(self) -> tuple[Wire, ...]:
        """Return every wire that is watched."""
        with self._lock:
            named = (w for eye in self._eyes.values() for w in eye.names.values())
            return tuple(sorted({w for w in named if w is not None}))

    def sightings(self, token: Token) -> tuple[Sighting, ...]:
        """Return where the packets of an attempt were seen so far."""
        found = (Sighting(one.wire, one.header) for one in self._of(token))
        return tuple(dict.fromkeys(found))

    def times(self, token: Token, wire: Wire) -> list[float]:
        """Return when (time.monotonic) packets of an attempt were seen on a wire."""
        return [one.at for one in self._of(token) if one.wire == wire]

    def _of(self, token: Token) -> list[_Kept]:
        with self._lock:
            kept = list(self._kept)
        return [one for one in kept if token.is_in(one.packet, one.header)]

    def forget(self) -> None:
        """Forget what was seen so far."""
        with self._lock:
            self._kept.clear()

    def lost(self) -> int:
        """Return how many packets the kernel could not hand over since the last time."""
        with self._lock:
            eyes = list(self._eyes.values())
        return sum(_dropped(eye.socket) for eye in eyes)

    def close(self) -> None:
        """Stop watching."""
        self._ending.send(b"end")
        self._thread.join()
        self._selector.close()
        for eye in (*self._eyes.values(), *self._going):
            eye.socket.close()
        self._ending.close()
        self._ended.close()

    def _read(self) -> None:
        """Take packets until `close`; only this thread changes what is waited for."""
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._take(key.data)
                elif b"end" in self._ended.recv(64):
                    return
                else:
                    self._come_and_go()

    def _come_and_go(self) -> None:
        with self._lock:
            coming, self._coming = self._coming, []
            going, self._going = self._going, []
        for eye in coming:
            self._selector.register(eye.socket, selectors.EVENT_READ, eye)
        for eye in going:
            # Not kept for long: an open socket keeps the namespace, and with it its interfaces.
            self._selector.unregister(eye.socket)
            eye.socket.close()

    def _take(self, eye: _Eye) -> None:
        """Take everything that a socket has."""
        try:
            while True:
                packet, (interface, _, direction, *_) = eye.socket.recvfrom(_ENOUGH)
                self._look(eye, interface, direction, packet)
        except BlockingIOError:
            return
        except OSError:
            eye.sound = False  # something may have been missed

    def _look(self, eye: _Eye, interface: str, direction: int, packet: bytes) -> None:
        wire = eye.wire(interface) if direction == _PACKET_OUTGOING else None
        header = parse_header(packet) if wire is not None else None
        if wire is None or header is None:
            return
        with self._lock:
            ours = self._prefix in packet.lower() or header.destination in self._targets
            if ours and len(self._kept) < _MOST_KEPT:
                self._kept.append(_Kept(wire, header, packet, time.monotonic()))


def _open(program: tuple[Instruction, ...]) -> socket.socket:
    # Python can't bind to all interfaces later. What comes before the filter is thrown away.
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    try:
        packet_filter.attach(opened, program)
        opened.setblocking(False)
    except BaseException:
        opened.close()
        raise
    return opened


def _dropped(watched: socket.socket) -> int:
    _, dropped = struct.unpack("II", watched.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
    return int(dropped)


def _legs() -> tuple[Leg, ...]:
    with IPRoute() as route:
        addresses: dict[int, list[IPv4Address]] = {}
        for address in route.get_addr(family=socket.AF_INET):
            found = IPv4Address(address.get_attr("IFA_ADDRESS"))
            addresses.setdefault(address["index"], []).append(found)
        return tuple(
            Leg(
                link.get_attr("IFLA_IFNAME"),
                link.get_attr("IFLA_ADDRESS") or "",
                tuple(addresses.get(link["index"], ())),
            )
            for link in route.get_links()
        )
