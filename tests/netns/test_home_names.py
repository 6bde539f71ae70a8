"""Who has no way out still asks for the home's names, and nobody is kept from its own resolver."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.addressing import egress_container
from orchestrator.desired import status_file
from orchestrator.render.marks import mark_changes, shut_slots
from orchestrator.render.router import HOME_MARK
from orchestrator.runtime.engine import ContainerEvent
from orchestrator.store import live_marks
from tests.homes import TV
from tests.netns.world import (
    ECHO,
    PUBLIC_DNS,
    ROUTER_ADDRESS,
    SILENT,
    STRANGER,
    WEB,
    Device,
    World,
    fails_with,
    world,
)

PROHIBITED = (3, 13)
NO_HOST = errno.EHOSTUNREACH
NAMES = f"names {ROUTER_ADDRESS}"  # the resolver sees the router, as the page does
ANSWERED = '{{"updated": {}, "uplink": {{"state": "up"}}, "dns": {{"state": "ok"}}}}'


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    """`tv` goes by `uk`, everybody else by `direct`."""
    with world(tmp_path) as built:
        built.switchboard.assign("tv", "uk")
        yield built


def _shut(home: World) -> None:
    home.gates.saw(ContainerEvent(egress_container("uk"), "die", ""))


def _open(home: World) -> None:
    home.now += 2
    home.volume.write(status_file("uk"), ANSWERED.format(home.now - 1))
    home.gates.open_the_ready()


def _pause(home: World) -> None:
    home.switchboard.pause("uk")


def _resume(home: World) -> None:
    home.switchboard.pause("uk", pause=False)


def _lose_choice(home: World) -> None:
    home.reconfigure("direct")


def _choose_again(home: World) -> None:
    home.reconfigure("direct", "uk")


def _choose_another(home: World) -> None:
    home.switchboard.assign("tv", "direct")
    home.switchboard.pause("uk", pause=False)
    home.switchboard.assign("tv", "uk")


Act = Callable[[World], None]
OUTAGES: tuple[tuple[Act, Act], ...] = (
    (_shut, _open),
    (_pause, _resume),
    (_pause, _choose_another),
    (_lose_choice, _choose_again),
)


def _asks_everywhere(device: Device) -> set[str]:
    """Return who answers queries to the router, to a public server and to a transit's address."""
    return {
        asks(53, server)
        for asks in (device.asks_udp, device.asks_tcp)
        for server in (ROUTER_ADDRESS, PUBLIC_DNS, "10.213.1.2", "10.213.2.2")
    }


def _sent_out(home: World) -> list[int]:
    """Return how many packets have left by each transit leg."""
    legs = home.router.run("ip -j -s link show type veth")
    return [
        link["stats64"]["tx"]["packets"]
        for link in json.loads(legs)
        if link["ifname"].startswith("transit")
    ]


@pytest.mark.parametrize(("cut_off", "back"), OUTAGES)
def test_a_device_without_a_way_out_asks_the_home_and_later_its_own_again(
    home: World, cut_off: Act, back: Act
) -> None:
    own = {f"uk {home.tv.address}"}
    assert _asks_everywhere(home.tv) == own
    cut_off(home)
    assert _asks_everywhere(home.tv) == {NAMES}
    assert home.tv.refusals(ECHO, 1) == home.tv.refusals(853, 1) == [PROHIBITED]
    assert home.laptop.asks_udp(53) == f"direct {home.laptop.address}", "nobody else notices"
    back(home)
    assert _asks_everywhere(home.tv) == own


@pytest.mark.parametrize(("cut_off", "back"), OUTAGES)
def test_who_keeps_its_port_is_not_kept_from_its_own_resolver(
    home: World, cut_off: Act, back: Act
) -> None:
    cut_off(home)
    with home.tv.udp(53, PUBLIC_DNS) as kept, home.tv.tcp(53, PUBLIC_DNS) as stream:
        kept.send(b"?")
        assert kept.recv(100).decode().strip() == NAMES
        assert stream.recv(100).decode().strip() == NAMES
        back(home)
        kept.send(b"?")
        assert kept.recv(100).decode().strip() == f"uk {home.tv.address}"
        with pytest.raises(ConnectionResetError):
            _speak(stream)


def _speak(stream: socket.socket) -> None:
    stream.sendall(b"anybody there?")
    stream.recv(100)


def test_of_such_queries_nothing_is_on_a_way_out(home: World) -> None:
    _shut(home)
    home.switchboard.pause("direct")
    before = _sent_out(home)
    for device in (home.tv, home.laptop, home.stranger):
        assert _asks_everywhere(device) == {NAMES}
    assert _sent_out(home) == before


def test_a_stranger_may_ask_is_noted_and_served_when_it_is_taken_in(home: World) -> None:
    with home.stranger.udp(53, ROUTER_ADDRESS) as kept:
        kept.send(b"?")
        assert kept.recv(100).decode().strip() == NAMES
        handle = home.link.current()
        assert handle is not None
        assert STRANGER in [mac for mac, _ in handle.strangers()]
        home.switchboard.settle(home.config, {STRANGER: ""}, {})
        kept.send(b"?")
        assert kept.recv(100).decode().strip() == f"direct {home.stranger.address}"


def test_a_flow_that_nobody_forgot_is_refused_noted_and_then_forgotten(home: World) -> None:
    """As of an orchestrator that dies between its transaction and what follows."""
    _pause(home)
    marks = live_marks(home.switchboard.state)
    with home.tv.udp(53, PUBLIC_DNS) as kept:
        kept.send(b"?")
        assert kept.recv(100).decode().strip() == NAMES
        back = mark_changes(marks, {**marks, TV: 0x00900102})
        home.router.run("nft -f -", back)
        kept.send(b"?")
        assert fails_with(NO_HOST, lambda: kept.recv(100))
        home.switchboard.cut_stale()
        kept.send(b"?")
        assert kept.recv(100).decode().strip() == f"uk {home.tv.address}"
        home.router.run("nft -f -", shut_slots([home.slot("uk")]))
        assert home.tv.asks_udp(53) == NAMES


def test_the_homes_resolver_is_reached_by_queries_alone(home: World) -> None:
    """What has its mark goes nowhere else, whoever sends it and wherever to."""
    _pause(home)
    services = (str(home.config.lan.dhcp_server), str(home.config.lan.webui))
    for address in services:
        home.tv.space.run(f"ip route add {address}/32 via {ROUTER_ADDRESS} dev lan0")
        assert home.tv.refusals(ECHO, 1, address) == [PROHIBITED]
    assert home.tv.refusals(SILENT, 1) == [PROHIBITED]
    marked = f"ip saddr {home.tv.address} udp dport {SILENT} ct mark set {HOME_MARK:#x}"
    home.router.run(f"nft insert rule inet manyways marking {marked}")
    for address in (WEB, *services):
        assert home.tv.refusals(SILENT, 2, address) == [PROHIBITED] * 2
    assert [e.heard for e in home.egresses.values()] == [[]] * len(home.egresses)


def test_the_homes_resolver_can_begin_nothing(home: World) -> None:
    names = home.names.space
    names.run(f"ip route add default via {ROUTER_ADDRESS}")
    names.run(f"ip route add {home.tv.address}/32 via {ROUTER_ADDRESS}")
    names_device = Device(names, str(home.config.lan.dhcp_server))
    for host in (home.tv.address, PUBLIC_DNS):
        assert names_device.refusals(ECHO, 1, host) == [PROHIBITED]
    with home.tv.space.socket(socket.SOCK_DGRAM) as listener:
        listener.bind(("0.0.0.0", SILENT))
        with names.socket(socket.SOCK_DGRAM) as made:
            made.bind(("0.0.0.0", 0))
            made.sendto(b"intruder", (home.tv.address, SILENT))
        assert home.tv.asks_udp(ECHO) == f"uk {home.tv.address}", "later by the same wires"
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.recv(100)


def test_a_resolver_that_is_gone_is_no_silence(home: World) -> None:
    home.names.close()
    assert fails_with(errno.ECONNREFUSED, lambda: home.stranger.asks_udp(53, ROUTER_ADDRESS))
