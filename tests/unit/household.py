"""A switchboard without a router, whose clock the test holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from orchestrator.documents import Document
from orchestrator.identity import Identities
from orchestrator.model import Config
from orchestrator.runtime.router import RouterNamespace
from orchestrator.runtime.volume import Volume
from orchestrator.store import KnownDevice, State
from orchestrator.switch import Switchboard
from orchestrator.timers import Moment, wanted_timer
from tests.homes import HOME, NEW

START = Moment(datetime(2026, 3, 28, 12, tzinfo=UTC), "this run", 1000.0)


class _Absent:
    def current(self) -> RouterNamespace | None:
        return None


@dataclass
class House:
    """The home of tests.homes, its memory in `folder`; `events` is what it told."""

    folder: Path
    home: Config = HOME
    moment: Moment = START
    leases: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.document = Document(self.folder / "state.json", State)
        self.start()

    def start(self) -> None:
        """Begin as after the start of the process."""
        state = self.document.read().value or NEW
        self.board = Switchboard(
            self.document,
            state,
            Volume(self.folder),
            _Absent(),
            happened=self._happened,
            moment=lambda: self.moment,
        )
        self.identities = Identities(self.board)
        self.settle()

    def _happened(self, kind: str, **fields: object) -> None:
        self.events.append({"kind": kind, **fields})

    def settle(self, home: Config | None = None) -> None:
        """Take in the configuration, and the leases that run."""
        self.home = home or self.home
        known = {mac: IPv4Address(f"192.168.77.{100 + n}") for n, mac in enumerate(self.leases)}
        self.board.settle(self.home, self.leases, known)

    def lease(self, mac: str, hostname: str = "") -> None:
        self.leases[mac] = hostname
        self.settle()

    def leave(self, mac: str) -> None:
        del self.leases[mac]
        self.settle()

    def later(self, seconds: float, clock: float | None = None) -> None:
        """Let time pass; `clock`: what the machine's clock makes of it."""
        shown = timedelta(seconds=seconds if clock is None else clock)
        self.moment = replace(
            self.moment, now=self.moment.now + shown, uptime=self.moment.uptime + seconds
        )
        self.board.go_back()

    def reboot(self, clock: float) -> None:
        """Start the machine again; its clock has gone on by `clock` seconds."""
        now = self.moment.now + timedelta(seconds=clock)
        self.moment = Moment(now, f"{self.moment.boot} and again", 10.0)
        self.start()
        self.board.go_back()

    def switch(self, destination: str, *references: str, minutes: int | None = None) -> None:
        timer = wanted_timer(self.moment, UTC, minutes, None)
        self.board.assign_many(references, destination, timer, "somebody")

    def device(self, mac: str) -> KnownDevice:
        device = self.board.state.device(mac)
        assert device is not None
        return device

    def remembered(self) -> State | None:
        return self.document.read().value
