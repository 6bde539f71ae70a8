"""dnsmasq's files for the DHCP service: the range, and the reservations by MAC."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address

from orchestrator.model import Lan


def render_dhcp(lan: Lan, router: IPv4Address) -> str:
    """Return dnsmasq.conf (dnsmasq(8)) for a server that does DHCP and nothing else."""
    return f"""\
# No DNS here: what a device calls itself is no name yet.
port=0
bind-interfaces
dhcp-range={lan.dhcp_range.first},{lan.dhcp_range.last},{lan.network.netmask},{lan.lease_time}
dhcp-lease-max={len(lan.dhcp_range) + 256}
dhcp-authoritative
dhcp-option=option:router,{router}
dhcp-option=option:dns-server,{router}
dhcp-option=option:domain-search,{lan.domain}
# An empty answer keeps Windows from asking for a proxy by name (WPAD).
dhcp-option=252,"\\n"
domain={lan.domain}
dhcp-hostsfile=/etc/manyways/reservations
dhcp-leasefile=/var/lib/manyways/dnsmasq.leases
no-ping
# Refusals are logged, the usual is not: we ask every half-minute whether it still answers.
quiet-dhcp
"""


def render_reservations(reservations: Mapping[str, IPv4Address]) -> str:
    """Return the dhcp-hostsfile (dnsmasq(8)) for {MAC: address}, a line each, in a stable order."""
    return "".join(f"{mac},{address}\n" for mac, address in sorted(reservations.items()))
