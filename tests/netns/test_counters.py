"""What the kernel counts for the page: who sends how much by which way, and who is refused what."""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import live, store
from orchestrator.live import Counters, Meter, Samples
from orchestrator.refusals import LOOK_EVERY_S, RefusalCounts
from tests.homes import LAPTOP, TV
from tests.netns.world import (
    ECHO,
    PUBLIC_DNS,
    ROUTER_ADDRESS,
    SILENT,
    STRANGER,
    Device,
    World,
    until,
    world,
)

HEADERS = 28  # bytes of an IPv4 and a UDP header
PROHIBITED = (3, 13)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    """`tv` goes by `uk`, everybody else by `direct`."""
    with world(tmp_path) as built:
        built.switchboard.assign("tv", "uk")
        yield built


def _counters(home: World) -> Counters:
    return Counters(home.switchboard, home.link, lambda: home.config)


def _bytes(home: World, mac: str) -> tuple[int, int]:
    """Return what the counters of a device's present mark say: to it, from it."""
    totals = _counters(home).totals()
    assert totals is not None
    return totals.devices[mac, store.live_marks(home.switchboard.state)[mac]]


def test_bytes_are_counted_in_both_directions_for_their_device_alone(home: World) -> None:
    answer = home.tv.asks_udp(ECHO) + "\n"
    assert _bytes(home, TV) == (HEADERS + len(answer), HEADERS + 1)
    assert _bytes(home, LAPTOP) == (0, 0)
    with home.laptop.udp(SILENT) as made:
        for _ in range(10):
            made.send(bytes(1000))
        until(lambda: len(home.egresses["direct"].heard) == 10, "ten datagrams")
    assert _bytes(home, LAPTOP) == (0, 10 * (HEADERS + 1000))


def test_what_is_refused_is_no_traffic(home: World) -> None:
    assert home.tv.refusals(853, 3) == [PROHIBITED] * 3
    assert home.tv.refusals(ECHO, 3, "10.213.1.2") == [PROHIBITED] * 3
    assert home.stranger.refusals(ECHO, 3) == [PROHIBITED] * 3
    home.laptop.space.run(f"ip address add {home.tv.address}/32 dev lo")
    with home.tv.udp(SILENT) as mine, home.laptop.space.socket(socket.SOCK_DGRAM) as taken:
        mine.send(b"mine")
        until(lambda: home.egresses["uk"].heard, "the first datagram")
        taken.bind(mine.getsockname())
        taken.sendto(b"in another's name", mine.getpeername())
        assert home.laptop.asks_udp(ECHO), "a later datagram by the same wire"
    assert _bytes(home, TV) == (0, HEADERS + len(b"mine"))


def test_the_page_and_the_routers_own_answers_are_no_traffic(home: World) -> None:
    assert home.tv.asks_tcp(80, ROUTER_ADDRESS).startswith("page")
    home.tv.space.run(f"ping -c1 -W5 {ROUTER_ADDRESS}")
    assert _bytes(home, TV) == (0, 0)


def test_a_destinations_bytes_are_those_of_its_leg(home: World) -> None:
    def down_and_up() -> dict[str, tuple[int, int]]:
        totals = _counters(home).totals()
        assert totals is not None
        return dict(totals.destinations)

    before = down_and_up()
    assert before.keys() == {"direct", "uk"}
    with home.tv.udp(SILENT) as made:
        for _ in range(10):
            made.send(bytes(1000))
        until(lambda: len(home.egresses["uk"].heard) == 10, "ten datagrams")
    after = down_and_up()
    assert after["uk"][1] - before["uk"][1] >= 10_000
    assert after["direct"][1] - before["direct"][1] < 10_000
    home.detach("uk")
    assert down_and_up().keys() == {"direct"}


def test_without_rules_nothing_can_be_said_and_nothing_breaks(home: World) -> None:
    home.router.run("nft delete table inet manyways")
    assert _counters(home).totals() is None
    home.router_pid = None
    assert _counters(home).totals() is None


# --- speeds --------------------------------------------------------------------------------------


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _sent(home: World, device: Device, egress: str, size: int) -> None:
    before = len(home.egresses[egress].heard)
    with device.udp(SILENT) as made:
        made.send(bytes(size - HEADERS))
    until(lambda: len(home.egresses[egress].heard) > before, "the datagram")


def test_a_speed_is_what_flowed_since_the_last_sample_across_switch_and_reload(
    home: World,
) -> None:
    now = itertools.count(0, 2)
    counters, samples = _counters(home), Samples(0)

    def speeds() -> dict[str, tuple[float, float]]:
        samples.add(counters.totals(), next(now))
        found = samples.live("")["devices"].items()
        return {mac: (speed["down"], speed["up"]) for mac, speed in found}

    _sent(home, home.tv, "uk", 1000)
    assert speeds() == {}, "what flowed before the first sample is no speed"
    _sent(home, home.tv, "uk", 1000)
    assert speeds() == {TV: (0, 500)}
    home.switchboard.assign("tv", "direct")
    _sent(home, home.tv, "direct", 600)
    assert speeds() == {TV: (0, 300)}, "the counter of the new mark begins at zero"
    home.apply()
    _sent(home, home.tv, "direct", 400)
    assert speeds() == {TV: (0, 200)}, "loading the rules begins all counters anew"
    assert speeds() == {}
    home.router.run("nft delete table inet manyways")
    assert speeds() == {}
    home.apply()
    assert speeds() == {}
    _sent(home, home.laptop, "direct", 800)
    assert speeds() == {LAPTOP: (0, 400)}


def test_nobody_looks_while_nobody_asks(home: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SAMPLE_EVERY_S", 0.02)
    monkeypatch.setattr(live, "REST_AFTER_S", 0.2)
    meter = Meter(_counters(home).totals, lambda: "same")
    assert not meter.runs, "before the first question"
    first = meter.live()["at"]
    until(lambda: meter.runs, "samples")
    until(lambda: meter.live()["at"] > first + 0.5, "samples for as long as somebody asks")
    assert len(meter.history()["destinations"]["uk"]) > 1
    until(lambda: not meter.runs, "rest")
    assert meter.history()["destinations"] == {}, "a new picture begins, without a hole in it"
    until(lambda: not meter.runs, "rest")


# --- refusals ------------------------------------------------------------------------------------


def test_refused_and_turned_queries_are_counted_by_device_and_outlive_the_rules(
    home: World,
) -> None:
    clock = _Clock()
    counts = RefusalCounts(home.switchboard, home.link, clock)

    def seen() -> dict[str, tuple[int, int]]:
        clock.now += LOOK_EVERY_S
        found = counts.refusals().items()
        return {mac: (c["dns_over_tls"], c["dns_elsewhere"]) for mac, c in found}

    assert seen() == {}
    assert home.tv.refusals(853, 3) == [PROHIBITED] * 3
    with contextlib.suppress(OSError):
        home.tv.tcp(853)
    for server in (PUBLIC_DNS, PUBLIC_DNS, ROUTER_ADDRESS, ROUTER_ADDRESS, ROUTER_ADDRESS):
        home.laptop.asks_udp(53, server)
    assert home.stranger.refusals(853, 1) == [PROHIBITED]
    assert seen() == {TV: (4, 0), LAPTOP: (0, 2)}
    home.tv.refusals(853, 1)
    assert counts.refusals()[TV]["dns_over_tls"] == 4, "the kernel is not asked at every look"
    home.apply()
    home.tv.refusals(853, 2)
    home.tv.asks_tcp(53, PUBLIC_DNS)
    assert seen() == {TV: (6, 1), LAPTOP: (0, 2)}
    home.router_pid = None
    assert seen() == {TV: (6, 1), LAPTOP: (0, 2)}


def test_a_device_that_may_hide_its_queries_is_not_counted_as_refused(home: World) -> None:
    home.router.run(f"nft add element inet manyways dns_over_tls {{ {TV} }}")
    assert home.tv.asks_udp(853).startswith("uk")
    assert RefusalCounts(home.switchboard, home.link).refusals() == {}


def test_made_up_addresses_fill_no_memory_of_ours(home: World) -> None:
    """Whoever joins another's flow under many MAC addresses is noted, but is no device."""
    elements = ", ".join(f"02:00:00:07:{n >> 8:02x}:{n & 255:02x}" for n in range(1024))
    home.router.run(f"nft add element inet manyways hidden_dns {{ {elements} }}")
    home.router.run(f"nft add element inet manyways dns_elsewhere {{ {STRANGER} }}")
    assert home.tv.refusals(853, 2) == [PROHIBITED] * 2, "a full set refuses as an empty one"
    assert RefusalCounts(home.switchboard, home.link).refusals() == {}
