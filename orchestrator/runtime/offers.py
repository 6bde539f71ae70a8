"""Ask the home network who gives out addresses, from the router's own leg.

The question goes out and the answers come in by a packet socket: the router has no DHCP client,
and its rules let no such packet in. A thread of its own asks, so that neither a switch nor the
loop ever waits for a slow answer; it is in the router's namespace only for as long as it listens.
"""

from __future__ import annotations

import errno
import logging
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable

from orchestrator.dhcp_packets import DhcpServer, discover, read_offer
from orchestrator.dhcp_verdict import Asked
from orchestrator.runtime import packet_filter
from orchestrator.runtime.clock import uptime
from orchestrator.runtime.engine import EngineFailed
from orchestrator.runtime.namespace import NamespaceGone, NamespaceThread

log = logging.getLogger(__name__)

ASK_EVERY_S = 30.0
_SETTLE_S = 1.0  # events come in crowds, and a server that was just started needs a moment
_LISTEN_S = 4.0  # a server may try for three seconds whether an address is free before it offers
_ASK_AGAIN_S = 1.0  # a single frame may be lost on Wi-Fi, or find the server starting
_SERVERS_AT_MOST = 8  # a flood of answers makes no longer list, and does not crowd out our own
_LEFT = (errno.ENETDOWN, errno.ENODEV, errno.ENXIO)  # the leg, together with its namespace
_ETH_P_IP = 0x0800

# Classic BPF (linux/filter.h) for "IPv4, UDP, no fragment, to port 68": of a download at full
# speed the thread shall not see a packet. Offsets are those of an Ethernet frame.
_FILTER = (
    (0x28, 0, 0, 12),  # the frame's type
    (0x15, 0, 8, 0x0800),
    (0x30, 0, 0, 23),  # the protocol
    (0x15, 0, 6, 17),
    (0x28, 0, 0, 20),  # the fragment's offset
    (0x45, 4, 0, 0x1FFF),
    (0xB1, 0, 0, 14),  # x = length of the IPv4 header
    (0x48, 0, 0, 16),  # the port that it is for
    (0x15, 0, 1, 68),
    (0x06, 0, 0, 0xFFFF),
    (0x06, 0, 0, 0),
)


class LegMissing(Exception):
    """The router has no leg on the LAN yet."""


def ask(leg: str, mac: str, own_mac: str, ending: threading.Event) -> tuple[DhcpServer, ...]:
    """Return who offers an address on the leg with the MAC address `leg`.

    `mac` is in whose name it is asked, `own_mac` that of our own server: while that one is
    silent the question is repeated. Takes four seconds, or one once `ending` is set; call inside
    the router's namespace. Needs CAP_NET_RAW. Raises LegMissing and OSError.
    """
    xid = secrets.randbits(32)
    found: dict[DhcpServer, None] = {}
    with _packet_socket(leg) as wire:
        begin = time.monotonic()
        again = begin
        while (now := time.monotonic()) < begin + _LISTEN_S and not ending.is_set():
            if now >= again:
                again = now + _ASK_AGAIN_S
                if own_mac not in {server.mac for server in found}:
                    wire.send(discover(mac, xid))
            until = min(again, begin + _LISTEN_S)
            if not select.select([wire], [], [], max(0.0, until - now))[0]:
                continue
            server = read_offer(wire.recv(2048), mac, xid)
            room = _SERVERS_AT_MOST * (2 if server and server.mac == own_mac else 1)
            if server and len(found) < room:
                found[server] = None
    return tuple(found)


def _packet_socket(leg: str) -> socket.socket:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # 0: nothing before the filter
    try:
        packet_filter.attach(wire, _FILTER)
        for _, name in socket.if_nameindex():
            wire.bind((name, _ETH_P_IP))
            if bytes(wire.getsockname()[4]).hex(":") == leg:
                return wire
        raise LegMissing("the router has no leg on the home network")
    except BaseException:
        wire.close()
        raise


class OfferWatch:
    """Asks every half-minute, and sooner when told that something changed."""

    def __init__(self, process: Callable[[], int | None], leg: str, mac: str, own_mac: str) -> None:
        """`process` returns the router's process id, or None when it does not run."""
        self._process = process
        self._question = (leg, mac, own_mac)
        self._wanted = threading.Event()
        self._ending = threading.Event()
        self.latest: Asked | None = None

    def start(self) -> None:
        """Begin to ask, in a thread that ends with the process."""
        threading.Thread(target=self._run, name="dhcp-offers", daemon=True).start()

    def end(self) -> None:
        """Ask no more: the process ends, and would wait for an answer."""
        self._ending.set()
        self._wanted.set()

    def look_again(self) -> None:
        """Ask soon: a container has changed."""
        self._wanted.set()

    def _run(self) -> None:
        while not self._ending.is_set():
            self.look()
            if self._wanted.wait(ASK_EVERY_S):
                time.sleep(_SETTLE_S)
            self._wanted.clear()

    def look(self) -> None:
        """Ask now, and remember what came of it."""
        try:
            servers, problem = self._ask(), ""
        except LegMissing as error:
            servers, problem = (), str(error)
        except (EngineFailed, NamespaceGone, OSError) as error:
            servers, problem = (), _explained(error)
        self.latest = Asked(uptime(), servers, problem)

    def _ask(self) -> tuple[DhcpServer, ...]:
        pid = self._process()
        if pid is None:
            raise LegMissing("the router does not run")
        thread = NamespaceThread(pid)
        try:
            return thread.run(ask, *self._question, self._ending)
        finally:
            thread.close()


def _explained(error: Exception) -> str:
    if isinstance(error, NamespaceGone) or (isinstance(error, OSError) and error.errno in _LEFT):
        return "the router ended meanwhile"
    log.warning("who answers DHCP could not be asked: %s", error)
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
