"""The address on the uplink: by DHCP or fixed, taken away when the wire or the lease is gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from egress import dhcp, network
from egress.child import Service
from egress.loop import Loop, now
from egress.settings import Lease, Settings

_PIPE = Path("/run/manyways/dhcp")
_GATEWAY_GONE = 20.0  # s of silence on the wire itself, after which another router may be there
_ASK_ANEW = 60.0  # s between two questions for that reason
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
        self._silent_since: float | None = None
        self._asked_anew = 0.0

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
            self._look_for_gateway(now())
            return
        self._carrier = carrier
        if carrier and self._client is not None:
            # It may be another network by now: a renewal is refused there, and a new one asked.
            self._client.signal(signal.SIGUSR1)
        self._on_change()

    def _look_for_gateway(self, at: float) -> None:
        """Ask for an address anew when the router behind a switch has been replaced.

        Its cable is not ours, so all that is seen of it is that the old one answers no ARP.
        """
        lease = self.lease
        silent = lease and lease.gateway and network.is_silent(self.interface, lease.gateway)
        if not silent or self._client is None:
            self._silent_since = None
            return
        self._silent_since = at if self._silent_since is None else self._silent_since
        if at - self._silent_since >= _GATEWAY_GONE and at - self._asked_anew >= _ASK_ANEW:
            self._asked_anew, self._silent_since = at, None
            self._say("the uplink's router has been silent; asking for an address anew")
            self._client.signal(signal.SIGUSR1)

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
