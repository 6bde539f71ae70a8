"""What the control API can ask for, put together from the parts that do it.

Questions are answered from memory and small files; only `up`, `down` and `plan` look at
everything anew.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping
from typing import Any

from orchestrator import __version__, health
from orchestrator.access import Access
from orchestrator.addressing import egress_container
from orchestrator.desired import DHCP, ROUTER, WEBUI, router_address, status_file
from orchestrator.gates import Gates
from orchestrator.household import Household
from orchestrator.leaktest.examiner import Examiner, Run
from orchestrator.leaktest.fieldwork import House
from orchestrator.model import Action, Config, ObservedContainer
from orchestrator.reconcile import BadConfiguration, Outcome, Reconciler
from orchestrator.runtime.engine import Engine, EngineFailed
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.runtime.offers import OfferWatch
from orchestrator.runtime.router import RouterFailed, RouterLink
from orchestrator.runtime.volume import Volume
from orchestrator.strangers import Strangers
from orchestrator.switch import Refused, Switchboard, nearest

ORCHESTRATOR = "manyways-orchestrator"
_LOOK_AGAIN_S = 2.0  # containers come and go seldom; events make us look sooner


class Service:
    """The router as a whole, for the control API."""

    def __init__(
        self,
        reconciler: Reconciler,
        switchboard: Switchboard,
        engine: Engine,
        volume: Volume,
        router: RouterLink,
        gates: Gates,
        strangers: Strangers,
        offers: OfferWatch,
        access: Access,
    ) -> None:
        self.access = access
        self._reconciler = reconciler
        self._switchboard = switchboard
        self._engine = engine
        self._volume = volume
        self._router = router
        self.examiner = Examiner(engine, switchboard)
        self._gates = gates
        self._strangers = strangers
        self._offers = offers
        self.household = Household(switchboard, reconciler, self.devices, self.device)
        self._containers: tuple[ObservedContainer, ...] = ()
        self._looked_at = float("-inf")
        self._lock = threading.Lock()

    # --- questions ---------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return the report of GET /api/v1/status."""
        config = self._reconciler.config
        errors = list(self._reconciler.config_errors)
        problems = [*self._reconciler.errors, *self._strangers.problems]
        report: dict[str, Any] = {
            "version": __version__,
            "config": {"errors": errors, "notes": list(config.notes) if config else []},
            "problems": problems,
            "stopped": self._switchboard.state.stopped,
        }
        if config is None:
            return report | _NOTHING_YET
        seen = self._seen(config)
        return report | self._report(config, seen, healthy=not (errors or problems))

    def devices(self) -> list[dict[str, Any]]:
        """Return the devices of GET /api/v1/devices."""
        devices: list[dict[str, Any]] = self.status()["devices"]
        return devices

    def device(self, mac: str) -> dict[str, Any]:
        """Return one device by its MAC."""
        return next(d for d in self.devices() if d["mac"] == mac)

    def plan(self) -> tuple[Action, ...]:
        """Return what `up` would do with the configuration as it stands on disk now.

        Raises BadConfiguration.
        """
        return self._reconciler.preview().actions

    def logs(self, name: str, lines: int) -> list[str]:
        """Return the last lines of a service's or a destination's container. Raises Refused."""
        containers = {"router": ROUTER, "dhcp": DHCP, "webui": WEBUI, "orchestrator": ORCHESTRATOR}
        config = self._reconciler.config
        containers |= {
            d.name: egress_container(d.name) for d in (config.destinations if config else ())
        }
        if name not in containers:
            raise Refused(
                f"nothing called '{name}' writes a log",
                nearest(name, list(containers)),
                unknown=True,
            )
        return self._engine.logs(containers[name], lines)

    # --- requests ----------------------------------------------------------------------------

    def pause(self, destination: str, *, pause: bool) -> dict[str, Any]:
        """Pause or resume a destination and return the receipt.

        Raises Refused, RouterFailed, OSError.
        """
        return _plain(self._switchboard.pause(destination, pause=pause))

    def leaktest(self, wanted: list[str], *, disruptive: bool) -> Run:
        """Begin a leak test of some destinations, or all. Raises Refused."""
        config = self._reconciler.config
        if config is None or self._switchboard.state.stopped:
            raise Refused("the router does not run", "start it with: orchestrator up")
        known = [d.name for d in config.destinations]
        for name in wanted:
            if name not in known:
                raise Refused(
                    f"no destination is called '{name}'", nearest(name, known), unknown=True
                )
        image = self._reconciler.image("egress")
        house = House(config, self._engine, self._volume, self._switchboard, image)
        return self.examiner.start(
            house, self._states, tuple(wanted or known), disruptive=disruptive
        )

    def _states(self) -> dict[str, tuple[str, str]]:
        self._looked_at = float("-inf")  # but who answers DHCP is no matter of a leak test
        return {d["name"]: (d["state"], d["message"]) for d in self.status()["destinations"]}

    def up(self) -> Outcome:
        """Read the configuration and make everything so. Raises BadConfiguration."""
        self._reload()
        self._reconciler.look_at_images()
        self._switchboard.set_stopped(False)
        return self._reconciler.converge()

    def down(self) -> Outcome:
        """Remove containers and networks until `up`."""
        self.examiner.stop()
        self._switchboard.set_stopped(True)
        return self._reconciler.remove_everything()

    def look_again(self) -> None:
        """Forget what was seen of the containers, because one has changed."""
        self._looked_at = float("-inf")
        self._offers.look_again()

    def _reload(self) -> None:
        errors = self._reconciler.reload()
        if errors:
            raise BadConfiguration(errors)

    def _report(self, config: Config, seen: health.Seen, *, healthy: bool) -> dict[str, Any]:
        destinations = [health.destination_health(seen, d) for d in config.destinations]
        services = health.service_reports(seen)
        by_name = {d.destination.name: d for d in destinations}
        address = str(router_address(config))
        well = healthy and all(s.state == "ok" for s in services)
        well = well and all(d.state in ("ok", "paused") for d in destinations)
        return {
            "state": "healthy" if well else "degraded",
            "services": [_plain(s) for s in services],
            "lan": {"address": address, "domain": config.lan.domain, "page": f"http://{address}/"},
            "uplinks": [{"name": u.name, "interface": u.interface} for u in config.uplinks],
            "destinations": [_destination(d) for d in destinations],
            "default_destination": "" if config.refuse_new_devices else config.default_destination,
            "devices": self.household.reports(config, health.device_reports(seen, by_name)),
        }

    def _seen(self, config: Config) -> health.Seen:
        names = [d.name for d in config.destinations]
        return health.Seen(
            config=config,
            state=self._switchboard.state,
            containers=self._observed_containers(),
            egresses={
                n: health.parse_egress_status(self._volume.read(status_file(n))) for n in names
            },
            leases=self._reconciler.leases(),
            receipts=self._switchboard.receipts,
            now=time.clock_gettime(time.CLOCK_BOOTTIME),
            router_loaded=self._router_loaded(),
            reservations={d.mac: d.address for d in config.devices if d.address},
            shut=self._gates.shut,
            dhcp=self._offers.latest,
        )

    def _observed_containers(self) -> Mapping[str, ObservedContainer]:
        with self._lock:
            if time.monotonic() - self._looked_at > _LOOK_AGAIN_S:
                try:
                    self._containers = self._engine.containers()
                    self._looked_at = time.monotonic()
                except EngineFailed:
                    self._containers = ()
            return {c.name: c for c in self._containers}

    def _router_loaded(self) -> bool:
        try:
            router = self._router.current()
            return router is not None and router.marks() is not None
        except (EngineFailed, RouterFailed, NamespaceGone):
            return False


_NOTHING_YET: dict[str, Any] = {
    "state": "degraded",
    "services": [],
    "lan": {"address": "", "domain": "", "page": ""},
    "uplinks": [],
    "destinations": [],
    "default_destination": "",
    "devices": [],
}


def _destination(health_of: health.DestinationHealth) -> dict[str, Any]:
    return {
        "name": health_of.destination.name,
        "kind": health_of.destination.kind.value,
        "uplink": health_of.destination.uplink,
        "state": health_of.state,
        "message": health_of.message,
        "checks": [_plain(c) for c in health_of.checks],
    }


def _plain(value: Any) -> dict[str, Any]:
    """Return a dataclass as JSON's types."""
    return dataclasses.asdict(value)
