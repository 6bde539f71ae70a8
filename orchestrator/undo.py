"""What held before the last switch of each device, so that it can be taken back.

In memory only: a person takes a switch back within minutes, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from orchestrator.model import Config
from orchestrator.store import KnownDevice
from orchestrator.timers import Moment, Timer, is_over

SECONDS = 600


@dataclass(frozen=True, slots=True)
class Before:
    """The choice and the timer that held until `uptime`."""

    choice: str | None
    timer: Timer | None
    uptime: float


class LastSwitches:
    """Remembers, by MAC address, what a device's last switch has changed."""

    def __init__(self) -> None:
        self._before: dict[str, Before] = {}

    def note(self, old: KnownDevice, new: KnownDevice, moment: Moment) -> None:
        """Remember a switch; one that changes nothing leaves the one before it."""
        if (old.choice, old.timer) != (new.choice, new.timer):
            self._before[old.mac] = Before(old.choice, old.timer, moment.uptime)

    def forget(self, mac: str) -> None:
        self._before.pop(mac, None)

    def before(self, config: Config, mac: str, moment: Moment) -> Before | None:
        """Return what a device's choice would be again; None: its switch can't be taken back.

        A time that is over meanwhile is not given back, but what was to come after it.
        """
        found = self._before.get(mac)
        if found is None or moment.uptime - found.uptime > SECONDS:
            return None
        if found.timer is not None and is_over(found.timer, moment):
            found = replace(found, choice=found.timer.back_to, timer=None)
        if found.choice is None:
            return found
        destination = config.destination(found.choice)
        return found if destination is not None and destination.offered else None

    def possible(self, config: Config, moment: Moment) -> frozenset[str]:
        """Return the MAC addresses of the devices whose last switch can be taken back."""
        macs = tuple(self._before)  # another thread may note a switch meanwhile
        return frozenset(mac for mac in macs if self.before(config, mac, moment))
