"""The LAN and the transit pool: the addresses that router.yaml hands out."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from orchestrator.config import values
from orchestrator.config.errors import nearest
from orchestrator.config.reader import Section
from orchestrator.model import AddressRange, HostFacts, HostInterface, Lan

DEFAULT_ADDRESS = IPv4Interface("192.168.77.1/24")
DEFAULT_TRANSIT = IPv4Network("10.213.0.0/16")
LAN_KEYS = ("interfaces", "address", "dhcp_range", "lease_time", "domain")


@dataclass(frozen=True, slots=True)
class LanDraft:
    """What could be read of the LAN; None where it is wrong."""

    section: Section
    interfaces: tuple[str, ...]
    address: IPv4Interface | None
    dhcp_range: AddressRange | None
    lease_time: int | None
    domain: str | None
    bridge: bool = False

    def finished(self) -> Lan | None:
        """The LAN, when nothing in it is wrong."""
        if not ((self.interfaces or self.bridge) and self.address and self.dhcp_range):
            return None
        if self.lease_time is None or self.domain is None:
            return None
        return Lan(self.interfaces, self.address, self.dhcp_range, self.lease_time, self.domain)


def read_lan(root: Section, host: HostFacts | None) -> LanDraft:
    """The `lan` section with its own rules; overlaps with others are checked later."""
    section = root.section("lan", LAN_KEYS)
    address = section.value("address", values.lan_address, DEFAULT_ADDRESS)
    wifi = root.said("wifi") is not None
    ports = _ports(section, host, wifi=wifi)
    bridge = wifi or len(ports) > 1
    if address and bridge and address.ip == service_addresses(address, bridge=True)[0]:
        message = f"{address.ip} is used by Manyways itself, with Wi-Fi or several ports"
        section.error("address", message, f"write {address.network[1]}/{address.network.prefixlen}")
        address = None
    default = default_range(address, bridge=bridge) if address else None
    dhcp_range = section.value("dhcp_range", values.address_range, default)
    if address and dhcp_range and not _range_fits(section, address, dhcp_range, bridge=bridge):
        dhcp_range = None
    return LanDraft(
        section,
        ports,
        address,
        dhcp_range,
        section.value("lease_time", values.duration, 12 * 3600),
        section.value("domain", values.domain, "lan"),
        bridge,
    )


def default_range(lan: IPv4Interface, *, bridge: bool = False) -> AddressRange:
    """What .100-.199 is to a /24, beside the router's own address and the last ones."""
    network = lan.network
    size = network.num_addresses
    base = network.network_address
    first = base + max(1, size * 100 // 256)
    last = min(base + size * 199 // 256, service_addresses(lan, bridge=bridge)[0] - 1)
    if first <= lan.ip <= last:
        below, above = AddressRange(first, lan.ip - 1), AddressRange(lan.ip + 1, last)
        return below if len(below) >= len(above) else above
    return AddressRange(first, last)


def service_addresses(lan: IPv4Interface, *, bridge: bool = False) -> tuple[IPv4Address, ...]:
    """The last usable addresses, which Manyways itself uses: three, or four with a bridge."""
    last = lan.network.broadcast_address
    return tuple(last - back for back in range(4 if bridge else 3, 0, -1))


def _range_fits(section: Section, lan: IPv4Interface, found: AddressRange, *, bridge: bool) -> bool:
    network = lan.network
    suggestion = f"such as {default_range(lan, bridge=bridge)}"
    services = service_addresses(lan, bridge=bridge)
    if found.first not in network or found.last not in network:
        section.error("dhcp_range", f"{found} does not lie in the LAN {network}", suggestion)
    elif found.first == network.network_address or found.last == network.broadcast_address:
        message = f"{found} holds the network's first or last address"
        section.error("dhcp_range", message, suggestion)
    elif found.last >= services[0]:
        message = f"{found} holds {services[0]}-{services[-1]}, which Manyways itself uses"
        section.error("dhcp_range", message, suggestion)
    elif lan.ip in found:
        message = f"{found} holds the router's own address {lan.ip}"
        section.error("dhcp_range", message, suggestion)
    else:
        return True
    return False


def _ports(section: Section, host: HostFacts | None, *, wifi: bool) -> tuple[str, ...]:
    key = "interfaces"
    if section.said(key) is None and wifi:
        return ()
    if section.said(key) is None:
        names = ", ".join(i.name for i in _candidates(host)) or "eth1"
        section.error(
            key,
            "is missing: it names the port of this machine that leads to the home network",
            f"write `interfaces: [{names.split(', ')[0]}]`; possible here: {names}"
            if host
            else "write `interfaces: [eth1]`",
        )
        return ()
    before = len(section.findings.errors)
    found = section.values(key, values.interface, "eth1")
    if not found and not wifi and len(section.findings.errors) == before:
        section.error(
            key, "is an empty list", "write `interfaces: [eth1]`, or a Wi-Fi network below `wifi:`"
        )
    for name in dict.fromkeys(found):
        if found.count(name) > 1:
            section.error(key, f"{name} is given twice", "name each port once")
        port = check_interface(section, key, name, host, ", or make it an access point: `wifi:`")
        if port and port.is_default_route:
            section.error(
                key,
                f"{name} is this machine's way to the internet",
                "the LAN needs a port of its own, such as a USB network adapter",
            )
    return tuple(dict.fromkeys(found))


def check_interface(
    section: Section, key: str, name: str, host: HostFacts | None, instead: str = ""
) -> HostInterface | None:
    """The host's interface of that name; says what is wrong with it.

    `instead` is what else could be done with a Wi-Fi interface.
    """
    if host is None:
        return None
    port = next((i for i in host.interfaces if i.name == name), None)
    if port is None:
        names = [i.name for i in host.interfaces if i.name != "lo"]
        section.error(key, f"this machine has no interface {name}", nearest(name, names))
    elif name == "lo":
        section.error(key, "lo leads nowhere but to this machine itself", "name a real port")
    elif port.wireless:
        section.error(
            key,
            f"{name} is a Wi-Fi interface, which cannot carry several MAC addresses",
            f"use a wired port{instead}",
        )
    return port


def _candidates(host: HostFacts | None) -> list[HostInterface]:
    """Interfaces of the host that could be the LAN port."""
    virtual = ("docker", "br-", "veth")
    return [
        i
        for i in (host.interfaces if host else ())
        if not (i.is_default_route or i.wireless or i.name == "lo" or i.name.startswith(virtual))
    ]
