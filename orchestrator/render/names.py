"""The hosts file that every destination's resolver reads: the names of the home network."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address

from orchestrator.model import Config


def render_names(
    config: Config, names: Mapping[str, str], addresses: Mapping[str, IPv4Address]
) -> str:
    """Return hosts(5) lines for the router and for each device whose address is known.

    `names` and `addresses` are by MAC.
    """
    domain = config.lan.domain
    hosts = [(config.lan.address.ip, "manyways")]
    hosts += [(addresses[mac], name) for mac, name in names.items() if mac in addresses]
    return "".join(f"{ip} {name}.{domain} {name}\n" for ip, name in sorted(hosts))
