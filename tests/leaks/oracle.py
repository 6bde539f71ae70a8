"""The judge: joins what was seen on the wires with the history of assignments.

Pure, so that the judge itself can be tested with made-up packets. Every moment is seconds since
the epoch on the host's one clock. Four rules:

1. A packet on a wire is right if the wire is one of a destination that its device had at that
   moment. Between the request of a switch and its receipt both the old and the new one count.
2. A reply on a device's own leg is right unless a switch was asked for after its connection
   began and had its receipt before the reply came: then that connection should be dead. A
   datagram knows no connection: who is back where it was sent from, by the same socket, may have
   its late answer.
3. A wire behind an egress shows what passed the transit earlier, so there a destination counts for
   `TOLERANCE_S` longer. What was held back by a frozen egress or a blocked provider (`Stall`)
   is judged by the moment at which the stall began.
4. What must be refused to everybody, DNS over TLS and QUIC and IPv6, is wrong on every wire.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

# Egress, tunnel and provider are programs on a busy machine of two cores. The exact moment
# at which the router let a packet go is judged on the transit, where nothing is forgiven.
TOLERANCE_S = 1.0
# dnsmasq writes whole seconds, so a query may be older than it looks, but by less than one.
LOG_RESOLUTION_S = 1.0
# A packet is stamped before the code that let it pass has returned, on another core.
TRANSIT_TOLERANCE_S = 0.005

REFUSED = frozenset({"dot", "doq", "udp6", "tcp6"})  # kinds that no destination may carry

DATAGRAMS = frozenset({"udp", "fresh", "large", "icmp"})

TAG = re.compile(rb"MW\|([a-z]+)\|([a-z0-9]+)\|(\d+)\|(\d+)\|")
NAME = re.compile(rb"d-([a-z]+)-(\d+)-(\d+)-x", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tag:
    """Who sent a packet: device, kind of traffic, when its connection began, number in it."""

    device: str
    kind: str
    birth: float
    sequence: int


def tag_in(payload: bytes) -> Tag | None:
    """Return the first tag in a payload; a DNS query's name is one, too."""
    if found := TAG.search(payload):
        device, kind, birth, sequence = found.groups()
        return Tag(device.decode(), kind.decode(), int(birth) / 1e6, int(sequence))
    if found := NAME.search(payload):
        device, birth, sequence = found.groups()
        return Tag(device.decode().lower(), "dns", int(birth) / 1e6, int(sequence))
    return None


@dataclass(frozen=True, slots=True)
class Wire:
    """Where a packet was seen.

    `destinations` own it; a wire without any may carry no tagged packet at all. `kind` is
    transit, uplink, tunnel, internet, log or leg (a device's own, where replies arrive).
    """

    kind: str
    destinations: frozenset[str]
    name: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """A tagged packet on a wire."""

    at: float
    wire: Wire
    tag: Tag
    packet: str  # for a person: addresses and length


@dataclass(slots=True)
class Switch:
    """A device's move; `receipt_at` is None until it is known that it is over.

    `new` may be "": nowhere, because the destination was deleted. A switch that was interrupted
    ends, with either outcome, when the router was asked where the device is.
    """

    device: str
    old: str
    new: str
    requested_at: float
    receipt_at: float | None = None
    void: bool = False  # interrupted, and it came to nothing: old connections may live on


@dataclass(slots=True)
class Stall:
    """Something behind the transit held packets of a destination back."""

    destination: str
    begun: float
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Leak:
    """A packet where it must not be, with the evidence."""

    rule: str
    sighting: Sighting
    history: tuple[Switch, ...]

    def __str__(self) -> str:
        s = self.sighting
        lines = [
            f"LEAK ({self.rule}): {s.tag.device} {s.tag.kind} number {s.tag.sequence}, "
            f"connection begun {s.at - s.tag.birth:.3f} s earlier",
            f"  seen on {s.wire.name} at {s.at:.6f}: {s.packet}",
            f"  that wire is of {', '.join(sorted(s.wire.destinations)) or 'nobody'}; history:",
        ]
        for switch in self.history:
            receipt = "no receipt"
            if switch.receipt_at is not None:
                receipt = f"receipt {switch.receipt_at - s.at:+.6f} s"
            lines.append(
                f"    {switch.old or '-'} -> {switch.new or '-'}: "
                f"asked {switch.requested_at - s.at:+.6f} s, {receipt}"
            )
        return "\n".join(lines)


@dataclass(slots=True)
class History:
    """Who was assigned where, and when."""

    switches: dict[str, list[Switch]] = field(default_factory=dict)
    stalls: list[Stall] = field(default_factory=list)

    def start(self, device: str, destination: str, at: float) -> None:
        """Say where a device is when the watch begins."""
        self.switches[device] = [Switch(device, "", destination, at, at)]

    def current(self, device: str) -> str:
        """Return where a device was last sent."""
        return self.switches[device][-1].new

    def request(self, device: str, new: str, at: float) -> Switch:
        """Note that a switch was asked for; set its receipt_at when it is over."""
        switch = Switch(device, self.current(device), new, at)
        self.switches[device].append(switch)
        return switch

    def observed(self, device: str, destination: str, at: float) -> None:
        """The router says where a device is: end an interrupted switch with that outcome."""
        last = self.switches[device][-1]
        if last.receipt_at is None:
            last.receipt_at = at
        if last.new != destination:
            last.void = last.old == destination
            back = Switch(device, last.new, destination, at, at, last.void)
            self.switches[device].append(back)

    def owners(self, device: str, since: float, until: float) -> set[str]:
        """Return every destination that a device had at some moment of an interval."""
        found: set[str] = set()
        moves = self.switches.get(device, [])
        for number, switch in enumerate(moves):
            ends = moves[number + 1].receipt_at if number + 1 < len(moves) else None
            if switch.requested_at <= until and (ends is None or ends >= since):
                found.add(switch.new)
        return found

    def release(self, destination: str, at: float) -> float:
        """Return how far back a packet on a deeper wire may date: to the stall's begin, or now."""
        begins = [
            stall.begun
            for stall in self.stalls
            if stall.destination == destination
            and stall.begun <= at
            and (stall.ended is None or at <= stall.ended + 30)
        ]
        return min(begins, default=at)


def judge(sighting: Sighting, history: History) -> Leak | None:
    """Return what is wrong with a sighting, or None."""
    if sighting.tag.kind in REFUSED:
        return _leak("what must be refused was let through", sighting, history)
    if sighting.wire.kind == "leg":
        return _judge_reply(sighting, history)
    if any(_owned(sighting, d, history) for d in sighting.wire.destinations):
        return None
    return _leak("a wire of another destination", sighting, history)


def _owned(sighting: Sighting, destination: str, history: History) -> bool:
    device, at = sighting.tag.device, sighting.at
    if sighting.wire.kind == "transit":
        since, until = at - TRANSIT_TOLERANCE_S, at
    else:
        since, until = history.release(destination, at) - TOLERANCE_S, at
    if sighting.wire.kind == "log":
        until = at + LOG_RESOLUTION_S
    return destination in history.owners(device, since, until)


def _judge_reply(sighting: Sighting, history: History) -> Leak | None:
    tag = sighting.tag
    if tag.kind in DATAGRAMS and _came_back(sighting, history):
        return None
    for switch in history.switches.get(tag.device, []):
        if switch.old == switch.new or switch.void or switch.receipt_at is None:
            continue
        over = switch.receipt_at + TRANSIT_TOLERANCE_S
        if tag.birth < switch.requested_at and over < sighting.at:
            return _leak("a reply on a dead connection", sighting, history)
    return None


def _came_back(sighting: Sighting, history: History) -> bool:
    device, birth, at = sighting.tag.device, sighting.tag.birth, sighting.at
    sent_by = history.owners(device, birth - TRANSIT_TOLERANCE_S, birth + TRANSIT_TOLERANCE_S)
    return bool(sent_by & history.owners(device, at - TRANSIT_TOLERANCE_S, at))


def _leak(rule: str, sighting: Sighting, history: History) -> Leak:
    moves = history.switches.get(sighting.tag.device, [])
    near = [m for m in moves if m.requested_at <= sighting.at + 5]
    return Leak(rule, sighting, tuple(near[-4:]))


class Oracle:
    """Judges sightings as they come; keeps the leaks and counts what it has judged."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.leaks: list[Leak] = []
        self.seen: Counter[tuple[str, str]] = Counter()

    def look(self, sightings: Iterable[Sighting]) -> list[Leak]:
        """Judge; return the new leaks."""
        fresh = []
        for sighting in sightings:
            self.seen[sighting.wire.kind, sighting.tag.kind] += 1
            if leak := judge(sighting, self.history):
                fresh.append(leak)
        self.leaks += fresh
        return fresh
