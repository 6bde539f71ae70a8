"""The flows of a device that has left, in the conntrack table of the egress behind it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

import pytest

from orchestrator.render.egress_rules import render_rules
from orchestrator.runtime.egress import Departures, forget_datagrams
from orchestrator.runtime.namespace import NamespaceGone
from tests.netns.world import SILENT, Space, until

TV, LAPTOP, FAR = "192.168.77.101", "192.168.77.102", "198.51.100.80"
WEB = 80


class Line:
    """The home, a direct egress with its real rules, and a far end."""

    def __init__(self) -> None:
        self.home, self.egress, self.far = Space("home"), Space("egress"), Space("far")

    def build(self, rules: Path) -> None:
        for near, mine, other, theirs in (
            (self.home, "lan0", self.egress, "transit0"),
            (self.egress, "uplink0", self.far, "wan0"),
        ):
            near.run(f"ip link add {mine} type veth peer name {theirs} netns {other.name}")
        for space, leg, addresses in (
            (self.home, "lan0", ("10.213.1.1/29", f"{TV}/32", f"{LAPTOP}/32")),
            (self.egress, "transit0", ("10.213.1.2/29",)),
            (self.egress, "uplink0", ("198.51.100.2/24",)),
            (self.far, "wan0", (f"{FAR}/24",)),
        ):
            for address in addresses:
                space.run(f"ip address add {address} dev {leg}")
            space.run(f"ip link set {leg} up")
        self.home.run("ip route add default via 10.213.1.2")
        self.egress.run("ip route add 192.168.77.0/24 via 10.213.1.1")
        rules.write_text(
            render_rules(
                name="direct",
                tunnel=False,
                lan=IPv4Network("192.168.77.0/24"),
                transit=IPv4Interface("10.213.1.2/29"),
                router=IPv4Address("10.213.1.1"),
            )
        )
        self.egress.run(f"nft -D transit=transit0 -D uplink=uplink0 -f {rules}")
        self.egress.run("sysctl -qw net.ipv4.ip_forward=1")

    def flows(self) -> set[tuple[str, str]]:
        """Return (protocol, device) of every flow that the egress knows."""
        lines = self.egress.run_anyhow("conntrack -L").splitlines()
        return {(line.split()[0], line.split("src=")[1].split()[0]) for line in lines}

    def send(self, source: str) -> None:
        """Send a datagram from one of the home's addresses."""
        with self.home.socket(socket.SOCK_DGRAM) as made:
            made.bind((source, 0))
            made.sendto(b"?", (FAR, SILENT))


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line()
    try:
        made.build(tmp_path / "rules.nft")
        yield made
    finally:
        for space in (made.far, made.egress, made.home):
            space.close()


def test_the_datagrams_of_who_left_are_forgotten_and_nothing_else(line: Line) -> None:
    with line.far.socket(socket.SOCK_STREAM) as server, line.home.socket(socket.SOCK_STREAM) as tv:
        server.bind((FAR, WEB))
        server.listen()
        tv.bind((TV, 0))
        tv.connect((FAR, WEB))
        for source in (TV, LAPTOP):
            line.send(source)
        every = {("tcp", TV), ("udp", TV), ("udp", LAPTOP)}
        until(lambda: line.flows() == every, "the flows")
        departures = Departures({"direct": line.egress.pid}.get)
        departures.left("gone", [IPv4Address(TV)])
        departures.left("direct", [IPv4Address(TV)])
        until(lambda: line.flows() == every - {("udp", TV)}, "the clearing")
        forget_datagrams(line.egress.pid, [IPv4Address(TV), IPv4Address(LAPTOP)])
        assert line.flows() == {("tcp", TV)}


def test_an_egress_that_is_gone_is_no_failure(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NamespaceGone):
        forget_datagrams(2**22, [IPv4Address(TV)])  # no process has that number
    departures = Departures({"gone": 2**22, "direct": line.egress.pid}.get)
    line.send(TV)
    until(lambda: line.flows() == {("udp", TV)}, "the flow")
    for name in ("gone", "direct"):
        departures.left(name, [IPv4Address(TV)])
    until(lambda: line.flows() == set(), "the clearing, after the one that is gone")
    assert caplog.text == ""
