"""dnsmasq's lease file, read as it is written: one line a lease, replaced while we look."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address

from orchestrator.model import Lease

_EXPIRY = re.compile(r"[0-9]{1,18}")
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")


def parse_leases(text: str) -> tuple[Lease, ...]:
    """Return the leases of a dnsmasq lease file: `expiry MAC address hostname client-id`.

    A line that is not of that form (a half-written one, DHCPv6) is passed over: the next look
    is half a second away.
    """
    leases = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 4 or not _EXPIRY.fullmatch(fields[0]):
            continue
        if not _MAC.fullmatch(fields[1].lower()):
            continue
        try:
            address = IPv4Address(fields[2])
        except AddressValueError:
            continue
        hostname = "" if fields[3] == "*" else fields[3]
        leases.append(Lease(fields[1].lower(), address, hostname, int(fields[0])))
    return tuple(leases)
