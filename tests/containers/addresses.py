"""Where everything of the router is: what an attacker would like to know, so tests ask for it."""

from __future__ import annotations

import re

from tests.containers import home
from tests.containers.router import Router

DESTINATIONS = ("direct", "uk", "de")


def inside_addresses(router: Router) -> list[str]:
    """Every address behind the egresses: services, a device, both ends of each transit."""
    listing = home.run("manyways-router", "ip", "-4", "-oneline", "address", "show")
    transits = re.findall(r"inet (10\.213\.\d+\.)1/", listing)
    assert len(transits) == len(DESTINATIONS), listing
    ends = [f"{transit}{end}" for transit in transits for end in (1, 2)]
    services = ["192.168.77.1", "192.168.77.252", "192.168.77.253"]
    return [*services, router.devices()["tv"]["address"], *ends]


def uplink_addresses(router: Router) -> list[str]:
    """Return the address of each egress on its uplink."""
    return [router.uplink_address(destination) for destination in DESTINATIONS]


def lan_leg() -> str:
    """Return the name of the router's leg on the home network."""
    listing = home.run("manyways-router", "ip", "-4", "-oneline", "address", "show")
    found = re.search(r"\d+: (\S+) +inet 192\.168\.77\.1/", listing)
    assert found, listing
    return found[1]
