"""Presence from the kernel's own neighbour table: devices come, answer, and leave."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from orchestrator.addressing import Side, mac_address
from orchestrator.presence import Sign, is_here
from orchestrator.runtime import neighbours
from orchestrator.runtime.clock import uptime
from orchestrator.runtime.neighbours import MOST, NeighbourWatch
from tests.homes import LAPTOP, TV
from tests.netns.world import ECHO, World, until, world


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as built:
        yield built


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody looks and asks more often than in a home; the kernel takes its time as ever."""
    monkeypatch.setattr(neighbours, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(neighbours, "ASK_EVERY_S", 0.5)
    monkeypatch.setattr(neighbours, "FRESH_S", 0.2)


class Looker:
    """Somebody who looks at the page."""

    def __init__(self, home: World) -> None:
        self.leg = mac_address(home.switchboard.state.install, Side.ROUTER_LAN)
        self.watch = NeighbourWatch(home.link.current, self.leg)
        self.addresses = {TV: home.tv.address, LAPTOP: home.laptop.address}

    def signs(self) -> Mapping[str, Sign]:
        return self.watch.look({mac: IPv4Address(a) for mac, a in self.addresses.items()})

    def here(self) -> set[str]:
        signs = self.signs()
        return {mac for mac in self.addresses if is_here(signs.get(mac), uptime())}


@pytest.fixture
def looker(home: World) -> Looker:
    return Looker(home)


def _heard(looker: Looker, mac: str) -> Callable[[], bool]:
    def heard() -> bool:
        sign = looker.signs()[mac]
        return sign.heard is not None and sign.asked is None

    return heard


def test_of_whom_the_kernel_knows_nothing_it_asks_when_somebody_looks(
    home: World, looker: Looker
) -> None:
    assert home.router.run("ip neigh show dev lan0") == ""
    assert looker.here() == {TV, LAPTOP}, "a lease has to do until the answers are there"
    for mac in (TV, LAPTOP):
        until(_heard(looker, mac), f"the answer of {mac}")


def test_who_does_not_answer_is_gone_within_seconds_and_back_by_its_first_packet(
    home: World, looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(_heard(looker, TV), "the answer of tv")
    home.tv.space.run("ip link set lan0 down")
    until(lambda: looker.here() == {LAPTOP}, "it is gone")
    monkeypatch.setattr(neighbours, "ASK_EVERY_S", 3600.0)
    until(lambda: "FAILED" in home.router.run(f"ip neigh show {home.tv.address}"), "silence")
    home.tv.space.run("ip link set lan0 up")
    home.tv.space.run("ip route add default via 192.168.77.1")
    assert home.tv.asks_udp(ECHO).startswith("direct")
    assert looker.here() == {TV, LAPTOP}


def test_who_is_silent_is_asked_again_and_is_back_when_it_answers(
    home: World, looker: Looker
) -> None:
    home.tv.space.run("ip link set lan0 down")
    until(lambda: looker.here() == {LAPTOP}, "it is gone")
    home.tv.space.run("ip link set lan0 up")
    until(lambda: looker.here() == {TV, LAPTOP}, "it is back")


def test_one_that_has_taken_the_address_of_another_does_not_answer_for_it(
    home: World, looker: Looker
) -> None:
    home.tv.space.run("ip link set lan0 down")
    home.laptop.space.run(f"ip addr add {home.tv.address}/24 dev lan0")
    until(lambda: TV not in looker.here(), "it is gone")
    assert LAPTOP in home.router.run(f"ip neigh show {home.tv.address}"), "who did answer"


def test_nobody_is_asked_more_often_than_said(
    home: World, looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "ASK_EVERY_S", 3600.0)
    looker.signs()
    until(_heard(looker, TV), "the answer of tv")
    home.router.run("ip neigh flush dev lan0")
    looker.signs()
    assert home.router.run("ip neigh show dev lan0") == ""
    monkeypatch.setattr(neighbours, "ASK_EVERY_S", 0.0)
    monkeypatch.setattr(neighbours, "FRESH_S", 0.0)
    looker.signs()
    assert home.tv.address in home.router.run("ip neigh show dev lan0")


def test_never_more_are_asked_at_once_than_said(home: World, looker: Looker) -> None:
    home.router.run("ip addr add 192.168.76.1/22 dev lan0")
    hosts = itertools.islice(IPv4Network("192.168.76.0/22").hosts(), 512, 512 + 2 * MOST - 10)
    looker.addresses = {
        f"02:00:00:01:{n >> 8:02x}:{n & 255:02x}": str(a) for n, a in enumerate(hosts)
    }
    looker.signs()
    assert len(home.router.run("ip neigh show dev lan0").splitlines()) == MOST


def test_without_a_router_there_is_no_sign_of_anybody(home: World, looker: Looker) -> None:
    until(_heard(looker, TV), "the answer of tv")
    looker.watch = NeighbourWatch(lambda: None, looker.leg)
    assert looker.signs() == {}
    assert looker.here() == {TV, LAPTOP}
    looker.watch = NeighbourWatch(home.link.current, "02:00:00:00:00:77")
    assert looker.signs() == {}, "its leg is not there yet"
