"""The search: events in any order on the living router, and after each of them the question
whether anything left by a wrong way.

It is a driver of its own and not a hypothesis state machine. Hypothesis shrinks a failure by
repeating it dozens of times from a fresh start; here an event takes seconds, a fresh start is
minutes, and the moment between two events matters as much as their order, so a shrunk sequence
would rarely fail again. What makes a finding useful is its evidence: captures, history and the
events with their times. A seed repeats the events; it cannot repeat the timing.

Events come in bursts without rest in between, so that one meets the half-repaired damage of
another. Then everything is mended, and the router has to be right again by itself.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.client import ControlError
from tests.containers import home
from tests.leaks.events import CONFIG, Events
from tests.leaks.world import Watched, World, watched

RECOVERY_S = 90.0  # from the moment when all is mended until all is well again
BURST = 10


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

    def text(self) -> str:
        wires = ", ".join(f"{name} {count:,}" for name, count in sorted(self.wires.items()))
        sent = ", ".join(f"{name} {count:,}" for name, count in sorted(self.offered.items()))
        kinds = "\n".join(f"  {count:5}  {name}" for name, count in sorted(self.events.items()))
        return (
            f"seed {self.seed}: {sum(self.events.values())} events in {self.seconds:.0f} s\n"
            f"{kinds}\n"
            f"packets captured {self.packets:,} (lost by the capture: {self.dropped}), "
            f"tagged and judged {self.tagged:,}: {wires}\n"
            f"sent by the devices: {sent}\n"
            f"longest pause of a device that no event concerned: {self.worst_pause:.2f} s\n"
            f"slowest recovery after everything was mended: {self.slowest_recovery:.1f} s"
        )


Told = Callable[[int, str], None]


def search(seed: int, count: int, told: Told, keep: Path | None = None) -> Report:
    """Drive `count` events; `told` hears of each. Raises Watched or AssertionError on a finding."""
    report = Report(seed)
    started = time.monotonic()
    good = CONFIG.read_text()
    with watched(keep) as world:
        events = Events(world, random.Random(seed))
        try:
            for number in range(1, count + 1):
                name = events.draw()
                report.events[_kind(name)] += 1
                told(number, name)
                _look(world, events)
                if number % BURST == 0 or number == count:
                    _rest(world, events, report)
        finally:
            events.mend_all()
            CONFIG.write_text(good)
            _fill(report, world, events)
            report.seconds = time.monotonic() - started
    report.dropped = world.wires.dropped
    return report


def _kind(name: str) -> str:
    """Return an event without the names of who was drawn."""
    for one in (*home.DEVICES, "direct", "spare", "extra", "none"):
        name = name.replace(f" {one}", " …")
    return name.replace("to uk", "to …").replace("to de", "to …")


def _look(world: World, events: Events) -> None:
    world.expect_no_leak()
    now = world.wires.seen_until
    found: list[str] = []
    for device in home.DEVICES:
        found += events.excuses.pauses(device, world.wires.delivered[device], now)
    if found:
        raise Watched(f"disturbed without a reason; captures: {world.directory}\n{found}")


def _rest(world: World, events: Events, report: Report) -> None:
    """Mend everything; the router must be right again, and everybody served."""
    events.mend_all()
    started = time.monotonic()
    if events.extra or "configuration" in events.broken:
        _reload(world)
    home.wait_for("the router is well again by itself", world.healthy, RECOVERY_S)
    world.wires.attach()
    for device in home.DEVICES:
        world.settle(device)
        if world.history.current(device) == "":
            world.assign(device, "direct")
        world.wait_until_served(device, RECOVERY_S)
        events.excuses.end(device, time.time())
    events.broken.clear()
    report.slowest_recovery = max(report.slowest_recovery, time.monotonic() - started)
    _look(world, events)


def _reload(world: World) -> None:
    """Have the configuration taken in, for an orchestrator that was killed while it did."""

    def done() -> bool:
        try:
            return not world.control.up().get("errors")
        except ControlError as error:
            raise AssertionError(error.message) from None

    home.wait_for("the configuration is taken in", done, RECOVERY_S)


def _fill(report: Report, world: World, events: Events) -> None:
    report.packets = world.wires.packets()
    for (wire, _), count in world.oracle.seen.items():
        report.wires[wire] += count
    report.tagged = report.wires.total()
    report.offered = world.wires.offered
    report.worst_pause = events.excuses.worst
