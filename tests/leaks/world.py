"""The watched home: talking devices, captured wires, the history, and the judge over all.

`World.look()` is the question that everything here asks again and again: was there a leak so far?
"""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.client import Control, ControlError, Device
from tests.containers import home
from tests.containers.device import Program
from tests.containers.router import Router
from tests.leaks.oracle import History, Leak, Oracle
from tests.leaks.wires import Wires

_VOLUMES = Path("/var/lib/docker/volumes")
_SOCKET = _VOLUMES / "manyways-control" / "_data" / "control.sock"
_SLOTS = _VOLUMES / "manyways-state" / "_data" / "rendered" / "router" / "router.json"
_TRAFFIC = Path(__file__).parent / "traffic"
_FAR6, _NEXT6, _OWN6 = "2001:db8:ffff::/48", "fe80::77", "2001:db8:77::5/64"


class Watched(AssertionError):
    """A leak, with its evidence and where the captures are."""


class World:
    """Use with `watched()`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.control = Control(str(_SOCKET))
        self.history = History()
        self.oracle = Oracle(self.history)
        self._slots: dict[int, str] = {}
        self.wires = Wires(directory, self.destination_of)
        self._talkers: dict[str, Program] = {}
        self.macs = {d["name"]: d["mac"] for d in self.control.devices()}

    def destination_of(self, slot: int) -> str:
        """Return whose transit a slot is; a slot is given once and never to another one."""
        if slot not in self._slots:
            transits = json.loads(_SLOTS.read_text())["transits"]
            self._slots |= {t["slot"]: t["destination"] for t in transits}
        return self._slots.get(slot, f"slot {slot}")

    def start(self) -> None:
        """Begin as the demo does, whatever came before; let every device talk."""
        self.control.up()
        for known in self.control.status()["destinations"]:
            self.control.resume(known["name"])
        home.wait_for("the router is well", self.healthy, 120)
        for device, destination in Router.ASSIGNMENTS.items():
            self.control.assign(device, destination)
            self.history.start(device, destination, time.time())
        self.speak()
        for device in home.DEVICES:
            self.wait_until_served(device, 20)

    def speak(self) -> None:
        """Let every device talk, as soon as it has an address."""
        for device in home.DEVICES:
            home.wait_for(f"{device} sees the router", functools.partial(_sees_router, device), 60)
            _reach_for_version6(device)
            self._talkers[device] = Program(device, f"{_TRAFFIC}/talk", device)
        for talker in self._talkers.values():
            talker.wait_for("talking", 20)

    def silence(self) -> None:
        """End the devices' traffic."""
        for device, talker in self._talkers.items():
            talker.end()
            _forget_version6(device)
        self._talkers.clear()

    def end(self) -> None:
        """End the traffic and the captures."""
        self.silence()
        self.wires.end()

    def assign(self, device: str, destination: str, goes_to: str | None = None) -> None:
        """Switch; note request and receipt, or that nobody knows how it ended.

        `goes_to` is where the device's packets may go from then on, if not to `destination`.
        """
        self.settle(device)
        where = destination if goes_to is None else goes_to
        switch = self.history.request(device, where, time.time())
        with contextlib.suppress(ControlError):
            self.control.assign(device, destination)
            switch.receipt_at = time.time()

    def settle(self, device: str, seconds: float = 60) -> None:
        """Ask the router where a device is, if its last switch was interrupted."""
        if self.history.switches[device][-1].receipt_at is None:
            known: list[Device] = home.wait_for("the router answers", self.known, seconds)
            places = {d["mac"]: "" if d["state"] == "rejected" else d["destination"] for d in known}
            self.history.observed(device, places[self.macs[device]], time.time())

    def known(self) -> list[Device]:
        """Return the devices that the router knows; none while it does not answer."""
        try:
            return self.control.devices()
        except ControlError:
            return []

    def healthy(self) -> bool:
        """Whether the router says that all is well. AssertionError: what is not."""
        try:
            status = self.control.status()
        except ControlError as error:
            raise AssertionError(error.message) from None
        bad = [
            f"{part['name']} {part['state']}: {part['message']}"
            for part in (*status["services"], *status["destinations"])
            if part["state"] != "ok"
        ]
        assert status["state"] == "healthy", (bad, status["config"], status["problems"])
        return True

    def look(self) -> list[Leak]:
        """Judge everything up to now; return the new leaks."""
        self.wires.sync()
        return self.oracle.look(self.wires.new())

    def expect_no_leak(self) -> None:
        """Raise Watched with the evidence if there was one."""
        if leaks := self.look():
            shown = "\n".join(str(leak) for leak in leaks[:5])
            raise Watched(f"{len(leaks)} packets leaked; captures: {self.directory}\n{shown}")

    def wait_until_served(self, device: str, seconds: float) -> None:
        """Wait until an answer to a datagram sent from now on has reached a device."""
        since = time.time()

        def answered() -> bool:
            self.expect_no_leak()
            delivered = self.wires.delivered[device]
            return bool(delivered) and delivered[-1] > since

        _wait(f"{device} has answers", answered, seconds)


def _wait(what: str, condition: Callable[[], bool], seconds: float) -> None:
    """As home.wait_for(), but a leak is never "not yet"."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def _leg(device: str) -> str:
    return home.run(device, "sh", "-c", "ip -o -4 route show default | sed 's/.* dev //;s/ .*//'")


def _sees_router(device: str) -> bool:
    """Make a device with an address look for the router; say whether it has found it."""
    home.attempt(device, "ping", "-c1", "-W1", "192.168.77.1")
    return "lladdr" in home.attempt(device, "ip", "neigh", "show", "192.168.77.1").stdout


def _reach_for_version6(device: str) -> None:
    """Give a device a way to send IPv6 to the router, whatever it answers."""
    leg, mac = _leg(device), home.run(device, "ip", "neigh", "show", "192.168.77.1")
    lladdr = mac.split("lladdr ")[1].split()[0]
    home.run(device, "ip", "-6", "address", "replace", _OWN6, "dev", leg, "nodad")
    home.run(device, *("ip", "-6", "neigh", "replace", _NEXT6, "lladdr", lladdr, "dev", leg))
    home.run(device, "ip", "-6", "route", "replace", _FAR6, "via", _NEXT6, "dev", leg)


def _forget_version6(device: str) -> None:
    leg = _leg(device)
    home.attempt(device, "ip", "-6", "route", "del", _FAR6)
    home.attempt(device, "ip", "-6", "neigh", "del", _NEXT6, "dev", leg)
    home.attempt(device, "ip", "-6", "address", "del", _OWN6, "dev", leg)


@contextlib.contextmanager
def watched(keep: Path | None = None) -> Iterator[World]:
    """Yield a world in which everybody talks and everything is watched.

    The captures go to a directory under `keep`, or a temporary one, and stay there only if
    there was a finding.
    """
    directory = Path(tempfile.mkdtemp(prefix="leaks-", dir=keep))
    try:
        world = World(directory)
    except BaseException:
        shutil.rmtree(directory)
        raise
    failed = True
    try:
        world.start()
        yield world
        failed = False
    finally:
        world.end()
        if not failed and not world.oracle.leaks:
            shutil.rmtree(directory)
