"""A destination whose egress is down refuses at once, in the kernel, and opens when it is ready."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.addressing import egress_container
from orchestrator.desired import status_file
from orchestrator.model import ObservedContainer
from orchestrator.runtime.engine import ContainerEvent
from tests.netns.world import (
    ECHO,
    PUBLIC_DNS,
    ROUTER_ADDRESS,
    SILENT,
    WEB,
    World,
    fails_with,
    world,
)

PROHIBITED = (3, 13)
AT_ONCE_S = 0.25  # in all; a busy machine
UK = egress_container("uk")
RUNNING = {egress_container(n): ObservedContainer(n, "x", True) for n in ("direct", "uk")}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    """`tv` goes by `uk`, everybody else by `direct`; both have said that they are well."""
    with world(tmp_path) as built:
        built.switchboard.assign("tv", "uk")
        for name in ("direct", "uk"):
            _says(built, name, updated=built.now - 5)
        built.gates.look(RUNNING, lambda _name: built.now - 60)
        assert _shut(built) == set()
        yield built


def _says(home: World, name: str, updated: float) -> None:
    status = {"updated": updated, "uplink": {"state": "up"}, "dns": {"state": "ok"}}
    home.volume.write(status_file(name), json.dumps(status))


def _happens(home: World, action: str, signal: str = "", container: str = UK) -> None:
    home.gates.saw(ContainerEvent(container, action, signal))


def _shut(home: World) -> set[int]:
    """Return the slots that the kernel refuses, and check that memory says the same."""
    listing = json.loads(home.router.run("nft -j list set inet manyways shut"))
    (found,) = (item["set"] for item in listing["nftables"] if "set" in item)
    kernel = {int(slot) for slot in found.get("elem", ())}
    assert kernel == {home.slot(name) for name in home.gates.shut}
    return kernel


def test_what_is_shut_is_refused_by_every_protocol_and_nobody_else_is(home: World) -> None:
    with home.tv.tcp(ECHO) as near, home.laptop.tcp(ECHO) as neighbour, home.tv.udp(ECHO) as flow:
        near.recv(100)
        neighbour.recv(100)
        flow.send(b"?")
        flow.recv(100)
        _happens(home, "die")
        began = time.monotonic()
        near.sendall(b"anybody there?")
        with pytest.raises(ConnectionResetError):
            near.recv(100)
        flow.send(b"?")
        with pytest.raises(OSError, match=f"Errno {errno.EHOSTUNREACH}"):
            flow.recv(100)
        assert home.tv.refusals(SILENT, 1) == [PROHIBITED]
        assert home.tv.refusals(853, 1, PUBLIC_DNS) == [PROHIBITED]
        assert time.monotonic() - began < AT_ONCE_S
        home.egresses["direct"].accepted[-1].sendall(b"still here")
        assert neighbour.recv(100) == b"still here"
    assert fails_with(errno.EHOSTUNREACH, lambda: home.tv.tcp(ECHO))
    ping = home.tv.space.run_anyhow(f"ping -c 2 -i 0.01 -W 1 {WEB}")
    assert ping.count("Packet filtered") == 2, ping
    assert home.egresses["uk"].heard == []
    home.tv.space.run(f"ping -c 1 -W 1 {ROUTER_ADDRESS}")
    assert home.tv.asks_tcp(80, ROUTER_ADDRESS).startswith("page")


def test_it_opens_with_the_first_status_since(home: World) -> None:
    _happens(home, "kill", "15")
    _says(home, "uk", updated=home.now + 0.5)  # its last words
    home.gates.open_the_ready()
    assert _shut(home) == {home.slot("uk")}
    home.now += 1
    _happens(home, "die")
    home.now += 1
    _happens(home, "start")
    home.gates.open_the_ready()
    assert _shut(home) == {home.slot("uk")}
    _says(home, "uk", updated=home.now)
    home.gates.open_the_ready()
    assert _shut(home) == {home.slot("uk")}, "not younger than the start"
    _says(home, "uk", updated=home.now + 86400)
    home.gates.open_the_ready()
    assert _shut(home) == {home.slot("uk")}, "of the boot before"
    _says(home, "uk", updated=home.now + 0.5)
    home.gates.open_the_ready()
    assert _shut(home) == set()
    assert home.tv.asks_udp(ECHO) == f"uk {home.tv.address}"


@pytest.mark.parametrize(
    ("frozen_s", "opens"), [(0.5, True), (19.0, True), (21.0, False), (3600.0, False)]
)
def test_a_frozen_one_is_shut_and_after_a_long_time_must_speak_first(
    home: World, frozen_s: float, opens: bool
) -> None:
    _happens(home, "pause")
    assert _shut(home) == {home.slot("uk")}
    home.now += frozen_s
    home.gates.open_the_ready()
    assert _shut(home) == {home.slot("uk")}
    _happens(home, "unpause")
    assert (_shut(home) == set()) == opens
    _says(home, "uk", updated=home.now + 1)
    home.gates.open_the_ready()
    assert _shut(home) == set()


@pytest.mark.parametrize(
    ("action", "signal", "container"),
    [
        ("kill", "1", UK),
        ("exec_die", "", UK),
        ("unpause", "", UK),
        ("die", "", "manyways-router"),
        ("disconnect", "", ""),
    ],
)
def test_what_stops_no_egress_shuts_nothing(
    home: World, action: str, signal: str, container: str
) -> None:
    _happens(home, action, signal, container)
    assert _shut(home) == set()


def test_one_destination_does_not_open_another(home: World) -> None:
    _happens(home, "stop")
    _happens(home, "die", container=egress_container("direct"))
    assert _shut(home) == {home.slot("uk"), home.slot("direct")}
    home.now += 1
    _says(home, "direct", updated=home.now)
    home.gates.open_the_ready()
    assert _shut(home) == {home.slot("uk")}


def test_rules_that_are_loaded_anew_are_told_again(home: World) -> None:
    _happens(home, "die")
    home.apply()
    assert "elements" not in home.router.run("nft list set inet manyways shut")
    home.gates.fill()
    assert _shut(home) == {home.slot("uk")}
    home.router.run("nft delete table inet manyways")
    home.gates.fill()  # not loaded: no failure, nothing is forwarded


def test_a_destination_that_left_the_configuration_leaves_the_set(home: World) -> None:
    _happens(home, "destroy")
    home.reconfigure("direct")
    home.gates.open_the_ready()
    home.gates.fill()
    assert _shut(home) == set()


def test_who_listens_anew_finds_what_it_missed(home: World) -> None:
    stopped = {**RUNNING, UK: ObservedContainer(UK, "x", False)}
    home.gates.look(stopped, lambda _name: home.now - 60)
    assert _shut(home) == {home.slot("uk")}
    home.gates.look({}, lambda _name: None)
    assert _shut(home) == {home.slot("uk"), home.slot("direct")}
    home.now += 30
    began = {egress_container("direct"): home.now - 10, UK: home.now - 2}
    _says(home, "direct", updated=home.now - 1)
    _says(home, "uk", updated=home.now - 3)
    home.gates.look(RUNNING, began.get)
    assert _shut(home) == {home.slot("uk")}, "it has said nothing since it began"
