"""The address on the uplink: by DHCP or fixed, taken away when the wire or the lease is gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from egress import dhcp, network
from egress.child import Service
from egress.loop import Loop
from egress.settings import Lease, Settings

_PIPE = Path("/run/manyways/dhcp")
_CHATTER = ("broadcasting", "sending", "started", "lease of", "deleting", "adding")


class Uplink:
    """Keeps the leg's address as it should be; `on_change` is called when `lease` changes.

    `lease` is what can be used now: None without an address or without a carrier.
    """

    def __init__(
        self,
        loop: Loop,
        settings: Settings,
        interface: str,
        say: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self._loop, self._settings, self.interface = loop, settings, interface
        self._say, self._on_change = say, on_change
        self._applied: Lease | None = None
        self._client: Service | None = None
        self._carrier = network.has_carrier(interface)
        self._trouble = ""

    @property
    def lease(self) -> Lease | None:
        return self._applied if self._carrier else None

    @property
    def message(self) -> str:
        if not self._carrier:
            return "no link: the cable, or the interface of this machine, is down"
        if self._applied is None:
            return self._trouble or "waiting for an address from the uplink's DHCP server"
        if self._applied.gateway is None:
            return "the uplink's DHCP server names no gateway, so there is no way to the internet"
        return self._trouble

    def start(self) -> None:
        """Take the fixed address, or begin to ask for one."""
        if self._settings.static is not None:
            self._apply(self._settings.static)
            return
        os.mkfifo(_PIPE, 0o600)
        pipe = os.open(_PIPE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._loop.watch(pipe, lambda: self._events(os.read(pipe, 65536).decode(errors="replace")))
        command = dhcp.command(self.interface, self._settings.name)
        self._client = Service(self._loop, command, self._log, lambda _: None)

    def check(self) -> None:
        """Look whether the wire has come or gone; the kernel keeps routes over a dead one."""
        carrier = network.has_carrier(self.interface)
        if carrier == self._carrier:
            return
        self._carrier = carrier
        if carrier and self._client is not None:
            # It may be another network by now: a renewal is refused there, and a new one asked.
            self._client.signal(signal.SIGUSR1)
        self._on_change()

    def _events(self, text: str) -> None:
        for line in text.splitlines():
            event = dhcp.parse_event(line)
            if event is None:
                self._say(f"udhcpc: an answer without a usable address was ignored: {line!r}")
            else:
                self._event(event)

    def _event(self, event: dhcp.Event) -> None:
        if event.kind == "deconfig":
            self._apply(None)
        elif event.lease is not None:
            self._trouble = dhcp.objection(event.lease, self._settings)
            self._apply(None if self._trouble else event.lease)
        elif event.kind == "leasefail" and self._applied is None:
            self._trouble = "no DHCP server answers on the uplink; asking again and again"
            self._on_change()

    def _apply(self, lease: Lease | None) -> None:
        if lease == self._applied:
            self._on_change()
            return
        old = self._applied.address if self._applied else None
        self._applied = lease
        try:
            network.replace_address(self.interface, old, lease.address if lease else None)
        except network.NetworkError as error:
            self._trouble, self._applied = str(error), None
        self._on_change()

    def _log(self, line: str) -> None:
        text = line.removeprefix("udhcpc: ")
        if not text.startswith(_CHATTER):
            self._say(f"udhcpc: {text}")
