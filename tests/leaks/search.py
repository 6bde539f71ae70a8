"""The search: bursts of events on the living router, and after each event the question whether
anything left by a wrong way, or anybody was disturbed whom the event did not concern.

A seed repeats the events, to whom they happen, and their order; it cannot repeat the timing.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.containers import home
from tests.leaks.ground import CONFIG, Ground
from tests.leaks.machine import BURST, LeakSearch
from tests.leaks.world import World, watched

Told = Callable[[int, str], None]


@dataclass(slots=True)
class Report:
    """What a run was, for docs/proof.md."""

    seed: int
    events: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    packets: int = 0
    tagged: int = 0
    wires: Counter[str] = field(default_factory=Counter)
    offered: Counter[str] = field(default_factory=Counter)
    slowest_recovery: float = 0.0
    worst_pause: float = 0.0
    dropped: int = 0

    def add(self, other: Report) -> None:
        """Take in what a further search was."""
        for mine, its in (
            (self.events, other.events), (self.wires, other.wires), (self.offered, other.offered)
        ):  # fmt: skip
            mine.update(its)
        self.seconds += other.seconds
        self.packets += other.packets
        self.tagged += other.tagged
        self.dropped += other.dropped
        self.slowest_recovery = max(self.slowest_recovery, other.slowest_recovery)
        self.worst_pause = max(self.worst_pause, other.worst_pause)

    def text(self) -> str:
        wires = ", ".join(f"{name} {count:,}" for name, count in sorted(self.wires.items()))
        sent = ", ".join(f"{name} {count:,}" for name, count in sorted(self.offered.items()))
        kinds = "\n".join(f"  {count:5}  {name}" for name, count in sorted(self.events.items()))
        return (
            f"seed {self.seed}: {self.events.total()} events in {self.seconds:.0f} s\n"
            f"{kinds}\n"
            f"packets captured {self.packets:,} (lost by the capture: {self.dropped}), "
            f"tagged and judged {self.tagged:,}: {wires}\n"
            f"sent by the devices: {sent}\n"
            f"longest pause of a device that no event concerned: {self.worst_pause:.2f} s\n"
            f"slowest recovery after everything was mended: {self.slowest_recovery:.1f} s"
        )


class Search:
    """A course of events up to the first finding, or until there were enough."""

    def __init__(
        self, world: World, report: Report, count: int, told: Told, *, heavy: bool
    ) -> None:
        self.ground = Ground(world)
        self.heavy = heavy
        self.finding: BaseException | None = None
        self._report = report
        self._count = count
        self._told = told
        self._journal: list[str] = []
        self._restless = False  # something has happened since the last rest

    def happen(self, event: Callable[[], str | None]) -> None:
        """Let an event happen and judge the world after it, unless there was a finding."""
        if not self._over():
            self._keep_finding(lambda: self._happen(event))

    def rest(self) -> None:
        """Mend everything and wait until all is well, unless there was a finding."""
        if self.finding is None and self._restless:
            self._restless = False
            self._keep_finding(self.ground.rest)

    def tidy(self) -> None:
        """Leave nothing broken and nothing paused; what hinders that hides no finding."""
        try:
            self.ground.mend_all()
            for destination in sorted(self.ground.paused):
                self.ground.resume(destination)
        except Exception as error:  # noqa: BLE001 - kept, unless there is one already
            self.finding = self.finding or error

    def _over(self) -> bool:
        return self.finding is not None or self._report.events.total() >= self._count

    def _happen(self, event: Callable[[], str | None]) -> None:
        began = time.time()
        self._restless = True
        name = event()
        if name is None:
            return
        self._report.events[_kind(name)] += 1
        self._journal.append(f"{began:.3f} to {time.time():.3f}  {name}")
        self._told(self._report.events.total(), name)
        self.ground.look()

    def _keep_finding(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - raised again by search()
            recent = "\n".join(self._journal[-15:])
            error.add_note(f"seed {self._report.seed}; the latest events:\n{recent}")
            self.finding = error


def search(
    seed: int, count: int, told: Told, keep: Path | None = None, *, heavy: bool = False
) -> Report:
    """Drive `count` events; `told` hears of each.

    Raises Watched or AssertionError on a finding; captures then stay in a directory below `keep`.
    """
    report = Report(seed)
    started = time.monotonic()
    good = CONFIG.read_text()
    with watched(keep) as world:
        course = Search(world, report, count, told, heavy=heavy)
        try:
            _run(course, seed, count)
        finally:
            CONFIG.write_text(good)
            _fill(report, world, course.ground)
            report.seconds = time.monotonic() - started
            course.tidy()
        if course.finding is not None:
            raise course.finding
    report.dropped = world.wires.dropped
    return report


def _run(course: Search, seed: int, count: int) -> None:
    machine = type("LeakSearch", (LeakSearch,), {"course": course})
    run_state_machine_as_test(
        hypothesis.seed(seed)(machine),
        settings=settings(
            # An event may find nothing to do, and does not count then; what is over costs nothing.
            max_examples=5 * math.ceil(count / BURST),
            stateful_step_count=BURST,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            deadline=None,
            database=None,
            verbosity=Verbosity.quiet,
        ),
    )


def _kind(name: str) -> str:
    """Return an event without the names of who was drawn."""
    if name.startswith("start from nothing"):
        return "start from nothing, in an order of chance"
    for one in (*home.DEVICES, "direct", "spare", "extra", "none"):
        name = name.replace(f" {one}", " …")
    return name.replace("to uk", "to …").replace("to de", "to …")


def _fill(report: Report, world: World, ground: Ground) -> None:
    report.packets = world.wires.packets()
    for (wire, _), count in world.oracle.seen.items():
        report.wires[wire] += count
    report.tagged = report.wires.total()
    report.offered = world.wires.offered
    report.worst_pause = ground.excuses.worst
    report.slowest_recovery = ground.slowest_recovery
