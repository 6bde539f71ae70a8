"""Questions sent through one interface, to learn whether anything comes back."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address

from egress.dns import probe_answer, probe_query
from egress.loop import Loop, now

ECHO_REQUEST = struct.pack("!BBHHH", 8, 0, 0, 0, 1)  # the kernel fills in the rest, icmp(7)


def bound_socket(interface: str, target: tuple[str, int], protocol: int) -> socket.socket | None:
    """Return a datagram socket to `target` by `interface`; None when that has just gone."""
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol)
    try:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        asked.connect(target)
    except OSError:  # its end is reported elsewhere
        asked.close()
        return None
    return asked


class Probe:
    """Asks `servers` and pings `gateway` by `interface` and by nothing else.

    `on_answer` is called with whether the answer of a DNS server was a useful one, and with how
    long it took (s). Pings have no callback: what counts is that packets come out of the tunnel
    at all.
    """

    def __init__(
        self,
        loop: Loop,
        interface: str,
        servers: tuple[IPv4Address, ...],
        gateway: IPv4Address | None,
        on_answer: Callable[[bool, float], None],
    ) -> None:
        self._loop, self._on_answer = loop, on_answer
        self._number = random.randrange(1, 0xFFFF)
        self._sent = 0.0
        self._servers: list[socket.socket] = []
        self._ping: socket.socket | None = None
        for server in servers[:3]:
            asked = bound_socket(interface, (str(server), 53), 0)
            if asked is not None:
                self._servers.append(asked)
                loop.watch(asked.fileno(), partial(self._read, asked))
        if gateway is not None:
            self._ping = bound_socket(interface, (str(gateway), 0), socket.IPPROTO_ICMP)

    def send(self) -> None:
        """Ask once more."""
        self._number = self._number % 0xFFFF + 1
        self._sent = now()
        for asked in self._servers:
            with contextlib.suppress(OSError):
                asked.send(probe_query(self._number))
        if self._ping is not None:
            with contextlib.suppress(OSError):
                self._ping.send(ECHO_REQUEST)
                while self._ping.recv(512):
                    pass

    def _read(self, asked: socket.socket) -> None:
        try:
            useful = probe_answer(asked.recv(2048), self._number)
        except OSError:  # an ICMP error, as of a server that is down
            return
        if useful is not None:
            self._on_answer(useful, now() - self._sent)

    def close(self) -> None:
        for asked in self._servers:
            self._loop.unwatch(asked.fileno())
            asked.close()
        if self._ping is not None:
            self._ping.close()
        self._servers, self._ping = [], None
