"""The words of the leak test as frozen values: what was tried, what was seen, what it means."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from orchestrator.leaktest.packets import Header

TRANSIT, UPLINK, TUNNEL = "transit", "uplink", "tun0"
TCP, UDP, ICMP = 6, 17, 1


class Verdict(enum.StrEnum):
    """How a check ended. Only a leak is written in capitals: nobody shall overlook it."""

    OK = "ok"
    LEAK = "LEAK"
    FAILED = "failed"
    UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `destination` is "" for what concerns the whole home network.

    `by_choice`: it was not checked because nobody asked for it; that is no reason to worry.
    """

    destination: str
    check: str
    verdict: Verdict
    evidence: str
    by_choice: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and its evidence, before anybody says which check of which destination it is."""

    verdict: Verdict
    evidence: str
    by_choice: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Wire:
    """A wire on which packets of the home may leave the router or an egress."""

    destination: str
    place: str

    def __str__(self) -> str:
        if self.place in (TRANSIT, UPLINK):
            return f"the {self.place} of {self.destination}"
        return f"{self.place} of {self.destination}"


@dataclass(frozen=True, slots=True)
class Token:
    """How packets of one attempt are known: by a text in them, or by where nobody else sends.

    The first packet of a TCP connection carries no text of ours, so its target must do.
    """

    text: str
    protocol: int = 0
    target: IPv4Address | IPv6Address | None = None
    port: int = 0

    def is_in(self, packet: bytes, header: Header) -> bool:
        """Say whether a packet belongs to the attempt. Resolvers may change a name's case."""
        if self.text.encode() in packet.lower():
            return True
        return self.target is not None and (self.target, self.protocol, self.port) == (
            header.destination,
            header.protocol,
            header.port,
        )


@dataclass(frozen=True, slots=True)
class Sighting:
    """A packet of the probe on its way out by a wire."""

    wire: Wire
    header: Header


class Result(enum.StrEnum):
    """What the probe heard on an attempt."""

    ANSWERED = "answered"
    REFUSED = "refused"
    SILENT = "no answer"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt, after how many milliseconds. `detail` are words, or an answer."""

    result: Result
    milliseconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that the probe sent: `what` it was in words, and where it was seen."""

    what: str
    outcome: Outcome
    sightings: Sequence[Sighting] = ()


@dataclass(frozen=True, slots=True)
class View:
    """From where an attempt is judged.

    `wires` are all that were watched; `blind` says in words what could not be watched.
    `servers` are the resolvers of the destination.
    """

    destination: str
    exit: Wire
    wires: tuple[Wire, ...]
    blind: tuple[str, ...] = ()
    servers: tuple[IPv4Address, ...] = ()

    @property
    def transit(self) -> Wire:
        return Wire(self.destination, TRANSIT)

    @property
    def others(self) -> int:
        """How many wires were watched besides the destination's own transit and exit."""
        return len(set(self.wires) - {self.exit, self.transit})
