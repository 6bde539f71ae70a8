"""What the DHCP client reports, as values.

udhcpc runs a script at every event. Ours changes nothing; it writes one line to a pipe, and
the supervisor decides. So an address is applied, refused or removed in one place only.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from egress.settings import Lease, Settings

SCRIPT = "/usr/lib/manyways/egress-dhcp-event"


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` is udhcpc's own word: deconfig, bound, renew, nak, leasefail."""

    kind: str
    lease: Lease | None = None


def command(interface: str, name: str) -> list[str]:
    """Return udhcpc's command line: for ever, in the foreground, asking every 10 s or so."""
    return [
        *("udhcpc", "-f", "-i", interface, "-s", SCRIPT, "-t", "4", "-T", "2", "-A", "5"),
        *("-x", f"hostname:manyways-{name}"),
    ]


def parse_event(line: str) -> Event | None:
    """Return the event in a line of `key=value` fields divided by tabs; None if it is none.

    What a DHCP server says is checked here: an unusable gateway or name server is left out,
    an unusable address makes the whole line unusable.
    """
    fields = dict(part.partition("=")[::2] for part in line.strip().split("\t"))
    kind = fields.get("event", "")
    if not kind:
        return None
    if kind not in ("bound", "renew"):
        return Event(kind)
    try:
        address = IPv4Interface(f"{fields['ip']}/{fields.get('mask') or '24'}")
    except (KeyError, ValueError):
        return None
    nobody = (address.ip, address.network.broadcast_address)
    routers = [router for router in _addresses(fields.get("router", "")) if router not in nobody]
    return Event(
        kind, Lease(address, routers[0] if routers else None, _addresses(fields.get("dns", "")))
    )


def _addresses(words: str) -> tuple[IPv4Address, ...]:
    found = []
    for word in words.split():
        try:
            address = IPv4Address(word)
        except ValueError:
            continue
        unusable = address.is_loopback or address.is_multicast or address.is_unspecified
        if not (unusable or address.is_reserved):  # 255.255.255.255 is reserved, too
            found.append(address)
    return tuple(found)


def objection(lease: Lease, settings: Settings) -> str:
    """Return why `lease` cannot be used, for a person; "" when it can."""
    network = lease.address.network
    if network.overlaps(settings.lan):
        return (
            f"the uplink's network {network} overlaps the home network {settings.lan}; "
            "give the home network another address (lan.address)"
        )
    if network.overlaps(settings.transit.network):
        return (
            f"the uplink's network {network} overlaps the router's own {settings.transit.network}; "
            "choose another transit pool"
        )
    return ""
