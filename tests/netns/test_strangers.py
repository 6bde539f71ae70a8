"""Devices without a lease: the router notes them, and they become devices like all others."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.addressing import Side, mac_address
from orchestrator.render.router import STRANGERS_SIZE
from orchestrator.strangers import Strangers
from tests.homes import LAPTOP, TV
from tests.netns.world import ECHO, SILENT, STRANGER, WEB, World, world

PROHIBITED = (3, 13)
IPV4 = 0x0800


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    """`tv` and `laptop` are known, and a stranger has typed its address in."""
    with world(tmp_path) as built:
        yield built


@pytest.fixture
def strangers(home: World) -> Strangers:
    return Strangers(home.switchboard, home.link)


def _macs(home: World) -> set[str]:
    return {device.mac for device in home.switchboard.state.devices}


def test_who_is_known_is_not_noted(home: World, strangers: Strangers) -> None:
    for device in (home.tv, home.laptop):
        device.asks_udp(ECHO)
        device.asks_tcp(ECHO)
    assert "elements" not in home.router.run("nft list set inet manyways strangers")
    assert not strangers.take_in()


def test_a_stranger_is_noted_by_its_first_packet_and_served_from_then_on(
    home: World, strangers: Strangers
) -> None:
    assert home.stranger.refusals(SILENT, 1) == [PROHIBITED]
    assert strangers.take_in()
    assert home.switchboard.addresses[STRANGER].compressed == home.stranger.address
    assert home.stranger.asks_udp(ECHO) == f"direct {home.stranger.address}"
    assert not strangers.take_in(), "it is no news any more"
    assert home.switchboard.find(home.stranger.address).mac == STRANGER


def test_two_at_one_address_do_not_take_it_from_each_other_for_ever(
    home: World, strangers: Strangers
) -> None:
    first, second = "02:00:00:00:00:98", STRANGER
    address = home.stranger.address
    home.router.run(f"nft add element inet manyways strangers {{ {first} . {address} }}")
    assert strangers.take_in()
    home.router.run(
        f"nft add element inet manyways strangers {{ {second} . {address} expires 280s }}"
    )
    strangers.take_in()
    before = home.switchboard.state
    for _ in range(3):
        assert not strangers.take_in()
    assert home.switchboard.state == before


def test_where_new_devices_are_refused_it_waits_for_a_choice(
    home: World, strangers: Strangers
) -> None:
    home.config = replace(home.config, refuse_new_devices=True)
    home.switchboard.settle(home.config, {}, {})
    assert home.stranger.refusals(SILENT, 1) == [PROHIBITED]
    assert strangers.take_in()
    assert home.stranger.refusals(SILENT, 2) == [PROHIBITED] * 2
    assert home.switchboard.assign(home.stranger.address, "uk").old is None
    assert home.stranger.asks_udp(ECHO) == f"uk {home.stranger.address}"


def test_our_own_services_are_no_devices(home: World, strangers: Strangers) -> None:
    space = home.page.space
    space.run("ip route add default via 192.168.77.1")
    with space.socket(socket.SOCK_DGRAM) as made:
        made.sendto(b"?", (WEB, SILENT))
    assert home.stranger.refusals(SILENT, 1) == [PROHIBITED]  # later by the same wire
    page = mac_address(home.switchboard.state.install, Side.WEBUI_LAN)
    assert page in home.router.run("nft list set inet manyways strangers")
    strangers.take_in()
    assert _macs(home) == {TV, LAPTOP, STRANGER}


def test_a_flood_of_made_up_addresses_fills_no_memory_and_is_told(
    home: World, strangers: Strangers
) -> None:
    """One device sends in the name of hundreds."""
    router = mac_address(home.switchboard.state.install, Side.ROUTER_LAN)
    with home.tv.space.packets("lan0") as wire:
        for number in range(STRANGERS_SIZE + 50):
            wire.send(_frame(f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}", router))
    assert home.stranger.refusals(SILENT, 1) == [PROHIBITED]
    assert not strangers.take_in()
    assert "makes up MAC addresses" in strangers.problems[0]
    assert _macs(home) == {TV, LAPTOP}
    assert home.tv.asks_udp(ECHO) == f"direct {home.tv.address}", "the others go on"
    home.router.run("nft flush set inet manyways strangers")  # as its time-out does
    assert home.stranger.refusals(SILENT, 1) == [PROHIBITED]
    assert strangers.take_in()
    assert strangers.problems == ()
    assert _macs(home) == {TV, LAPTOP, STRANGER}


def _frame(source: str, target: str) -> bytes:
    """Return a datagram to WEB in an Ethernet frame, from an address that somebody else has."""
    macs = bytes.fromhex((target + source).replace(":", ""))
    addresses = socket.inet_aton("192.168.77.102") + socket.inet_aton(WEB)
    datagram = struct.pack("!HHHH", 4000, SILENT, 9, 0) + b"?"
    total = 20 + len(datagram)
    header = struct.pack("!BBHHHBBH", 0x45, 0, total, 0, 0, 64, socket.IPPROTO_UDP, 0) + addresses
    words = struct.unpack("!10H", header)
    checksum = sum(words)
    checksum = ~((checksum & 0xFFFF) + (checksum >> 16)) & 0xFFFF
    header = header[:10] + struct.pack("!H", checksum) + header[12:]
    return macs + struct.pack("!H", IPV4) + header + datagram


def test_without_rules_there_is_nobody(home: World, strangers: Strangers) -> None:
    home.router.run("nft delete table inet manyways")
    assert not strangers.take_in()
    home.router_pid = None
    assert not strangers.take_in()
