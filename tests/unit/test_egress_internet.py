"""When a way out leads nowhere, whom that keeps out, and for how long at most."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.internet import CALM, PATIENCE, SILENCE, URGENT, Internet

ASKED = tuple(IPv4Address(f"198.51.100.{n}") for n in (80, 81, 82, 53))
VPN, DIRECT, UNASKED = Internet(ASKED, True), Internet(ASKED, False), Internet((), True)
LOST = VPN.connected(0).heard(10).given_up(22).connected(25)  # kept out since 22
DEAD, STUCK, CLOSED = "dead", "stuck", "closed"


@pytest.mark.parametrize(
    ("before", "now", "state", "words"),
    [
        pytest.param(VPN, 0, "unknown", "", id="no connection"),
        pytest.param(VPN.connected(0), SILENCE - 1, "unknown", "", id="not proven yet"),
        pytest.param(VPN.connected(0), SILENCE, "failing", "", id="never proven stays open"),
        pytest.param(VPN.connected(0), 9e9, "failing", "", id="never proven, for ever"),
        pytest.param(VPN.connected(0).heard(10), 10 + SILENCE - 1, "ok", "", id="proven"),
        pytest.param(VPN.connected(0).heard(10), 10 + SILENCE, "failing", DEAD, id="silent"),
        pytest.param(VPN.connected(0).heard(10).connected(15), 99, "failing", "", id="anew"),
        pytest.param(VPN.connected(0).heard(10).ended(), 99, "unknown", "", id="its own end"),
        pytest.param(VPN.connected(0).heard(10).given_up(22), 23, "unknown", CLOSED, id="lost"),
        pytest.param(LOST, 26, "failing", CLOSED, id="connected anew, not proven"),
        pytest.param(LOST, 25 + SILENCE, "failing", f"{STUCK} {CLOSED}", id="this one neither"),
        pytest.param(LOST.given_up(40).connected(50), 51, "failing", CLOSED, id="the next"),
        pytest.param(LOST, 22 + PATIENCE, "failing", "", id="a minute is enough"),
        pytest.param(
            LOST.given_up(70).connected(75), 22 + PATIENCE, "failing", "", id="a minute in a row"
        ),
        pytest.param(LOST.heard(30), 31, "ok", "", id="proven anew"),
        pytest.param(LOST.heard(30), 30 + SILENCE, "failing", DEAD, id="and silent anew"),
        pytest.param(LOST.heard(30).given_up(50), 51, "unknown", CLOSED, id="a new minute begins"),
        pytest.param(VPN.connected(0).given_up(5).heard(6), 7, "unknown", CLOSED, id="too late"),
        pytest.param(DIRECT.connected(0).heard(10), 99, "failing", "", id="direct is never closed"),
        pytest.param(UNASKED.connected(0).heard(10), 99, "off", "", id="nobody is asked"),
    ],
)
def test_what_follows(before: Internet, now: float, state: str, words: str) -> None:
    found = {DEAD: before.dead(now), STUCK: before.stuck(now), CLOSED: before.closed(now)}
    assert (before.state(now), {word for word, so in found.items() if so}) == (
        state,
        set(words.split()),
    )


@pytest.mark.parametrize(
    ("internet", "now", "words"),
    [
        (VPN.connected(0), 99, "if this VPN leads to a company's network only, set internet_probe"),
        (LOST, 26, "devices are refused meanwhile, for 60 s at most"),
        (LOST, 99, "devices are let in all the same"),
        (DIRECT.connected(0), 99, "198.51.100.80, 198.51.100.81, 198.51.100.82 and 1 more)"),
    ],
)
def test_the_message_says_who_was_asked_and_what_it_means(
    internet: Internet, now: float, words: str
) -> None:
    assert internet.message(now).startswith("nothing outside answers (asked 198.51.100.80, ")
    assert words in internet.message(now)


def test_nothing_is_said_while_all_is_well() -> None:
    assert VPN.connected(0).heard(1).message(2) == ""
    assert UNASKED.connected(0).message(99) == ""


def questions(internet: Internet, until: float) -> list[float]:
    """Return when it asks, looked at once a second, when nobody ever answers."""
    asked: list[float] = []
    for second in range(int(until)):
        if internet.due(second):
            asked.append(second)
            internet = internet.questioned(second)
    return asked


def test_a_busy_line_is_asked_nothing_and_a_silent_one_soon_more() -> None:
    internet = VPN.connected(0).questioned(0)
    for second in range(1, 30):
        assert not (internet := internet.heard(second)).due(second + CALM - 1)
    assert internet.due(29 + CALM)
    # From the last proof to the verdict four addresses have their chance.
    silent = VPN.connected(0).questioned(0).heard(1)
    assert questions(silent, 1 + SILENCE) == [1 + CALM + n * URGENT for n in range(4)]
    assert questions(UNASKED.connected(0), 60) == []
    assert questions(VPN, 60) == []


def test_who_never_had_an_answer_asks_less_often_in_the_end() -> None:
    asked = questions(VPN.connected(0), 200)
    assert asked[:3] == [0, URGENT, 2 * URGENT]
    assert asked[-1] - asked[-2] == CALM


EVENTS = st.sampled_from(["connected", "ended", "heard", "given_up", "questioned"])


@given(st.lists(st.tuples(EVENTS, st.integers(0, 20)), max_size=80))
def test_nobody_is_kept_out_for_longer_than_a_minute_without_proof(
    story: list[tuple[str, int]],
) -> None:
    internet, now, closed_since = VPN, 0, None
    for event, later in story:
        now += later
        if event == "given_up" and not internet.dead(now):
            continue  # what the supervisor does
        method = getattr(internet, event)
        internet = method() if event == "ended" else method(now)
        if not internet.closed(now):
            closed_since = None
        elif closed_since is None:
            closed_since = now
        assert closed_since is None or now - closed_since < PATIENCE
        assert not internet.closed(now + PATIENCE)


def test_a_death_is_found_in_time() -> None:
    look_every, count_every = 1.0, 1.0
    assert SILENCE + look_every + count_every <= 15
