"""The DNS cache of one egress: who it listens to, what it never asks outside.

The upstream servers are not here. They depend on the tunnel, so the supervisor writes them to
a file of their own, bound to the way out; while that file is empty, dnsmasq answers REFUSED
at once, and a device never waits for a tunnel that is down.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

SERVERS_PATH = "/run/manyways/servers"
# An answer may be kept by a device for this long (s) after it was moved elsewhere.
LONGEST_TTL = 30
# Names by which browsers and phones ask whether they may use an encrypted DNS of their own.
# "No such name" means no: https://support.mozilla.org/kb/canary-domain-use-application-dnsnet,
# https://developer.apple.com/support/prepare-your-network-for-icloud-private-relay, RFC 9462.
CANARIES = ("use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com", "resolver.arpa")


def render_dnsmasq(address: IPv4Address, lan: IPv4Network, domain: str) -> str:
    """Return dnsmasq.conf for a cache at `address` on the transit; see dnsmasq(8)."""
    lines = [
        "# One cache for one destination: answers are never shared with another.",
        f"listen-address={address}",
        "bind-interfaces",
        "user=dnsmasq",
        "pid-file",
        "# Nothing of the container's or the host's own DNS.",
        "no-resolv",
        "no-hosts",
        f"servers-file={SERVERS_PATH}",
        *home_names(lan, domain),
        "# A device that changes its destination soon forgets the old one's answers.",
        f"max-ttl={LONGEST_TTL}",
        "max-cache-ttl=3600",
        "neg-ttl=30",
        "cache-size=2000",
        "dns-forward-max=300",
        "edns-packet-max=1232",
    ]
    return "\n".join(lines) + "\n"


def home_names(lan: IPv4Network, domain: str) -> Iterable[str]:
    """Return the lines of dnsmasq.conf about the names that are never asked for outside."""
    return (
        "# The names of the home, which are known here and asked for nowhere else.",
        "hostsdir=/names",
        f"domain={domain}",
        *(f"local=/{zone}/" for zone in (domain, *reverse_zones(lan))),
        "domain-needed",
        "bogus-priv",
        "local-ttl=5",
        "# No such name: please use the network's own DNS.",
        *(f"local=/{name}/" for name in CANARIES),
    )


def reverse_zones(network: IPv4Network) -> Iterable[str]:
    """Return the zones of reverse names that cover `network`, in whole octets.

    >>> list(reverse_zones(IPv4Network("192.168.76.0/23")))
    ['76.168.192.in-addr.arpa', '77.168.192.in-addr.arpa']
    """
    octets = min(3, max(1, -(-network.prefixlen // 8)))
    size = octets * 8
    parts = network.subnets(new_prefix=size) if network.prefixlen < size else (network,)
    for part in parts:
        labels = str(part.network_address).split(".")[:octets]
        yield ".".join([*reversed(labels), "in-addr.arpa"])
