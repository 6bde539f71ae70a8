"""Which subnets are in use, and which are free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from orchestrator.model import HostFacts

# Interfaces that Docker makes; their subnets, where they are not ours, stand in `taken`.
_DOCKERS = ("docker", "br-", "veth")


@dataclass(frozen=True, slots=True)
class Use:
    """A subnet, and in words what it is for. `line` and `field` where router.yaml says so."""

    network: IPv4Network
    what: str
    line: int | None = None
    field: str = ""


def used_by_host(host: HostFacts | None) -> tuple[Use, ...]:
    """The subnets on the host that are not ours."""
    if host is None:
        return ()
    uses = {network: Use(network, f"in use by {where}") for network, where in host.taken}
    for interface in host.interfaces:
        for address in interface.addresses:
            ours = interface.name.startswith(_DOCKERS) or address.ip.is_loopback
            if not ours:
                uses.setdefault(
                    address.network, Use(address.network, f"in use by interface {interface.name}")
                )
    return tuple(use for use in uses.values() if use.network.prefixlen > 0)


def free(prefixlen: int, taken: Iterable[IPv4Network]) -> IPv4Network | None:
    """A private subnet of this size that overlaps none of `taken`."""
    used = tuple(taken)
    return next(
        (found for found in _candidates(prefixlen) if not any(map(found.overlaps, used))), None
    )


def _candidates(prefixlen: int) -> Iterator[IPv4Network]:
    """Sizes of a LAN and of the transit pool; rarely used numbers first."""
    if prefixlen > 16:
        for third in (*range(77, 256), *range(2, 77)):
            yield IPv4Network((f"192.168.{third}.0", max(prefixlen, 24)), strict=False).supernet(
                new_prefix=prefixlen
            )
    for second in (*range(213, 256), *range(16, 213)):
        yield (
            IPv4Network(f"10.{second}.0.0/16").supernet(new_prefix=16)
            if prefixlen <= 16
            else (IPv4Network((f"10.{second}.0.0", prefixlen)))
        )
    for second in range(16, 32):
        yield IPv4Network((f"172.{second}.0.0", prefixlen))
