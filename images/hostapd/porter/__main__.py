"""Bring every port and the radio to where porter.json wants them, whenever one of them moves.

Each turn looks at everything and does what is missing, so that it makes no difference what
happened: a crash, another number for the radio, a bridge that was made anew, a program of the
host's that gives a port an address. SIGHUP: porter.json has changed. SIGTERM: everything is given
back.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from commands import Refused, run

import report
from porter import host, words
from porter.memory import Memory

ORDER = Path(os.environ.get("PORTER_ORDER", "/etc/manyways/porter.json"))
STATE = Path(os.environ.get("PORTER_STATE", "/var/lib/manyways"))
RADIO_SOCKET = Path(os.environ.get("RADIO_SOCKET", "/radio/radio.sock"))
_HEARTBEAT = 20.0  # s
_GLANCE = 1.0  # s, while something is missing
# A radio comes and goes with its interface.
_WATCHER = ["ip", "monitor", "link", "address"]


class Porter:
    """Holds what was promised to the host, and the connection to the access point."""

    def __init__(self, wake: int) -> None:
        """Start to listen; `wake` is readable when a signal came. Raises as parse_order does."""
        self._wake = wake
        self._order = words.parse_order(ORDER.read_text())
        self._memory = Memory(STATE / "before.json")
        self._watcher = subprocess.Popen(_WATCHER, stdout=subprocess.PIPE)
        self._access_point: socket.socket | None = None
        self._stubborn: set[str] = set()  # radios that refused to move
        self._silent = False  # is the bridge there, and does it keep quiet for the host?
        self._told: dict[str, Any] = {}
        self._told_at = 0.0

    def reload(self) -> None:
        """Read porter.json again and give back what is no longer asked for."""
        self._order = words.parse_order(ORDER.read_text())
        kept = set(self._order.ports)
        for name in set(self._memory.interfaces) - kept:
            self._give_back(name)

    def turn(self) -> None:
        """Do what is missing, report it, and wait until something happens."""
        problems: list[str] = []
        ports = self._settle_ports(problems)
        radio = self._settle_radio(problems, to_be_moved=self._silent)
        found = {"ports": ports, "radio": radio, "problem": "; ".join(problems)}
        if found != self._told or time.monotonic() - self._told_at >= _HEARTBEAT:
            report.write(STATE / "status.json", found)
            self._told, self._told_at = found, time.monotonic()
        away = radio is not None and radio["can_move"] and radio["where"] != "hostapd"
        missing = bool(problems) or away
        self._wait(_GLANCE if missing else _HEARTBEAT)

    def end(self) -> None:
        """Give everything back. The radio comes back by itself when its container ends."""
        for name in self._memory.interfaces:
            self._give_back(name)
        self._watcher.kill()

    def _give_back(self, name: str) -> None:
        with contextlib.suppress(Refused):
            if name in host.links():
                host.give_back(name, self._memory.take(name))

    # --- ports -----------------------------------------------------------------------------------

    def _settle_ports(self, problems: list[str]) -> dict[str, str]:
        self._silent = False
        try:
            links = host.links()
            if self._order.bridge not in links:
                problems.append(f"the bridge {self._order.bridge} is not there")
                return dict.fromkeys(self._order.ports, "waiting")
            # First of all, and again each time: Docker makes the bridge anew when it starts.
            host.silence(self._order.bridge)
        except Refused as error:
            self._let_go(problems, str(error))
            return dict.fromkeys(self._order.ports, "failed")
        self._silent = True
        return {name: self._settle_port(name, links, problems) for name in self._order.ports}

    def _settle_port(self, name: str, links: dict[str, Any], problems: list[str]) -> str:
        link = links.get(name)
        if link is None:
            problems.append(f"LAN port {name} is not there")
            return "missing"
        try:
            attached = link.get("master") == self._order.bridge
            if name not in self._memory.interfaces and not attached:
                self._memory.keep(name, host.look(name, link))
            host.silence(name)
            if not attached or "UP" not in link["flags"]:
                host.attach(name, self._order.bridge)
        except Refused as error:
            problems.append(str(error))
            return "failed"
        return "attached"

    def _let_go(self, problems: list[str], problem: str) -> None:
        # A bridge that would speak for the host must not hold anything of the home.
        problems.append(problem)
        for name in self._order.ports:
            with contextlib.suppress(Refused):
                run("ip", "link", "set", "dev", name, "nomaster")

    # --- radio -----------------------------------------------------------------------------------

    def _settle_radio(self, problems: list[str], *, to_be_moved: bool) -> dict[str, Any] | None:
        if self._order.radio is None:
            return None
        try:
            name = self._order.radio
            radio = words.chosen(host.radios(), name, self._memory.radio_macs(name))
            if radio is None:
                return self._radio_elsewhere(problems)
            self._memory.keep_radio(name, radio.macs)
            for interface in radio.interfaces:
                host.silence(interface)
            where = self._move(radio, problems) if to_be_moved else "host"
        except Refused as error:
            problems.append(str(error))
            return {"phy": None, "where": "missing", "can_move": True}
        movable = radio.can_move and radio.phy not in self._stubborn
        return {"phy": radio.phy, "where": where, "can_move": movable}

    def _radio_elsewhere(self, problems: list[str]) -> dict[str, Any]:
        pid = self._access_point_pid()
        if pid is not None:
            net = f"--net=/proc/{pid}/ns/net"
            phys = host.radios("nsenter", net)
            if phys:
                return {"phy": phys[0].phy, "where": "hostapd", "can_move": True}
        problems.append("the radio is not there")
        return {"phy": None, "where": "missing", "can_move": True}

    def _move(self, radio: words.Radio, problems: list[str]) -> str:
        # Also where it can't move: there the call itself says that the bridge is silent.
        pid = self._access_point_pid()
        if not radio.can_move or radio.phy in self._stubborn:
            return "host"
        if pid is None or _namespace(pid) in (None, _namespace(os.getpid())):
            problems.append("the access point does not ask for the radio")
            return "host"
        try:
            host.move_radio(radio, pid)
        except Refused as error:
            if words.cannot_move(str(error)):
                self._stubborn.add(radio.phy)
                problems.append(f"the driver of {radio.phy} does not let it leave the host")
                return "host"
            raise
        return "hostapd"

    def _access_point_pid(self) -> int | None:
        """Return the process id of the access point; None when it does not ask for the radio.

        The connection stays open, so that its end is heard, and the number can't be another's.
        """
        if self._access_point is None:
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                peer.connect(str(RADIO_SOCKET))
            except OSError:
                peer.close()
                return None
            self._access_point = peer
        credentials = self._access_point.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack_from("i", credentials)[0])

    # --- waiting ---------------------------------------------------------------------------------

    def _wait(self, timeout: float) -> None:
        assert self._watcher.stdout is not None
        events = self._watcher.stdout.fileno()
        watched: list[Any] = [self._wake, events, *self._peers()]
        ready = select.select(watched, [], [], timeout)[0]
        if self._wake in ready:
            os.read(self._wake, 4096)
        if events in ready and not os.read(events, 65536):
            sys.exit("`ip monitor` has ended")
        if self._access_point is not None and self._access_point in ready:
            self._access_point.close()
            self._access_point = None

    def _peers(self) -> Iterator[socket.socket]:
        if self._access_point is not None:
            yield self._access_point


def _namespace(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None


def main() -> None:
    """Run until told to end. When killed, its successor goes on with what it took."""
    told: list[int] = []
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: told.append(number))
    porter = Porter(wake)
    while signal.SIGTERM not in told:
        if signal.SIGHUP in told:
            told.remove(signal.SIGHUP)
            porter.reload()
        porter.turn()
    porter.end()


if __name__ == "__main__":
    main()
