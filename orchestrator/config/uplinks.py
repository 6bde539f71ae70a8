"""The `uplinks` section: ways to a provider."""

from __future__ import annotations

from ipaddress import IPv4Interface

from orchestrator.config import values
from orchestrator.config.addressing import check_interface
from orchestrator.config.reader import Section
from orchestrator.config.subnets import Use
from orchestrator.config.values import Bad
from orchestrator.model import AddressRange, HostFacts, StaticAddresses, Uplink

KEYS = ("interface", "address", "gateway", "dns")
MOST = 15  # each has a placeholder subnet in the transit pool
DEFAULT_NAME = "home"


def read_uplinks(
    root: Section, lan_ports: tuple[str, ...], host: HostFacts | None
) -> tuple[dict[str, Uplink | None], list[Use]]:
    """Every uplink by name (None: it is wrong), and the subnets of the static ones."""
    if root.said("uplinks") is None:
        return _default(root, host), []
    uplinks: dict[str, Uplink | None] = {}
    uses: list[Use] = []
    owners = dict.fromkeys(lan_ports, "the LAN")
    section = root.section("uplinks", None)
    for name in section.tree.entries:
        try:
            values.name(name)
        except Bad as bad:
            section.error(name, bad.message, bad.hint)
        one = section.section(name, KEYS)
        uplink = _read(name, one, host) if section.is_block(name) else None
        uplinks[name] = uplink
        if uplink is None:
            continue
        if owner := owners.get(uplink.interface):
            one.error(
                "interface",
                f"{uplink.interface} already belongs to {owner}",
                "each uplink and the LAN need an interface of their own",
            )
        owners.setdefault(uplink.interface, f"uplink {name}")
        if uplink.static:
            network = IPv4Interface((uplink.static.gateway, uplink.static.prefixlen)).network
            where = one.path("address")
            uses.append(Use(network, f"the network of uplink {name}", one.line("address"), where))
    if len(uplinks) > MOST:
        root.error("uplinks", f"there are {len(uplinks)}", f"at most {MOST} are possible")
    return uplinks, uses


def _default(root: Section, host: HostFacts | None) -> dict[str, Uplink | None]:
    port = next((i for i in host.interfaces if i.is_default_route), None) if host else None
    hint = "write `uplinks: {home: {interface: eth0}}` with the port to the house's router"
    if port is None:
        why = "this machine has no default route" if host else "its interfaces are not known"
        root.error("uplinks", f"is left out, and cannot be guessed: {why}", hint)
        return {DEFAULT_NAME: None}
    if port.wireless:
        root.error(
            "uplinks",
            f"is left out, and this machine reaches the internet by Wi-Fi ({port.name}), which "
            "cannot carry several MAC addresses",
            hint,
        )
        return {DEFAULT_NAME: None}
    return {DEFAULT_NAME: Uplink(DEFAULT_NAME, port.name)}


def _read(name: str, section: Section, host: HostFacts | None) -> Uplink | None:
    interface = section.needed("interface", values.interface, "eth0")
    if interface:
        check_interface(section, "interface", interface, host)
    dns = section.values("dns", values.server, "192.168.1.1")
    address = section.value("address", str, "dhcp")
    if address is None or address.strip().lower() == "dhcp":
        for key in ("gateway", "dns"):
            if address and section.said(key) is not None:
                section.error(key, "comes by DHCP", "delete it, or write `address: A-B/24`")
        return Uplink(name, interface) if interface and address else None
    found = section.value("address", values.static_range)
    gateway = section.needed("gateway", values.address, "192.168.1.1")
    if found is None or gateway is None or interface is None:
        return None
    addresses, prefixlen = found
    network = IPv4Interface((addresses.first, prefixlen)).network
    if gateway not in network:
        section.error("gateway", f"{gateway} does not lie in {network}", "name the house's router")
        return None
    if gateway in addresses:
        section.error(
            "address", f"{addresses} holds the gateway {gateway}", "leave the gateway's address out"
        )
    _check_host(section, interface, addresses, host)
    static = StaticAddresses(addresses, prefixlen, gateway, tuple(dns) or (gateway,))
    return Uplink(name, interface, static)


def _check_host(
    section: Section, interface: str, addresses: AddressRange, host: HostFacts | None
) -> None:
    for port in host.interfaces if host else ():
        for address in port.addresses:
            if port.name == interface and address.ip in addresses:
                section.error(
                    "address", f"{addresses} holds this machine's own {address.ip}", "leave it out"
                )
