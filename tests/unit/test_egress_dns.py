"""Whom a destination asks, and what an answer means."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.dns import (
    SILENT_AFTER,
    Choice,
    Health,
    authoritative,
    choose,
    probe_answer,
    probe_query,
    servers_file,
)

QUAD, PUSHED = (IPv4Address("9.9.9.9"),), (IPv4Address("10.81.0.1"),)
PRIVATE, PUBLIC = (IPv4Address("192.168.178.1"),), (IPv4Address("198.51.100.53"),)


@pytest.mark.parametrize("tunnel", [True, False])
def test_configured_servers_win(tunnel: bool) -> None:
    choice = choose(tunnel=tunnel, configured=QUAD, pushed=PUSHED, uplink=PRIVATE)
    assert choice == Choice(QUAD, "configured")


def test_then_those_that_the_vpn_pushed() -> None:
    choice = choose(tunnel=True, configured=(), pushed=PUSHED, uplink=PRIVATE)
    assert choice == Choice(PUSHED, "pushed")


def test_direct_asks_the_uplinks_servers() -> None:
    choice = choose(tunnel=False, configured=(), pushed=(), uplink=PRIVATE)
    assert choice == Choice(PRIVATE, "uplink")


def test_a_tunnel_reaches_only_the_uplinks_public_servers() -> None:
    choice = choose(tunnel=True, configured=(), pushed=(), uplink=PRIVATE + PUBLIC)
    assert choice == Choice(PUBLIC, "uplink")


@pytest.mark.parametrize("private", ["10.0.0.1", "172.31.0.1", "100.64.0.1", "169.254.1.1"])
def test_private_servers_are_not_asked_past_the_tunnel(private: str) -> None:
    choice = choose(tunnel=True, configured=(), pushed=(), uplink=(IPv4Address(private),))
    assert choice.servers == ()
    assert private in choice.message
    assert "set 'dns:'" in choice.message


@pytest.mark.parametrize("tunnel", [True, False])
def test_no_server_at_all_says_what_to_do(tunnel: bool) -> None:
    choice = choose(tunnel=tunnel, configured=(), pushed=(), uplink=())
    assert choice.servers == ()
    assert choice.message.endswith("set 'dns:' for this destination")


def test_each_server_is_bound_to_the_way_out() -> None:
    assert servers_file(QUAD + PUSHED, "tun0") == "server=9.9.9.9@tun0\nserver=10.81.0.1@tun0\n"
    assert servers_file((), "tun0") == ""


def _answer(number: int, code: int, flags: int = 0x8180) -> bytes:
    return struct.pack("!HHHHHH", number, flags | code, 1, 0, 0, 0)


def test_answers_are_told_apart() -> None:
    assert probe_answer(_answer(7, 0), 7) is True
    assert probe_answer(_answer(7, 3), 7) is True  # NXDOMAIN
    assert probe_answer(_answer(7, 5), 7) is True  # REFUSED: not for the root, perhaps
    assert probe_answer(_answer(7, 2), 7) is False  # SERVFAIL
    assert probe_answer(_answer(8, 0), 7) is None
    assert probe_answer(_answer(7, 0, flags=0), 7) is None  # a question


@given(st.binary(max_size=64))
def test_rubbish_is_no_answer_or_an_answer_but_never_an_error(data: bytes) -> None:
    assert probe_answer(data, 7) in (True, False, None)


def test_the_query_is_for_the_root() -> None:
    assert probe_query(0x1234) == bytes.fromhex("1234 0100 0001 0000 0000 0000 00 0006 0001")


def test_health_knows_before_during_and_after() -> None:
    unknown = Health(100.0)
    assert unknown.state(100.0) == "unknown"
    assert unknown.state(100.0 + SILENT_AFTER) == "failing"
    assert "no answer from the DNS servers" in unknown.message(100.0 + SILENT_AFTER)
    good = Health(100.0, answered=105.0)
    assert good.state(106.0) == "ok"
    assert good.message(106.0) == ""
    assert good.state(105.0 + SILENT_AFTER) == "failing"
    broken = Health(100.0, answered=105.0, failing=114.0)
    assert "SERVFAIL" in broken.message(119.0)


@pytest.mark.parametrize(
    ("data", "proof"),
    [
        (_answer(7, 0, 0x8580), True),  # a root server: AA
        (_answer(7, 0, 0x8180), False),  # the provider's resolver, which answers for everybody
        (_answer(7, 2, 0x8580), False),
        (_answer(8, 0, 0x8580), False),
        (b"", False),
    ],
)
def test_only_who_answers_for_itself_proves_the_internet(data: bytes, proof: bool) -> None:
    assert authoritative(data, 7) is proof
