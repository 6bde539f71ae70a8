"""dnsmasq at work: which servers it asks now, and whether those answer."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from egress.child import Service
from egress.dns import Choice, Health, servers_file
from egress.loop import Loop, now

_SERVERS = Path("/run/manyways/servers")
_COMMAND = (
    *("dnsmasq", "--keep-in-foreground", "--log-facility=-"),
    "--conf-file=/etc/manyways/dnsmasq.conf",
)
_CHATTER = (
    "using ",
    "cleared cache",
    "read /names",
    "inotify",
    "compile time options",
    "warning: no up",
)


class Cache:
    """Runs dnsmasq. Without servers it answers at once what it knows, and REFUSED otherwise."""

    def __init__(
        self, loop: Loop, say: Callable[[str], None], on_change: Callable[[], None]
    ) -> None:
        self._say, self._on_change = say, on_change
        self._written = ""
        self._ready = False
        self.running = False
        self.choice = Choice()
        self.health = Health(now())
        _SERVERS.write_text("")
        self._service = Service(loop, _COMMAND, self._log, self._changed)

    def use(self, choice: Choice, interface: str, *, closed: bool = False) -> None:
        """Ask these servers from now on, by `interface` only; nobody while `closed`."""
        if choice != self.choice:
            self.choice, self.health = choice, Health(now())
        text = servers_file(() if closed else choice.servers, interface)
        if text != self._written:
            self._written = text
            _SERVERS.write_text(text)
            self._reload()

    def answered(self, *, useful: bool) -> None:
        """Take note of a probe's answer."""
        health, at = self.health, now()
        self.health = (
            Health(health.since, at, None) if useful else Health(health.since, health.answered, at)
        )

    def _reload(self) -> None:
        # Before it has set its handlers, SIGHUP would end it; it reads the file then anyway.
        if self._ready:
            self._service.signal(signal.SIGHUP)

    def _changed(self, running: bool) -> None:
        self.running, self._ready = running, False
        self._on_change()

    def _log(self, line: str) -> None:
        text = line.partition(": ")[2] if line.startswith("dnsmasq") else line
        if text.startswith("started, version"):
            self._ready = True
            self._reload()
        if not text.startswith(_CHATTER):
            self._say(f"dnsmasq: {text}")
