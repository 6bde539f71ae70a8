"""IPv6 that a device sends to the router is refused with ICMPv6 at once; nothing of it passes."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.addressing import Side, mac_address
from tests.netns.world import ECHO, World, until, world

OWN, NEXT, FAR, ALL_NODES = "2001:db8:0:77::2", "2001:db8:0:77::1", "2001:db8:ffff::80", "ff02::1"
PROHIBITED = (1, 1)  # ICMPv6 destination unreachable, administratively prohibited
TCP, UDP, ICMP = socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_ICMPV6
AT_ONCE_S = 0.1  # it takes microseconds; the machine may be busy
_ECHO_REQUEST = struct.pack("!BBHHH", 128, 0, 0, 7, 1)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    """`tv` has an IPv6 default route, whoever told it so, and it leads to the router."""
    with world(tmp_path) as built:
        router = mac_address(built.switchboard.state.install, Side.ROUTER_LAN)
        for command in (
            "sysctl -qw net.ipv6.conf.lan0.disable_ipv6=1 net.ipv6.conf.lan0.accept_dad=0",
            "sysctl -qw net.ipv6.conf.lan0.disable_ipv6=0",
            f"ip -6 address add {OWN}/64 dev lan0 nodad",
            f"ip -6 neighbour replace {NEXT} lladdr {router} dev lan0",
            f"ip -6 route add default via {NEXT} dev lan0",
        ):
            built.tv.space.run(command)
        yield built


def _raw(home: World, protocol: int = ICMP) -> socket.socket:
    """Return a socket of tv's that hears ICMPv6, or sends `protocol`."""
    return home.tv.space.socket6(socket.SOCK_RAW, protocol)


def _refusal(listener: socket.socket, protocol: int) -> tuple[int, int, str]:
    """Return type, code and sender of the first error about a packet of `protocol`."""
    while True:
        data, peer = listener.recvfrom(2048)
        if data[0] < 128 and data[8 + 6] == protocol:
            return data[0], data[1], peer[0]


@contextlib.contextmanager
def _sent(home: World, protocol: int, target: str) -> Iterator[None]:
    """Have a packet of tv's on its way: the first of a connection, a datagram or a ping."""
    if protocol == ICMP:
        with _raw(home) as made:
            made.sendto(_ECHO_REQUEST, (target, 0, 0, _index(home)))
            yield
        return
    kind = socket.SOCK_STREAM if protocol == TCP else socket.SOCK_DGRAM
    with home.tv.space.socket6(kind) as made:
        made.setblocking(False)
        made.connect_ex((target, ECHO, 0, _index(home)))
        if protocol == UDP:
            made.send(b"?")
        yield


@pytest.mark.parametrize("protocol", [TCP, UDP, ICMP])
@pytest.mark.parametrize("target", [FAR, NEXT])
def test_every_protocol_is_refused_at_once(home: World, protocol: int, target: str) -> None:
    with _raw(home) as listener:
        began = time.monotonic()
        with _sent(home, protocol, target):
            assert _refusal(listener, protocol) == (*PROHIBITED, target)
            assert time.monotonic() - began < AT_ONCE_S


def test_the_address_that_the_kernel_would_give_itself_is_refused_as_well(home: World) -> None:
    own = home.router.run("ip -6 -o address show dev lan0 scope link").split()[3].split("/")[0]
    router = mac_address(home.switchboard.state.install, Side.ROUTER_LAN)
    home.tv.space.run(f"ip -6 neighbour replace {own} lladdr {router} dev lan0")
    with _raw(home) as listener:
        for protocol in (TCP, UDP, ICMP):
            with _sent(home, protocol, own):
                assert _refusal(listener, protocol)[:2] == PROHIBITED


def test_nothing_comes_out_at_any_other_leg(home: World) -> None:
    egress = home.egress_spaces["direct"]
    egress.run(f"ip -6 address add {FAR}/128 dev lo")
    home.router.run("sysctl -qw net.ipv6.conf.all.forwarding=1")  # the worst case
    slot = home.slot("direct")
    home.router.run(f"ip -6 route add default dev transit{slot}")
    with egress.socket6(socket.SOCK_RAW, UDP) as wire:
        wire.setblocking(False)
        with _raw(home) as listener, _sent(home, UDP, FAR):
            assert _refusal(listener, UDP)[:2] == PROHIBITED
        assert home.tv.asks_udp(ECHO).startswith("direct")  # later by the same wires
        with pytest.raises(BlockingIOError):
            wire.recv(2048)


def test_errors_and_what_is_for_everybody_are_not_answered(home: World) -> None:
    with _raw(home) as listener, _raw(home) as made:
        made.sendto(struct.pack("!BBHI", 1, 0, 0, 0) + bytes(48), (FAR, 0))
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, _index(home))
        made.sendto(_ECHO_REQUEST, (ALL_NODES, 0))
        with _sent(home, UDP, FAR):
            assert _refusal(listener, UDP)[:2] == PROHIBITED, "the first error is the last's"
        listener.setblocking(False)
        rest = []
        with contextlib.suppress(BlockingIOError):
            while True:
                rest.append(listener.recvfrom(2048)[0][0])
        assert [kind for kind in rest if kind < 128] == []


def _index(home: World) -> int:
    return int(home.tv.space.run("cat /sys/class/net/lan0/ifindex"))


def test_a_kernel_that_cannot_refuse_it_routes_all_the_same(tmp_path: Path) -> None:
    with World(tmp_path) as home:
        (home.files / "rendered/router/ipv6.nft").write_text("no such words\n")
        assert "router: IPv6 is dropped instead of refused: nft" in home.apply()
        until(lambda: home.tv.asks_udp(ECHO) == f"direct {home.tv.address}", "an answer")
