"""The judge of the leak search, tried on made-up packets: what it must and must not object to."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.leaks.oracle import (
    LOG_RESOLUTION_S,
    TOLERANCE_S,
    TRANSIT_TOLERANCE_S,
    History,
    Oracle,
    Sighting,
    Stall,
    Tag,
    Wire,
    judge,
    tag_in,
)
from tests.leaks.pcap import Reader

UK, DIRECT, NOBODY = frozenset({"uk"}), frozenset({"direct"}), frozenset[str]()


def history() -> History:
    """Tv goes direct from 100 on, and to uk by a switch asked for at 200 and done at 201."""
    made = History()
    made.start("tv", "direct", 100)
    made.request("tv", "uk", 200).receipt_at = 201
    return made


def seen(
    at: float, kind: str, owners: frozenset[str], birth: float = 150, traffic: str = "udp"
) -> Sighting:
    """A packet of tv's."""
    return Sighting(at, Wire(kind, owners, f"the {kind}"), Tag("tv", traffic, birth, 1), "a packet")


@pytest.mark.parametrize(
    ("at", "owners", "right"),
    [
        (199.9, DIRECT, True),
        (199.9, UK, False),
        (200.5, DIRECT, True),
        (200.5, UK, True),
        (201 + TRANSIT_TOLERANCE_S / 2, DIRECT, True),
        (201 + TRANSIT_TOLERANCE_S * 2, DIRECT, False),
        (300, UK, True),
        (300, UK | DIRECT, True),
        (300, NOBODY, False),
        (99, DIRECT, False),
    ],
)
def test_the_transit_is_exact(at: float, owners: frozenset[str], right: bool) -> None:
    assert (judge(seen(at, "transit", owners), history()) is None) is right


@pytest.mark.parametrize("kind", ["uplink", "tunnel", "internet"])
def test_deeper_wires_are_a_little_late_and_never_early(kind: str) -> None:
    assert judge(seen(201 + TOLERANCE_S / 2, kind, DIRECT), history()) is None
    assert judge(seen(201 + TOLERANCE_S * 1.1, kind, DIRECT), history())
    assert judge(seen(199.9, kind, UK), history())


def test_a_log_has_whole_seconds_only() -> None:
    assert judge(seen(200 - LOG_RESOLUTION_S / 2, "log", UK), history()) is None
    assert judge(seen(200 - LOG_RESOLUTION_S * 1.5, "log", UK), history())
    assert judge(seen(300, "log", NOBODY), history())


@pytest.mark.parametrize(
    ("birth", "at", "right"),
    [
        (150, 199, True),  # before the switch
        (150, 200.9, True),  # while it is done
        (150, 201.1, False),  # the connection should be dead
        (200.5, 300, True),  # born during the switch: of either side
        (250, 300, True),
    ],
)
def test_replies(birth: float, at: float, right: bool) -> None:
    assert (judge(seen(at, "leg", NOBODY, birth), history()) is None) is right


def test_back_and_forth_revives_nothing() -> None:
    made = history()
    made.request("tv", "direct", 210).receipt_at = 211
    assert judge(seen(212, "transit", DIRECT), made) is None
    assert judge(seen(212, "leg", NOBODY, birth=150, traffic="tcp"), made)


def test_a_datagrams_late_answer_may_come_where_it_was_sent_from_and_nowhere_else() -> None:
    made = history()
    assert judge(seen(209, "leg", NOBODY, birth=150), made), "it is elsewhere now"
    made.request("tv", "direct", 210).receipt_at = 211
    assert judge(seen(212, "leg", NOBODY, birth=150), made) is None
    assert judge(seen(212, "leg", NOBODY, birth=205), made), "that was sent from elsewhere"


def test_a_switch_to_where_it_is_kills_nothing() -> None:
    made = history()
    made.request("tv", "uk", 210).receipt_at = 211
    assert judge(seen(212, "leg", NOBODY, birth=205), made) is None


def test_an_interrupted_switch_ends_when_the_router_is_asked() -> None:
    made = history()
    made.request("tv", "de", 210)
    for owners in (UK, frozenset({"de"})):
        assert judge(seen(250, "transit", owners), made) is None
    made.observed("tv", "uk", 260)
    assert made.current("tv") == "uk"
    assert judge(seen(270, "transit", UK), made) is None
    assert judge(seen(270, "transit", frozenset({"de"})), made)


def test_replies_may_go_on_after_a_switch_that_came_to_nothing() -> None:
    for outcome, right in (("uk", True), ("de", False)):
        made = history()
        made.request("tv", "de", 210)
        made.observed("tv", outcome, 260)
        reply = seen(270, "leg", NOBODY, birth=205)
        assert (judge(reply, made) is None) is right


def test_a_deleted_destination_leaves_a_device_with_none() -> None:
    made = history()
    made.request("tv", "", 210).receipt_at = 211
    assert judge(seen(212, "transit", UK), made)
    assert judge(seen(212, "uplink", NOBODY), made)


def test_what_a_frozen_egress_held_back_is_of_when_it_froze() -> None:
    made = history()
    made.stalls.append(Stall("direct", 190, 240))
    assert judge(seen(241, "uplink", DIRECT), made) is None
    assert judge(seen(241, "transit", DIRECT), made), "the router lets nothing pass late"
    assert judge(seen(280, "uplink", DIRECT), made), "everything held back has passed by then"


def test_a_stranger_is_a_leak_everywhere() -> None:
    stranger = Sighting(150, Wire("uplink", DIRECT, "w"), Tag("toaster", "udp", 1, 1), "p")
    assert judge(stranger, history())


@pytest.mark.parametrize("kind", ["dot", "doq", "udp6", "tcp6"])
def test_what_must_be_refused_is_wrong_on_its_own_wire_too(kind: str) -> None:
    hidden = Sighting(150, Wire("transit", DIRECT, "w"), Tag("tv", kind, 150, 1), "p")
    assert judge(hidden, history())


def test_evidence_says_packet_wire_and_history() -> None:
    oracle = Oracle(history())
    assert len(oracle.look([seen(300, "transit", DIRECT), seen(300, "transit", UK)])) == 1
    text = str(oracle.leaks[0])
    for part in ("tv udp number 1", "the transit", "direct -> uk", "-99.000000 s"):
        assert part in text
    assert oracle.seen["transit", "udp"] == 2


def test_tags_survive_whatever_surrounds_them() -> None:
    assert tag_in(b"\0\1MW|tv|tcp|1500000|7|....") == Tag("tv", "tcp", 1.5, 7)
    name = b"\x19D-TV-2500000-9-x\x05where\x04test\0"
    assert tag_in(name) == Tag("tv", "dns", 2.5, 9)
    assert tag_in(b"MW|tv|tcp|15") is None
    assert tag_in(b"encrypted") is None


def _record(payload: bytes, fragment: int = 0, protocol: int = 17) -> bytes:
    packet = (
        struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0)
        + bytes([192, 168, 77, 5, 198, 51, 100, 80])
        + payload
    )
    frame = struct.pack(">HHIHBB8s", 0x0800, 0, 12, 1, 4, 6, b"macmac") + packet
    return struct.pack("<IIII", 1000, 250_000, len(frame), len(frame)) + frame


def test_a_capture_is_read_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    reader = Reader(path)
    assert list(reader.new()) == []
    path.write_bytes(b"\xd4\xc3\xb2\xa1".ljust(24, b"\0"))
    assert list(reader.new()) == []
    udp = struct.pack(">HHHH", 1234, 7, 0, 0) + b"MW|tv|udp|1|2|"
    whole = _record(udp)
    with path.open("ab") as stream:
        stream.write(whole + whole[:30])
    (packet,) = reader.new()
    assert (packet.at, packet.interface, packet.outgoing) == (1000.25, 12, True)
    assert str(packet) == "UDP 192.168.77.5:1234 > 198.51.100.80:7, 42 bytes"
    assert tag_in(packet.payload) == Tag("tv", "udp", 1e-6, 2)
    with path.open("ab") as stream:
        stream.write(whole[30:] + _record(b"the rest", fragment=185))
    _, later = reader.new()
    assert later.payload == b""
    assert reader.packets == 3


def test_icmp_errors_are_told_from_echoes(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    records = [_record(bytes([kind]) + b"...", protocol=1) for kind in (0, 3, 8, 11)]
    path.write_bytes(b"\xd4\xc3\xb2\xa1".ljust(24, b"\0") + b"".join(records))
    assert [p.is_icmp_error for p in Reader(path).new()] == [False, True, False, True]
