"""The orchestrator's parts wired together over a folder and an engine in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import cast

from orchestrator.access import Access
from orchestrator.activity import Activity
from orchestrator.added import Shelf
from orchestrator.backup.restoring import unfinished
from orchestrator.documents import Document
from orchestrator.gates import Gates
from orchestrator.lookout import Lookout
from orchestrator.model import Config, HostFacts, HostInterface
from orchestrator.presence import Sign
from orchestrator.reconcile import Reconciler
from orchestrator.runtime.engine import Engine
from orchestrator.runtime.neighbours import NeighbourWatch
from orchestrator.runtime.offers import OfferWatch
from orchestrator.runtime.router import RouterLink
from orchestrator.runtime.volume import Volume
from orchestrator.service import Service
from orchestrator.store import State
from orchestrator.strangers import Strangers
from orchestrator.switch import Switchboard
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

    def configure(self, text: str) -> None:
        (self.config_folder / "router.yaml").write_text(text)

    def lease(self, *lines: str) -> None:
        """Write dnsmasq's lease file: `MAC address hostname` each."""
        text = "".join(f"2000000000 {line} *\n" for line in lines)
        self.volume.write("run/dhcp/dnsmasq.leases", text)
