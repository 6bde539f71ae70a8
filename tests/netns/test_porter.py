"""The porter at work on real ports of a host that is a namespace of the test's own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from porter.words import HARDENING
from tests.netns.world import ROOT, Space, until

BRIDGE, PORTS = "mw-lan", ("p0", "p1")
HOST, FAR, DEVICE, OTHER = "10.9.0.1", "10.9.0.2", "192.168.77.20", "192.168.77.21"
BEFORE = "192.168.5.5/24"  # what the host had on a port
_PORT = 5353


class House:
    """A host with two ports, a device on each, and something beyond the host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spaces = [Space(name) for name in ("host", "far", "d0", "d1")]
        self.host, self.far, *self.devices = self.spaces
        self._porter: subprocess.Popen[bytes] | None = None
        for ours, space, theirs in (
            ("wan", self.far, "eth0"),
            ("p0", self.devices[0], "eth0"),
            ("p1", self.devices[1], "eth0"),
        ):
            peer = f"peer name {theirs} netns {space.name}"
            self.host.run(f"ip link add {ours} type veth {peer}")
            self.host.run(f"ip link set {ours} up")
            space.run("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0")
            space.run("ip link set eth0 up")
        self.host.run(f"ip address add {HOST}/24 dev wan")
        self.host.run(f"ip address add {BEFORE} dev p0")
        self.host.run("ip route add 172.31.0.0/24 via 192.168.5.1 dev p0 metric 50")
        self.host.run("sysctl -qw net.ipv4.ip_forward=1")
        self.far.run(f"ip address add {FAR}/24 dev eth0")
        for device, address in zip(self.devices, (DEVICE, OTHER), strict=True):
            device.run(f"ip address add {address}/24 dev eth0")
        self.make_bridge()

    def make_bridge(self) -> None:
        self.host.run(f"ip link add {BRIDGE} type bridge")
        self.host.run(f"ip link set {BRIDGE} up")
        mac = json.loads(self.host.run(f"ip -j link show {BRIDGE}"))[0]["address"]
        # Fixed, or it changes with the ports: the test's devices write to it.
        self.host.run(f"ip link set {BRIDGE} address {mac}")
        for device in self.devices:
            device.run(f"ip neigh replace 192.168.77.1 lladdr {mac} dev eth0")
            device.run("ip route replace default via 192.168.77.1")

    def order(self, *ports: str) -> None:
        text = json.dumps({"bridge": BRIDGE, "ports": ports, "radio": None})
        (self.folder / "porter.json").write_text(text)

    def start(self) -> None:
        environment = {
            "PORTER_ORDER": str(self.folder / "porter.json"),
            "PORTER_STATE": str(self.folder),
            "PYTHONPATH": f"{ROOT}/images/common:{ROOT}/images/hostapd",
        }
        command = ["ip", "netns", "exec", self.host.name, sys.executable, "-m", "porter"]
        self._porter = subprocess.Popen(command, env=os.environ | environment)

    def signal(self, number: str) -> None:
        assert self._porter is not None
        subprocess.run(["kill", f"-{number}", str(self._porter.pid)], check=True)

    def end(self, number: str) -> None:
        self.signal(number)
        assert self._porter is not None
        self._porter.wait(timeout=20)
        self._porter = None

    def status(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "status.json").read_text())
        except OSError:
            return {}
        return found

    def attached(self, *ports: str) -> bool:
        wanted = dict.fromkeys(ports, "attached")
        return self.status().get("ports") == wanted and all(self.master(p) for p in ports)

    def link(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.host.run(f"ip -j address show {name}"))[0]
        return found

    def master(self, name: str) -> bool:
        return self.link(name).get("master") == BRIDGE

    def addresses(self, name: str) -> list[str]:
        return [f"{a['local']}/{a['prefixlen']}" for a in self.link(name)["addr_info"]]

    def reaches(self, space: Space, target: str) -> bool:
        """Send to `target` from the first device, at the bridge's own MAC; has it come?"""
        receiver = space.socket(socket.SOCK_DGRAM)
        sender = self.devices[0].socket(socket.SOCK_DGRAM)
        with receiver, sender:
            receiver.bind((target, _PORT))
            # Measured by what comes after it, and not by waiting: see `settled`.
            sender.sendto(b"a frame", (target, _PORT))
            self.settled()
            receiver.setblocking(False)
            try:
                return bool(receiver.recv(64))
            except BlockingIOError:
                return False

    def settled(self) -> None:
        """Wait until the bridge has taken as much as the device has sent."""
        sent = self._packets(self.devices[0], "eth0", "tx")
        until(lambda: self._packets(self.host, "p0", "rx") >= sent, "the frame at the port")

    def _packets(self, space: Space, leg: str, way: str) -> int:
        found = json.loads(space.run(f"ip -j -s link show {leg}"))
        return int(found[0]["stats64"][way]["packets"])

    def close(self) -> None:
        if self._porter is not None:
            self.end("KILL")
        for space in self.spaces:
            space.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.order(*PORTS)
    yield made
    made.close()


def _careless(house: House) -> None:
    """Attach a port as somebody would who thinks of no leak."""
    house.host.run("sysctl -qw net.ipv4.conf.all.rp_filter=0")
    house.host.run(f"sysctl -qw net.ipv4.conf.{BRIDGE}.rp_filter=0")
    house.host.run(f"ip route add 192.168.77.0/24 dev {BRIDGE}")
    house.host.run(f"ip link set p0 master {BRIDGE}")


def test_a_bridge_without_the_porter_leads_into_the_host_and_through_it(house: House) -> None:
    _careless(house)
    assert house.reaches(house.host, HOST)
    assert house.reaches(house.far, FAR)


def test_a_frame_to_the_bridge_itself_gets_nowhere(house: House) -> None:
    house.start()
    until(lambda: house.attached(*PORTS), "both ports on the bridge")
    assert not house.reaches(house.host, HOST)
    assert not house.reaches(house.far, FAR)


def test_not_even_where_the_host_checks_no_source_and_has_a_way_back(house: House) -> None:
    _careless(house)
    house.start()
    until(lambda: house.attached(*PORTS), "both ports on the bridge")
    assert not house.reaches(house.far, FAR)


def test_the_host_answers_nobody_on_the_bridge(house: House) -> None:
    house.start()
    until(lambda: house.attached(*PORTS), "both ports on the bridge")
    device = house.devices[0]
    device.run(f"ip route add {HOST} dev eth0 scope link")
    device.run_anyhow(f"ping -c 1 -W 1 {HOST}")
    device.run_anyhow("ping -6 -c 1 -W 1 ff02::1%eth0")
    assert "lladdr" not in device.run(f"ip neigh show {HOST}")
    assert "lladdr" in device.run(f"ip neigh show {_neighbour(house)}")
    macs = {house.link(name)["address"] for name in (BRIDGE, *PORTS)}
    assert not [mac for mac in macs if mac in device.run("ip -6 neigh show")]
    assert [a for name in (BRIDGE, *PORTS) for a in house.addresses(name)] == []


def _neighbour(house: House) -> str:
    house.devices[0].run(f"ping -c 1 -W 5 {OTHER}")
    return OTHER


def test_devices_of_both_ports_are_on_one_segment(house: House) -> None:
    house.start()
    until(lambda: house.attached(*PORTS), "both ports on the bridge")
    assert "1 received" in house.devices[0].run(f"ping -c 1 -W 5 {OTHER}")


def test_an_address_that_a_program_of_the_host_gives_a_port_is_taken_off_again(
    house: House,
) -> None:
    house.start()
    until(lambda: house.attached(*PORTS), "both ports on the bridge")
    assert house.addresses("p0") == []
    house.host.run("ip address add 192.168.6.6/24 dev p0")
    house.host.run(f"ip address add 192.168.77.1/24 dev {BRIDGE}")
    until(lambda: not house.addresses("p0") and not house.addresses(BRIDGE), "no addresses")


def test_a_bridge_that_is_made_anew_is_silent_before_it_holds_a_port(house: House) -> None:
    house.start()
    until(lambda: house.attached(*PORTS), "both ports on the bridge")
    house.host.run(f"ip link delete {BRIDGE}")
    until(lambda: house.status()["problem"], "a word on the missing bridge")
    house.make_bridge()
    until(lambda: house.attached(*PORTS), "both ports on the new bridge")
    for pattern, value in HARDENING.items():
        name = pattern.format(BRIDGE).replace("/", ".")
        assert house.host.run(f"sysctl -n {name}").strip() == value


def test_what_the_host_had_is_given_back_in_order(house: House) -> None:
    before = house.addresses("p0"), house.host.run("ip route show dev p0")
    house.start()
    until(lambda: house.attached(*PORTS), "both ports on the bridge")
    house.end("TERM")
    assert not house.master("p0")
    after = [a for a in house.addresses("p0") if not a.startswith("fe80")]
    assert after == [a for a in before[0] if not a.startswith("fe80")]
    assert house.host.run("ip route show dev p0") == before[1]
    assert house.host.run("sysctl -n net.ipv6.conf.p0.disable_ipv6").strip() == "0"


def test_one_that_was_killed_gives_nothing_back_and_its_successor_all_of_it(house: House) -> None:
    house.start()
    until(lambda: house.attached(*PORTS), "both ports on the bridge")
    house.end("KILL")
    assert house.master("p0")
    house.start()
    updated = house.status()["updated"]
    until(lambda: house.status()["updated"] > updated, "a report of the successor")
    assert house.addresses("p0") == []
    house.end("TERM")
    assert BEFORE in house.addresses("p0")


def test_a_port_that_is_no_longer_asked_for_goes_back_alone(house: House) -> None:
    house.start()
    until(lambda: house.attached(*PORTS), "both ports on the bridge")
    house.order("p1")
    house.signal("HUP")
    until(lambda: house.attached("p1") and not house.master("p0"), "the first port given back")
    assert BEFORE in house.addresses("p0")


def test_a_missing_port_is_said_and_taken_when_it_comes(house: House) -> None:
    house.order("p0", "p9")
    house.start()
    until(lambda: house.status().get("ports") == {"p0": "attached", "p9": "missing"}, "a word")
    assert "p9" in house.status()["problem"]
    house.host.run("ip link set p1 name p9")
    until(lambda: house.attached("p0", "p9"), "the port that came")
