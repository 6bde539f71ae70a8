"""Whether devices get an address, and from us alone: from what was heard to what a person reads.

A DHCP server that runs may still give nothing (it hangs, its addresses are used up), and a
second one (a router that somebody plugged in the wrong way) leads devices past Manyways without
anything here failing. Neither shows in a container's state. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from orchestrator.dhcp_packets import DhcpServer
from orchestrator.model import AddressRange

STALE_SECONDS = 120.0  # four questions that were not asked
_NEARLY = 0.9  # how much of the range may be given out before somebody should know


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question brought. `at` is in seconds of CLOCK_BOOTTIME.

    `problem` says why it could not be asked at all; "" when it was.
    """

    at: float
    servers: tuple[DhcpServer, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """The addresses that may be given out, and how many of them are."""

    size: int
    used: int

    @property
    def full(self) -> bool:
        return self.used >= self.size

    @property
    def nearly_full(self) -> bool:
        return self.used >= self.size * _NEARLY


def pool(addresses: AddressRange, leased: Iterable[IPv4Address]) -> Pool:
    """Return the state of the range; `leased` holds every lease and reservation, in it or not."""
    return Pool(len(addresses), len({a for a in leased if a in addresses}))


def judge(asked: Asked | None, own: DhcpServer, addresses: Pool, now: float) -> tuple[str, str]:
    """Return the state (ok, degraded, failed, unknown) and its reason, for a server that runs."""
    if asked is None:
        return "unknown", "not checked yet"
    if asked.problem:
        return "unknown", f"not checked: {asked.problem}"
    if now - asked.at > STALE_SECONDS:
        return "unknown", f"not checked for {now - asked.at:.0f} s"
    others = [server for server in asked.servers if server != own]
    answered = own in asked.servers
    reasons = [*_own_trouble(answered, addresses), *_strangers(others)]
    if not answered:
        return "failed", "; ".join(reasons)
    return ("degraded" if reasons else "ok"), "; ".join(reasons)


def _own_trouble(answered: bool, addresses: Pool) -> Iterable[str]:
    if not answered and addresses.full:
        yield (
            f"all {addresses.size} addresses of the home network are given out, so a new device "
            "gets none; a larger lan.dhcp_range in router.yaml would help"
        )
        return
    if not answered:
        yield "it does not answer"
    if addresses.nearly_full:
        yield f"{addresses.used} of {addresses.size} addresses of the home network are given out"


def _strangers(others: list[DhcpServer]) -> Iterable[str]:
    if not others:
        return
    listed = ", ".join(f"{server.address} ({server.mac})" for server in others)
    one = len(others) == 1
    yield (
        f"{'another DHCP server answers' if one else 'other DHCP servers answer'} on the home "
        f"network: {listed}; devices that listen to {'it' if one else 'them'} bypass Manyways; "
        f"switch {'it' if one else 'them'} off"
    )
