"""What sightings mean. A packet on a wrong wire is a leak, whatever else may be right about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.leaktest import judge
from orchestrator.leaktest.packets import Header
from orchestrator.leaktest.words import (
    TCP,
    TRANSIT,
    TUNNEL,
    UDP,
    UPLINK,
    Attempt,
    Judgement,
    Outcome,
    Result,
    Sighting,
    Token,
    Verdict,
    View,
    Wire,
)

FAR, RESOLVER = IPv4Address("203.0.113.80"), IPv4Address("10.81.0.1")
UK_TRANSIT, UK_UPLINK, UK_TUNNEL = (Wire("uk", place) for place in (TRANSIT, UPLINK, TUNNEL))
DIRECT_UPLINK = Wire("direct", UPLINK)
WIRES = (UK_TRANSIT, UK_UPLINK, UK_TUNNEL, Wire("direct", TRANSIT), DIRECT_UPLINK)
VIEW = View("uk", UK_TUNNEL, WIRES, servers=(RESOLVER,))
BLIND = View("uk", UK_TUNNEL, WIRES, ("direct could not be watched (gone)",), (RESOLVER,))
REFUSED, ANSWERED = Outcome(Result.REFUSED, 2), Outcome(Result.ANSWERED, 9)
SILENT, LATE = Outcome(Result.SILENT, 1500), Outcome(Result.REFUSED, 1200)

Judge = Callable[[View, Sequence[Attempt]], Judgement]


def attempt(outcome: Outcome, *wires: Wire, to: IPv4Address = FAR, what: str = "UDP") -> Attempt:
    return Attempt(what, outcome, tuple(Sighting(wire, Header(to, UDP, 53)) for wire in wires))


PACKETS = [
    (VIEW, [attempt(SILENT, UK_TRANSIT, UK_TUNNEL)], "ok", "UDP seen leaving by tun0 of uk"),
    (VIEW, [attempt(SILENT, UK_TRANSIT, UK_TUNNEL)], "ok", "on none of the 3 other wires"),
    (VIEW, [attempt(SILENT, UK_TUNNEL, DIRECT_UPLINK)], "LEAK", "UDP seen on the uplink of direct"),
    (VIEW, [attempt(SILENT, UK_TUNNEL, UK_UPLINK)], "LEAK", "UDP seen on the uplink of uk"),
    (VIEW, [attempt(SILENT, UK_TRANSIT)], "failed", "got as far as the transit of uk"),
    (VIEW, [attempt(REFUSED)], "failed", "was seen on no wire, refused"),
    (BLIND, [attempt(SILENT, UK_TUNNEL)], "not checked", "but direct could not be watched (gone)"),
    (BLIND, [attempt(SILENT)], "not checked", "direct could not be watched (gone)"),
    (BLIND, [attempt(SILENT, DIRECT_UPLINK)], "LEAK", "the uplink of direct"),
    (
        VIEW,
        [attempt(SILENT, UK_TUNNEL), attempt(SILENT, DIRECT_UPLINK, what="ICMP")],
        "LEAK",
        "ICMP seen on the uplink of direct",
    ),
]
QUERIES = [
    (VIEW, [attempt(ANSWERED, UK_TUNNEL, to=RESOLVER)], "ok", "by tun0 of uk to 10.81.0.1"),
    (VIEW, [attempt(ANSWERED, UK_TUNNEL)], "LEAK", "to 203.0.113.80; the resolver of uk: 10.81"),
    (VIEW, [attempt(SILENT, UK_TUNNEL, to=RESOLVER)], "failed", "left, but got no answer"),
    (VIEW, [attempt(ANSWERED)], "failed", "was seen on no wire"),
    (VIEW, [attempt(ANSWERED, DIRECT_UPLINK)], "LEAK", "the uplink of direct"),
    (BLIND, [attempt(ANSWERED, UK_TUNNEL, to=RESOLVER)], "not checked", "could not be watched"),
]
REFUSALS = [
    (VIEW, [attempt(REFUSED)], "ok", "UDP refused after 2 ms; seen on no wire"),
    (VIEW, [attempt(REFUSED, UK_TRANSIT)], "LEAK", "the transit of uk"),
    (VIEW, [attempt(REFUSED), attempt(ANSWERED)], "LEAK", "got an answer"),
    (VIEW, [attempt(SILENT)], "failed", "dropped without a word"),
    (VIEW, [attempt(LATE)], "failed", "refused only after 1200 ms"),
    (BLIND, [attempt(REFUSED)], "not checked", "could not be watched"),
]
KILLED = [
    (VIEW, [attempt(REFUSED, UK_TRANSIT)], "ok", "seen on no wire outside"),
    (VIEW, [attempt(REFUSED, UK_UPLINK)], "LEAK", "the uplink of uk"),
    (VIEW, [attempt(REFUSED, DIRECT_UPLINK)], "LEAK", "the uplink of direct"),
    (VIEW, [attempt(SILENT, UK_TUNNEL)], "not checked", "was not down"),
    (VIEW, [attempt(SILENT)], "failed", "dropped without a word"),
    (BLIND, [attempt(REFUSED)], "not checked", "could not be watched"),
]
VERSION_6 = [
    (VIEW, [attempt(REFUSED)], "ok", "UDP refused after 2 ms; seen on no wire"),
    (VIEW, [attempt(SILENT)], "ok", "dropped without a word, so a device waits"),
    (VIEW, [attempt(LATE)], "ok", "UDP refused only after 1200 ms; seen on no wire"),
    (VIEW, [attempt(SILENT, UK_TRANSIT)], "LEAK", "the transit of uk"),
    (VIEW, [attempt(ANSWERED)], "LEAK", "got an answer"),
    (BLIND, [attempt(SILENT)], "not checked", "could not be watched"),
]
TABLE = [
    (function, *case)
    for function, cases in (
        (judge.left_by_exit, PACKETS),
        (judge.asked_resolver, QUERIES),
        (judge.refused, REFUSALS),
        (judge.killed, KILLED),
        (judge.version6, VERSION_6),
    )
    for case in cases
]


@pytest.mark.parametrize(("function", "view", "attempts", "verdict", "words"), TABLE)
def test_a_verdict_and_its_evidence(
    function: Judge, view: View, attempts: list[Attempt], verdict: str, words: str
) -> None:
    judgement = function(view, attempts)
    assert judgement.verdict.value == verdict, judgement
    assert words in judgement.evidence


@given(
    st.sampled_from([f for f, *_ in TABLE]),
    st.lists(
        st.builds(
            lambda outcome, wires: attempt(outcome, *wires, to=RESOLVER),
            st.sampled_from((REFUSED, ANSWERED, SILENT, LATE)),
            st.lists(st.sampled_from(WIRES), max_size=3),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_a_packet_on_a_strange_wire_is_always_a_leak(
    function: Judge, attempts: list[Attempt]
) -> None:
    strange = {UK_UPLINK, DIRECT_UPLINK, Wire("direct", TRANSIT)}
    leaked = any(s.wire in strange for a in attempts for s in a.sightings)
    if leaked:
        assert function(VIEW, attempts).verdict is Verdict.LEAK
        assert function(BLIND, attempts).verdict is Verdict.LEAK
    assert function(BLIND, attempts).verdict is not Verdict.OK  # who did not look can't know


@pytest.mark.parametrize(
    ("answer", "direct", "tunnel", "verdict"),
    [
        ("198.51.100.10\n", {"direct": IPv4Address("198.51.100.2")}, True, Verdict.OK),
        ("198.51.100.2\n", {"direct": IPv4Address("198.51.100.2")}, True, Verdict.LEAK),
        ("198.51.100.2", {}, False, Verdict.OK),
        ("198.51.100.10", {}, True, Verdict.UNCHECKED),
        ("<html>", {}, True, Verdict.FAILED),
        ("", {}, False, Verdict.FAILED),
        ("2001:db8::1", {}, False, Verdict.FAILED),
    ],
)
def test_the_address_outside(
    answer: str, direct: dict[str, IPv4Address], tunnel: bool, verdict: Verdict
) -> None:
    assert judge.outside_address(answer, direct, tunnel=tunnel).verdict is verdict


@pytest.mark.parametrize(
    ("after", "before", "verdict"),
    [
        ([DIRECT_UPLINK], [UK_TUNNEL], Verdict.OK),
        ([], [UK_TUNNEL], Verdict.OK),
        ([UK_TUNNEL], [UK_TUNNEL], Verdict.LEAK),
        ([DIRECT_UPLINK, UK_TRANSIT], [UK_TUNNEL], Verdict.LEAK),
        ([Wire("de", TUNNEL)], [UK_TUNNEL], Verdict.LEAK),
        ([DIRECT_UPLINK], [], Verdict.UNCHECKED),
    ],
)
def test_a_flow_belongs_to_the_new_destination(
    after: list[Wire], before: list[Wire], verdict: Verdict
) -> None:
    judgement = judge.old_flow(VIEW, "direct", attempt(SILENT, *after), attempt(SILENT, *before))
    assert judgement.verdict is verdict


@pytest.mark.parametrize(
    ("outcome", "wires", "verdict"),
    [
        (REFUSED, [], Verdict.OK),
        (SILENT, [], Verdict.FAILED),
        (ANSWERED, [], Verdict.LEAK),
        (SILENT, [UK_TUNNEL], Verdict.LEAK),
    ],
)
def test_a_connection_ends_with_its_switch(
    outcome: Outcome, wires: list[Wire], verdict: Verdict
) -> None:
    assert judge.old_connection("direct", attempt(outcome, *wires)).verdict is verdict


def test_what_was_sent_while_a_destination_went_down() -> None:
    assert judge.strayed(VIEW, attempt(SILENT, UK_TRANSIT, UK_TUNNEL)) is None
    leak = judge.strayed(VIEW, attempt(SILENT, UK_UPLINK))
    assert leak is not None
    assert leak.verdict is Verdict.LEAK


def test_a_token_is_known_by_its_text_or_by_where_nobody_else_sends() -> None:
    token = Token("mw0123456789", TCP, FAR, 20_007)
    assert token.is_in(b"\x0emW0123456789\x07invalid", Header(RESOLVER, UDP, 53))
    assert token.is_in(b"", Header(FAR, TCP, 20_007))
    assert not token.is_in(b"", Header(FAR, UDP, 20_007))
    assert not token.is_in(b"mw0123456780", Header(FAR, TCP, 20_008))
