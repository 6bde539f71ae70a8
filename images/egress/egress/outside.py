"""How this way out looks from outside: its public address, and how long a question takes.

The address is asked for seldom, because somebody else's service answers, and forgotten at once
when the connection ends: an old one would claim that traffic still leaves there. How long a
question takes is measured on questions that are asked anyway.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from statistics import median
from urllib.parse import urlsplit

from egress import ask, resolve
from egress.child import Child
from egress.loop import Loop, now
from egress.tunnel import literal

AGAIN = 1800.0  # s from an answer to the next question
FIRST_RETRY = 60.0  # s after a failure; then twice as long each time
_SAMPLES = 9


class Latency:
    """The median of the last round trips (s) of one connection.

    Questions to somebody beyond the provider count; those to its name servers only for as long
    as there is no answer from beyond, as they may stand next door.
    """

    def __init__(self) -> None:
        self._beyond: deque[float] = deque(maxlen=_SAMPLES)
        self._servers: deque[float] = deque(maxlen=_SAMPLES)

    def beyond(self, seconds: float) -> None:
        self._beyond.append(seconds)

    def server(self, seconds: float) -> None:
        self._servers.append(seconds)

    def forget(self) -> None:
        self._beyond.clear()
        self._servers.clear()

    @property
    def milliseconds(self) -> float | None:
        samples = self._beyond or self._servers
        return round(median(samples) * 1000, 1) if samples else None


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """What is known of the public address. `due`: when to ask (boot clock, s), None while one
    asks or nobody may be asked.
    """

    connection: Hashable = None
    address: IPv4Address | None = None
    due: float | None = None
    failures: int = 0

    def through(self, connection: Hashable, now: float) -> PublicAddress:
        """Take note of the present connection, None for none."""
        if connection == self.connection:
            return self
        return PublicAddress(connection, due=None if connection is None else now)

    def asking(self) -> PublicAddress:
        return replace(self, due=None)

    def answered(self, found: IPv4Address | None, now: float) -> PublicAddress:
        """Take note of the end of a question. Who gets no answer asks less and less often."""
        if found is not None:
            return replace(self, address=found, due=now + AGAIN, failures=0)
        wait = min(AGAIN, FIRST_RETRY * 2.0 ** min(self.failures, 10))
        return replace(self, due=now + wait, failures=self.failures + 1)


class Asker:
    """Keeps `known` up to date by asking `service` (a URL; None: nobody is asked)."""

    def __init__(
        self,
        loop: Loop,
        service: str | None,
        say: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self._loop, self._service, self._say, self._on_change = loop, service, say, on_change
        host = urlsplit(service or "").hostname or ""
        self._is_named = literal(host) is None
        self._child: Child | None = None
        self._lines: list[str] = []
        self.known = PublicAddress()

    def use(self, connection: Hashable, servers: tuple[IPv4Address, ...]) -> None:
        """Ask, when it is time to, by the present connection and its name servers."""
        before, self.known = self.known, self.known.through(connection, now())
        if self.known is not before and self._child is not None:
            self._child.stop()  # it asked through a connection that is no more
        due = self.known.due
        if self._service is None or due is None or due > now() or self._child is not None:
            return
        if self._is_named and not servers:
            return
        self.known = self.known.asking()
        asked = self.known.connection
        self._lines = []
        self._child = Child(
            self._loop,
            ask.command(self._service, servers),
            self._lines.append,
            lambda _code: self._ended(asked),
            ask.ASKER_UID,
        )

    def _ended(self, asked: Hashable) -> None:
        self._child = None
        if asked != self.known.connection:
            return  # the next tick asks through the present one
        found = resolve.addresses_in(self._lines)
        if not found and self.known.failures == 0:
            self._say(self._lines[-1] if self._lines else "the address service was not asked")
        self.known = self.known.answered(found[0] if found else None, now())
        self._on_change()
