"""Machines for the doctor: a good one as facts, and made-up ones as a tree of files."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from orchestrator.doctor import Finding, Machine, examine
from orchestrator.doctor.kernel import PIECES
from orchestrator.doctor.machine import (
    BaseChain,
    Card,
    Clock,
    Country,
    Disk,
    Docker,
    Firewall,
    Forwarding,
    Hardware,
    Port,
    Power,
    Radio,
    Switch,
    Wanted,
)
from orchestrator.model import HostFacts, HostInterface
from orchestrator.runtime.machine.files import Tree

NOW = 1_790_000_000.0  # in September 2026
DAY = 86400.0
UPLINK = Port("eth0", 2, True, default_route=True, addresses=("192.168.1.7/24",), carrier=True,
              driver="smsc95xx", speed=100, bus="usb")  # fmt: skip
LAN_PORT = Port("eth1", 3, True, carrier=True, driver="r8152", speed=1000, bus="usb")
WLAN = Port("wlan0", 4, True, wireless=True, driver="brcmfmac", bus="sdio")
DOCKERS_FORWARD = BaseChain(
    "ip filter", "FORWARD", "drop", frozenset(("DOCKER-USER", "DOCKER-ISOLATION-STAGE-1"))
)

GOOD = Machine(
    docker=Docker("28.3.0", compose="2.38.1"),
    boot_words="console=tty1 root=PARTUUID=1-02 cgroup_enable=memory",
    clock=Clock(NOW, NOW - 90 * DAY, synchronised=True, battery=False),
    kernel={piece.name: "" for piece in PIECES},
    ports=(UPLINK, LAN_PORT, WLAN),
    holds=(),
    switches=(Switch("phy0", soft=False, hard=False),),
    country=Country("DE", (("cmdline.txt", "DE"),), "Europe/Berlin", ("DE",)),
    power=Power(0),
    host=HostFacts(
        (HostInterface("eth0", (IPv4Interface("192.168.1.7/24"),), is_default_route=True),),
        ((IPv4Network("172.17.0.0/16"), "Docker network bridge"),),
    ),
    firewall=Firewall((DOCKERS_FORWARD,), ("ip filter", "ip nat"), (), bridged=True),
    forwarding=Forwarding(True, {"eth0": True, "eth1": False}),
    disks=(Disk("/", 30 << 30, 20 << 30),),
    mistakes=(),
    wanted=Wanted(
        ("eth1",),
        ("eth0",),
        (
            (IPv4Network("192.168.77.0/24"), "the home network", "address"),
            (IPv4Network("10.213.0.0/16"), "the transit pool", "transit"),
        ),
        ("uk",),
    ),
    secrets=(),
    certificates=(),
)
HARDWARE = Hardware(
    model="Raspberry Pi 3 Model B Rev 1.2",
    memory=905 << 20,
    bits=(64, 64),
    degrees=48.3,
    radios=(Radio("wlan0", "brcmfmac", "7.45.98", can_move=True),),
    card=Card("SC32G", "08/2021", 10, 1, 0, 1),
)


def said(machine: Machine, name: str) -> list[Finding]:
    """Return what the doctor finds about `name`."""
    return [finding for finding in examine(machine) if finding.name == name]


def the(machine: Machine, name: str) -> Finding:
    """Return the one finding about `name`."""
    (finding,) = said(machine, name)
    return finding


def tree(root: Path, files: Mapping[str, str | bytes]) -> Tree:
    """Make a machine's files; what begins with "-> " becomes a link."""
    for name, content in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content.startswith("-> "):
            path.symlink_to(content.removeprefix("-> "))
        else:
            path.write_text(content)
    return Tree(root)


def process(number: int, name: str, *words: str, namespace: str = "net:[1]") -> dict[str, str]:
    """Return the files in /proc of a process."""
    return {
        f"/proc/{number}/comm": f"{name[:15]}\n",
        f"/proc/{number}/cmdline": "\0".join((name, *words)) + "\0",
        f"/proc/{number}/ns/net": f"-> {namespace}",
    }


def certificate(folder: Path, name: str, begins: str, ends: str) -> str:
    """Return a real certificate (PEM) by openssl, valid from when until when (YYYYMMDDHHMMSSZ)."""
    key, request, database = (folder / f"{name}.{end}" for end in ("key", "csr", "db"))
    settings = folder / f"{name}.cnf"
    made = folder / f"{name}.pem"
    database.write_text("")
    (folder / f"{name}.serial").write_text("01\n")
    settings.write_text(
        f"[ca]\ndefault_ca = own\n[own]\ndatabase = {database}\nnew_certs_dir = {folder}\n"
        f"serial = {folder / f'{name}.serial'}\ndefault_md = sha256\npolicy = any\n"
        f"[any]\ncommonName = supplied\n"
    )
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}"],
        check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(
        ["openssl", "ca", "-batch", "-selfsign", "-notext", "-config", settings,
         "-keyfile", key, "-in", request, "-out", made, "-startdate", begins, "-enddate", ends],
        check=True, capture_output=True,
    )  # fmt: skip
    return made.read_text()
