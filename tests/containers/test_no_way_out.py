"""Nothing that the simulated home sends can leave the machine, not even when it tries."""

from __future__ import annotations

import contextlib
import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.config import load
from tests.containers import home

pytestmark = pytest.mark.containers

OUTSIDE_ADDRESS = "203.0.113.99"  # nobody has it


@pytest.fixture(scope="module", autouse=True)
def _home() -> Iterator[None]:
    with home.kept():
        yield


# Each machine's legs on the wires: Docker network -> the host's end that hears its frames.
OTHER_END = {
    "home-lan": "mwh-lan0",
    "home-wan": "mwh-wan0",
    "home-internet": "mwh-inet0",
    "home-internet-house": "mwh-inet1",
}
OURS = "src net (192.168.77.0/24 or 192.168.178.0/24 or 198.51.100.0/24 or 10.81.0.0/16 or "
OURS += "10.82.0.0/16 or 10.99.0.0/16 or 10.213.0.0/16)"


def _legs(machine: str) -> dict[str, str]:
    """Return {Docker network: interface name} of a machine."""
    inspected = json.loads(home.docker("inspect", f"home-{machine}"))[0]
    links = json.loads(home.run(machine, "ip", "-j", "link"))
    names = {link.get("address"): link["ifname"] for link in links}
    networks = inspected["NetworkSettings"]["Networks"]
    return {network: names[value["MacAddress"]] for network, value in networks.items()}


def _host_addresses() -> list[str]:
    """The host's own addresses on the way out."""
    links = json.loads(home.host("ip", "-j", "-4", "address").stdout)
    found = [i["local"] for x in links if x["ifname"] in _outside() for i in x["addr_info"]]
    assert found, "the host has no address to try"
    return found


def _outside() -> set[str]:
    """The host's interfaces that lead out: those with hardware, and that of the default route."""
    routes = json.loads(home.host("ip", "-j", "-4", "route", "show", "default").stdout)
    hardware = {path.parent.name for path in Path("/sys/class/net").glob("*/device")}
    return hardware | {route["dev"] for route in routes}


@pytest.mark.parametrize("machine", home.MACHINES)
def test_nobody_has_a_route_out(machine: str) -> None:
    for route in json.loads(home.run(machine, "ip", "-j", "-4", "route")):
        gateway = route.get("gateway", "192.168.77.1")
        assert gateway == "192.168.77.1", f"{machine}: {route}"
        if route["dst"] != "default":
            network = ipaddress.ip_network(route["dst"])
            assert not any(ipaddress.ip_address(a) in network for a in _host_addresses())


@pytest.mark.parametrize("machine", home.MACHINES)
def test_not_even_a_forced_packet_gets_out(machine: str) -> None:
    """Point a route at the host's own end of the wire, by MAC, and look what comes of it."""
    wires = {n: leg for n, leg in _legs(machine).items() if n in OTHER_END}
    assert wires
    with home.Capture("any", f"icmp and ({OURS} or dst host {OUTSIDE_ADDRESS})") as capture:
        for network, leg in wires.items():
            end = OTHER_END[network]
            mac = Path(f"/sys/class/net/{end}/address").read_text().strip()
            targets = (OUTSIDE_ADDRESS, *_host_addresses())
            with _forced_routes(machine, leg, mac, targets):
                for target in targets:
                    ping = home.attempt(machine, *_PING, target)
                    assert ping.returncode != 0, f"{machine} reached {target}: {ping.stdout}"
                    home.wait_for(
                        f"the attempt on {end}",
                        lambda end=end, target=target: any(  # type: ignore[misc]
                            line.startswith(end) and f"> {target}: ICMP echo request" in line
                            for line in capture.lines()
                        ),
                    )
        passed = [line for line in capture.lines() if line.split()[0] in _outside()]
    assert passed == []


_PING = ("ping", "-n", "-c", "1", "-W", "1")


@contextlib.contextmanager
def _forced_routes(machine: str, leg: str, mac: str, targets: tuple[str, ...]) -> Iterator[None]:
    """Route to a neighbour with this MAC; from an address that the machine may lack."""
    spare = "192.168.77.230"  # a device has no address while there is no router
    gateway = "198.51.100.250"
    run = home.run
    borrowed = not home.address(machine)
    if borrowed:
        run(machine, "ip", "address", "add", f"{spare}/24", "dev", leg)
    run(machine, "ip", "route", "add", gateway, "dev", leg)
    run(machine, "ip", "neighbour", "replace", gateway, "lladdr", mac, "dev", leg)
    for target in targets:
        run(machine, "ip", "route", "add", target, "via", gateway, "dev", leg)
    try:
        yield
    finally:
        for target in targets:
            run(machine, "ip", "route", "del", target)
        run(machine, "ip", "neighbour", "del", gateway, "dev", leg)
        run(machine, "ip", "route", "del", gateway, "dev", leg)
        if borrowed:
            run(machine, "ip", "address", "del", f"{spare}/24", "dev", leg)


@pytest.mark.parametrize("machine", home.MACHINES)
def test_the_host_answers_no_arp(machine: str) -> None:
    for network, leg in _legs(machine).items():
        if network not in OTHER_END:
            continue
        for target in _host_addresses():
            question = f"arp and arp[24:4] == {_number(target)}"
            with home.Capture(OTHER_END[network], question) as seen:
                home.run(machine, "ip", "route", "add", target, "dev", leg)
                try:
                    home.attempt(machine, *_PING, "-I", leg, target)
                finally:
                    home.run(machine, "ip", "route", "del", target, "dev", leg)
                home.wait_for("the question", lambda: any("Request" in x for x in seen.lines()))
                assert not [line for line in seen.lines() if "Reply" in line]


def _number(address: str) -> int:
    return int(ipaddress.ip_address(address))


@pytest.mark.parametrize("machine", home.MACHINES)
def test_dockers_resolver_asks_nobody_outside(machine: str) -> None:
    """It would ask the host's resolver if the home did not tell it another one."""
    name = home.unique("no-way-out.test")
    with home.Capture("any", "udp port 53") as capture:
        home.attempt(machine, "dig", "+time=1", "+tries=1", "@127.0.0.11", name)
        home.attempt("internet", "dig", "+short", "@198.51.100.53", f"marker.{name}")
        home.wait_for("the marker", lambda: any(f"marker.{name}" in x for x in capture.lines()))
        found = [line for line in capture.lines() if name in line]
    assert [line for line in found if line.split()[0] in {*_outside(), "lo"}] == []


def test_the_router_of_the_home_asks_nobody_real() -> None:
    """Whether there is an internet: a real router asks the root servers of the DNS."""
    config = load(home.REPOSITORY / ".demo" / "config", None)
    asked = [address for d in config.destinations for address in d.internet_probe]
    assert asked
    assert [a for a in asked if a not in ipaddress.ip_network("198.51.100.0/24")] == []


def test_the_forwarders_leg_to_the_host_may_only_answer() -> None:
    leg = _legs("forwarder")["home-browser"]
    inspected = json.loads(home.docker("network", "inspect", "home-browser"))[0]
    gateway = inspected["IPAM"]["Config"][0]["Gateway"]
    refused = home.attempt("forwarder", *_PING, gateway)
    assert refused.returncode != 0
    with home.Capture("any", f"icmp and ({OURS} or dst host {OUTSIDE_ADDRESS})") as capture:
        home.run("forwarder", "ip", "route", "add", OUTSIDE_ADDRESS, "via", gateway, "dev", leg)
        try:
            refused = home.attempt("forwarder", *_PING, OUTSIDE_ADDRESS)
        finally:
            home.run("forwarder", "ip", "route", "del", OUTSIDE_ADDRESS)
        home.run("internet", *_PING, "198.51.100.53")
        home.wait_for("the marker", lambda: any("198.51.100.53" in x for x in capture.lines()))
        assert not [line for line in capture.lines() if OUTSIDE_ADDRESS in line]
    assert refused.returncode != 0
