"""Which numbers, addresses and MAC addresses each thing gets.

All of it follows from three remembered numbers (a destination's slot, an uplink's number, the
install's own two bytes), so that nothing is renumbered when something else comes or goes.
"""

from __future__ import annotations

import enum
from ipaddress import IPv4Address, IPv4Network

EGRESS_PREFIX = "manyways-egress-"
LAN_NETWORK = "manyways-lan"
_FIRST_UPLINK = 240  # third byte of the placeholder subnets; slots end below it


class Side(enum.IntEnum):
    """Whose interface a MAC address is for; the fourth byte of the address."""

    ROUTER_LAN = 0x01
    DHCP_LAN = 0x02
    WEBUI_LAN = 0x03
    HOSTAPD_LAN = 0x04
    LEAKTEST_LAN = 0x05
    DHCP_QUESTION = 0x06  # nobody's: in whose name the orchestrator asks who gives out addresses
    EGRESS_TRANSIT = 0x11
    EGRESS_UPLINK = 0x12


def mac_address(install: str, side: Side, number: int = 0) -> str:
    """Return a locally administered unicast MAC address, unique in this install.

    `install` are four hex digits that differ between two routers on one segment.
    """
    return f"02:{install[:2]}:{install[2:4]}:{side:02x}:{number >> 8:02x}:{number & 0xFF:02x}"


def is_ours(install: str, mac: str) -> bool:
    """Say whether `mac` is one of this install's own."""
    return mac.startswith(f"02:{install[:2]}:{install[2:4]}:")


def egress_container(destination: str) -> str:
    """Return the container name of a destination."""
    return EGRESS_PREFIX + destination


def transit_network(destination: str) -> str:
    """Return the Docker network between the router and a destination."""
    return f"manyways-transit-{destination}"


def uplink_network(uplink: str) -> str:
    """Return the Docker network on an uplink's interface."""
    return f"manyways-uplink-{uplink}"


def transit_subnet(pool: IPv4Network, slot: int) -> IPv4Network:
    """Return the /29 of a slot, taken from the /16 `pool`."""
    return IPv4Network((int(pool.network_address) + (slot << 8), 29))


def transit_router(pool: IPv4Network, slot: int) -> IPv4Address:
    """Return the router's address on a transit."""
    return transit_subnet(pool, slot)[1]


def transit_egress(pool: IPv4Network, slot: int) -> IPv4Address:
    """Return the egress' address on a transit, which is also the destination's resolver."""
    return transit_subnet(pool, slot)[2]


def transit_placeholder(pool: IPv4Network, slot: int) -> IPv4Address:
    """Return the gateway that Docker insists on; nobody has it."""
    return transit_subnet(pool, slot)[6]


def uplink_subnet(pool: IPv4Network, uplink: int) -> IPv4Network:
    """Return the placeholder subnet of an uplink's macvlan network.

    Docker wants addresses there; each egress takes its own off again before it asks by DHCP.
    """
    third = _FIRST_UPLINK + uplink - 1
    return IPv4Network((int(pool.network_address) + (third << 8), 24))
