"""How often each device tried to hide its DNS queries, or to ask servers of its own choice.

The router's rules count; a reload of the rules, or an hour of silence, lets their counters begin
anew. So what was added since the last look is kept here, for the devices that are known.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from orchestrator.client import words
from orchestrator.runtime.engine import EngineFailed
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.runtime.readings import Refused
from orchestrator.switch import RouterSource, Switchboard

log = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0


class RefusalCounts:
    """The counts since the start of the orchestrator."""

    def __init__(
        self,
        switchboard: Switchboard,
        router: RouterSource,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._switchboard = switchboard
        self._router = router
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._before = Refused({}, {})
        self._counts: dict[str, words.Refusals] = {}

    def refusals(self) -> dict[str, words.Refusals]:
        """Return {MAC: counts} of the devices that tried; at most ten seconds old."""
        with self._lock:
            if self._clock() - self._looked_at >= LOOK_EVERY_S:
                self._looked_at = self._clock()
                self._look()
            return {mac: counts.copy() for mac, counts in self._counts.items()}

    def _look(self) -> None:
        try:
            router = self._router.current()
            if router is None:
                return
            now = router.refused()
        except (EngineFailed, NamespaceGone, OSError) as error:
            log.debug("what was refused could not be read: %s", error)
            return
        known = {device.mac for device in self._switchboard.state.devices}
        for mac in known & (now.hidden_dns.keys() | now.dns_elsewhere.keys()):
            counts = self._counts.setdefault(mac, {"dns_over_tls": 0, "dns_elsewhere": 0})
            counts["dns_over_tls"] += _added(self._before.hidden_dns, now.hidden_dns, mac)
            counts["dns_elsewhere"] += _added(self._before.dns_elsewhere, now.dns_elsewhere, mac)
        for mac in self._counts.keys() - known:
            del self._counts[mac]
        self._before = now


def _added(before: Mapping[str, int], now: Mapping[str, int], mac: str) -> int:
    old, new = before.get(mac, 0), now.get(mac, 0)
    return new - old if new >= old else new
