"""The names of the home network: as a hosts file, and the resolver of those without a way out.

Every destination's resolver reads the hosts file. A device whose destination is paused or down, or
that has none, would find not even the page; for those the DHCP server's container answers, which
has no way out itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

from orchestrator.model import Config
from orchestrator.render.egress_dns import home_names


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


def render_home_resolver(address: IPv4Address, lan: IPv4Network, domain: str) -> str:
    """Return dnsmasq.conf for a resolver that knows the home's names and asks nobody."""
    lines = [
        "# Any other name is REFUSED at once: there is nobody to ask.",
        f"listen-address={address}",
        "bind-interfaces",
        "user=dnsmasq",
        "pid-file",
        "no-resolv",
        "no-hosts",
        *home_names(lan, domain),
    ]
    return "\n".join(lines) + "\n"
