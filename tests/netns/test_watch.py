"""The eyes of the leak test in real namespaces: what leaves by which wire, and what was missed."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address

import pytest

from orchestrator.leaktest.words import Token, Wire
from orchestrator.runtime.watch import Leg, Watch
from tests.netns.world import Space, until

PREFIX, TARGET, OTHER = "mwprefix", IPv4Address("203.0.113.80"), IPv4Address("203.0.113.81")
OUT, STRAY = Wire("uk", "uplink"), Wire("uk", "later0")


@pytest.fixture
def space() -> Iterator[Space]:
    with contextlib.closing(Space("watched")) as made:
        _add_wire(made, "out0", "10.9.0.1/24")
        made.run("ip route add default via 10.9.0.2")
        yield made


def _add_wire(space: Space, name: str, address: str) -> None:
    space.run(f"ip link add {name} type veth peer name {name}-far")
    space.run(f"ip link set {name}-far up")
    space.run(f"ip link set {name} up")
    space.run(f"ip address add {address} dev {name}")
    space.run(f"ip neigh add {address[:-4]}2 lladdr 02:00:00:00:00:02 dev {name}")


@pytest.fixture
def watch(space: Space) -> Iterator[Watch]:
    with contextlib.closing(Watch(PREFIX, [TARGET])) as made:
        made.attach("uk", space.pid, _names)
        yield made


def _names(legs: Sequence[Leg]) -> Mapping[str, Wire | None]:
    known = {leg.name: OUT for leg in legs if IPv4Address("10.9.0.1") in leg.addresses}
    return {"lo": None, **known}


def _send(space: Space, target: IPv4Address, port: int, payload: bytes = b"") -> None:
    with space.socket(socket.SOCK_DGRAM) as sender:
        sender.sendto(payload, (str(target), port))


def test_a_packet_is_seen_by_its_text_or_its_target(space: Space, watch: Watch) -> None:
    text, target = Token(f"{PREFIX}0001"), Token(f"{PREFIX}0002", socket.IPPROTO_UDP, TARGET, 5000)
    _send(space, OTHER, 53, b"\x0eMWprefix0001")  # a query, asked elsewhere, in another case
    _send(space, TARGET, 5000)
    until(lambda: watch.sightings(text) and watch.sightings(target), "both are seen")
    assert [(s.wire, s.header.destination) for s in watch.sightings(text)] == [(OUT, OTHER)]
    assert [(s.wire, s.header.port) for s in watch.sightings(target)] == [(OUT, 5000)]
    assert len(watch.times(target, OUT)) == 1
    assert watch.wires() == (OUT,)
    watch.forget()
    assert watch.sightings(text) == ()
    assert watch.lost() == 0


def test_what_others_send_is_not_kept(space: Space, watch: Watch) -> None:
    everything = Token("")  # a text that is in every packet
    _send(space, OTHER, 443, b"mwprefix")  # not even handed over by the kernel
    _send(space, OTHER, 53, b"somebody's question")
    _send(space, IPv4Address("127.0.0.1"), 53, b"mwprefix")  # not by a wire
    _send(space, TARGET, 5001)  # the marker: packets come in their order
    until(lambda: watch.sightings(everything), "the marker is seen")
    assert [s.header.port for s in watch.sightings(everything)] == [5001]


def test_a_target_that_is_added_is_seen_from_then_on(space: Space, watch: Watch) -> None:
    token = Token(f"{PREFIX}-", socket.IPPROTO_UDP, OTHER, 443)
    watch.also(OTHER)
    _send(space, OTHER, 443)
    until(lambda: watch.sightings(token), "it is seen")


def test_a_wire_that_nobody_told_of_is_a_wire(space: Space, watch: Watch) -> None:
    _add_wire(space, "later0", "10.9.1.1/24")
    space.run(f"ip route add {TARGET} via 10.9.1.2")
    _send(space, TARGET, 5000)
    token = Token(f"{PREFIX}0003", socket.IPPROTO_UDP, TARGET, 5000)
    until(lambda: watch.sightings(token), "it is seen")
    assert {s.wire for s in watch.sightings(token)} == {STRAY}
    watch.attach("uk", space.pid, lambda _: {"lo": None, "later0": OUT})
    watch.forget()
    _send(space, TARGET, 5000)
    until(lambda: watch.sightings(token), "it is seen by its new name")
    assert {s.wire for s in watch.sightings(token)} == {OUT}


def test_a_namespace_that_was_replaced_is_noticed(space: Space, watch: Watch) -> None:
    assert watch.sees("uk", space.pid)
    assert not watch.sees("de", space.pid)
    with contextlib.closing(Space("again")) as again:
        _add_wire(again, "out0", "10.9.0.1/24")
        again.run("ip route add default via 10.9.0.2")
        assert not watch.sees("uk", again.pid)
        watch.attach("uk", again.pid, _names)
        assert watch.sees("uk", again.pid)
        token = Token(f"{PREFIX}-", socket.IPPROTO_UDP, TARGET, 5000)
        _send(again, TARGET, 5000)
        until(lambda: watch.sightings(token), "it is seen in the new one")
        _send(space, TARGET, 5001)
        _send(again, TARGET, 5002)
        later = Token(f"{PREFIX}-", socket.IPPROTO_UDP, TARGET, 5002)
        until(lambda: watch.sightings(later), "the marker is seen")
        gone = Token(f"{PREFIX}-", socket.IPPROTO_UDP, TARGET, 5001)
        assert watch.sightings(gone) == (), "nobody looks at the old one any more"
