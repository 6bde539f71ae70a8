"""What can happen to the router, as the search draws it: each event, whom it concerns, its weight.

An event breaks something, or undoes what another one broke, or is one that nobody may notice.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.client import ControlError
from tests.containers import home
from tests.leaks import breakage
from tests.leaks.breakage import BYSTANDERS, ORCHESTRATOR, ROUTER, Breakage
from tests.leaks.excuses import Excuses
from tests.leaks.oracle import Stall, Switch
from tests.leaks.world import Watched, World

CONFIG = home.REPOSITORY / ".demo" / "config" / "router.yaml"
_FLOOD = (Path(__file__).parent / "traffic" / "flood.py").read_text()
FLOWS = 10_000  # by one flood; a home of twenty devices has some thousands
_SPARE = "  {}: {{type: direct, uplink: home}}\n  uk:\n"


class Events:
    """The living router in the middle of a search."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self.chance = chance
        self.excuses = Excuses()
        self.broken: dict[str, Breakage] = {}
        self.good = CONFIG.read_text()
        self.extra = ""  # the destination that was added to the configuration
        self.unknown: set[str] = set()  # destinations whose devices wait for another choice
        self.weights: list[tuple[int, Callable[[], str]]] = [
            (40, self.switch),
            (6, self.back_and_forth),
            (10, self.break_egress),
            (4, self.break_router),
            (5, self.break_bystander),
            (4, self.kill_orchestrator),
            (6, self.break_provider),
            (8, self.mend_one),
            (2, self.pull_uplink),
            (2, self.renumber),
            (5, self.change_configuration),
            (2, self.load_mistakes),
            (3, self.kill_in_a_switch),
            (2, self.kill_in_an_apply),
            (1, self.flood),
            (1, self.restart_orchestrator),
        ]

    def draw(self) -> str:
        """Let one event happen; return its name."""
        weights, events = zip(*self.weights, strict=True)
        event: Callable[[], str] = self.chance.choices(events, weights)[0]
        return event()

    # who is concerned

    def _devices_on(self, destinations: frozenset[str] | None) -> set[str]:
        history = self.world.history
        return {
            device
            for device in home.DEVICES
            if destinations is None or history.current(device) in destinations
        }

    def _concern(self, destinations: frozenset[str] | None) -> None:
        self.excuses.begin(self._devices_on(destinations), time.time() - 0.2)

    def _break(
        self, name: str, destinations: frozenset[str] | None, undo: tuple[str, ...] = ()
    ) -> Breakage:
        self._concern(destinations)
        return self.broken.setdefault(name, Breakage(name, undo, destinations))

    def _served(self, destination: str) -> bool:
        return not any(
            b.destinations is None or destination in b.destinations for b in self.broken.values()
        )

    def _destinations(self) -> list[str]:
        return ["direct", "uk", "de", *([self.extra] if self.extra else [])]

    # switching

    def switch(self) -> str:
        device = self.chance.choice(home.DEVICES)
        destination = self.chance.choice(self._destinations())
        self.excuses.begin([device], time.time())
        self.world.assign(device, destination)
        if self._served(destination) and self.world.history.switches[device][-1].receipt_at:
            self.world.wait_until_served(device, 10)
            self.excuses.end(device, time.time())
        return f"switch {device} to {destination}"

    def back_and_forth(self) -> str:
        device = self.chance.choice(home.DEVICES)
        self.excuses.begin([device], time.time())
        for _ in range(3):
            for destination in self.chance.sample(("direct", "uk", "de"), 2):
                self.world.assign(device, destination)
        return f"switch {device} back and forth"

    def kill_in_a_switch(self) -> str:
        device = self.chance.choice(home.DEVICES)
        destination = self.chance.choice(self._destinations())
        self.excuses.begin([device], time.time())
        killer = threading.Timer(self.chance.uniform(0, 0.03), breakage.crash, [ORCHESTRATOR])
        killer.start()
        self.world.assign(device, destination)
        killer.join()
        return f"SIGKILL the orchestrator while {device} is switched to {destination}"

    # containers of the router

    def break_egress(self) -> str:
        destination = self.chance.choice(("direct", "uk", "de"))
        return self._break_container(f"manyways-egress-{destination}", frozenset({destination}))

    def break_router(self) -> str:
        return self._break_container(ROUTER, None)

    def break_bystander(self) -> str:
        return self._break_container(self.chance.choice(BYSTANDERS), frozenset())

    def _break_container(self, name: str, concerned: frozenset[str] | None) -> str:
        how = self.chance.choice(("crash", "kill", "stop", "restart", "pause"))
        broken = self._break(name, concerned)
        if how == "crash":
            breakage.crash(name)
        elif how == "kill":
            home.host("docker", "kill", "--signal", "KILL", name)
        elif how == "pause":
            if concerned:
                broken.stalls += [Stall(d, time.time()) for d in concerned]
                self.world.history.stalls += broken.stalls
            home.host("docker", "pause", name)
            broken.undo = ("docker", "unpause", name)
        else:
            home.host("docker", how, "--time", "2", name)
        return f"{how} {name}"

    def kill_orchestrator(self) -> str:
        how = self.chance.choice(("crash", "pause"))
        broken = self._break(ORCHESTRATOR, frozenset())
        if how == "crash":
            breakage.crash(ORCHESTRATOR)
        else:
            home.host("docker", "pause", ORCHESTRATOR)
            broken.undo = ("docker", "unpause", ORCHESTRATOR)
            self.mend(ORCHESTRATOR)  # nothing that follows would get an answer
        return f"{how} {ORCHESTRATOR}"

    def restart_orchestrator(self) -> str:
        self._break(ORCHESTRATOR, None)
        home.host("docker", "restart", "--time", "30", ORCHESTRATOR, timeout=60)
        return f"restart {ORCHESTRATOR} in order"

    # the world outside

    def break_provider(self) -> str:
        place = self.chance.choice(("uk", "de"))
        machine = f"vpn-{place}"
        how = self.chance.choice(("kill", "forward nothing", "unreachable", "restart"))
        if machine in self.broken:
            return f"nothing: {machine} is broken already"
        broken = self._break(machine, frozenset({place}))
        broken.stalls = [Stall(place, time.time())]
        self.world.history.stalls += broken.stalls
        if how == "kill":
            home.host("docker", "kill", "--signal", "KILL", f"home-{machine}")
            broken.undo = ("docker", "start", f"home-{machine}")
        elif how == "restart":
            home.host("docker", "restart", "--time", "1", f"home-{machine}")
        else:
            broken.undo = breakage.block(machine, "forward" if how[0] == "f" else "input")
        self.world.wires.attach()
        return f"{how}: {machine}"

    def pull_uplink(self) -> str:
        self._break("uplink", None, ("ip", "link", "set", "mwh-wan0", "up"))
        home.host("ip", "link", "set", "mwh-wan0", "down")
        return "uplink down"

    def renumber(self) -> str:
        destination = self.chance.choice(("direct", "uk", "de"))
        self._break(f"lease of {destination}", frozenset({destination}))
        with breakage.second_dhcp_server():
            breakage.renew_lease(f"manyways-egress-{destination}")
            with contextlib.suppress(AssertionError):  # it may be down just now
                home.wait_for(
                    "the new address", lambda: self._address(destination) > "192.168.178.2", 6
                )
        return f"renumber the uplink of {destination}"

    def _address(self, destination: str) -> str:
        try:
            status = self.world.control.status()
        except ControlError:
            return ""
        (found,) = [d for d in status["destinations"] if d["name"] == destination]
        return next(c["message"] for c in found["checks"] if c["name"] == "uplink")

    def flood(self) -> str:
        device = self.chance.choice(home.DEVICES)
        self.excuses.begin(home.DEVICES, time.time())  # the machine itself is busy with it
        home.attempt(device, "python3", "-c", _FLOOD, str(FLOWS))
        self.broken.setdefault("flood", Breakage("flood"))
        return f"{FLOWS} flows of {device}"

    # configuration

    def change_configuration(self) -> str:
        old = self.extra
        self.extra = self.chance.choice([n for n in ("", "spare", "extra") if n != old])
        self._break("configuration", frozenset({old}) if old else frozenset())
        self._write()
        gone = self._leave(old)
        with contextlib.suppress(ControlError):
            self.world.control.up()
            for switch in gone:
                switch.receipt_at = time.time()
        return f"destination {old or 'none'} becomes {self.extra or 'none'}"

    def _leave(self, old: str) -> list[Switch]:
        devices = self._devices_on(frozenset({old})) if old else set()
        for device in devices:
            self.world.settle(device)
        return [self.world.history.request(device, "", time.time()) for device in devices]

    def _write(self) -> None:
        text = self.good
        if self.extra:
            text = text.replace("  uk:\n", _SPARE.format(self.extra), 1)
        CONFIG.write_text(text)

    def load_mistakes(self) -> str:
        CONFIG.write_text(
            self.good.replace("default_destination: direct", "default_destination: d")
        )
        try:
            self.world.control.up()
        except ControlError as error:
            if error.status not in (409, 503):
                raise
        else:
            raise Watched("a configuration with a mistake was taken in")
        finally:
            self._write()
        self.broken.setdefault("configuration", Breakage("configuration"))
        return "a configuration with a mistake"

    def kill_in_an_apply(self) -> str:
        killer = threading.Timer(self.chance.uniform(0, 0.5), breakage.crash, [ORCHESTRATOR])
        killer.start()
        said = self.change_configuration()
        killer.join()
        return f"SIGKILL the orchestrator while {said}"

    # undoing

    def mend_one(self) -> str:
        names = sorted(name for name, b in self.broken.items() if b.undo)
        if not names:
            return self.switch()
        name = self.chance.choice(names)
        self.mend(name)
        return f"mend {name}"

    def mend(self, name: str) -> None:
        """Undo one breakage; the devices it concerned stay excused until the next rest."""
        broken = self.broken[name]
        if broken.undo:
            home.host(*broken.undo)
            broken.undo = ()
        for stall in broken.stalls:
            stall.ended = time.time()
        if name.startswith("vpn"):
            self.world.wires.attach()

    def mend_all(self) -> None:
        """Undo everything that is broken."""
        for name in list(self.broken):
            self.mend(name)
