"""Which name servers a destination asks, and whether they answer: decisions without effects."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from egress.tunnel import DEAD_AFTER, PROBE_INTERVAL

# A tunnel leads to the public internet: what is private behind the uplink is not there.
_PRIVATE = tuple(
    IPv4Network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        *("100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"),
    )
)
_ROOT_SOA = struct.pack("!BHH", 0, 6, 1)  # the name ".", type SOA, class IN
_SERVFAIL = 2
# s without an answer. Later than a tunnel is found dead, which would explain the silence.
SILENT_AFTER = DEAD_AFTER + PROBE_INTERVAL + 1.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The servers to ask now. `message` says what is wrong when there are none."""

    servers: tuple[IPv4Address, ...] = ()
    source: str = "none"
    message: str = ""


def choose(
    *,
    tunnel: bool,
    configured: tuple[IPv4Address, ...],
    pushed: tuple[IPv4Address, ...],
    uplink: tuple[IPv4Address, ...],
) -> Choice:
    """Return whom to ask: the configured servers, else the pushed, else the uplink's.

    Called when the way out is open. Through a tunnel the uplink's private servers cannot be
    reached, and asking them past the tunnel would be a leak.
    """
    if configured:
        return Choice(configured, "configured")
    if pushed:
        return Choice(pushed, "pushed")
    usable = tuple(s for s in uplink if not (tunnel and any(s in n for n in _PRIVATE)))
    if usable:
        return Choice(usable, "uplink")
    if tunnel and uplink:
        return Choice(
            message=f"the VPN names no DNS server, and the uplink's ({_listed(uplink)}) cannot be "
            "reached through it; set 'dns:' for this destination, for example dns: [9.9.9.9]"
        )
    where = "neither the VPN nor the uplink names" if tunnel else "the uplink names no"
    return Choice(
        message=f"{where} a DNS server; set 'dns:' for this destination"
        if tunnel
        else f"{where} DNS server; set 'dns:' for this destination"
    )


def servers_file(servers: tuple[IPv4Address, ...], interface: str) -> str:
    """Return what dnsmasq reads: each server, bound to the way out."""
    return "".join(f"server={server}@{interface}\n" for server in servers)


def probe_query(number: int) -> bytes:
    """Return a DNS query with the id `number`: small, cacheable, and nobody's secret."""
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + _ROOT_SOA


def probe_answer(data: bytes, number: int) -> bool | None:
    """Return whether `data` answers query `number` usefully; None when it is no answer to it.

    SERVFAIL is an answer of a server that itself gets none. Any other code counts as working:
    a company's resolver may well refuse to talk about the root.
    """
    if len(data) < 12:
        return None
    found, flags = int.from_bytes(data[:2]), int.from_bytes(data[2:4])
    if found != number or not flags & 0x8000:
        return None
    return flags & 0xF != _SERVFAIL


def authoritative(data: bytes, number: int) -> bool:
    """Return whether `data` answers query `number` in the name of the zone itself (AA)."""
    return probe_answer(data, number) is True and bool(data[2] & 0x04)


@dataclass(frozen=True, slots=True)
class Health:
    """How the servers have answered since they were chosen. Times are of the boot clock (s)."""

    since: float
    answered: float | None = None
    failing: float | None = None  # the last SERVFAIL

    def state(self, now: float) -> str:
        """Return "ok", "failing" or, before anything is known, "unknown"."""
        if now - (self.answered or self.since) < SILENT_AFTER:
            return "ok" if self.answered is not None else "unknown"
        return "failing"

    def message(self, now: float) -> str:
        if self.state(now) != "failing":
            return ""
        if self.failing is not None and now - self.failing < SILENT_AFTER:
            return "the DNS servers answer, but cannot reach the internet (SERVFAIL)"
        return f"no answer from the DNS servers for {now - (self.answered or self.since):.0f} s"


def _listed(addresses: tuple[IPv4Address, ...]) -> str:
    return ", ".join(str(address) for address in addresses)
