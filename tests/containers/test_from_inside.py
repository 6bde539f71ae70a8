"""What a device can reach besides its own destination: the router's page and resolver, no more."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import frames, home
from tests.containers.addresses import inside_addresses, lan_leg, uplink_addresses
from tests.containers.router import Router

HARD_CODED = "198.51.100.88"
_ANSWERS = f"dst port {frames.TAG} or icmp[icmptype] == icmp-echoreply"


@pytest.fixture
def host_server() -> Iterator[tuple[str, int]]:
    """A TCP server at an address of the host's own, as any of its services would be."""
    address = "203.0.113.7"
    home.host("ip", "link", "add", "mwh-own0", "type", "veth", "peer", "name", "mwh-own1")
    home.host("ip", "address", "add", f"{address}/32", "dev", "mwh-own0")
    home.host("ip", "link", "set", "mwh-own1", "up")
    home.host("ip", "link", "set", "mwh-own0", "up")
    try:
        with socket.create_server((address, 0)) as server:
            yield address, server.getsockname()[1]
    finally:
        home.host("ip", "link", "del", "mwh-own0")


def test_a_device_cannot_reach_the_host(router: Router, host_server: tuple[str, int]) -> None:
    """Not by its addresses, and not by the MAC address of the LAN port either."""
    address, port = host_server
    with socket.create_connection(host_server, timeout=5):
        pass  # it does listen
    mac = Path("/sys/class/net/mwh-lan0/address").read_text().strip()
    neighbour = ("192.168.77.77", "lladdr", mac, "dev", "eth0")
    home.run("tv", "ip", "neighbour", "replace", *neighbour)
    home.run("tv", "ip", "route", "replace", address, "via", neighbour[0], "dev", "eth0", "onlink")
    try:
        url = f"http://{address}:{port}/"
        done = home.attempt("tv", "curl", "-sS", "--max-time", "2", url)
        assert done.returncode == 28, done
    finally:
        home.run("tv", "ip", "route", "del", address)
        home.run("tv", "ip", "neighbour", "del", neighbour[0], "dev", "eth0")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.168.77.1", {"53", "80"}),  # the router: names and the page
        ("192.168.77.253", {"80"}),  # the page itself
        ("192.168.77.252", {"53"}),  # the DHCP server: the home's names
    ],
)
def test_a_device_finds_the_page_and_the_resolver_open(
    router: Router, address: str, expected: set[str]
) -> None:
    """And with them neither the control socket nor Docker's."""
    scan = ("nmap", "-Pn", "-n", "-sS", "--min-rate", "4000", "--max-retries", "1", "-oG", "-")
    found = home.run("tv", *scan, "-p", "1-65535", address, timeout=200)
    assert "Status: Up" in found
    assert set(re.findall(r"(\d+)/open/tcp", found)) == expected


@pytest.mark.parametrize(
    "path", ["/api/v1/plan", "/api/v1/logs/uk", "/api/v1/down", "/control.sock"]
)
def test_the_page_does_not_pass_on_the_control_api(router: Router, path: str) -> None:
    for method in ("GET", "POST"):
        done = home.run(
            *("tv", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", method),
            f"http://192.168.77.1{path}",
        )
        assert done in {"403", "404", "405"}, done


@contextlib.contextmanager
def _straight_to(addresses: list[str]) -> Iterator[None]:
    """Let tv look for these addresses on its own segment, by ARP."""
    for address in addresses:
        home.run("tv", "ip", "route", "replace", address, "dev", "eth0", "scope", "link")
    try:
        yield
    finally:
        for address in addresses:
            home.run("tv", "ip", "route", "del", address)


@pytest.mark.parametrize("destination", ["direct", "uk"])
def test_the_transits_are_refused_and_nothing_gets_there(router: Router, destination: str) -> None:
    """Both ends of each, and each egress' address on its uplink, the device's own included."""
    router.assign("tv", destination)
    transits = [a for a in inside_addresses(router) if a.startswith("10.213.")]
    targets = [*transits, *uplink_addresses(router)]
    source, mac = home.address("tv"), frames.mac_of("tv")
    gateway = frames.mac_of("manyways-router", lan_leg())
    packets = [
        packet
        for target in targets
        for packet in (
            *(frames.syn(source, target, port) for port in (53, 80, 443)),
            *(frames.udp(source, target, port) for port in (7, 67, 5353)),
            frames.icmp(source, target, 8),
        )
    ]
    with contextlib.ExitStack() as stack:
        inputs = {
            name: stack.enter_context(
                home.Capture("any", f"{frames.TAGGED} and not src port 53", pid=router.pid(name))
            )
            for name in (f"manyways-egress-{d}" for d in ("direct", "uk", "de"))
        }
        answers = stack.enter_context(home.Capture("eth0", _ANSWERS, pid=router.pid("home-tv")))
        frames.send("tv", (frames.ether(gateway, mac, frames.IPV4, packet) for packet in packets))
        frames.send_marker("laptop")
        direct = inputs["manyways-egress-direct"]
        home.wait_for(
            "the marker", lambda: any(f".{frames.MARKER} >" in x for x in direct.lines()), 10
        )
        # A query is redirected, so the resolver's answer shows that answers would be seen.
        home.wait_for("a resolver", lambda: any(".53 > " in x for x in answers.lines()), 10)
        assert [x for x in answers.lines() if "Flags [R" not in x and ".53 > " not in x] == []
        for seen in inputs.values():
            # By direct one comes to the other uplink addresses as any neighbour there does.
            assert [x for x in seen.lines() if "> 10.213." in x and ".53: " not in x] == []
        for other in {"direct", "uk", "de"} - {destination}:
            lines = inputs[f"manyways-egress-{other}"].lines()
            assert [x for x in lines if f"IP {source}.{frames.TAG}" in x] == []


def test_a_query_to_another_egress_reaches_the_own_resolver(router: Router) -> None:
    router.assign("tv", "direct")
    others = [a for a in inside_addresses(router) if a.startswith("10.213.") and a.endswith(".2")]
    for server in (*others, *uplink_addresses(router), HARD_CODED):
        for options in ((), ("+tcp",)):
            name = home.unique()
            home.run("tv", "dig", "+short", "+tries=1", "+time=5", f"@{server}", *options, name)
            assert set(home.asked(name)) == {"house", "isp"}, server


def test_no_leg_on_the_lan_answers_arp_for_another_address(router: Router) -> None:
    transits = [a for a in inside_addresses(router) if a.startswith("10.213.")]
    foreign = [*transits, *uplink_addresses(router)]
    mac, own = frames.mac_of("tv"), home.address("tv")
    answers = f"arp[6:2] == 2 and ether dst {mac}"
    with home.Capture("eth0", answers, pid=router.pid("home-tv")) as seen:
        for address in (*foreign, "192.168.77.1"):
            frames.send("tv", [frames.arp_request(mac, own, address)])
        home.wait_for("the router's own", lambda: "192.168.77.1 is-at" in "\n".join(seen.lines()))
        assert not [x for x in seen.lines() if any(f"Reply {a} is-at" in x for a in foreign)]


def test_anothers_address_does_not_give_anothers_destination(router: Router) -> None:
    """Tv (uk) begins connections with the phone's address; the phone (de) goes on meanwhile."""
    router.assign("tv", "uk")
    victim = home.address("phone")
    mac, gateway = frames.mac_of("tv"), frames.mac_of("manyways-router", lan_leg())
    packets = [
        *(frames.udp(victim, "198.51.100.80", port) for port in (7, 9, 4000)),
        *(frames.syn(victim, "198.51.100.80", port) for port in (80, 4000)),
        frames.icmp(victim, "198.51.100.80", 8),
    ]
    pids = {d: router.pid(f"manyways-egress-{d}") for d in ("direct", "de")}
    with (
        home.Capture("any", frames.TAGGED, pid=pids["direct"]) as direct,
        home.Capture("any", frames.TAGGED, pid=pids["de"]) as de,
        home.Capture("mwh-lan1", frames.TAGGED) as wire,
    ):
        frames.send("tv", (frames.ether(gateway, mac, frames.IPV4, packet) for packet in packets))
        home.wait_for("they are sent", lambda: len(wire.lines()) >= len(packets), 10)
        for device, seen in (("laptop", direct), ("phone", de)):
            frames.send_marker(device)
            home.wait_for(
                f"{device}'s marker",
                lambda s=seen: any(f".{frames.MARKER} >" in x for x in s.lines()),  # type: ignore[misc]
                10,
            )
            assert [x for x in seen.lines() if f".{frames.MARKER} >" not in x] == []
    assert home.seen_as("phone") == home.PUBLIC_ADDRESS["de"]
