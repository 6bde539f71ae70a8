"""Whether this machine's clock can be right: a Pi has none that runs without power.

A VPN's certificate is valid from one day to another, so its check at a wrong time says nothing
about the VPN. The clock is the machine's, and its own time service sets it; an egress only looks.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LONG = 180.0  # s of waiting after which a person should do something
_KNOWN = Path("/clock/known")  # a moment that has passed (s since 1970), from the orchestrator
_ROOM_FOR_TIMEX = 512  # bytes; struct timex has 208 on 64-bit machines
_TIME_ERROR = 5  # adjtimex(2): nothing keeps the clock


@dataclass(frozen=True, slots=True)
class Reading:
    """The clock (s since 1970), what it can't be earlier than, and whether something keeps it."""

    now: float
    floor: float
    kept: bool

    @property
    def plausible(self) -> bool:
        # A floor may itself come from a wrong clock; a time server's word is better than that.
        return self.kept or self.now >= self.floor


def read() -> Reading:
    """Look at the clock."""
    made = Path(__file__).stat().st_mtime
    return Reading(time.time(), max(made, _known()), _kept())


def _known() -> float:
    try:
        return float(int(_KNOWN.read_text()))
    except (OSError, ValueError):
        return 0.0


def _kept() -> bool:
    room = ctypes.create_string_buffer(_ROOM_FOR_TIMEX)  # modes = 0: only look
    return int(ctypes.CDLL(None).adjtimex(room)) not in (-1, _TIME_ERROR)


class Clock:
    """Says whether to wait for the time, and since when that is so."""

    def __init__(self, look: Callable[[], Reading] = read) -> None:
        self._look = look
        self._since: float | None = None
        self._reading: Reading | None = None

    def waits(self, now: float) -> bool:
        """Look, and say whether the time is still to come. `now` is of the boot clock (s)."""
        self._reading = self._look()
        if self._reading.plausible:
            self._since = None
        elif self._since is None:
            self._since = now
        return self._since is not None

    def long(self, now: float) -> bool:
        """Whether it has waited so long that a person should do something."""
        return self._since is not None and now - self._since >= LONG

    def message(self, now: float) -> str:
        """Return what a person should know; "" while the time is plausible."""
        if self._since is None or self._reading is None:
            return ""
        said, floor = _day(self._reading.now), _day(self._reading.floor)
        text = f"waiting for the time: this machine believes that it is {said}, before {floor}"
        if not self.long(now):
            return text
        return (
            f"{text}. Switch its time synchronisation on (`timedatectl set-ntp true`), and see "
            "that UDP port 123 gets out by the house's router"
        )


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
