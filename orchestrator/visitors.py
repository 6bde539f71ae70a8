"""Which device a request comes from: for "this device" on the page, and for the activity.

The page tells only the address and port that it sees. Of a browser that came by the router's
address that is the router itself, whose connection tracking remembers who began. From there on
the kernel that spoke with the device knows its MAC address. A device that has typed in the
address of another one is therefore still itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from ipaddress import IPv4Address

from orchestrator.addressing import Side, mac_address
from orchestrator.model import Config
from orchestrator.runtime import neighbours
from orchestrator.runtime.engine import EngineFailed
from orchestrator.runtime.namespace import NamespaceGone, NamespaceThread
from orchestrator.runtime.nudge import TcpConnection
from orchestrator.switch import RouterSource, Switchboard

log = logging.getLogger(__name__)

PAGE_PORT = 80
_Unanswered = (EngineFailed, NamespaceGone, neighbours.LegMissing, OSError)


class Visitors:
    """Finds the device behind a browser."""

    def __init__(
        self, switchboard: Switchboard, router: RouterSource, page: Callable[[], int | None]
    ) -> None:
        """`page` returns the process id of the page's container; None: it does not run."""
        self._switchboard = switchboard
        self._router = router
        self._page = page

    def device(self, config: Config | None, peer: str) -> str | None:
        """Return the MAC address of the known device at `peer`, as the page sees it: address:port.

        Only while that connection is open. None: it is no device, or that can't be told.
        """
        seen = parse_peer(peer)
        if seen is None or config is None:
            return None
        try:
            mac = self._mac(config, *seen)
        except _Unanswered as error:
            log.debug("who is at %s can't be told: %s", peer, error)
            return None
        return mac if mac and self._switchboard.state.device(mac) else None

    def _mac(self, config: Config, address: IPv4Address, port: int) -> str | None:
        if address == config.lan.address.ip:
            return self._behind_the_router(config, port)
        pid = self._page()
        if pid is None:
            return None
        thread = NamespaceThread(pid)
        try:
            return _at(address, thread.run(neighbours.read, self._leg(Side.WEBUI_LAN)))
        finally:
            thread.close()

    def _behind_the_router(self, config: Config, port: int) -> str | None:
        router = self._router.current()
        if router is None:
            return None
        answers = TcpConnection(config.lan.webui, PAGE_PORT, config.lan.address.ip, port)
        began = router.origin(answers)
        if began is None:
            return None
        return _at(began.device, router.run(neighbours.read, self._leg(Side.ROUTER_LAN)))

    def _leg(self, side: Side) -> str:
        return mac_address(self._switchboard.state.install, side)


def _at(address: IPv4Address, found: tuple[neighbours.Neighbour, ...]) -> str | None:
    return next((n.mac for n in found if n.address == address), None)


def parse_peer(text: str) -> tuple[IPv4Address, int] | None:
    """Return address and port of `text`, such as 192.168.77.20:40000; None when it is not so."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        return None
    try:
        return IPv4Address(host), int(port)
    except ValueError:
        return None
