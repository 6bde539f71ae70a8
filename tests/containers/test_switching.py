"""A switch while the device is busy: everything old is cut, the neighbour notices nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.containers import home
from tests.containers.device import Program, Programs
from tests.containers.router import Router

RATE = "500000"  # bytes per second: steady, and far below what the machine can do
STALL_S = 1.0  # what a person would see
ECHO = "198.51.100.80"  # whom `datagrams` talks to


def _busy(programs: Programs) -> dict[str, Program]:
    busy = {
        "download": programs.start("tv", "download", RATE),
        "idle": programs.start("tv", "idle"),
        "datagrams": programs.start("tv", "datagrams"),
    }
    busy["download"].wait_for(" in ")
    busy["idle"].wait_for("echo hello")
    busy["datagrams"].wait_for("answer")
    return busy


def _expect_all_cut(busy: dict[str, Program]) -> None:
    # Both only listen, so they would hang for minutes if nobody told them.
    assert "reset" in busy["download"].wait_for("cut:", 2)
    assert "reset" in busy["idle"].wait_for("cut:", 2)


def _expect_datagrams_to_leave_by(stream: Program, old: str, new: str) -> None:
    """Watch the internet's wire: the same socket is now seen from the new address alone."""
    addresses = home.PUBLIC_ADDRESS
    with home.Capture("mwh-inet1", "udp and dst host 198.51.100.80 and dst port 7") as wire:
        seen = len(stream.lines)
        home.wait_for(
            "datagrams by the new exit",
            lambda: sum(f"IP {addresses[new]}." in line for line in wire.lines()) >= 20,
            15,
        )
        stream.wait_for("answer", 10, since=seen)
        assert [line for line in wire.lines() if f"IP {addresses[old]}." in line] == []


def test_moving_a_busy_device_twice(router: Router, programs: Programs) -> None:
    neighbour = programs.start("laptop", "download", RATE)
    neighbour.wait_for(" in ")
    for old, new in (("direct", "uk"), ("uk", "de")):
        busy = _busy(programs)
        receipt = router.assign("tv", new)
        _expect_all_cut(busy)
        assert (receipt["old"], receipt["new"]) == (old, new)
        assert receipt["connections_cut"] >= len(busy)
        assert home.seen_as("tv") == home.PUBLIC_ADDRESS[new]
        _expect_datagrams_to_leave_by(busy["datagrams"], old, new)
        busy["datagrams"].end()
    pauses = [float(line.split(" in ")[1]) for line in neighbour.lines if " in " in line]
    assert not [line for line in neighbour.lines if "cut" in line]
    assert max(pauses) < STALL_S


def test_hundreds_of_connections(router: Router, programs: Programs) -> None:
    crowd = programs.start("tv", "crowd", "400")
    crowd.wait_for("open 400", 30)
    before = _conntrack_entries(router)
    receipt = router.assign("tv", "uk")
    # What else the device had open (DNS, the datagrams of a test before) may have ended by itself.
    assert 400 <= receipt["connections_cut"] <= before
    crowd.wait_for("cut 400", 5)
    assert _conntrack_entries(router) < before - 399
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"]


def _conntrack_entries(router: Router) -> int:
    address = router.devices()["tv"]["address"]
    namespace = ("nsenter", "--net", "--target", router.pid("manyways-router"))
    done = home.host(*namespace, "conntrack", "-L", "--src", address)
    found = re.search(r"(\d+) flow entries", done.stderr)
    assert found, done.stderr
    return int(found[1])


def test_back_and_forth_revives_nothing(router: Router, programs: Programs) -> None:
    idle = programs.start("tv", "idle")
    idle.wait_for("echo hello")
    for _ in range(5):
        router.assign("tv", "uk")
        router.assign("tv", "direct")
    assert "reset" in idle.wait_for("cut:", 2)


def test_the_old_egress_forgets_the_datagrams(router: Router, programs: Programs) -> None:
    stream = programs.start("tv", "datagrams")
    stream.wait_for("answer")
    assert _flows_of_tv(router, "direct") > 0
    router.assign("tv", "uk")
    home.wait_for("they are forgotten", lambda: _flows_of_tv(router, "direct") == 0, 5)
    stream.wait_for("answer", since=len(stream.lines))
    assert _flows_of_tv(router, "uk") > 0


def _flows_of_tv(router: Router, destination: str) -> int:
    address = router.devices()["tv"]["address"]
    namespace = ("nsenter", "--net", "--target", router.pid(f"manyways-egress-{destination}"))
    done = home.host(*namespace, "conntrack", "-L", "-p", "udp", "-s", address, "-d", ECHO)
    found = re.search(r"(\d+) flow entries", done.stderr)
    assert found, done.stderr
    return int(found[1])


def test_the_server_is_told_as_well(router: Router, programs: Programs) -> None:
    """A reset of the far end's connection leaves by the way that the connection had."""
    download = programs.start("tv", "download", RATE)
    download.wait_for(" in ")
    reset = "src host 198.51.100.2 and dst port 80 and tcp[tcpflags] & tcp-rst != 0"
    with home.Capture("mwh-inet1", reset) as wire:
        router.assign("tv", "uk")
        home.wait_for("the server gets a reset", wire.lines, 5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("assign", "tvv", "uk"), "did you mean 'tv'?"),
        (("assign", "tv", "ukk"), "did you mean 'uk'?"),
        (("rename", "tv", "laptop"), "taken"),
        (("logs", "rooter"), "did you mean 'router'?"),
        (("asign", "tv", "uk"), "assign"),
    ],
)
def test_wrong_words_get_the_right_ones(router: Router, words: tuple[str, ...], said: str) -> None:
    before: dict[str, Any] = router.devices()
    done = router.command(*words)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert router.devices() == before
