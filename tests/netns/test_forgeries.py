"""Answers that are none: forged in the home, or by a destination that its device has left."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.addressing import Side, mac_address
from tests.containers import frames
from tests.homes import LAPTOP, TV
from tests.netns.world import ECHO, ROUTER_ADDRESS, SILENT, WEB, World, until, world

_COUNTER = """\
table ip seen {
 counter errors { }
 chain arrivals {
  type filter hook prerouting priority 0
  icmp type != echo-reply counter name errors
 }
}
"""
_LINGER_NOT = struct.pack("ii", 1, 0)  # closing resets


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    """`tv` goes by `uk`, `laptop` by `direct`."""
    with world(tmp_path) as built:
        built.switchboard.assign("tv", "uk")
        yield built


@pytest.mark.parametrize("hops", [64, 1])
def test_a_forged_answer_is_not_told_to_the_far_end_of_anothers_flow(
    home: World, hops: int
) -> None:
    """The refusal quotes what it refuses: the tv's words would leave by the laptop's way."""
    egress = home.egress_spaces["direct"]
    egress.run("nft -f -", _COUNTER)
    with home.laptop.udp(ECHO) as flow, home.tv.space.packets("lan0") as wire:
        flow.send(b"?")
        assert flow.recv(100)
        answer = frames.udp(WEB, home.laptop.address, flow.getsockname()[1], b"secret", ECHO)
        router = mac_address(home.switchboard.state.install, Side.ROUTER_LAN)
        for _ in range(5):
            wire.send(frames.ether(router, TV, frames.IPV4, frames.with_hops(answer, hops)))
        home.tv.space.run(f"ping -c1 -W5 {ROUTER_ADDRESS}")  # later by the same wire
        flow.send(b"?")  # and this later to the egress
        assert flow.recv(100)
    assert "packets 0 " in egress.run("nft list counter ip seen errors")


def test_the_destination_that_was_left_answers_no_datagram_of_later(home: World) -> None:
    """Also when the device uses the same port: it must not hear two destinations at once."""
    home.switchboard.assign("laptop", "uk")
    with home.tv.udp(ECHO) as flow, home.egress_spaces["uk"].socket(socket.SOCK_DGRAM) as late:
        late.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        flow.send(b"?")
        assert flow.recv(100) == f"uk {home.tv.address}\n".encode()
        home.switchboard.assign("tv", "direct")
        flow.send(b"?")
        assert flow.recv(100) == f"direct {home.tv.address}\n".encode()
        late.bind((WEB, ECHO))
        late.sendto(b"late", flow.getsockname())
        late.close()
        assert home.laptop.asks_udp(ECHO) == f"uk {home.laptop.address}"  # later by the same wire
        flow.setblocking(False)
        with pytest.raises(BlockingIOError):
            flow.recv(100)


def test_the_far_end_that_was_left_is_reset_also_when_its_port_is_used_again(home: World) -> None:
    with _connected(home, 5556) as old:
        assert old.recv(100) == f"uk {home.tv.address}\n".encode()
        far = home.egresses["uk"].accepted[-1]
        home.egress_spaces["uk"].run("ip link set transit0 down")  # nothing is heard of the end
        home.switchboard.assign("tv", "direct")
        old.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    home.egress_spaces["uk"].run("ip link set transit0 up")
    home.egress_spaces["uk"].run(f"ip route replace {home.config.lan.network} via 10.213.2.1")
    with _connected(home, 5556) as new:
        assert new.recv(100) == f"direct {home.tv.address}\n".encode()
        far.sendall(b"late")
        with pytest.raises(ConnectionResetError):
            far.recv(100)
        home.egresses["direct"].accepted[-1].sendall(b"still here")
        assert new.recv(100) == b"still here"


def test_a_forged_first_fragment_does_not_take_the_rest_along(home: World) -> None:
    """The kernel joins fragments by their addresses and number, whoever sent them."""
    router = mac_address(home.switchboard.state.install, Side.ROUTER_LAN)
    whole = frames.udp(WEB, WEB, SILENT, b"of the laptop")[20:]
    forged, first, rest = (
        frames.fragment(home.laptop.address, WEB, frames.UDP, data, at, more=more)
        for data, at, more in ((whole[:8], 0, True), (whole[:8], 0, True), (whole[8:], 8, False))
    )
    with (
        home.tv.space.packets("lan0") as wire,
        home.laptop.space.packets("lan0") as victim,
    ):
        wire.send(frames.ether(router, TV, frames.IPV4, forged))
        home.tv.space.run(f"ping -c1 -W5 {ROUTER_ADDRESS}")  # later by the same wire
        for packet in (first, rest):
            victim.send(frames.ether(router, LAPTOP, frames.IPV4, packet))
    for device, egress in ((home.laptop, "direct"), (home.tv, "uk")):
        with device.udp(SILENT) as made:
            made.send(b"later")
        until(lambda e=egress: home.egresses[e].heard, f"a packet at {egress}")  # type: ignore[misc]
        assert home.egresses[egress].heard == [(b"later", device.address)]


def test_two_devices_fragments_go_each_by_its_own_way(home: World) -> None:
    large = bytes(2000)
    for _ in range(2):
        for device in (home.laptop, home.tv):
            with device.udp(SILENT) as made:
                made.send(large)
    for device, egress in ((home.laptop, "direct"), (home.tv, "uk")):
        until(lambda e=egress: len(home.egresses[e].heard) == 2, f"both at {egress}")  # type: ignore[misc]
        assert home.egresses[egress].heard == [(large, device.address)] * 2


def _connected(home: World, port: int) -> socket.socket:
    made = home.tv.space.socket(socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("0.0.0.0", port))
    made.connect((WEB, ECHO))
    return made
