"""Can the judge find a leak? One protection at a time is switched off, and it must find one.

Each case is a fault that may happen, and the protection that stands against it. With the fault
alone nothing may leak; with the fault and without the protection the leak must be found.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.containers import home
from tests.containers.router import Router
from tests.leaks.oracle import Leak
from tests.leaks.world import World, watched

ROUTER, UK = "manyways-router", "manyways-egress-uk"
TABLE = "inet manyways"
WATCH_S = 2.0  # how long the fault alone is watched
FOUND_S = 15.0
UPLINK, TRANSIT = "192.168.178.", "10.213."


def _nft(container: str, *words: str) -> str:
    return home.run(container, "nft", *words)


def _leg(container: str, network: str) -> str:
    """Return the interface that has an address of a network."""
    listing = home.run(container, "ip", "-4", "-o", "address")
    found = re.search(rf"\d+: (\S+) +inet {re.escape(network)}", listing)
    assert found, listing
    return found[1]


def _delete_rules(container: str, chain: str, text: str) -> None:
    """Delete the rules of a chain that contain a text; at least one must be there."""
    listing = _nft(container, "-a", "list", "chain", *TABLE.split(), chain)
    handles = [line.split("# handle ")[1] for line in listing.splitlines() if text in line]
    assert handles, f"no rule of {chain} says {text}:\n{listing}"
    for handle in handles:
        _nft(container, "delete", "rule", *TABLE.split(), chain, "handle", handle)


def _weaken_rules(container: str, chain: str, match: str) -> None:
    """Take a match out of the rules of a chain that have it; at least one must be there."""
    listing = _nft(container, "-a", "list", "chain", *TABLE.split(), chain)
    found = [line.split(" # handle ") for line in listing.splitlines() if match in line]
    assert found, f"no rule of {chain} says {match}:\n{listing}"
    for rule, handle in found:
        weaker = rule.replace(match, "").split()
        _nft(container, "replace", "rule", *TABLE.split(), chain, "handle", handle, *weaker)


# --- faults: what may go wrong one day -----------------------------------------------------------


def _switch_without_flush(world: World) -> None:
    """Tv is switched to uk as by an orchestrator that dies between transaction and flush."""
    mac = world.macs["tv"]
    elements = _nft(ROUTER, "list", "map", *TABLE.split(), "device_mark")
    found = re.search(rf"{mac} : (0x[0-9a-f]+)", elements)
    assert found, elements
    old = int(found[1], 16)
    slot = next(s for s in range(1, 10) if world.destination_of(s) == "uk")
    new = (old + (1 << 20)) & ~0xFF | slot
    home.docker("pause", "manyways-orchestrator")
    switch = world.history.request("tv", "uk", time.time())
    commands = "\n".join(
        f"{verb} element {TABLE} {name} {{ {element} }}"
        for verb, mark in (("delete", old), ("add", new))
        for name, element in (
            ("device_mark", f"{mac} : {mark:#010x}"),
            ("sender", f"{mac} . {mark:#010x}"),
            ("live_mark", f"{mark:#010x}"),
        )
    )  # fmt: skip
    _nft(ROUTER, commands)
    switch.receipt_at = time.time()


def _default_route_by_the_uplink(world: World) -> None:
    """Somebody gives the egress of a VPN a default route by its uplink, for the home's packets."""
    world.assign("tv", "uk")
    world.wait_until_served("tv", 20)
    uplink = _leg(UK, UPLINK)
    route = ("via", "192.168.178.1", "dev", uplink, "onlink", "table", "100")
    home.run(UK, "ip", "route", "replace", "default", *route)


def _resolver_of_the_house(world: World) -> None:
    """The egress' dnsmasq is told to ask the house's resolver, past the tunnel."""
    world.assign("tv", "uk")
    world.wait_until_served("tv", 20)
    server = f"server=192.168.178.1@{_leg(UK, UPLINK)}"
    home.run(UK, "sh", "-c", f"echo {server} > /run/manyways/servers")
    processes = home.docker("top", UK, "-eo", "pid,comm").splitlines()
    (pid,) = (line.split()[0] for line in processes if line.split()[1] == "dnsmasq")
    home.host("kill", "-HUP", pid)


def _stubborn_devices(world: World) -> None:
    """Devices ask a server of their own choice, openly and hidden: they always do."""
    world.assign("tv", "uk")
    world.wait_until_served("tv", 20)


# --- protections, switched off -------------------------------------------------------------------


def _no_filter() -> None:
    _weaken_rules(ROUTER, "forward", "ct mark @live_mark ")
    _weaken_rules(ROUTER, "from_device", "ether saddr . ct mark @sender ")


def _no_kill_switch() -> None:
    legs = ("iifname", _leg(UK, TRANSIT), "oifname", _leg(UK, UPLINK))
    _nft(UK, "insert", "rule", *TABLE.split(), "forward", *legs, "accept")
    _nft(UK, "flush", "chain", *TABLE.split(), "wires")


def _no_redirection() -> None:
    _delete_rules(ROUTER, "redirection", "@resolver")


def _no_refusal_of_hidden_dns() -> None:
    _delete_rules(ROUTER, "from_device", "dport 853")


def _no_allow_list() -> None:
    _nft(UK, "insert", "rule", *TABLE.split(), "output", "oifname", _leg(UK, UPLINK), "accept")


@dataclass(frozen=True, slots=True)
class Case:
    """A fault, the protection against it, and the wires on one of which the leak must be seen."""

    fault: Callable[[World], None]
    switch_off: Callable[[], None]
    kinds: frozenset[str]
    container: str


CASES = {
    "filter": Case(
        _switch_without_flush, _no_filter, frozenset({"transit", "uplink", "leg"}), ROUTER
    ),
    "kill switch": Case(
        _default_route_by_the_uplink, _no_kill_switch, frozenset({"uplink"}), UK
    ),
    "DNS redirect": Case(_stubborn_devices, _no_redirection, frozenset({"log"}), ROUTER),
    "refusal of hidden DNS": Case(
        _stubborn_devices, _no_refusal_of_hidden_dns, frozenset({"transit"}), ROUTER
    ),
    "uplink allow-list": Case(_resolver_of_the_house, _no_allow_list, frozenset({"log"}), UK),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_without_one_protection_the_leak_is_found(router: Router, name: str) -> None:
    case = CASES[name]
    try:
        with watched() as world:
            case.fault(world)
            _expect_none(world)
            case.switch_off()
            leaks = home.wait_for(f"a leak without the {name}", world.look, FOUND_S)
            _expect_right_ones(leaks, case)
        shutil.rmtree(world.directory)  # it is kept where something leaked, and here that is meant
    finally:
        _repair(case.container)
        router.wait_until_healthy()


def _expect_none(world: World) -> None:
    """Watch the fault with every protection in place, for as long as packets of all kinds take."""
    deadline = time.monotonic() + WATCH_S
    while time.monotonic() < deadline:
        world.expect_no_leak()


def _expect_right_ones(leaks: list[Leak], case: Case) -> None:
    seen = {leak.sighting.wire.kind for leak in leaks}
    assert seen & case.kinds, "\n".join(map(str, leaks[:5]))


def _repair(container: str) -> None:
    home.host("docker", "unpause", "manyways-orchestrator")
    # Its next start loads everything from its files again.
    home.docker("restart", "--time", "1", container)
