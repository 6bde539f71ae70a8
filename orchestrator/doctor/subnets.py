"""The home network's addresses must be nobody else's: neither the house's nor the host's."""

from __future__ import annotations

from ipaddress import IPv4Network

from orchestrator.config.subnets import Use, free, used_by_host
from orchestrator.doctor.machine import Machine, known
from orchestrator.doctor.words import Finding, Findings


def subnets(machine: Machine) -> Findings:
    """Each subnet of router.yaml against all that the host has, and by it the existing LAN."""
    wanted = known(machine.wanted)
    theirs = used_by_host(known(machine.host))
    taken = [use.network for use in theirs] + [network for network, _, _ in wanted.networks]
    clean = True
    for network, what, key in wanted.networks:
        for use in theirs:
            if network.overlaps(use.network):
                clean = False
                yield _collision(network, what, key, use, taken)
    if clean:
        ours = ", ".join(str(network) for network, _, _ in wanted.networks)
        yield Finding("subnets", "ok", f"{ours} overlap with nothing here")


def _collision(
    network: IPv4Network, what: str, key: str, use: Use, taken: list[IPv4Network]
) -> Finding:
    other = free(network.prefixlen, taken)
    value = ""
    if other is not None:
        value = f"{other.network_address + 1}/{other.prefixlen}" if key == "address" else str(other)
    return Finding(
        "subnets",
        "error",
        f"{what} {network} overlaps {use.network}, {use.what}",
        f"write `{key}: {value}` into router.yaml" if value else "choose another network",
    )
