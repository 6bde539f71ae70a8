"""A small house for one egress: its uplink, a provider, a device, and eyes on the wire.

Smaller than the simulated home and private to a test, so that DHCP can be renumbered, servers
killed and wires cut without disturbing anybody.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.desired import ROUTING_SYSCTLS
from orchestrator.model import Kind, Profile, Remote
from orchestrator.render.egress import EgressSpec, render_egress

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).with_name("egress_lab")
IMAGE, HOUSE_IMAGE = "manyways/egress:dev", "manyways/home:dev"
HOUSE, DEVICE, EGRESS = "egt-house", "egt-device", "egt-egress"
NEAR, FAR = "egtw0", "egtw1"  # the two ends of the uplink's wire
HOUSE_MAC, UPLINK_MAC, TRANSIT_MAC = "02:e9:00:00:00:01", "02:e9:00:00:00:02", "02:e9:00:00:00:03"
HOUSE_ADDRESS = "192.168.50.1/24"
TRANSIT, ROUTER, PERSON = "10.223.3.2", "10.223.3.1", "192.168.99.10"
WEB, RESOLVER = "198.51.101.80", "198.51.101.53"
PROVIDER, PROVIDER_TOO = "198.51.101.10", "198.51.101.11"  # one server
NETWORKS = {
    "egt-uplink": ("macvlan", "10.223.1.0/24", "10.223.1.254", {"parent": NEAR}),
    "egt-house": ("macvlan", "10.223.2.0/24", "10.223.2.254", {"parent": FAR}),
    "egt-transit": (
        "bridge",
        "10.223.3.0/29",
        "10.223.3.6",
        {
            "com.docker.network.bridge.inhibit_ipv4": "true",
            "com.docker.network.bridge.enable_ip_masquerade": "false",
        },
    ),
}
CAPABILITIES = ("NET_ADMIN", "NET_RAW", "SETUID", "SETGID", "KILL")

T = TypeVar("T")


def host(*command: str, check: bool = True, timeout: float = 120.0) -> str:
    """Run a program and return its output. Raises AssertionError when it fails and `check`."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def until(what: str, look: Callable[[], T], seconds: float = 20.0) -> T:
    """Wait until `look` returns something true, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"no {what} within {seconds:.0f} s; last: {found!r}"
        time.sleep(0.05)


def build() -> None:
    """Build the images; a moment when nothing has changed."""
    for image, dockerfile, context in (
        (IMAGE, "images/egress/Dockerfile", "."),
        (HOUSE_IMAGE, "images/home/Dockerfile", "images/home"),
    ):
        if image == IMAGE or not host("docker", "images", "-q", image):
            arguments = ("-q", "-t", image, "-f", str(REPOSITORY / dockerfile))
            host("docker", "build", *arguments, str(REPOSITORY / context), timeout=900.0)


@dataclass
class Lab:
    """The running house. `directory` holds what the containers mount."""

    directory: Path

    # --- making and ending it -----------------------------------------------------------------

    def up(self) -> None:
        """Make wires, networks, the house and a device; the egress is started by a test."""
        self.down()
        host("ip", "link", "add", NEAR, "type", "veth", "peer", "name", FAR)
        for end in (NEAR, FAR):
            Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("1")
            host("ip", "link", "set", end, "up")
        for name, (driver, subnet, gateway, options) in NETWORKS.items():
            words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
            place = ("--subnet", subnet, "--gateway", gateway)
            host("docker", "network", "create", "-d", driver, *place, *words, name)
        lab = self.directory / "lab"
        shutil.copytree(SCRIPTS, lab)
        host("docker", "run", "--rm", "-v", f"{lab}:/pki", HOUSE_IMAGE, "/pki/keys")
        self._machine(HOUSE, "egt-house", f"mac-address={HOUSE_MAC}", "/lab/house")
        self._machine(DEVICE, "egt-transit", f"ip={ROUTER}", "/lab/device")
        for machine in (HOUSE, DEVICE):
            until(f"{machine} ready", partial(_ready, machine))

    def _machine(self, name: str, network: str, place: str, command: str) -> None:
        host(
            *("docker", "run", "-d", "--name", name, "--hostname", name),
            *("--network", f"name={network},{place}"),
            *("--cap-add", "NET_ADMIN", "--device", "/dev/net/tun"),
            *("-e", f"HOUSE_MAC={HOUSE_MAC}", "-e", f"HOUSE_ADDRESS={HOUSE_ADDRESS}"),
            *("-v", f"{self.directory / 'lab'}:/lab:ro", HOUSE_IMAGE, command),
        )

    @staticmethod
    def down() -> None:
        """Remove everything of ours, whatever is there."""
        host("docker", "rm", "-f", EGRESS, HOUSE, DEVICE, check=False)
        host("docker", "network", "rm", *NETWORKS, check=False)
        host("ip", "link", "del", NEAR, check=False)

    # --- the egress ---------------------------------------------------------------------------

    def spec(self, **changes: Any) -> EgressSpec:
        """Return a VPN egress with the lab's profile, changed as the test wants it."""
        lab = self.directory / "lab"
        inline = {tag: (lab / f).read_text() for tag, f in _INLINE.items()}
        profile = Profile(
            (Remote("vpn.lab.test", 1194, "udp"),), ("remote-cert-tls server",), inline
        )
        base = EgressSpec(
            name="lab",
            kind=Kind.OPENVPN,
            transit_mac=TRANSIT_MAC,
            transit_address=IPv4Interface(f"{TRANSIT}/29"),
            transit_router=IPv4Address(ROUTER),
            lan=IPv4Network("192.168.99.0/24"),
            domain="lan",
            uplink_mac=UPLINK_MAC,
            profile=profile,
            internet_probe=(IPv4Address(WEB), IPv4Address(RESOLVER)),
        )
        return replace(base, **changes)

    def start(self, spec: EgressSpec, known: int = 0) -> None:
        """Start (anew) the egress of `spec`, as the orchestrator would.

        `known`: a moment that has passed, of which it is told (s since 1970).
        """
        host("docker", "rm", "-f", EGRESS, check=False)
        files, names, clock = (self.directory / n for n in ("files", "names", "clock"))
        for place in (files, names, clock):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
        (clock / "known").write_text(f"{known}\n")
        (names / "hosts").write_text(f"{PERSON} person.lan person\n")
        for file, content in render_egress(spec).items():
            (files / file).touch(mode=0o600)
            (files / file).write_text(content)
        tun = () if spec.kind is Kind.DIRECT else ("--device", "/dev/net/tun")
        host(
            *("docker", "run", "-d", "--name", EGRESS, "--read-only", "--cap-drop", "ALL"),
            *(word for cap in CAPABILITIES for word in ("--cap-add", cap)),
            *(word for k, v in ROUTING_SYSCTLS.items() for word in ("--sysctl", f"{k}={v}")),
            *("--security-opt", "no-new-privileges", "--tmpfs", "/run", "--tmpfs", "/tmp", *tun),
            *("--network", f"name=egt-transit,ip={TRANSIT},mac-address={TRANSIT_MAC}"),
            *("--network", f"name=egt-uplink,mac-address={UPLINK_MAC}"),
            *("-v", f"{files}:/etc/manyways:ro", "-v", f"{names}:/names:ro"),
            *("-v", f"{clock}:/clock:ro", IMAGE),
        )

    def status(self) -> dict[str, Any]:
        """Return the egress' status; empty before it has written one."""
        try:
            process = host("docker", "inspect", "-f", "{{.State.Pid}}", EGRESS).strip()
            place = Path(f"/proc/{process}/root/run/manyways/status.json")
            found: dict[str, Any] = json.loads(place.read_text())
        except FileNotFoundError:
            return {}
        return found

    def wait(self, part: str, state: str, seconds: float = 25.0) -> dict[str, Any]:
        """Wait until a part of the status is in `state`, and return that part."""

        def look() -> dict[str, Any]:
            found: dict[str, Any] = self.status().get(part) or {}
            return found if found.get("state") == state else {}

        return until(f"{part} {state}", look, seconds)

    def log(self) -> str:
        done = subprocess.run(["docker", "logs", EGRESS], capture_output=True, text=True)
        return done.stdout + done.stderr

    @contextlib.contextmanager
    def captured(self, expression: str = "") -> Iterator[Callable[[], list[str]]]:
        """Capture on the uplink's wire; the function returns what was seen so far, as text."""
        with tempfile.TemporaryDirectory() as place:
            file = Path(place) / "wire.pcap"
            command = ["tcpdump", "-i", FAR, "-nn", "-U", "-Z", "root", "-w", str(file), expression]
            process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            assert process.stderr is not None
            while "listening on" not in process.stderr.readline():
                assert process.poll() is None, "tcpdump did not start"

            def seen() -> list[str]:
                text = host("tcpdump", "-nn", "-e", "-r", str(file), check=False)
                return text.splitlines()

            try:
                yield seen
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=10)


_INLINE = {"ca": "ca.crt", "cert": "client.crt", "key": "client.key"}


@dataclass(frozen=True)
class Done:
    """How a command in a container went."""

    ok: bool
    text: str
    seconds: float


def _ready(machine: str) -> bool:
    return attempt(machine, "test", "-e", "/run/ready").ok


def attempt(machine: str, *command: str, timeout: float = 60.0) -> Done:
    """Run a command in a container of the lab; it may fail."""
    begun = time.monotonic()
    done = subprocess.run(
        ["docker", "exec", machine, *command], capture_output=True, text=True, timeout=timeout
    )
    return Done(done.returncode == 0, done.stdout + done.stderr, time.monotonic() - begun)


def run(machine: str, *command: str, timeout: float = 60.0) -> str:
    """Run a command in a container of the lab and return its output."""
    done = attempt(machine, *command, timeout=timeout)
    assert done.ok, f"{machine}: {' '.join(command)}: {done.text}"
    return done.text
