"""What a search stands on: the watched world, what is broken in it just now, and who is excused.

The events (tests/leaks/events/) do things to it; the search asks after each of them whether
anything leaked and whether anybody was disturbed whom the event did not concern.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from orchestrator.client import ControlError
from tests.containers import home
from tests.leaks.breakage import Breakage
from tests.leaks.excuses import Excuses
from tests.leaks.oracle import Stall, Switch
from tests.leaks.world import Watched, World

CONFIG = home.REPOSITORY / ".demo" / "config" / "router.yaml"
VPNS = ("uk", "de")
DESTINATIONS = ("direct", *VPNS)
RECOVERY_S = 90.0  # from the moment when all is mended until all is well again


class Ground:
    """The living router in the middle of a search."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.excuses = Excuses()
        self.broken: dict[str, Breakage] = {}
        self.good = CONFIG.read_text()
        self.extra = ""  # the destination that was added to the configuration
        self.paused: set[str] = set()
        self.slowest_recovery = 0.0  # seconds

    # who is concerned

    def devices_on(self, destinations: frozenset[str] | None) -> set[str]:
        """Return the devices that an event on these destinations concerns; None: all."""
        current = self.world.history.current
        return {d for d in home.DEVICES if destinations is None or current(d) in destinations}

    def excuse(self, devices: Iterable[str], earlier: float = 0.0) -> None:
        """Let devices be without service from now, or `earlier` seconds ago, until they have it."""
        self.excuses.begin(devices, time.time() - earlier)

    def damage(
        self, name: str, destinations: frozenset[str] | None, undo: tuple[str, ...] = ()
    ) -> Breakage:
        """Note that something is broken, before it is; its devices are excused."""
        self.excuse(self.devices_on(destinations), 0.2)
        broken = self.broken.setdefault(name, Breakage(name, (), destinations))
        broken.undo = undo or broken.undo  # it may have been mended, and be broken again now
        return broken

    def stall(self, broken: Breakage, destinations: Iterable[str]) -> None:
        """Note that packets of these destinations are held back from now on."""
        stalls = [Stall(destination, time.time()) for destination in destinations]
        broken.stalls += stalls
        self.world.history.stalls += stalls

    def served(self, destination: str) -> bool:
        """Say whether nothing that is broken concerns a destination."""
        return destination not in self.paused and not any(
            b.destinations is None or destination in b.destinations for b in self.broken.values()
        )

    def destinations(self) -> list[str]:
        """Return all destinations that there are now."""
        return [*DESTINATIONS, *([self.extra] if self.extra else [])]

    def leave(self, destination: str) -> list[Switch]:
        """Note that a destination's devices are about to be nowhere; set the receipts after."""
        devices = self.devices_on(frozenset({destination})) if destination else set()
        for device in devices:
            self.world.settle(device)
        self.excuse(devices)
        return [self.world.history.request(device, "", time.time()) for device in devices]

    def assign(self, device: str, destination: str) -> None:
        """Switch a device; on a destination that is paused it is nowhere until that resumes."""
        self.world.assign(device, destination, "" if destination in self.paused else destination)

    def resume(self, destination: str) -> None:
        """Resume a destination; the router says who goes by it again."""
        for device in home.DEVICES:
            self.world.settle(device)
        waiting = self.devices_on(frozenset({""}))
        self.excuse(waiting)
        for device in waiting:
            self.world.history.request(device, destination, time.time())
        self.insist("a pause ends", lambda: self.world.control.resume(destination))
        self.paused.discard(destination)
        for device in waiting:
            self.world.settle(device)

    # undoing

    def mend(self, name: str) -> None:
        """Undo one breakage; the devices it concerned stay excused until the next rest."""
        broken = self.broken[name]
        if broken.undo:
            done = home.host(*broken.undo)
            assert done.returncode == 0, f"{broken.undo}: {done.stderr}"
            broken.undo = ()
        for stall in broken.stalls:
            if stall.ended is None:
                stall.ended = time.time()
        if name.startswith("vpn"):
            self.world.wires.attach()

    def mend_all(self) -> None:
        """Undo everything that is broken; the router does the rest by itself."""
        for name in list(self.broken):
            self.mend(name)

    # asking

    def look(self) -> None:
        """Raise Watched if anything leaked, or anybody was disturbed whom no event concerned."""
        self.world.expect_no_leak()
        wires = self.world.wires
        found: list[str] = []
        for device in home.DEVICES:
            found += self.excuses.pauses(device, wires.delivered[device], wires.seen_until)
        if found:
            raise Watched(f"disturbed without a reason; captures: {self.world.directory}\n{found}")

    def rest(self) -> None:
        """Mend everything; the router must be right again by itself, and everybody served."""
        self.mend_all()
        started = time.monotonic()
        if self.extra or "configuration" in self.broken:
            self._restore()
        for destination in sorted(self.paused):
            self.resume(destination)
        home.wait_for("the router is well again by itself", self.world.healthy, RECOVERY_S)
        self.world.wires.attach()
        for device in home.DEVICES:
            self.world.settle(device)
            if self.world.history.current(device) == "":
                self.world.assign(device, "direct")
            # What came while it waited is no pause of anybody else's.
            self.world.wait_until_served(device, RECOVERY_S)
            self.excuses.end(device, time.time())
        self.broken.clear()
        self.slowest_recovery = max(self.slowest_recovery, time.monotonic() - started)
        self.look()

    def insist(self, what: str, request: Callable[[], object]) -> None:
        """Ask the router again and again until it has done it."""

        def done() -> bool:
            try:
                request()
            except ControlError as error:
                raise AssertionError(error.message) from None
            return True

        home.wait_for(what, done, RECOVERY_S)

    def _restore(self) -> None:
        """Have the good configuration taken in, also by an orchestrator that was just killed."""
        gone = self.leave(self.extra)
        self.extra = ""
        CONFIG.write_text(self.good)
        self.insist("the configuration is taken in", self._up)
        for switch in gone:
            switch.receipt_at = time.time()

    def _up(self) -> None:
        errors = self.world.control.up().get("errors")
        assert not errors, errors
