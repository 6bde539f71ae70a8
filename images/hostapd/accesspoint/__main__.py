"""Wait for the radio, run hostapd on it, and tell how it goes.

The environment says who we are: LAN_MAC is the address of the leg on the home network. Without
it the container has the host's own network, for a radio that can't leave it: no bridge is made
and no interface is renamed, and hostapd's settings name the host's.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from commands import Refused

import report
from accesspoint import control, link, words

SETTINGS = Path("/etc/manyways/hostapd.conf")
STATE = Path("/var/lib/manyways")
_WAITING_FOR_RADIO = "the radio is not there yet"
_STAYS = "the driver does not let the radio leave the host's network: the access point is there"
_HEARTBEAT = 20.0  # s
_GLANCE = 1.0  # s, while something is under way
_WAITING = 5.0  # s; the radio's interface is heard of when it comes
_LINES = 5  # of hostapd's output that tell why it ended


class Supervisor:
    """One hostapd, from the radio's arrival on. Everything happens in `turn`, by one thread."""

    def __init__(self, lan_mac: str | None) -> None:
        """Listen for the porter, and make the bridge. Raises Refused, LegsMissing, OSError."""
        self._own_namespace = lan_mac is not None
        if lan_mac is not None:
            link.make_bridge(lan_mac)
        self._socket = _listen(STATE / "radio.sock")
        self._links = subprocess.Popen(["ip", "monitor", "link"], stdout=subprocess.PIPE)
        self._porters: list[socket.socket] = []
        self._hostapd: subprocess.Popen[bytes] | None = None
        self._events: control.Control | None = None
        self._extra_events: dict[str, control.Control] = {}
        self._radio: words.Radio | None = None
        self._max_stations: int | None = None
        self._lines: list[str] = []
        self._pause, self._started, self._next_start = 0.0, 0.0, 0.0
        self._problem = ""
        self._told: dict[str, Any] = {}
        self._told_at = 0.0

    def turn(self) -> None:
        """Wait until something happens, deal with it, and report what is new."""
        news = self._wait()
        try:
            self._look_at_hostapd()
            if self._hostapd is None:
                self._start_if_possible()
            self._listen_to_hostapd()
        except (Refused, control.ControlFailed, OSError) as error:
            self._problem = str(error)
        self._tell(news)

    def end(self) -> None:
        """End hostapd in order: it tells the stations."""
        if self._hostapd is not None:
            self._hostapd.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._hostapd.wait(timeout=3)
        self._links.kill()

    def _wait(self) -> bool:
        assert self._links.stdout is not None
        handles: list[Any] = [self._socket, self._links.stdout, *self._porters]
        listeners = self._listeners()
        handles += listeners
        if self._hostapd is not None:
            handles.append(self._hostapd.stdout)
        ready = select.select(handles, [], [], self._patience())[0]
        if self._socket in ready:
            self._porters.append(self._socket.accept()[0])
        for porter in [p for p in self._porters if p in ready]:
            if not _alive(porter):
                porter.close()
                self._porters.remove(porter)
        if self._links.stdout in ready and not os.read(self._links.stdout.fileno(), 65536):
            sys.exit("`ip monitor` has ended")
        if self._hostapd is not None and self._hostapd.stdout in ready:
            self._read_output()
        return any(self._take_events(c) for c in listeners if c in ready)

    def _patience(self) -> float:
        if not self._told:
            return 0.0  # the first look
        if self._told["state"] == "on":
            return _HEARTBEAT
        return _GLANCE if self._radio is not None or self._problem else _WAITING

    def _listeners(self) -> list[control.Control]:
        return [c for c in (self._events, *self._extra_events.values()) if c is not None]

    def _take_events(self, listener: control.Control) -> bool:
        try:
            return words.is_news(list(listener.events()))
        except control.ControlFailed:
            self._forget_events()
            return True

    def _read_output(self) -> None:
        assert self._hostapd is not None
        assert self._hostapd.stdout is not None
        text = os.read(self._hostapd.stdout.fileno(), 65536).decode(errors="replace")
        sys.stdout.write(text)
        sys.stdout.flush()
        self._lines = [*self._lines, *text.splitlines()][-_LINES:]

    def _look_at_hostapd(self) -> None:
        if self._hostapd is None or self._hostapd.poll() is None:
            return
        now = time.monotonic()
        self._pause = words.next_pause(self._pause, now - self._started)
        self._next_start = now + self._pause
        self._read_output()
        self._problem = f"hostapd has ended: {' / '.join(self._lines)}"
        self._hostapd = None
        self._forget_events()

    def _start_if_possible(self) -> None:
        wanted = words.parse_interface(SETTINGS.read_text())
        self._radio = self._radio_to_use(wanted)
        if self._radio is None:
            # The next one starts at once: what went wrong was that the radio left.
            self._problem, self._pause, self._next_start = "", 0.0, 0.0
            return
        if time.monotonic() < self._next_start:
            return
        self._max_stations = link.max_stations(self._radio.phy)
        if self._own_namespace:
            link.name_interface(self._radio, wanted)
            self._radio = words.Radio(self._radio.phy, wanted)
        self._lines, self._started = [], time.monotonic()
        self._hostapd = subprocess.Popen(
            ["hostapd", str(SETTINGS)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def _radio_to_use(self, wanted: str) -> words.Radio | None:
        found = link.radio(wanted)
        if self._own_namespace:
            return found
        # In the host's network the porter silences the bridge first, and calls when it has; and
        # a radio with another name is somebody else's.
        ready = bool(self._porters) and found is not None and found.interface == wanted
        return found if ready else None

    def _listen_to_hostapd(self) -> None:
        if self._hostapd is None or self._radio is None or self._radio.interface is None:
            return
        if self._events is None:
            if not (control.DIRECTORY / self._radio.interface).exists():
                return
            self._events = _attached(self._radio.interface)
        status = words.parse_fields(control.ask(self._radio.interface, "STATUS")[0])
        for interface, _ in words.networks(status)[1:]:
            if interface not in self._extra_events:
                self._extra_events[interface] = _attached(interface)

    def _forget_events(self) -> None:
        for listener in self._listeners():
            listener.close()
        self._events, self._extra_events = None, {}

    def _tell(self, news: bool) -> None:
        found = self._report()
        state = (found["state"], found["message"])
        changed = state != (self._told.get("state"), self._told.get("message"))
        if changed or news or time.monotonic() - self._told_at >= _HEARTBEAT:
            report.write(STATE / "status.json", found)
            self._told, self._told_at = found, time.monotonic()

    def _report(self) -> dict[str, Any]:
        radio = self._radio and {
            "phy": f"phy{self._radio.phy}",
            "interface": self._radio.interface,
            "max_stations": self._max_stations,
        }
        found: dict[str, Any] = {"radio": radio, "channel": None, "networks": []}
        if self._hostapd is not None and self._events is not None and self._radio is not None:
            with contextlib.suppress(control.ControlFailed):
                now = found | _state_of(str(self._radio.interface))
                if now["state"] == "on" and not self._own_namespace:
                    now["message"] = _STAYS
                return now
        if self._problem:
            return found | {"state": "failed", "message": self._problem}
        if self._radio is None:
            return found | {"state": "waiting", "message": _WAITING_FOR_RADIO}
        return found | {"state": "starting", "message": ""}


def _state_of(interface: str) -> dict[str, Any]:
    status = words.parse_fields(control.ask(interface, "STATUS")[0])
    state = status.get("state", "")
    on = state == "ENABLED"
    return {
        # hostapd's own words for what it does before it is on are said as they are.
        "state": "on" if on else "starting",
        "message": "" if on else state,
        "channel": words.channel(status),
        "networks": [
            {"ssid": ssid, "interface": name, "stations": _stations(name)}
            for name, ssid in words.networks(status)
        ],
    }


def _stations(interface: str) -> list[dict[str, Any]]:
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    found = (words.station(answer, now) for answer in control.stations(interface))
    return [s for s in found if s is not None and s.pop("joined")]


def _attached(interface: str) -> control.Control:
    listener = control.Control(interface)
    listener.ask("ATTACH")
    return listener


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()
    return listener


def _alive(peer: socket.socket) -> bool:
    try:
        return bool(peer.recv(64))
    except OSError:
        return False


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    """Run until told to end."""
    signal.signal(signal.SIGTERM, _stop)
    report.write(STATE / "status.json", {"state": "starting", "message": ""})
    supervisor = Supervisor(os.environ.get("LAN_MAC"))
    try:
        while True:
            supervisor.turn()
    finally:
        supervisor.end()


if __name__ == "__main__":
    main()
