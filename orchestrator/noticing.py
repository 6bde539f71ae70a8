"""What goes into the activity although nobody asked for it: a destination that fails or works
again, and devices that try to get around their destination's DNS.

A line is worth reading when it stands for something. So what a destination does must last for some
seconds, the router's own start makes no row of lines, and a device that tries all day is named once
in a while, with the number of its attempts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from orchestrator.client.words import Event, Refusals

SETTLE_S = 10.0
FIRST_S = 60.0  # after the start everything begins to work, one after the other
HOUR_S, DAY_S = 3600.0, 86400.0

Happened = Callable[..., None]  # called with the kind and the fields of an Event
_KIND: Mapping[str, str] = {"ok": "works", "degraded": "works", "down": "fails"}


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a destination has begun to do, when, and the reason."""

    kind: str
    since: float
    message: str


class DestinationNotice:
    """Notes when a destination fails and when it works again."""

    def __init__(
        self,
        happened: Happened,
        last: Mapping[str, Event],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`last` is the latest event of either kind for each destination, from before the start."""
        self._happened = happened
        self._clock = clock
        self._told = {name: str(event["kind"]) for name, event in last.items()}
        self._turns: dict[str, _Turn] = {}
        self._born = clock()

    @property
    def waits(self) -> bool:
        """Say whether something may have lasted long enough soon, with no other change."""
        return bool(self._turns)

    def look(self, states: Mapping[str, tuple[str, str]]) -> None:
        """Take in the state of each destination, and its reason, as they are now."""
        now = self._clock()
        # One that begins or is paused does neither; so does one that is gone.
        kinds = {n: (_KIND[s], why) for n, (s, why) in states.items() if s in _KIND}
        self._turns = {n: turn for n, turn in self._turns.items() if n in kinds}
        for name, (kind, message) in kinds.items():
            # What nobody has been told to fail works.
            if kind == self._told.get(name, "works"):
                self._turns.pop(name, None)
                continue
            turn = self._turns.get(name)
            turn = _Turn(kind, turn.since if turn else now, message)
            self._turns[name] = turn
            if now - turn.since >= SETTLE_S and (kind == "works" or now - self._born >= FIRST_S):
                self._tell(name, turn)

    def _tell(self, name: str, turn: _Turn) -> None:
        del self._turns[name]
        self._told[name] = turn.kind
        message = turn.message if turn.kind == "fails" else ""
        self._happened(turn.kind, destination=name, message=message)


Attempt = Literal["dns_over_tls", "dns_elsewhere"]
ATTEMPTS: tuple[Attempt, ...] = get_args(Attempt)


@dataclass(slots=True)
class _Attempts:
    """A device's attempts of one kind: the total as it was last seen, and how many are not told."""

    total: int
    untold: int = 0
    silent_until: float = -math.inf
    pause: float = HOUR_S


class RefusalNotice:
    """Notes devices that try to use another DNS server, or to hide their queries."""

    def __init__(self, happened: Happened, clock: Callable[[], float] = time.monotonic) -> None:
        self._happened = happened
        self._clock = clock
        self._known: dict[tuple[str, Attempt], _Attempts] = {}
        self._first = True

    def look(self, totals: Mapping[str, Refusals], title: Callable[[str], str]) -> None:
        """Take in what was refused of each device, by MAC, since the router started."""
        now = self._clock()
        # Who is not known any more has no past here when it comes again.
        self._known = {at: told for at, told in self._known.items() if at[0] in totals}
        for mac, refusals in totals.items():
            for kind in ATTEMPTS:
                attempts = self._counted(mac, kind, refusals[kind])
                if attempts.untold and now >= attempts.silent_until:
                    self._happened(kind, mac=mac, device=title(mac), count=attempts.untold)
                    _told(attempts, now)
        self._first = False

    def _counted(self, mac: str, kind: Attempt, total: int) -> _Attempts:
        # What there was before our own start may have been told by the one before us.
        new = _Attempts(total if self._first else 0)
        attempts = self._known.setdefault((mac, kind), new)
        # A device that was forgotten and is back counts from nothing.
        attempts.untold += total - attempts.total if total >= attempts.total else total
        attempts.total = total
        return attempts


def _told(attempts: _Attempts, now: float) -> None:
    # Who goes on all day is named less and less often.
    goes_on = now - attempts.silent_until < attempts.pause
    attempts.pause = min(DAY_S, 2 * attempts.pause) if goes_on else HOUR_S
    attempts.silent_until = now + attempts.pause
    attempts.untold = 0
