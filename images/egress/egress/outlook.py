"""Asks beyond the provider by the way out, and counts the replies to devices."""

from __future__ import annotations

import contextlib
import random
import socket
from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from ipaddress import IPv4Address

from egress import counter
from egress.dns import authoritative, probe_query
from egress.internet import Internet
from egress.loop import Loop, now
from egress.outside import Latency
from egress.probe import ECHO_REQUEST, bound_socket

_KEPT = 8  # sockets that still wait for an answer: of the last four questions


class Outlook:
    """Keeps `internet` up to date. `on_proof` is called when something answered.

    A question is an echo request and a DNS query to the same address. The DNS answer counts
    only when it is authoritative: a provider that answers every query itself, whoever was
    asked, proves nothing about what lies beyond it.
    """

    def __init__(
        self, loop: Loop, internet: Internet, interface: str, on_proof: Callable[[], None]
    ) -> None:
        self._loop, self._interface, self._on_proof = loop, interface, on_proof
        self.internet = internet
        self.latency = Latency()
        # Not everybody's first question shall go to the same address.
        self._next = random.randrange(len(internet.asked) or 1)
        self._connection: Hashable = None
        self._replies: int | None = None
        self._sockets: deque[socket.socket] = deque()

    def use(self, connection: Hashable) -> None:
        """Take note of the connection, None for none: another one has proved nothing yet."""
        if connection == self._connection:
            return
        self._connection = connection
        self._close(0)
        self.latency.forget()
        self._replies = counter.packets("manyways", "replies")
        self.internet = (
            self.internet.ended() if connection is None else self.internet.connected(now())
        )

    def tick(self) -> None:
        """Count and ask; called every second or so."""
        if not self.internet.asked or self._connection is None:
            return
        replies = counter.packets("manyways", "replies")
        if replies is not None and self._replies is not None and replies > self._replies:
            self._proof()
        self._replies = replies
        if self.internet.due(now()):
            self._ask(self.internet.asked[self._next % len(self.internet.asked)])
            self._next += 1
            self.internet = self.internet.questioned(now())

    def _ask(self, address: IPv4Address) -> None:
        number = random.randrange(1, 0xFFFF)
        for target, protocol, question, proves in (
            ((str(address), 0), socket.IPPROTO_ICMP, ECHO_REQUEST, _anything),
            ((str(address), 53), 0, probe_query(number), partial(authoritative, number=number)),
        ):
            asked = bound_socket(self._interface, target, protocol)
            if asked is None:
                continue
            self._sockets.append(asked)
            self._loop.watch(asked.fileno(), partial(self._read, asked, proves, now()))
            with contextlib.suppress(OSError):
                asked.send(question)
        self._close(_KEPT)

    def _read(self, asked: socket.socket, proves: Callable[[bytes], bool], sent: float) -> None:
        try:
            data = asked.recv(2048)
        except OSError:  # an ICMP error: somebody on the way says no, which proves nothing
            return
        if proves(data):
            self.latency.beyond(now() - sent)
            self._proof()

    def _proof(self) -> None:
        self.internet = self.internet.heard(now())
        self._on_proof()

    def _close(self, kept: int) -> None:
        while len(self._sockets) > kept:
            asked = self._sockets.popleft()
            self._loop.unwatch(asked.fileno())
            asked.close()


def _anything(_data: bytes) -> bool:
    """The kernel hands an echo socket the replies to its own requests only, icmp(7)."""
    return True
