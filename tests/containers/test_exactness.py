"""A VPN that died in three ways: found in time, named rightly, refused with the right word."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from tests.containers import home
from tests.containers.refusals import refusals
from tests.containers.router import Router

FOUND_S = 15.0  # how long a way out that leads nowhere may go unnoticed
REFUSED_MS = 10.0  # the median; one of many may meet a busy machine
PROHIBITED = "3 13"  # ICMP's destination unreachable, communication administratively prohibited
TRIES = 20
TARGET = "198.51.100.88"  # nobody asks it whether there is an internet
_BLOCK = "table inet broken {{ chain block {{ type filter hook {} priority -10; policy drop; }}; }}"


@contextlib.contextmanager
def killed() -> Iterator[None]:
    """The server is gone."""
    home.docker("kill", "--signal", "KILL", "home-vpn-uk")
    try:
        yield
    finally:
        home.docker("start", "home-vpn-uk")


@contextlib.contextmanager
def blocked(hook: str) -> Iterator[None]:
    """The server hears nothing (input), or carries nothing further (forward)."""
    home.run("vpn-uk", "nft", _BLOCK.format(hook))
    try:
        yield
    finally:
        home.run("vpn-uk", "nft", "delete table inet broken")


@dataclass(frozen=True)
class Death:
    """A way to die, and which checks of the destination are to blame, the last one in the end."""

    break_it: Callable[[], AbstractContextManager[None]]
    first: tuple[str, ...]
    in_the_end: str
    words: str


DEATHS = {
    "killed": Death(killed, ("endpoint", "tunnel"), "endpoint", "198.51.100.10:1194/udp"),
    "unreachable": Death(
        lambda: blocked("input"), ("endpoint", "tunnel"), "endpoint", "no answer from 198.51.100.10"
    ),
    "forwards-nothing": Death(
        lambda: blocked("forward"), ("tunnel", "internet"), "internet", "nothing outside answers"
    ),
}


@pytest.fixture(scope="module", params=list(DEATHS))
def death(request: pytest.FixtureRequest, living_home: None) -> Iterator[tuple[Death, float]]:
    """Tv goes by uk, which dies; how, and after how many seconds the status said so."""
    router, chosen = Router(), DEATHS[request.param]
    router.wait_until_healthy()
    router.assign("laptop", "direct")
    router.assign("tv", "uk")
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"]
    begun = time.monotonic()
    with chosen.break_it():
        found = home.wait_for("it is found", lambda: broken_check(router), 2 * FOUND_S)
        took = time.monotonic() - begun
        assert found in chosen.first
        yield chosen, took
    home.wait_for("back", lambda: home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"], 90)
    router.wait_until_healthy()


def broken_check(router: Router) -> str:
    """Return the check that is to blame for uk being down; "" while it is not."""
    uk = router.destination("uk")
    failed: list[str] = [c["name"] for c in uk["checks"] if c["state"] == "failed"]
    return failed[0] if uk["state"] == "down" else ""


def test_it_is_found_in_time_and_named_rightly(death: tuple[Death, float]) -> None:
    chosen, took = death
    assert took <= FOUND_S
    router = Router()
    home.wait_for(chosen.in_the_end, lambda: broken_check(router) == chosen.in_the_end, 15)
    uk = router.destination("uk")
    assert chosen.words in uk["message"]
    checks = {c["name"]: c["state"] for c in uk["checks"]}
    before = list(checks)[: list(checks).index(chosen.in_the_end)]
    assert {checks[name] for name in before} == {"ok"}
    assert router.devices()["tv"]["state"] == "down"
    assert router.devices()["laptop"]["state"] == "ok"


def test_every_packet_is_refused_with_the_right_word_at_once(death: tuple[Death, float]) -> None:
    found = refusals("tv", TARGET, TRIES)
    for protocol in ("udp", "tcp", "ping"):
        took = [r.milliseconds for r in found if r.protocol == protocol]
        assert len(took) == TRIES
        assert statistics.median(took) < REFUSED_MS, sorted(took)
    assert {r.how for r in found} == {PROHIBITED}, found


def test_programs_say_so_instead_of_waiting(death: tuple[Death, float]) -> None:
    for command, code, words in (
        (("curl", "-sSv", "--max-time", "5", f"http://{TARGET}/"), 7, "No route to host"),
        (("ping", "-c", "1", "-W", "5", TARGET), 1, "Packet filtered"),
        (("nc", "-v", "-w", "5", TARGET, "80"), 1, "No route to host"),
    ):
        begun = time.monotonic()
        done = home.attempt("tv", *command)
        assert done.returncode == code, done
        assert words in done.stdout + done.stderr
        assert time.monotonic() - begun < 2
    asked = home.attempt("tv", "dig", "+tries=1", "+time=5", "A", home.unique())
    assert "status: REFUSED" in asked.stdout


def test_the_neighbour_notices_nothing(death: tuple[Death, float]) -> None:
    assert home.seen_as("laptop") == home.PUBLIC_ADDRESS["direct"]
