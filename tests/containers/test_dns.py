"""DNS through router and egress is exact: whole answers, short lives, caches of their own."""

from __future__ import annotations

import json
import re

import pytest

from tests.containers import home
from tests.containers.refusals import refusals
from tests.containers.router import Router

# Who answers for a destination, in the texts of place() in images/home/lib.sh.
ANSWERS = {"direct": "isp", "uk": "uk", "de": "de"}
LONGEST_TTL, RESOLVERS_TTL = 30, 60  # s
HARD_CODED = "198.51.100.88"
DIG = ("dig", "+tries=1", "+time=5")
CANARIES = ("use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com")

by_every_destination = pytest.mark.parametrize("destination", list(ANSWERS))


def texts(place: str, numbers: range) -> list[str]:
    """Return the TXT records that place() makes, as `dig +short` prints them, sorted."""
    return sorted(" ".join([f'"{f"{place}-{n}-":x<240}"'] * 3) for n in numbers)


def dig(*words: str) -> list[str]:
    """Return the records of an answer to tv, sorted."""
    return sorted(home.run("tv", *DIG, "+short", *words).splitlines())


def flags(*words: str) -> str:
    """Return the flags of an answer as dig prints them, between spaces."""
    said = home.run("tv", *DIG, *words)
    found = re.search(r"flags:([ a-z]*);", said)
    assert found, said
    return f"{found[1]} "


@by_every_destination
def test_an_answer_that_needs_edns_or_tcp_gets_what_it_needs(
    router: Router, destination: str
) -> None:
    router.assign("tv", destination)
    expected = texts(ANSWERS[destination], range(1))
    assert " tc " in flags("+noedns", "+ignore", "TXT", "medium.test")
    assert " tc " not in flags("+bufsize=1232", "+ignore", "TXT", "medium.test")
    said = home.run("tv", *DIG, "+bufsize=1232", "+ignore", "TXT", "medium.test")
    assert re.search(r"EDNS: version: 0, flags:; udp: \d+", said), said
    assert "SERVER: 192.168.77.1#53(192.168.77.1) (UDP)" in said
    for how in ("+bufsize=1232", "+noedns", "+tcp"):
        assert dig(how, "TXT", "medium.test") == expected


@by_every_destination
@pytest.mark.parametrize("server", [(), (f"@{HARD_CODED}",)], ids=["by-dhcp", "hard-coded"])
def test_a_large_answer_is_truncated_and_then_whole(
    router: Router, destination: str, server: tuple[str, ...]
) -> None:
    router.assign("tv", destination)
    expected = texts(ANSWERS[destination], range(1, 7))
    for size in ("+noedns", "+bufsize=1232", "+bufsize=4096"):
        assert " tc " in flags(*server, size, "+ignore", "TXT", "large.test")
        assert dig(*server, size, "TXT", "large.test") == expected
    assert dig(*server, "+tcp", "TXT", "large.test") == expected


@by_every_destination
def test_an_answer_lives_at_most_half_a_minute(router: Router, destination: str) -> None:
    router.assign("tv", destination)
    name = home.unique()
    for question in (("A", name), ("TXT", "place.test"), ("TXT", "large.test")):
        lines = home.run("tv", *DIG, "+noall", "+answer", *question).splitlines()
        assert lines
        assert all(0 < int(line.split()[1]) <= LONGEST_TTL for line in lines), lines
    # The resolvers themselves say more, so that somebody must have cut it.
    line = home.run("internet", "dig", "@198.51.100.53", "+noall", "+answer", "TXT", "place.test")
    assert int(line.split()[1]) == RESOLVERS_TTL


def test_each_destination_asks_once_and_for_itself(router: Router) -> None:
    router.assign("tv", "uk")
    name = home.unique()
    answers = {
        device: {home.run(device, *DIG, "+short", "A", name) for _ in range(3)}
        for device in ("tv", "laptop")
    }
    assert answers == {"tv": {"198.51.100.81"}, "laptop": {"198.51.100.80"}}
    asked = {place: [q.kind for q in found] for place, found in home.asked(name).items()}
    assert asked == {"uk": ["A"], "house": ["A"], "isp": ["A"]}


@by_every_destination
def test_canaries_are_answered_and_asked_for_nowhere(router: Router, destination: str) -> None:
    router.assign("tv", destination)
    for name in CANARIES:
        for server in ((), (f"@{HARD_CODED}",)):
            assert "status: NXDOMAIN" in home.run("tv", *DIG, *server, name)
    assert "status: NXDOMAIN" in home.run("tv", *DIG, "SVCB", "_dns.resolver.arpa")
    assert [home.asked(name) for name in (*CANARIES, "_dns.resolver.arpa")] == [{}] * 4


@by_every_destination
def test_dns_over_tls_is_refused_at_once(router: Router, destination: str) -> None:
    router.assign("tv", destination)
    found = [r for r in refusals("tv", HARD_CODED, 5, 853) if r.protocol != "ping"]
    assert {r.protocol for r in found} == {"udp", "tcp"}
    assert all(r.how in ("3 13", "reset -") for r in found), found
    assert max(r.milliseconds for r in found) < 1000, found


def test_at_boot_only_the_endpoints_name_is_asked_for_outside(router: Router) -> None:
    egress = json.loads(home.docker("inspect", "manyways-egress-de"))[0]
    legs = egress["NetworkSettings"]["Networks"]
    mac = next(leg["MacAddress"] for name, leg in legs.items() if "uplink" in name)
    router.assign("tv", "de")
    with home.Capture("mwh-wan1", "udp port 53 or tcp port 53") as wire:
        filtered = home.Capture("mwh-wan1", f"ether src {mac} and port 53")
        with filtered as own:
            home.docker("restart", "--time", "5", "manyways-egress-de")
            # A device that asks all the time shall not make anything leave, either.
            name = home.unique()
            home.wait_for(
                "tv by de again",
                lambda: home.run("tv", *DIG, "+short", name) == "198.51.100.82",
                60,
            )
            router.wait_until_healthy()
            marker = home.unique()
            home.run("laptop", *DIG, "+short", marker)
            home.wait_for("the marker", lambda: any(marker in x for x in wire.lines()))
            said = own.lines()
            assert not [line for line in wire.lines() if name in line]
    assert said
    assert [line for line in said if not re.search(r" A\? vpn\.de\.test\. ", line)] == []
