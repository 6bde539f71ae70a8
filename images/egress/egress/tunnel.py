"""What to try next, and when a tunnel counts as dead: decisions without effects."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from egress.settings import Remote

FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0  # s between attempts
STABLE = 60.0  # s of connection after which its endpoint is tried first again
PROBE_INTERVAL = 3.0  # s
DEAD_AFTER = 9.0  # s without any packet out of the tunnel
UNANSWERED_AFTER = 2.0  # s; OpenVPN itself asks again then
_MOST_ADDRESSES = 8  # of one name
_ASKING = frozenset(("TCP_CONNECT", "WAIT"))
_ANSWERED = frozenset(("AUTH", "GET_CONFIG", "ASSIGN_IP", "ADD_ROUTES", "CONNECTED"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one attempt goes."""

    address: IPv4Address
    port: int
    protocol: str

    def __str__(self) -> str:
        return f"{self.address}:{self.port}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class Rotation:
    """The endpoints in turn. Addresses of names are pinned until their endpoint fails.

    A failed pass over all of them makes the next one wait longer.
    """

    remotes: tuple[Remote, ...]
    remote: int = 0
    address: int = 0
    pins: Mapping[str, tuple[IPv4Address, ...]] = field(default_factory=dict)
    stale: frozenset[str] = frozenset()
    failures: int = 0
    delay: float = 0.0

    @property
    def current(self) -> Remote:
        return self.remotes[self.remote]

    def name_to_resolve(self) -> str | None:
        """Return the host name that has to be resolved before the next attempt, if any."""
        host = self.current.host
        if literal(host) is not None or (host in self.pins and host not in self.stale):
            return None
        return host

    def endpoint(self) -> Endpoint | None:
        """Return where the next attempt goes; None when its name was never resolved."""
        remote = self.current
        address = literal(remote.host)
        if address is None:
            pinned = self.pins.get(remote.host, ())
            if not pinned:
                return None
            address = pinned[min(self.address, len(pinned) - 1)]
        return Endpoint(address, remote.port, remote.protocol)

    def pin(self, host: str, addresses: tuple[IPv4Address, ...]) -> Rotation:
        """Remember what `host` resolves to. Nothing found: what was known stays in use."""
        pins = {**self.pins, host: addresses[:_MOST_ADDRESSES]} if addresses else self.pins
        return replace(self, pins=pins, stale=self.stale - {host}, address=0)

    @property
    def alternatives(self) -> bool:
        """Whether there is more than one endpoint to try, as far as is known."""
        return len(self.remotes) > 1 or len(self.pins.get(self.current.host, ())) > 1

    def failed(
        self,
        *,
        refused: bool = False,
        lived: bool = False,
        stable: bool = False,
        useless: bool = False,
    ) -> Rotation:
        """Move on after a failed attempt, or after a connection that ended.

        `refused`: the endpoint answered and said no, so its address is right and haste is
        wrong. `lived`: it had been connected, and for so long that earlier failures don't
        count any more. `stable`: for a good while. `useless`: but it led nowhere.
        """
        stays = stable and not useless
        failures = 0 if lived or stable else self.failures
        stale = self.stale if refused else self.stale | {self.current.host}
        if self.address + 1 < len(self.pins.get(self.current.host, ())) and not (refused or stays):
            return replace(self, address=self.address + 1, delay=FIRST_DELAY)
        following = (self.remote + 1) % len(self.remotes)
        if stays:
            following = self.remote  # it was good; and its name is asked for again
        if following > self.remote:
            return replace(self, remote=following, address=0, stale=stale, delay=FIRST_DELAY)
        failures += 1
        delay = LONGEST_DELAY if refused else backoff(failures)
        return replace(
            self, remote=following, address=0, stale=stale, failures=failures, delay=delay
        )


def literal(host: str) -> IPv4Address | None:
    """Return `host` as an address, None when it is a name."""
    try:
        return IPv4Address(host)
    except ValueError:
        return None


def backoff(failures: int) -> float:
    """Return how long to wait (s) after the given number of failures in a row, from 1 on."""
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(failures - 1, 10))


class Verdict(enum.Enum):
    """What the probes say about something that claims to be up."""

    UNPROVEN = enum.auto()  # nothing ever came back: it may be a provider that answers nothing
    ALIVE = enum.auto()
    DEAD = enum.auto()  # something came back once, and nothing does any more


@dataclass(frozen=True, slots=True)
class Pulse:
    """The signs of life of one connection. Times are of the boot clock (s)."""

    since: float
    answered: float | None = None

    def beat(self, now: float) -> Pulse:
        return replace(self, answered=now)

    def verdict(self, now: float) -> Verdict:
        if self.answered is None:
            return Verdict.UNPROVEN
        return Verdict.DEAD if now - self.answered >= DEAD_AFTER else Verdict.ALIVE


@dataclass(frozen=True, slots=True)
class Contact:
    """Whether the endpoint answers at all; its verdict stays until there is a better one.

    A wrong password is no fault of it: who says no has answered. `waiting`: since when (boot
    clock, s) the present attempt has waited for a first word.
    """

    state: str = "unknown"
    message: str = ""
    endpoint: Endpoint | None = None
    waiting: float | None = None

    def tries(self, endpoint: Endpoint) -> Contact:
        return replace(self, endpoint=endpoint, waiting=None)

    def heard(self, state: str, now: float) -> Contact:
        """Take note of a state of OpenVPN's: some ask for the server's first word, later ones
        come only after it.
        """
        if state in _ANSWERED:
            return replace(self, state="ok", message=str(self.endpoint), waiting=None)
        if state in _ASKING and self.waiting is None:
            message = self.message or f"asking {self.endpoint}"
            return replace(self, message=message, waiting=now)
        return self

    def failed(self, cause: str) -> Contact:
        """Take note of an attempt's end, and of its cause where that is known."""
        if self.waiting is None:
            return self
        said = f"{self.endpoint}: {cause}" if cause else self._silence()
        return replace(self, state="failing", message=said, waiting=None)

    def unresolved(self, why: str) -> Contact:
        return Contact("failing", why)

    def checked(self, now: float) -> Contact:
        """Return what has become of it by now: no word for a while is no answer."""
        if self.state == "failing" or self.waiting is None or now - self.waiting < UNANSWERED_AFTER:
            return self
        return replace(self, state="failing", message=self._silence())

    def _silence(self) -> str:
        return (
            f"no answer from {self.endpoint}; it may be down, or the house's router or the local "
            "provider may block the port"
        )
