"""What the control API can ask for, put together from the parts that do it.

Questions are answered from memory and small files; only `up`, `down` and `plan` look at
everything anew.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any, Protocol

from orchestrator import __version__, health
from orchestrator.access import Access
from orchestrator.activity import Activity
from orchestrator.addressing import egress_container, is_ours
from orchestrator.client import words
from orchestrator.config.uploads import Upload
from orchestrator.desired import DHCP, ROUTER, WEBUI, router_address
from orchestrator.gates import Gates
from orchestrator.household import Household
from orchestrator.leaktest.examiner import Examiner, Run
from orchestrator.leaktest.fieldwork import House
from orchestrator.live import Counters, Meter
from orchestrator.lookout import Lookout
from orchestrator.model import Action, Config
from orchestrator.reconcile import BadConfiguration, Outcome, Reconciler
from orchestrator.refusals import RefusalCounts
from orchestrator.revision import Revision
from orchestrator.runtime.engine import Engine
from orchestrator.runtime.offers import OfferWatch
from orchestrator.runtime.router import RouterLink
from orchestrator.runtime.volume import Volume
from orchestrator.segment import HOSTAPD
from orchestrator.stations import join_text
from orchestrator.strangers import Strangers
from orchestrator.switch import ON_TRIAL, Refused, Switchboard, nearest
from orchestrator.trials import Trials
from orchestrator.visitors import Visitors, parse_peer

log = logging.getLogger(__name__)

ORCHESTRATOR = "manyways-orchestrator"


class Asker(Protocol):
    """Who asks: the peer (address:port) that the page saw, or the name of a token."""

    @property
    def peer(self) -> str: ...

    @property
    def token(self) -> str: ...


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
        trials: Trials,
        access: Access,
        lookout: Lookout,
        activity: Activity,
    ) -> None:
        self.access = access
        self._reconciler = reconciler
        self._switchboard = switchboard
        self._engine = engine
        self._volume = volume
        self._router = router
        self.examiner = Examiner(engine, switchboard)
        self._strangers = strangers
        self._offers = offers
        self._trials = trials
        self.household = Household(
            switchboard, reconciler, self.devices, self.device, lookout.answering
        )
        self._lookout = lookout
        self._visitors = Visitors(switchboard, router, lambda: engine.process(WEBUI))
        self.activity = activity
        self._revision = Revision(
            switchboard, reconciler, volume, gates, strangers, offers, lookout.who_is_here,
            access.summary,
        )  # fmt: skip
        counters = Counters(switchboard, router, lambda: reconciler.config)
        self.meter = Meter(counters.totals, self._revision.now)
        self._refusals = RefusalCounts(switchboard, router)
        self._failed = ""  # what of the router's own did not work at the last look

    # --- questions ---------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return the report of GET /api/v1/status."""
        config = self._reconciler.config
        errors = list(self._reconciler.config_errors)
        problems = [
            *self._reconciler.errors,
            *self._strangers.problems,
            *self._trials.problems,
            *self._reconciler.probation.problems(),
        ]
        report: dict[str, Any] = {
            "version": __version__,
            "config": {
                "errors": errors,
                "notes": list(config.notes) if config else [],
                "chosen": config.chosen if config else "",
            },
            "problems": problems,
            "probation": self.probation(),
            "stopped": self._switchboard.state.stopped,
        }
        if config is None:
            return report | _NOTHING_YET
        seen = self._lookout.seen(config)
        return report | self._report(config, seen, healthy=not (errors or problems))

    def refusals(self) -> dict[str, words.Refusals]:
        """Return by MAC what was refused or turned of each device's DNS."""
        return self._refusals.refusals()

    def devices(self) -> list[dict[str, Any]]:
        """Return the devices of GET /api/v1/devices."""
        devices: list[dict[str, Any]] = self.status()["devices"]
        return devices

    def device(self, mac: str) -> dict[str, Any]:
        """Return one device by its MAC. Raises Refused when somebody has just forgotten it."""
        found = next((d for d in self.devices() if d["mac"] == mac), None)
        if found is None:
            raise Refused("this device has just been forgotten", unknown=True)
        return found

    def plan(self) -> tuple[Action, ...]:
        """Return what `up` would do with the configuration as it stands on disk now.

        Raises BadConfiguration.
        """
        return self._reconciler.preview().actions

    def logs(self, name: str, lines: int) -> list[str]:
        """Return the last lines of a service's or a destination's container. Raises Refused."""
        containers = {"router": ROUTER, "dhcp": DHCP, "webui": WEBUI, "orchestrator": ORCHESTRATOR}
        config = self._reconciler.config
        containers |= {"hostapd": HOSTAPD} if config and config.wifi else {}
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

    def invitation(self, ssid: str) -> words.Invitation:
        """Return what it takes to join a Wi-Fi network, passphrase included. Raises Refused."""
        config = self._reconciler.config
        networks = config.wifi.networks if config and config.wifi else ()
        found = next((n for n in networks if n.ssid == ssid), None)
        if found is None:
            there = nearest(ssid, [n.ssid for n in networks])
            message = f"no Wi-Fi network is called '{ssid}'" if networks else "there is no Wi-Fi"
            hint = there if networks else "the section `wifi` in router.yaml makes one"
            raise Refused(message, hint, unknown=True)
        return {"ssid": ssid, "passphrase": found.passphrase, "text": join_text(found)}

    def whoami(self, asker: Asker) -> dict[str, str]:
        """Return the device that asks, as GET /api/v1/whoami tells it; empty when it is none."""
        mac = self._visitors.device(self._reconciler.config, asker.peer)
        return {"mac": mac or "", "title": self.title(mac) if mac else ""}

    def who(self, asker: Asker) -> str:
        """Return who asks, in words."""
        if asker.token:
            return f"the program {asker.token}"
        if not asker.peer:
            return "the command line"
        at = parse_peer(asker.peer)
        return self.whoami(asker)["title"] or (f"a browser at {at[0]}" if at else "a browser")

    def happenings(self, before: int | None, limit: int, device: str) -> dict[str, Any]:
        """Return a page of the activity; with `device`, a name, MAC or IP address, only its own."""
        events, following = self.activity.page(before, limit, self._concerns(device))
        return {"events": events, "before": following}

    def _concerns(self, device: str) -> Callable[[words.Event], bool]:
        if not device:
            return lambda _: True
        try:
            mac = self._switchboard.find(device).mac
        except Refused:  # one that was forgotten still has its past
            wanted = device.casefold()
            return lambda event: wanted in (event["mac"], event["device"].casefold())
        return lambda event: event["mac"] == mac

    def title(self, mac: str) -> str:
        """Return what people call a device; "" for one that is not known."""
        try:
            return self._switchboard.titles().get(mac, "")
        except Refused:  # there is no configuration yet
            return ""

    # --- requests ----------------------------------------------------------------------------

    def pause(self, destination: str, *, pause: bool, by: str = "") -> dict[str, Any]:
        """Pause or resume a destination and return the receipt.

        Raises Refused, RouterFailed, OSError.
        """
        receipt = _plain(self._switchboard.pause(destination, pause=pause))
        if receipt["changed"]:
            kind = "paused" if pause else "resumed"
            self.activity.happened(kind, destination=destination, count=receipt["devices"], by=by)
        return receipt

    def add_destination(self, upload: Upload, by: str = "") -> words.Trial:
        """Take in a VPN and begin to try it, or say what is wrong. Raises Refused, `Failures`."""
        trial = self._trials.add(upload)
        if trial["accepted"]:
            self._lookout.look_again()
            self.activity.happened("destination_added", destination=trial["name"], by=by)
        return trial

    def remove_destination(self, name: str, by: str = "") -> None:
        """Remove a VPN that was added. Raises Refused, one of reconcile.Failures."""
        self._trials.remove(name)
        self._lookout.look_again()
        self.activity.happened("destination_removed", destination=name, by=by)

    def judge_trials(self) -> None:
        """Offer the added VPNs that have worked. Raises one of reconcile.Failures.

        Cheap, because a VPN that never works may be on trial for months.
        """
        config = self._reconciler.config
        if config is not None and not all(d.offered for d in config.destinations):
            seen = self._lookout.glance(config)
            if seen is not None:
                self._trials.offer_the_proven(seen)

    def leaktest(self, wanted: list[str], *, disruptive: bool) -> Run:
        """Begin a leak test of some destinations, or all. Raises Refused."""
        config = self._reconciler.config
        if config is None or self._switchboard.state.stopped:
            raise Refused("the router does not run", "start it with: orchestrator up")
        known = [d.name for d in config.destinations if d.offered]
        for name in wanted:
            if config.destination(name) and name not in known:
                raise Refused(f"{name} is being tried: it has not worked yet", ON_TRIAL)
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
        self._lookout.look_again()  # but who answers DHCP is no matter of a leak test
        return {d["name"]: (d["state"], d["message"]) for d in self.status()["destinations"]}

    def up(self, by: str = "", *, keep: bool = False) -> Outcome:
        """Read the configuration and make everything so; `keep`: whatever becomes of it.

        Raises BadConfiguration.
        """
        self._reload()
        if keep:
            self.confirm(by)
        self._reconciler.look_at_images()
        if self._switchboard.state.stopped:
            self.activity.happened("started", by=by)
        self._switchboard.set_stopped(False)
        return self._reconciler.converge()

    def down(self, by: str = "") -> Outcome:
        """Remove containers and networks until `up`."""
        self.examiner.stop()
        if not self._switchboard.state.stopped:
            self.activity.happened("stopped", by=by)
        self._switchboard.set_stopped(True)
        return self._reconciler.remove_everything()

    def look_again(self) -> None:
        """Forget what was seen of the containers, because one has changed."""
        self._lookout.look_again()
        self._offers.look_again()
        self._revision.saw_event()

    def _reload(self) -> None:
        errors = self._reconciler.reload(asked=True)
        if errors:
            raise BadConfiguration(errors)

    # --- a change on probation -----------------------------------------------------------------

    def confirm(self, by: str = "") -> bool:
        """Keep the change that is on probation; False when there is none. Raises OSError."""
        kept = self._reconciler.confirm()
        if kept:
            self.activity.happened("change_kept", by=by)
        return kept

    def probation(self) -> words.Probation | None:
        """Return what the status tells of a change that waits, or that was taken back."""
        return self._reconciler.probation.report()

    def visited(self, asker: Asker) -> None:
        """Somebody has reached the page: from a device at home that keeps a change on probation."""
        if not asker.peer or not self._reconciler.probation.waits:
            return
        mac = self._visitors.device(self._reconciler.config, asker.peer)
        if not mac or is_ours(self._switchboard.state.install, mac):
            return
        try:
            self.confirm(self.title(mac))
        except OSError as error:  # nobody who only looks has to hear of a full disk
            log.error("that a change is kept can't be written down: %s", error)

    def judge_change(self) -> bool:
        """Take the change on probation back when its time is over, or when the router itself fails
        with it; say whether that was done. Raises one of reconcile.Failures.
        """
        probation, config = self._reconciler.probation, self._reconciler.config
        if probation.pending is None or config is None or self._switchboard.state.stopped:
            return False
        why = probation.over() or (self._broken(config) if probation.may_be_judged() else "")
        if not why or not self._reconciler.take_back(why):
            return False
        self.activity.happened("change_taken_back", message=why)
        return True

    def _broken(self, config: Config) -> str:
        """Return what the home network needs and has not, as far as that is known for certain."""
        seen = self._lookout.seen(config)
        if not seen.containers:  # the engine does not answer
            return ""
        reports = health.service_reports(seen)
        failed = "; ".join(f"{s.name}: {s.message}" for s in reports if s.state == "failed")
        before, self._failed = self._failed, failed
        return failed if before else ""  # not for a moment's sake

    def _report(self, config: Config, seen: health.Seen, *, healthy: bool) -> dict[str, Any]:
        destinations = [health.destination_health(seen, d) for d in config.destinations]
        services = health.service_reports(seen)
        by_name = {d.destination.name: d for d in destinations}
        address = str(router_address(config))
        well = healthy and all(s.state == "ok" for s in services)
        # Whoever tries a VPN knows that it may not work; nobody depends on it yet.
        used = (d for d in destinations if d.destination.offered)
        well = well and all(d.state in ("ok", "paused") for d in used)
        return {
            "state": "healthy" if well else "degraded",
            "services": [_plain(s) for s in services],
            "lan": {"address": address, "domain": config.lan.domain, "page": f"http://{address}/"},
            "uplinks": [{"name": u.name, "interface": u.interface} for u in config.uplinks],
            "destinations": [
                _destination(d, seen.egresses[d.destination.name]) for d in destinations
            ],
            "default_destination": "" if config.refuse_new_devices else config.default_destination,
            "devices": self.household.reports(
                config,
                health.device_reports(seen, by_name),
                self.refusals(),
                seen.access_point.joined if seen.access_point else lambda _mac: None,
            ),
            "wifi": seen.access_point.report() if seen.access_point else None,
        }

    def destination_states(self) -> dict[str, tuple[str, str]]:
        """Return (state, message) of each destination; none while the router is stopped, or while
        nobody knows whether its containers run.

        Cheap, because the loop asks again and again.
        """
        config = self._reconciler.config
        if config is None or self._switchboard.state.stopped:
            return {}
        seen = self._lookout.glance(config)
        if seen is None:
            return {}
        judged = (health.destination_health(seen, d) for d in config.destinations)
        return {d.destination.name: (d.state, d.message) for d in judged}


_NOTHING_YET: dict[str, Any] = {
    "state": "degraded",
    "services": [],
    "lan": {"address": "", "domain": "", "page": ""},
    "uplinks": [],
    "destinations": [],
    "default_destination": "",
    "devices": [],
    "wifi": None,
}


def _destination(
    health_of: health.DestinationHealth, status: health.EgressStatus | None
) -> dict[str, Any]:
    destination = health_of.destination
    # What an egress said before it fell silent is no news.
    measured = status if health_of.checks[0].state is health.Verdict.OK else None
    return {
        "name": destination.name,
        "title": destination.title or destination.name,
        "country": destination.country,
        "kind": destination.kind.value,
        "uplink": destination.uplink,
        "added": destination.added,
        "offered": destination.offered,
        "public_address": measured.public_address if measured else None,
        "latency_ms": measured.latency_ms if measured else None,
        "state": health_of.state,
        "message": health_of.message,
        "checks": [_plain(c) for c in health_of.checks],
    }


def _plain(value: Any) -> dict[str, Any]:
    """Return a dataclass as JSON's types."""
    return dataclasses.asdict(value)
