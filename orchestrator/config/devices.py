"""The `devices` section: names, reserved addresses and first choices."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface

from orchestrator.config import values
from orchestrator.config.addressing import default_range, service_addresses
from orchestrator.config.errors import nearest
from orchestrator.config.reader import Section
from orchestrator.model import ConfiguredDevice

KEYS = ("name", "mac", "address", "destination", "dns_over_tls")
MOST = 4000  # the mark of a connection has twelve bits for its device


def read_devices(
    root: Section, lan: IPv4Interface | None, destinations: list[str], *, bridge: bool = False
) -> list[ConfiguredDevice]:
    """All usable devices; `lan` None: it is wrong, and addresses are not checked.

    `bridge`: the LAN is one, and an address more belongs to Manyways.
    """
    devices = []
    seen: dict[str, str] = {}
    sections = root.sections("devices", KEYS)
    for section in sections:
        name = section.needed("name", values.device_name, "tv")
        mac = section.needed("mac", values.mac, "3c:07:54:12:ab:9f")
        address = section.value("address", values.address)
        if address and lan:
            _check_address(section, lan, address, bridge=bridge)
        destination = section.value("destination", str)
        if destination is not None and destination not in destinations:
            section.error(
                "destination",
                f"there is no destination '{destination}'",
                nearest(destination, destinations),
            )
        dns_over_tls = bool(section.value("dns_over_tls", values.allowed, False))
        for key, found in (("name", name), ("mac", mac), ("address", address)):
            _check_unique(section, key, found, seen)
        if name and mac:
            devices.append(ConfiguredDevice(mac, name, address, destination, dns_over_tls))
    if len(sections) > MOST:
        root.error("devices", f"there are {len(sections)}", f"at most {MOST} are possible")
    return devices


def _check_unique(
    section: Section, key: str, found: str | IPv4Address | None, seen: dict[str, str]
) -> None:
    if found is None:
        return
    if other := seen.get(f"{key} {found}"):
        section.error(key, f"{found} is already given in {other}", "each device needs its own")
    seen.setdefault(f"{key} {found}", f"{section.where} (line {section.line(key)})")


def _check_address(
    section: Section, lan: IPv4Interface, found: IPv4Address, *, bridge: bool
) -> None:
    network = lan.network
    hint = f"such as {default_range(lan, bridge=bridge).first}"
    services = service_addresses(lan, bridge=bridge)
    if found not in network:
        section.error("address", f"{found} does not lie in the LAN {network}", hint)
    elif found in (network.network_address, network.broadcast_address):
        section.error("address", f"{found} is the network's first or last address", hint)
    elif found == lan.ip:
        section.error("address", f"{found} is the router's own address", hint)
    elif found in services:
        message = f"{found} is used by Manyways itself ({services[0]}-{services[-1]})"
        section.error("address", message, hint)
