"""The orchestrator's parts wired together over a folder and an engine in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import cast

from orchestrator.access import Access
from orchestrator.activity import Activity
from orchestrator.added import Shelf
from orchestrator.backup.restoring import unfinished
from orchestrator.doctor.machine import Port
from orchestrator.documents import Document
from orchestrator.first_start import FirstStart
from orchestrator.gates import Gates
from orchestrator.lookout import Lookout
from orchestrator.model import Config, HostFacts, HostInterface, ObservedContainer, Wifi
from orchestrator.presence import Sign
from orchestrator.probation import Probation, Record
from orchestrator.proposal import NO_AIR
from orchestrator.proposed_wifi import Air
from orchestrator.reconcile import Reconciler
from orchestrator.runtime.clock import uptime
from orchestrator.runtime.engine import Engine
from orchestrator.runtime.neighbours import NeighbourWatch
from orchestrator.runtime.offers import OfferWatch
from orchestrator.runtime.router import RouterLink
from orchestrator.runtime.volume import Volume
from orchestrator.service import Service
from orchestrator.stations import STATUS_FILE
from orchestrator.store import State
from orchestrator.strangers import Strangers
from orchestrator.switch import Switchboard
from orchestrator.timers import Moment
from orchestrator.trials import Trials
from tests.homes import NEW
from tests.unit.fake_engine import FakeEngine

ROUTER_YAML = """\
lan:
  interfaces: [eth1]
  address: 192.168.77.1/24
uplinks:
  home: {interface: eth0}
destinations:
  direct: {type: direct}
  work: {type: direct}
default_destination: direct
devices:
  - {name: tv, mac: "02:00:00:00:00:01", destination: work}
"""
START = Moment(datetime(2026, 3, 28, 12, tzinfo=UTC), "first", 1000.0)
FACTS = HostFacts((HostInterface("eth0", (), True), HostInterface("eth1", ())))


class Neighbours(NeighbourWatch):
    """Signs of devices as a test says them, because no kernel of a router knows any here."""

    def __init__(self) -> None:
        super().__init__(lambda: None, "")
        self.told: dict[str, Sign] = {}

    def look(self, devices: Mapping[str, IPv4Address]) -> Mapping[str, Sign]:
        return {mac: self.told[mac] for mac in devices if mac in self.told}


@dataclass
class Orchestra:
    """What the daemon puts together. The router itself never runs here."""

    folder: Path
    engine: FakeEngine = field(default_factory=FakeEngine)
    ports: list[str] = field(default_factory=list)
    moment: Moment = START
    seen: tuple[Port, ...] = ()  # by a first start
    air: Air = NO_AIR

    def __post_init__(self) -> None:
        self.config_folder = self.folder / "config"
        self.config_folder.mkdir(exist_ok=True)
        if not (self.config_folder / "router.yaml").exists():
            self.configure(ROUTER_YAML)
        self.start()

    def start(self) -> None:
        """Begin as after the start of the process, from what is on disk."""
        state_folder = self.folder / "state"
        self.volume = Volume(state_folder)
        self.document = Document(state_folder / "state.json", State)
        self.link = RouterLink(lambda: None)
        state = self.document.read().value or NEW
        self.activity = Activity(state_folder)
        self.switchboard = Switchboard(
            self.document, state, self.volume, self.link, happened=self.activity.happened
        )
        engine = cast(Engine, self.engine)
        self.gates = Gates(self.switchboard, self.volume, self.link)
        self.added = Shelf(state_folder / "added")
        self.reconciler = Reconciler(
            self.config_folder,
            "dev",
            engine,
            self.volume,
            self.switchboard,
            Document(state_folder / "last-good.json", Config),
            lambda: FACTS,
            self.ports.append,
            self.gates,
            self.added,
            Probation(Document(state_folder / "probation.json", Record), lambda: self.moment),
            FirstStart(self.config_folder, state_folder, lambda: (self.seen, (), self.air)),
            lambda: unfinished(self.config_folder, state_folder),
        )
        self.neighbours = Neighbours()
        self.offers = OfferWatch(lambda: None, "", "", "")
        self.service = Service(
            self.reconciler,
            self.switchboard,
            engine,
            self.volume,
            self.link,
            self.gates,
            Strangers(self.switchboard, self.link),
            self.offers,
            Trials(self.added, self.reconciler, self.switchboard, self.volume),
            Access(state_folder),
            Lookout(
                self.reconciler,
                self.switchboard,
                engine,
                self.volume,
                self.link,
                self.gates,
                self.offers,
                self.neighbours,
            ),
            self.activity,
        )

    def later(self, seconds: float) -> None:
        """Let time pass, and the daemon look at the change that waits."""
        self.moment = replace(
            self.moment,
            now=self.moment.now + timedelta(seconds=seconds),
            uptime=self.moment.uptime + seconds,
        )
        self.look()

    def reboot(self) -> None:
        """Start the machine again, as the daemon does: reading, judging, making everything so."""
        self.moment = replace(self.moment, boot=self.moment.boot + " again", uptime=20.0)
        self.start()
        self.reconciler.reload()
        self.look()

    def look(self) -> None:
        """What the daemon's loop does."""
        self.service.judge_change()
        self.reconciler.converge()

    def configure(self, text: str) -> None:
        (self.config_folder / "router.yaml").write_text(text)

    def lease(self, *lines: str) -> None:
        """Write dnsmasq's lease file: `MAC address hostname` each."""
        text = "".join(f"2000000000 {line} *\n" for line in lines)
        self.volume.write("run/dhcp/dnsmasq.leases", text)

    def wireless(self, wifi: Wifi) -> None:
        """Have an access point, as if router.yaml said so."""
        assert self.reconciler.config is not None
        self.reconciler.config = replace(self.reconciler.config, wifi=wifi)
        self.engine.there["manyways-hostapd"] = ObservedContainer("manyways-hostapd", "", True)
        self.service.look_again()
        self.stations({n.ssid: {} for n in wifi.networks})

    def stations(
        self,
        networks: Mapping[str, Mapping[str, int | None]],
        age: float = 0,
        most: int | None = None,
        **said: object,
    ) -> None:
        """Write hostapd's status: {SSID: {MAC: dBm}}."""
        now = uptime() - age
        found = [
            {"ssid": ssid, "interface": f"wlan{n}", "stations": [
                {"mac": mac, "signal_dbm": signal, "since": now - 1} for mac, signal in on.items()]}
            for n, (ssid, on) in enumerate(networks.items())
        ]  # fmt: skip
        radio = {"phy": "phy0", "interface": "wlan0", "max_stations": most}
        status = {"updated": now, "state": "on", "message": "", "radio": radio, "channel": 6}
        self.volume.write(STATUS_FILE, json.dumps({**status, "networks": found, **said}))
