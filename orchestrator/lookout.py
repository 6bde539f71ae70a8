"""What is seen of the router while it runs: its containers, what its egresses say, who is at home.

Looking costs something, so what was seen is kept for as long as it is good enough for whoever asks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from orchestrator import health
from orchestrator.desired import status_file
from orchestrator.gates import Gates
from orchestrator.model import Config, ObservedContainer
from orchestrator.presence import is_here
from orchestrator.reconcile import Reconciler
from orchestrator.runtime.clock import uptime
from orchestrator.runtime.engine import Engine, EngineFailed
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.runtime.neighbours import NeighbourWatch
from orchestrator.runtime.offers import OfferWatch
from orchestrator.runtime.router import RouterLink
from orchestrator.runtime.volume import Volume
from orchestrator.stations import STATUS_FILE
from orchestrator.switch import Switchboard
from orchestrator.wifi import parse_status

_LOOK_AGAIN_S = 2.0  # containers come and go seldom; events make us look sooner
_BETWEEN_EVENTS_S = 300.0
_NEVER = float("-inf")


class Lookout:
    """Looks at everything that a report follows from."""

    def __init__(
        self,
        reconciler: Reconciler,
        switchboard: Switchboard,
        engine: Engine,
        volume: Volume,
        router: RouterLink,
        gates: Gates,
        offers: OfferWatch,
        presence: NeighbourWatch,
    ) -> None:
        self._reconciler = reconciler
        self._switchboard = switchboard
        self._engine = engine
        self._volume = volume
        self._router = router
        self._gates = gates
        self._offers = offers
        self._presence = presence
        self._containers: tuple[ObservedContainer, ...] | None = None  # None: nobody knows
        self._looked_at = _NEVER
        self._lock = threading.Lock()

    def look_again(self) -> None:
        """Forget what was seen of the containers, because one has changed."""
        self._looked_at = _NEVER

    def seen(self, config: Config) -> health.Seen:
        """Return everything, as it is now."""
        return health.Seen(
            config=config,
            state=self._switchboard.state,
            containers=self._containers_within(_LOOK_AGAIN_S) or {},
            egresses=self._egresses(config),
            leases=self._reconciler.leases(),
            receipts=self._switchboard.receipts,
            now=uptime(),
            router_loaded=self._router_loaded(),
            reservations={d.mac: d.address for d in config.devices if d.address},
            shut=self._gates.shut,
            dhcp=self._offers.latest,
            signs=self._presence.look(self._switchboard.addresses),
            wifi=parse_status(self._volume.read(STATUS_FILE)) if config.wifi else None,
        )

    def glance(self, config: Config) -> health.Seen | None:
        """Return what is known of the destinations, and of nothing else; None while nobody knows
        whether their containers run.

        Containers are those of the last event, and no device is asked whether it is here.
        """
        containers = self._containers_within(_BETWEEN_EVENTS_S)
        if containers is None:
            return None
        return health.Seen(
            config=config,
            state=self._switchboard.state,
            containers=containers,
            egresses=self._egresses(config),
            leases=(),
            receipts={},
            now=uptime(),
            router_loaded=True,
            shut=self._gates.shut,
        )

    def answering(self) -> set[str]:
        """Return the MAC addresses of the devices that are at home and awake."""
        now, addresses = uptime(), self._switchboard.addresses
        signs = self._presence.look(addresses)
        return {mac for mac in addresses if is_here(signs.get(mac), now)}

    def who_is_here(self) -> object:
        """Return something that changes when a device comes or goes, or falls asleep."""
        now = uptime()
        signs = self._presence.look(self._switchboard.addresses)
        return sorted(
            (mac, is_here(sign, now), is_here(sign, now, sleeps=True))
            for mac, sign in signs.items()
        )

    def _egresses(self, config: Config) -> dict[str, health.EgressStatus | None]:
        names = (d.name for d in config.destinations)
        return {n: health.parse_egress_status(self._volume.read(status_file(n))) for n in names}

    def _containers_within(self, seconds: float) -> Mapping[str, ObservedContainer] | None:
        with self._lock:
            if time.monotonic() - self._looked_at > seconds:
                # Before the look: an event that comes meanwhile asks for another one.
                self._looked_at = time.monotonic()
                try:
                    self._containers = self._engine.containers()
                except EngineFailed:
                    self._containers, self._looked_at = None, _NEVER
            if self._containers is None:
                return None
            return {c.name: c for c in self._containers}

    def _router_loaded(self) -> bool:
        try:
            router = self._router.current()
            return router is not None and router.marks() is not None
        except (EngineFailed, NamespaceGone, OSError):
            return False
