"""What a neighbour on the uplink's segment sees of the router: nothing but a DHCP client.

Absence is looked for inside: on every leg of the router, and on the transit of the egress that the
packet was sent to, whose uplink leg must have seen it arrive.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from tests.containers import frames, home
from tests.containers.addresses import DESTINATIONS, inside_addresses
from tests.containers.router import Router

COMMON_UDP = "53,67,69,80,123,137,161,443,500,514,1194,1900,4500,5353,51820"
OWN = "192.168.178.50"
_WITH_IPV6 = "--sysctl=net.ipv6.conf.all.disable_ipv6=0"


@pytest.fixture
def neighbour(living_home: None) -> Iterator[str]:
    """A machine in the house's own network, where the uplink addresses are."""
    with home.guest("home-wan", _WITH_IPV6) as guest:
        home.run(guest, "ip", "address", "flush", "dev", "eth0")
        home.run(guest, "ip", "address", "add", f"{OWN}/24", "dev", "eth0")
        home.run(guest, "ping", "-c", "1", "-W", "2", "192.168.178.1")
        yield guest


@dataclass(frozen=True, slots=True)
class Target:
    """An egress as the segment of its uplink knows it; `leg` is its interface there."""

    container: str
    address: str
    mac: str
    leg: str


def target_of(router: Router, destination: str) -> Target:
    """Return where an egress is on its uplink."""
    container, address = f"manyways-egress-{destination}", router.uplink_address(destination)
    listing = home.run(container, "ip", "-4", "-oneline", "address", "show")
    found = re.search(rf"\d+: (\S+) +inet {re.escape(address)}/", listing)
    assert found, listing
    return Target(container, address, frames.mac_of(container, found[1]), found[1])


@contextlib.contextmanager
def watched(router: Router, container: str) -> Iterator[tuple[home.Capture, home.Capture]]:
    """Yield what the router's namespace and that of a container see of tagged packets."""
    with (
        home.Capture("any", frames.TAGGED, pid=router.pid("manyways-router")) as inside,
        home.Capture("any", frames.TAGGED, pid=router.pid(container)) as egress,
    ):
        yield inside, egress


def expect_only_arrivals(inside: home.Capture, egress: home.Capture, leg: str, count: int) -> None:
    """Send the marker by direct; before it nothing may have been but `count` arrivals on `leg`."""
    home.wait_for("they arrive", partial(_at_least, egress, count), 10)
    frames.send_marker("laptop")
    home.wait_for("the marker", lambda: any(f".{frames.MARKER} >" in x for x in inside.lines()), 10)
    strangers = [x for x in inside.lines() if f".{frames.MARKER} >" not in x]
    assert strangers == []
    others = [x for x in egress.lines() if f".{frames.MARKER} >" not in x]
    assert [x for x in others if not re.match(rf"{leg} +In ", x)] == []
    assert len(others) >= count


def _at_least(seen: home.Capture, count: int) -> bool:
    lines = seen.lines()
    assert len(lines) >= count, f"{len(lines)} of {count}: {lines[-3:]}"
    return True


def all_kinds(source: str, target: str) -> list[bytes]:
    """The tagged packets that one sends to find something open or somebody who answers."""
    return [
        *(frames.syn(source, target, port) for port in (53, 80, 443)),
        *(frames.udp(source, target, port) for port in (7, 53, 67, 5353)),
        frames.icmp(source, target, 8),
    ]


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_no_port_of_an_uplink_address_is_open(
    router: Router, neighbour: str, destination: str
) -> None:
    address = router.uplink_address(destination)
    scan = ("nmap", "-Pn", "-n", "--min-rate", "4000", "--max-retries", "1", "-oG", "-")
    tcp = home.run(neighbour, *scan, "-sS", "-p", "1-65535", address, timeout=200)
    assert re.search(r"Ports: |Ignored State: (filtered|closed) \(65535\)|Status: Up", tcp), tcp
    assert "/open/" not in tcp
    udp = home.run(neighbour, *scan, "-sU", "-p", COMMON_UDP, address, timeout=100)
    assert "/open/" not in udp


def test_the_scan_would_find_an_open_port(neighbour: str) -> None:
    """The house's own resolver is open to the house: the scanner must say so."""
    scan = ("nmap", "-Pn", "-n", "-p", "53", "-oG", "-", "192.168.178.1")
    assert "53/open/tcp" in home.run(neighbour, *scan, "-sS")
    assert "53/open/udp" in home.run(neighbour, *scan, "-sU")


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_packets_for_the_inside_end_at_the_egress(
    router: Router, neighbour: str, destination: str
) -> None:
    """As if the egress were a gateway, also with sources that only the inside has."""
    egress, mac = target_of(router, destination), frames.mac_of(neighbour)
    inside = inside_addresses(router)
    sources = (OWN, inside[0], *inside[3:6])
    packets = [
        packet
        for source in sources
        for target in (*inside, egress.address)
        if target != source
        for packet in all_kinds(source, target)
    ]
    with (
        home.Capture("mwh-wan1", f"{frames.TAGGED} and ether src {egress.mac}") as wire,
        watched(router, egress.container) as (in_router, in_egress),
    ):
        frames.send(
            neighbour, (frames.ether(egress.mac, mac, frames.IPV4, packet) for packet in packets)
        )
        expect_only_arrivals(in_router, in_egress, egress.leg, len(packets))
        assert [line for line in wire.lines() if f".{frames.MARKER} >" not in line] == []


def _unusual(target: str) -> list[bytes]:
    """What else a host might answer: ICMP's questions and orders, and other protocols."""
    inner = frames.syn(OWN, "192.168.77.1", 80)
    reset_route = bytes((192, 168, 178, 50)) + frames.syn(target, "198.51.100.80", 80)
    payloads = (
        (frames.SCTP, bytes.fromhex("128b0050000000000000000001000014") + bytes(16)),
        (frames.GRE, bytes.fromhex("00000800") + inner),
        (frames.IPIP, inner),
        (frames.ESP, bytes(32)),
        (frames.AH, bytes(24)),
        (frames.IGMP, bytes.fromhex("1164ee9b00000000")),
        (136, bytes(16)),  # UDP-Lite
        (253, bytes(16)),  # nobody's
    )
    questions = [frames.icmp(OWN, target, kind) for kind in (8, 10, 13, 15, 17)]
    return [
        *(frames.ipv4(OWN, target, number, payload) for number, payload in payloads),
        *questions,
        frames.icmp(OWN, target, 5, reset_route),
        frames.ipv4(OWN, "224.0.0.1", frames.IGMP, bytes.fromhex("1164ee9b00000000")),
        frames.icmp(OWN, "255.255.255.255", 8),
    ]


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_nothing_but_arp_is_answered(router: Router, neighbour: str, destination: str) -> None:
    egress, mac = target_of(router, destination), frames.mac_of(neighbour)
    answers = f"ether src {egress.mac} and (ether dst {mac} or ether multicast)"
    answers += " and not port 67"
    with home.Capture("eth0", answers, pid=router.pid(neighbour)) as seen:
        for packet in _unusual(egress.address):
            frames.send(neighbour, [frames.ether(egress.mac, mac, frames.IPV4, packet)])
        frames.send(neighbour, [frames.arp_request(mac, OWN, egress.address)])
        home.wait_for("the answer to ARP", seen.lines, 10)
        assert [line for line in seen.lines() if not line.startswith("ARP, ")] == []
    assert OWN not in home.run(egress.container, "ip", "route", "get", "198.51.100.80")


def test_the_house_itself_answers_a_ping(neighbour: str) -> None:
    """So the questions above are well formed."""
    mac, house = frames.mac_of(neighbour), "02:4d:57:01:00:01"
    pid = home.docker("inspect", "-f", "{{.State.Pid}}", neighbour).strip()
    with home.Capture("eth0", f"ether src {house} and icmp", pid=pid) as seen:
        for kind in (8, 13):
            packet = frames.icmp(OWN, "192.168.178.1", kind)
            frames.send(neighbour, [frames.ether(house, mac, frames.IPV4, packet)])
        home.wait_for("an answer", lambda: any("echo reply" in x for x in seen.lines()), 10)
        home.wait_for("a time", lambda: any("time stamp reply" in x for x in seen.lines()), 10)


def test_no_foreign_address_is_answered_for_in_arp(router: Router, neighbour: str) -> None:
    mac = frames.mac_of(neighbour)
    tunnel = home.run("manyways-egress-uk", "ip", "-4", "-oneline", "address", "show", "tun0")
    foreign = [*inside_addresses(router), re.findall(r"inet ([\d.]+)", tunnel)[0], "127.0.0.1"]
    own = [router.uplink_address(destination) for destination in DESTINATIONS]
    with home.Capture(
        "eth0", f"arp[6:2] == 2 and ether dst {mac}", pid=router.pid(neighbour)
    ) as seen:
        for address in (*foreign, *own):
            frames.send(neighbour, [frames.arp_request(mac, OWN, address)])
        for address in own:
            home.wait_for(address, lambda a=address: f"Reply {a} is-at" in "\n".join(seen.lines()))  # type: ignore[misc]
        assert len(seen.lines()) == len(own), seen.lines()


def _ipv6(mac: str, targets: dict[str, str]) -> list[bytes]:
    """Questions to everybody, and to each {MAC: link-local address} that an egress would have."""
    own = frames.link_local(mac)
    advertised = bytes.fromhex("40c0070800000000000000000304") + bytes.fromhex(
        "40c0000151800000384000000000"
    )
    advertisement = advertised + bytes.fromhex("20010db8007700000000000000000000")
    everybody = [
        (frames.ALL_NODES, frames.icmpv6(own, frames.ALL_NODES, 128, bytes(8))),
        (frames.ALL_ROUTERS, frames.icmpv6(own, frames.ALL_ROUTERS, 133, bytes(4))),
        (frames.ALL_NODES, frames.icmpv6(own, frames.ALL_NODES, 134, advertisement)),
    ]
    found = [
        frames.ether(f"33:33:00:00:00:0{target[-1]}", mac, frames.IPV6, packet)
        for target, packet in everybody
    ]
    for theirs, address in targets.items():
        raw = ipaddress.ip_address(address).packed
        group = f"ff02::1:ff{raw[13]:02x}:{raw[14]:02x}{raw[15]:02x}"
        link = bytes.fromhex("0101" + mac.replace(":", ""))
        asked = frames.icmpv6(own, group, 135, bytes(4) + raw + link)
        heard = f"33:33:ff:{raw[13]:02x}:{raw[14]:02x}:{raw[15]:02x}"
        found.append(frames.ether(heard, mac, frames.IPV6, asked))
        questions = (
            *(frames.syn6(own, address, port) for port in (53, 80, 443)),
            frames.icmpv6(own, address, 128, bytes(8)),
        )
        found += (frames.ether(theirs, mac, frames.IPV6, packet) for packet in questions)
    return found


def test_ipv6_is_answered_by_no_leg_of_ours(router: Router, neighbour: str) -> None:
    mac = frames.mac_of(neighbour)
    egresses = [target_of(router, destination) for destination in DESTINATIONS]
    with home.guest("home-wan", _WITH_IPV6) as witness:
        tentative = ("ip", "-6", "address", "show", "dev", "eth0", "-tentative")
        home.wait_for("its address is its own", lambda: home.run(witness, *tentative), 10)
        theirs = frames.mac_of(witness)
        everybody = [*(egress.mac for egress in egresses), theirs]
        with home.Capture("eth0", "ip6", pid=router.pid(neighbour), macs=True) as seen:
            frames.send(neighbour, _ipv6(mac, {m: frames.link_local(m) for m in everybody}))
            home.wait_for(
                "the witness answers",
                lambda: any(x.startswith(theirs) and "echo reply" in x for x in seen.lines()),
                10,
            )
            ours = tuple(egress.mac for egress in egresses)
            assert [line for line in seen.lines() if line.startswith(ours)] == []
    for egress in egresses:
        assert home.run(egress.container, "ip", "-6", "address", "show", "dev", egress.leg) == ""


# --- from the provider's end of the tunnel -------------------------------------------------------


@pytest.fixture
def provider(router: Router) -> Iterator[str]:
    """The uk provider, sending into the tunnel whatever is for the home's own networks."""
    networks = ("192.168.77.0/24", "10.213.0.0/16")
    home.wait_for("uk is up", lambda: router.destination("uk")["state"] == "ok", 60)
    for network in networks:
        home.run("vpn-uk", "ip", "route", "replace", network, "dev", "tun0")
    try:
        yield "vpn-uk"
    finally:
        for network in networks:
            home.run("vpn-uk", "ip", "route", "del", network)


def _tunnel_address() -> str:
    listing = home.run("manyways-egress-uk", "ip", "-4", "-oneline", "address", "show", "tun0")
    found = re.search(r"inet (10\.81\.0\.\d+)/", listing)
    assert found, listing
    return found[1]


def test_no_port_is_open_towards_the_vpn_provider(provider: str) -> None:
    address = _tunnel_address()
    scan = ("nmap", "-Pn", "-n", "--min-rate", "4000", "--max-retries", "1", "-oG", "-")
    tcp = home.run(provider, *scan, "-sS", "-p", "1-65535", address, timeout=300)
    assert "Status: Up" in tcp, tcp
    assert "/open/" not in tcp
    udp = home.run(provider, *scan, "-sU", "-p", COMMON_UDP, address, timeout=100)
    assert "/open/" not in udp


def test_the_vpn_provider_reaches_nothing_inside(router: Router, provider: str) -> None:
    """Its packets come out of the tunnel, and end there; forged sources are no help."""
    router.assign("tv", "uk")
    inside, address = inside_addresses(router), _tunnel_address()
    sources = ("10.81.0.1", "198.51.100.80", inside[0], inside[3], inside[4])
    packets = [
        packet
        for source in sources
        for target in (*inside, address)
        if target != source
        for packet in all_kinds(source, target)
    ]
    with watched(router, "manyways-egress-uk") as (in_router, in_egress):
        # A tunnel's queue is short: what it drops would prove nothing.
        for end in range(0, len(packets), 50):
            frames.send_packets(provider, packets[end : end + 50])
            arrived = min(end + 50, len(packets))
            home.wait_for("they arrive", partial(_at_least, in_egress, arrived), 10)
        expect_only_arrivals(in_router, in_egress, "tun0", len(packets))
