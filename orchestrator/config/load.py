"""router.yaml and profiles/ become one Config, or a list of everything that is wrong."""

from __future__ import annotations

import stat
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from orchestrator.config import tree, values
from orchestrator.config.addressing import DEFAULT_TRANSIT, LanDraft, read_lan
from orchestrator.config.destinations import Destinations
from orchestrator.config.devices import read_devices
from orchestrator.config.errors import ConfigErrors, nearest
from orchestrator.config.profiles import Shelf
from orchestrator.config.reader import Findings, Section
from orchestrator.config.subnets import Use, free, used_by_host
from orchestrator.config.uplinks import read_uplinks
from orchestrator.config.wifi import read_wifi
from orchestrator.model import Config, HostFacts, Uplink

FILE = "router.yaml"
KEYS = (
    *("lan", "uplinks", "destinations", "default_destination"),
    *("internet_probe", "address_service", "new_devices", "devices", "transit", "wifi"),
)
MOVED = ("leaktest",)


def load(directory: Path, host: HostFacts | None) -> Config:
    """Read directory/router.yaml and directory/profiles/*.ovpn.

    `host` is what the machine already has; None leaves out the checks against it. Raises
    `ConfigErrors` with every mistake at once, and nothing else.
    """
    findings = Findings(file=FILE)
    text = _text(directory / FILE, findings)
    if text is None:
        raise ConfigErrors(findings.errors)
    mapping, mistakes = tree.parse(text, FILE)
    findings.errors += mistakes
    if mistakes and not mapping.entries:
        raise ConfigErrors(findings.errors)  # not YAML: nothing else can be said
    config = _read(
        Section(findings, "", mapping, (*KEYS, *MOVED)), Shelf(directory, findings), host
    )
    if findings.errors or config is None:
        raise ConfigErrors(findings.errors)
    if config.wifi and open_to_all(directory / FILE):
        note = f"{FILE}: everybody on this machine can read the passphrase; `chmod 600 {FILE}`"
        config = replace(config, notes=(*config.notes, note))
    return config


def open_to_all(path: Path) -> bool:
    """Whether everybody on this machine can read a file; one that is not there is not open."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _read(root: Section, shelf: Shelf, host: HostFacts | None) -> Config | None:
    lan = read_lan(root, host)
    uplinks, uses = read_uplinks(root, lan.interfaces, host)
    reading = Destinations(root, shelf, uplinks)
    destinations = reading.read()
    default = root.value("default_destination", str, reading.direct)
    if default is not None and default not in reading.names:
        root.error(
            "default_destination",
            f"there is no destination '{default}'",
            nearest(default, reading.names),
        )
    refuse_new = bool(root.value("new_devices", values.refuses_new, False))
    devices = read_devices(root, lan.address, reading.names, bridge=lan.bridge)
    wifi = read_wifi(root, reading.names, host)
    pool = root.value("transit", values.transit, DEFAULT_TRANSIT)
    address_service = _address_service(root)
    _check_overlaps(root, _our_uses(root, lan, pool, uses), uplinks, host)
    finished = lan.finished()
    if finished is None or pool is None or default is None:
        return None
    return Config(
        lan=finished,
        uplinks=tuple(uplink for uplink in uplinks.values() if uplink),
        destinations=tuple(destinations),
        default_destination=default,
        devices=tuple(devices),
        transit_pool=pool,
        notes=tuple(dict.fromkeys(root.findings.notes)),
        address_service=address_service,
        refuse_new_devices=refuse_new,
        internet_probe=reading.probe,
        wifi=wifi,
    )


def _address_service(root: Section) -> str | None:
    """Whom to ask for public addresses; older files say so below `leaktest`."""
    old = root.section("leaktest", ("address_service",))
    before = old.value("address_service", values.web_address)
    found = root.value("address_service", values.web_address)
    if old.said("address_service") is not None and root.said("address_service") is not None:
        old.error("address_service", "is already given at the top", "delete this one")
    elif before is not None:
        root.findings.notes.append(
            f"{FILE}:{old.line('address_service')}: leaktest.address_service: has moved; write "
            "`address_service:` at the beginning of a line, outside of `leaktest:`"
        )
    service = found or before
    if service is not None and service.startswith("https:"):
        root.findings.notes.append(
            f"{FILE}: address_service: by https only the leak test asks; with an http address the "
            "page shows each destination's public address, too"
        )
    return service


def _text(path: Path, findings: Findings) -> str | None:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        findings.error(None, "", "is missing", "`orchestrator init` writes one for this machine")
        return None
    except OSError:
        findings.error(None, "", "cannot be read", "look at its permissions; it must be a file")
        return None
    if len(raw) > tree.MAX_SIZE:
        findings.error(None, "", "is larger than 1 MiB", "it cannot be the right file")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        findings.error(line, "", "holds a character that is not UTF-8", "save the file as UTF-8")
        return None


def _our_uses(
    root: Section, lan: LanDraft, pool: IPv4Network | None, static: list[Use]
) -> list[Use]:
    """The subnets that router.yaml asks for, with the place where it does."""
    uses = list(static)
    if lan.address:
        line = lan.section.line("address")
        uses.append(Use(lan.address.network, "the LAN", line, "lan.address"))
    if pool:
        uses.append(Use(pool, "the transit pool", root.line("transit"), "transit"))
    return uses


def _check_overlaps(
    root: Section, ours: list[Use], uplinks: dict[str, Uplink | None], host: HostFacts | None
) -> None:
    theirs = used_by_host(host)
    every = [use.network for use in (*ours, *theirs)]
    for at, use in enumerate(ours):
        own = _own_networks(use, uplinks, host)
        for other in (*ours[at + 1 :], *(t for t in theirs if t.network not in own)):
            if use.network.overlaps(other.network):
                _report_overlap(root, use, other, every)


def _report_overlap(root: Section, use: Use, other: Use, every: list[IPv4Network]) -> None:
    # An uplink is as the provider made it: propose to move the LAN or the transit pool.
    movable, fixed = (
        (other, use) if use.field.startswith("uplinks.") and other.field else (use, other)
    )
    subnet = free(movable.network.prefixlen, every)
    hint = "choose another network"
    if movable.field.startswith("uplinks."):
        hint = "name the network that the house's router really has"
    elif subnet:
        shown = f"{subnet.network_address + 1}/{subnet.prefixlen}"
        hint = f"free is `{movable.field.split('.')[-1]}: " + (
            f"{shown}`" if movable.field == "lan.address" else f"{subnet}`"
        )
    root.findings.error(
        movable.line,
        movable.field,
        f"{movable.network} overlaps {fixed.network}, {fixed.what}",
        hint,
    )


def _own_networks(
    use: Use, uplinks: dict[str, Uplink | None], host: HostFacts | None
) -> set[IPv4Network]:
    """Networks of the host on an uplink's own interface: the uplink lies in them by nature."""
    name = use.field.split(".")[1] if use.field.startswith("uplinks.") else ""
    uplink = uplinks.get(name)
    return {
        address.network
        for port in (host.interfaces if host else ())
        for address in port.addresses
        if uplink and port.name == uplink.interface
    }
