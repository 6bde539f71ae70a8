"""Who answers DHCP, asked on a real wire: answers of all kinds, and those of a flood."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from orchestrator.dhcp_packets import DhcpServer
from orchestrator.runtime.namespace import NamespaceThread
from orchestrator.runtime.offers import LegMissing, OfferWatch, ask
from tests.dhcp_samples import SERVER, US, answer, raw
from tests.netns.world import Space, until

LEG = "02:a1:b2:01:00:00"
OWN = DhcpServer(IPv4Address("192.168.77.252"), SERVER)
_ETH_P_IP = 0x0800


class Servers:
    """Everybody at the other end of the wire; `strangers` of them answer before SERVER does."""

    def __init__(self, wire: socket.socket, strangers: int, deaf: int = 0) -> None:
        self.questions = 0
        self._wire, self._strangers, self._deaf = wire, strangers, deaf
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the wire's end is theirs
            while True:
                self._answer(self._wire.recv(2048))

    def _answer(self, frame: bytes) -> None:
        if frame[36:38] != struct.pack("!H", 67):
            return
        self.questions += 1
        if self.questions <= self._deaf:
            return
        (xid,) = struct.unpack("!I", frame[46:50])
        self._wire.send(answer(xid=xid, port=67))  # to a server: not for us
        self._wire.send(answer(xid=xid ^ 1))
        whole = answer(xid=xid)
        for number in range(self._strangers):
            self._wire.send(whole[:6] + raw(f"02:00:00:00:01:{number:02x}") + whole[12:])
        self._wire.send(whole)


@pytest.fixture
def wire() -> Iterator[tuple[Space, socket.socket]]:
    """The router's end of a wire, and a packet socket at the other one."""
    router, other = Space("offers"), Space("offered")
    opened = None
    try:
        router.run(f"ip link add lan0 address {LEG} type veth peer name lan1 netns {other.name}")
        router.run("ip link set lan0 up")
        other.run("ip link set lan1 up")
        inside = NamespaceThread(other.pid)
        opened = inside.run(socket.socket, socket.AF_PACKET, socket.SOCK_RAW)
        opened.bind(("lan1", _ETH_P_IP))
        inside.close()
        yield router, opened
    finally:
        if opened:
            opened.close()
        router.close()
        other.close()


def _watch(router: Space) -> OfferWatch:
    return OfferWatch(lambda: router.pid, LEG, US, SERVER)


@pytest.mark.parametrize(("strangers", "heard"), [(0, 0), (2, 2), (20, 8)])
def test_all_who_offer_are_heard_but_no_endless_list(
    wire: tuple[Space, socket.socket], strangers: int, heard: int
) -> None:
    router, other = wire
    Servers(other, strangers)
    watch = _watch(router)
    watch.look()
    assert watch.latest is not None
    expected = [replace(OWN, mac=f"02:00:00:00:01:{n:02x}") for n in range(heard)]
    assert (watch.latest.servers, watch.latest.problem) == ((*expected, OWN), "")


def test_a_lost_question_is_asked_again_and_an_answered_one_is_not(
    wire: tuple[Space, socket.socket],
) -> None:
    router, other = wire
    servers = Servers(other, 0, deaf=1)
    watch = _watch(router)
    watch.look()
    assert watch.latest is not None
    assert watch.latest.servers == (OWN,)
    assert servers.questions == 2


def test_nobody_answers_and_no_leg_is_there(wire: tuple[Space, socket.socket]) -> None:
    router, _ = wire
    watch = _watch(router)
    watch.look()
    assert watch.latest is not None
    assert (watch.latest.servers, watch.latest.problem) == ((), "")
    thread = NamespaceThread(router.pid)
    try:
        with pytest.raises(LegMissing):
            thread.run(ask, "02:00:00:00:00:77", US, SERVER, threading.Event())
    finally:
        thread.close()


def test_a_leg_that_leaves_while_we_listen_is_explained(wire: tuple[Space, socket.socket]) -> None:
    router, other = wire
    servers = Servers(other, 0, deaf=9)
    watch = _watch(router)
    looking = threading.Thread(target=watch.look)
    looking.start()
    until(lambda: servers.questions, "the first question")
    router.run("ip link del lan0")
    looking.join(10)
    assert watch.latest is not None
    assert watch.latest.problem == "the router ended meanwhile"


def test_the_end_does_not_wait_for_answers(wire: tuple[Space, socket.socket]) -> None:
    router, other = wire
    servers = Servers(other, 0, deaf=9)
    watch = _watch(router)
    looking = threading.Thread(target=watch.look)
    looking.start()
    until(lambda: servers.questions, "the first question")
    watch.end()
    looking.join(2)
    assert not looking.is_alive()


def test_without_a_router_nobody_is_asked() -> None:
    watch = OfferWatch(lambda: None, LEG, US, SERVER)
    watch.look()
    assert watch.latest is not None
    assert watch.latest.problem == "the router does not run"
