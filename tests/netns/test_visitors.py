"""Which device a visitor of the page is: by either address of the page, whatever it pretends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.visitors import Visitors
from tests.homes import LAPTOP, TV
from tests.netns.world import ROUTER_ADDRESS, Device, World, until, world


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as built:
        yield built


@pytest.fixture
def visitors(home: World) -> Visitors:
    return Visitors(home.switchboard, home.link, lambda: home.page.space.pid)


def _visit(home: World, visitors: Visitors, device: Device, address: str) -> tuple[str | None, str]:
    """Open the page; return whom it takes the device for, and the address that it sees."""
    before = len(home.page.accepted)
    with device.tcp(80, address):
        until(lambda: len(home.page.accepted) > before, "the page is asked")
        host, port = home.page.accepted[-1].getpeername()
        return visitors.device(home.config, f"{host}:{port}"), host


def test_every_device_is_itself_by_the_address_of_the_router(
    home: World, visitors: Visitors
) -> None:
    for device, mac in ((home.tv, TV), (home.laptop, LAPTOP)):
        assert _visit(home, visitors, device, ROUTER_ADDRESS) == (mac, ROUTER_ADDRESS)


def test_every_device_is_itself_by_the_address_of_the_page(home: World, visitors: Visitors) -> None:
    page = str(home.config.lan.webui)
    for device, mac in ((home.tv, TV), (home.laptop, LAPTOP)):
        assert _visit(home, visitors, device, page) == (mac, device.address)


def test_two_visits_at_once_are_told_apart(home: World, visitors: Visitors) -> None:
    with home.tv.tcp(80, ROUTER_ADDRESS), home.laptop.tcp(80, ROUTER_ADDRESS):
        until(lambda: len(home.page.accepted) == 2, "both are there")
        peers = (":".join(map(str, made.getpeername())) for made in home.page.accepted)
        assert {visitors.device(home.config, peer) for peer in peers} == {TV, LAPTOP}


@pytest.mark.parametrize("by", ["router", "page"])
def test_one_that_takes_the_address_of_another_is_not_taken_for_it(
    home: World, visitors: Visitors, by: str
) -> None:
    address = ROUTER_ADDRESS if by == "router" else str(home.config.lan.webui)
    home.tv.space.run("ip link set lan0 down")
    thief = home.laptop.space
    thief.run(f"ip addr del {home.laptop.address}/24 dev lan0")
    thief.run(f"ip addr add {home.tv.address}/24 dev lan0")
    assert _visit(home, visitors, home.laptop, address)[0] == LAPTOP


def test_whom_the_home_does_not_know_is_nobody(home: World, visitors: Visitors) -> None:
    assert _visit(home, visitors, home.stranger, ROUTER_ADDRESS)[0] is None
    assert _visit(home, visitors, home.stranger, str(home.config.lan.webui))[0] is None


@pytest.mark.parametrize(
    "peer",
    [
        *("", ":", "192.168.77.1", "192.168.77.1:", "192.168.77.1:0", "192.168.77.1:70000"),
        *("192.168.77.1:40000", "192.168.77.250:40000", "203.0.113.1:1", "tv:80", "::1:80"),
        *("192.168.77.1:²", "192.168.77.1:-1", "x" * 10_000, "192.168.077.1:5"),
    ],
)
def test_a_peer_that_is_none_is_nobody(home: World, visitors: Visitors, peer: str) -> None:
    assert visitors.device(home.config, peer) is None


def test_without_a_router_or_a_page_nobody_is_known(home: World) -> None:
    visitors = Visitors(home.switchboard, home.link, lambda: None)
    assert visitors.device(home.config, f"{home.tv.address}:40000") is None
    home.router_pid = None
    assert visitors.device(None, f"{ROUTER_ADDRESS}:40000") is None
