"""The router's rules and routes at work: each device by its own way, and by no other."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.model import ConfiguredDevice
from orchestrator.render.router import PAGE_VISITS
from tests import golden_files
from tests.homes import TV
from tests.netns.world import (
    ECHO,
    PUBLIC_DNS,
    ROUTER_ADDRESS,
    SILENT,
    WEB,
    World,
    fails_with,
    until,
    world,
)

NO_HOST = errno.EHOSTUNREACH  # what a program sees of "administratively prohibited"
PROHIBITED = (3, 13)  # ICMP destination unreachable, communication administratively prohibited


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    """`tv` goes by `uk`, everybody else by `direct`."""
    with world(tmp_path) as built:
        built.switchboard.assign("tv", "uk")
        yield built


# --- what is loaded ------------------------------------------------------------------------------


def _listing(home: World) -> str:
    parts = {
        "nft list ruleset": _plain(home.router.run("nft list ruleset")),
        "ip rule": home.router.run("ip rule"),
        "ip route show table all": _routes(home.router.run("ip -4 route show table all")),
    }
    return "\n".join(f"# {command}\n{text.rstrip()}\n" for command, text in parts.items())


def _plain(listing: str) -> str:
    """Return a ruleset without what differs between versions of nft.

    That is the order of elements, and how a part of the header is compared.
    """

    def in_order(elements: re.Match[str]) -> str:
        inside = sorted(item.strip() for item in elements[1].split(","))
        return "elements = { " + ", ".join(inside) + " }"

    listing = listing.replace("frag-off & 0x3fff != 0x0", "frag-off & 16383 != 0")
    return re.sub(r"elements = \{([^}]*)\}", in_order, listing)


def _routes(listing: str) -> str:
    lines = (" ".join(line.split()) for line in listing.splitlines())
    return "\n".join(sorted(line for line in lines if not line.startswith("broadcast")))


def test_applying_twice_is_applying_once(home: World) -> None:
    home.apply()
    first = _listing(home)
    golden_files.check("router/namespace.txt", first)
    home.apply()
    home.apply("legs")
    assert _listing(home) == first


def test_nothing_is_forwarded_before_the_rules_are_loaded(tmp_path: Path) -> None:
    with World(tmp_path) as home:
        home.router.run("ip route add default via 10.213.1.2")  # as Docker does it
        before = _forwarding(home)
        with home.tv.udp(SILENT) as made:
            for _ in range(20):
                made.send(b"early")
        until(lambda: _forwarding(home)[0] >= before[0] + 20, "packets at the router")
        assert _forwarding(home)[1] == 0
        home.apply()
        with home.tv.udp(SILENT) as made:
            made.send(b"late")
        until(lambda: home.egresses["direct"].heard, "a packet at the egress")
        assert home.egresses["direct"].heard == [(b"late", home.tv.address)]
        assert home.router.run("ip route show default") == ""


def _forwarding(home: World) -> tuple[int, int]:
    """Return how many packets the router's IP received, and how many it forwarded."""
    names, values = (
        line.split()[1:]
        for line in home.router.run("cat /proc/net/snmp").splitlines()
        if line.startswith("Ip:")
    )
    counters = dict(zip(names, map(int, values), strict=True))
    return counters["InReceives"], counters["ForwDatagrams"]


# --- each device by its own way ------------------------------------------------------------------


def test_a_device_goes_by_its_own_egress_and_is_seen_as_itself(home: World) -> None:
    for device, egress in ((home.tv, "uk"), (home.laptop, "direct")):
        seen = f"{egress} {device.address}"
        assert device.asks_udp(ECHO) == seen
        assert device.asks_tcp(ECHO) == seen


@pytest.mark.parametrize("server", [PUBLIC_DNS, ROUTER_ADDRESS, "10.213.1.2", "10.213.2.2"])
def test_every_query_goes_to_the_destinations_own_resolver(home: World, server: str) -> None:
    for device, egress in ((home.tv, "uk"), (home.laptop, "direct")):
        seen = f"{egress} {device.address}"
        assert device.asks_udp(53, server) == seen
        assert device.asks_tcp(53, server) == seen


def test_encrypted_dns_on_its_own_port_is_refused(home: World) -> None:
    assert fails_with(NO_HOST, lambda: home.tv.tcp(853))
    assert home.tv.refusals(853, 1) == [PROHIBITED]


def test_a_device_that_may_hides_its_queries_but_from_its_own_destination_only(
    home: World,
) -> None:
    allowed = ConfiguredDevice(TV, "tv", dns_over_tls=True)
    home.config = replace(home.config, devices=(allowed,))
    home.render()
    home.apply()
    assert home.tv.asks_tcp(853) == home.tv.asks_udp(853) == f"uk {home.tv.address}"
    assert home.tv.refusals(853, 1, "10.213.2.2") == [PROHIBITED]
    assert fails_with(NO_HOST, lambda: home.laptop.tcp(853))
    assert home.laptop.refusals(853, 1) == [PROHIBITED]


def test_an_unknown_device_is_refused_everywhere(home: World) -> None:
    for host in (WEB, PUBLIC_DNS, "10.213.1.2"):
        for port in (ECHO, 853):
            assert home.stranger.refusals(port, 1, host) == [PROHIBITED]
            assert fails_with(NO_HOST, lambda h=host, p=port: home.stranger.tcp(p, h))  # type: ignore[misc]


def test_a_refusal_comes_for_every_packet(home: World) -> None:
    home.detach("uk")
    for device in (home.stranger, home.tv):
        assert device.refusals(ECHO, 400) == [PROHIBITED] * 400


@pytest.mark.parametrize("host", ["10.213.1.1", "10.213.1.2", "10.213.2.1", "10.213.2.2"])
def test_transit_addresses_are_out_of_a_devices_reach(home: World, host: str) -> None:
    assert home.tv.refusals(ECHO, 1, host) == [PROHIBITED]
    assert fails_with(NO_HOST, lambda: home.tv.tcp(ECHO, host))


def test_the_router_itself_answers_to_ping_and_nothing_else(home: World) -> None:
    home.tv.space.run(f"ping -c1 -W5 {ROUTER_ADDRESS}")
    for port in (22, 443, ECHO):
        assert fails_with(NO_HOST, lambda p=port: home.tv.tcp(p, ROUTER_ADDRESS))  # type: ignore[misc]


def test_a_borrowed_source_address_goes_nowhere(home: World) -> None:
    home.tv.space.run("ip addr add 198.51.100.7/32 dev lo")
    for source, text in (("198.51.100.7", b"borrowed"), (home.tv.address, b"own")):
        with home.tv.space.socket(socket.SOCK_DGRAM) as made:
            made.bind((source, 0))
            made.sendto(text, (WEB, SILENT))
    until(lambda: home.egresses["uk"].heard, "the second packet")
    assert home.egresses["uk"].heard == [(b"own", home.tv.address)]
    assert home.egresses["direct"].heard == []


def test_an_egress_can_begin_nothing(home: World) -> None:
    home.egress_spaces["uk"].run("ip route add 10.213.1.0/29 via 10.213.2.1")
    listener = home.tv.space.socket(socket.SOCK_DGRAM)
    listener.bind(("0.0.0.0", SILENT))
    with listener, home.egress_spaces["uk"].socket(socket.SOCK_DGRAM) as made:
        for target in ((home.tv.address, SILENT), ("10.213.1.2", SILENT), ("10.213.2.1", 53)):
            made.sendto(b"intruder", target)
        assert home.tv.asks_udp(ECHO) == f"uk {home.tv.address}"  # later by the same wires
        assert home.egresses["direct"].heard == []
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.recv(100)


def test_the_page_is_at_the_routers_address(home: World) -> None:
    assert home.tv.asks_tcp(80, ROUTER_ADDRESS) == f"page {ROUTER_ADDRESS}"
    assert home.stranger.asks_tcp(80, ROUTER_ADDRESS) == f"page {ROUTER_ADDRESS}"
    with home.egress_spaces["uk"].socket(socket.SOCK_STREAM) as made:
        made.setblocking(False)
        made.connect_ex(("10.213.2.1", 80))
        assert home.tv.asks_udp(ECHO) == f"uk {home.tv.address}"
        assert len(home.page.accepted) == 2


def test_no_device_takes_all_connections_to_the_page(home: World) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(PAGE_VISITS):
            stack.enter_context(home.tv.tcp(80, ROUTER_ADDRESS))
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                home.tv.tcp(80, ROUTER_ADDRESS)
        assert home.laptop.asks_tcp(80, ROUTER_ADDRESS) == f"page {ROUTER_ADDRESS}"
        assert home.tv.asks_udp(ECHO) == f"uk {home.tv.address}"
    until(lambda: _is_let_in(home), "those that were closed count no more")


def _is_let_in(home: World) -> bool:
    try:
        home.tv.tcp(80, ROUTER_ADDRESS).close()
    except ConnectionRefusedError:
        return False
    return True


# --- legs and destinations come and go -----------------------------------------------------------


def test_a_missing_leg_rejects_its_destination_and_no_other(home: World) -> None:
    with home.laptop.tcp(ECHO) as busy, busy.makefile() as stream:
        assert stream.readline() == f"direct {home.laptop.address}\n"
        home.detach("uk")
        assert home.apply() == "router: no leg to uk; its traffic is rejected\n"
        for host, port in ((WEB, ECHO), (PUBLIC_DNS, 53), (ROUTER_ADDRESS, 53)):
            assert fails_with(NO_HOST, lambda h=host, p=port: home.tv.tcp(p, h))  # type: ignore[misc]
            assert home.tv.refusals(port, 1, host) == [PROHIBITED]
        home.egresses["direct"].accepted[-1].sendall(b"still here\n")
        assert stream.readline() == "still here\n"
        home.attach("uk")
        home.apply("legs")
        assert home.tv.asks_udp(ECHO) == f"uk {home.tv.address}"


def test_a_removed_destination_leaves_no_rule_and_no_way(home: World) -> None:
    with home.laptop.tcp(ECHO) as busy, busy.makefile() as stream:
        stream.readline()
        home.reconfigure("direct")
        assert "1002" not in home.router.run("ip rule")
        assert "table 1002" not in home.router.run("ip route show table all")
        assert home.tv.refusals(ECHO, 3) == [PROHIBITED] * 3
        assert fails_with(NO_HOST, lambda: home.tv.tcp(ECHO))
        home.egresses["direct"].accepted[-1].sendall(b"still here\n")
        assert stream.readline() == "still here\n"
    home.reconfigure("direct", "uk")
    assert home.tv.asks_udp(ECHO) == f"uk {home.tv.address}"


def test_without_its_leg_in_the_home_the_router_says_so(home: World) -> None:
    home.router.run("ip link del lan0")
    with pytest.raises(AssertionError, match="router: no interface for lan after 1 s"):
        home.apply()
