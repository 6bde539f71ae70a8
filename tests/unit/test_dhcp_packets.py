"""The question about DHCP servers, and answers of every kind, hostile ones included."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.dhcp_packets import DhcpServer, discover, read_offer
from tests.dhcp_samples import ACK, COOKIE, OFFER, SERVER, US, XID, answer, options_of, raw

OURS = DhcpServer(IPv4Address("192.168.77.252"), SERVER)


def test_an_offer_is_read() -> None:
    assert read_offer(answer(), US, XID) == OURS
    assert read_offer(answer(ip_options=b"\x01" * 4), US, XID) == OURS
    assert read_offer(answer() + b"padding of a short frame", US, XID) == OURS


@pytest.mark.parametrize("server", [b"", b"\x01\x02"])
def test_a_server_without_a_name_is_known_by_its_address(server: bytes) -> None:
    expected = DhcpServer(IPv4Address("192.168.77.66"), SERVER)
    assert read_offer(answer(options=options_of(server=server)), US, XID) == expected


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(answer(op=1), id="a question"),
        pytest.param(answer(xid=XID + 1), id="to another question"),
        pytest.param(answer(mac="02:00:00:00:00:01"), id="to another device"),
        pytest.param(answer(options=options_of(ACK)), id="no offer"),
        pytest.param(answer(options=b""), id="no options"),
        pytest.param(answer(options=bytes((53, 1))), id="cut off within an option"),
        pytest.param(answer(options=bytes((53, 200, OFFER))), id="longer than the packet"),
        pytest.param(answer(options=bytes((255, 53, 1, OFFER))), id="behind the end"),
        pytest.param(answer(options=bytes((53,))), id="an option without a length"),
        pytest.param(answer(port=67), id="to a server"),
        pytest.param(answer(protocol=6), id="TCP"),
        pytest.param(answer(fragment=0x2000), id="a first fragment"),
        pytest.param(answer(fragment=0x0010), id="a later fragment"),
        pytest.param(answer().replace(COOKIE, b"none"), id="BOOTP"),
        pytest.param(answer().replace(b"\x08\x00\x45", b"\x86\xdd\x45"), id="IPv6"),
        pytest.param(answer().replace(b"\x08\x00\x45", b"\x08\x00\x42"), id="a header too short"),
        pytest.param(discover(US, XID), id="our own question"),
    ],
)
def test_what_is_no_offer_to_us_is_passed_over(frame: bytes) -> None:
    assert read_offer(frame, US, XID) is None


@given(st.binary(max_size=600))
@example(b"")
def test_noise_never_raises(frame: bytes) -> None:
    assert read_offer(frame, US, XID) is None


@given(st.integers(0, len(answer())))
def test_an_offer_cut_off_anywhere_never_raises(length: int) -> None:
    read_offer(answer()[:length], US, XID)


@given(st.binary(max_size=80))
def test_hostile_options_never_raise(options: bytes) -> None:
    found = read_offer(answer(options=options), US, XID)
    assert found is None or found.mac == SERVER


@given(st.data())
def test_a_damaged_offer_never_raises(data: st.DataObject) -> None:
    frame = bytearray(answer())
    for _ in range(data.draw(st.integers(1, 8))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    read_offer(bytes(frame), US, XID)


@given(st.integers(0, 2**32 - 1))
def test_a_question_is_whole(xid: int) -> None:
    frame = discover(US, xid)
    assert frame[:14] == b"\xff" * 6 + raw(US) + b"\x08\x00"
    header, udp, message = frame[14:34], frame[34:42], frame[42:]
    words = struct.unpack("!10H", header)
    total = sum(words)
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF  # RFC 791's checksum
    assert words[1] == len(frame) - 14
    assert struct.unpack("!HHH", udp[:6]) == (68, 67, len(udp) + len(message))
    assert len(message) == 300
    assert struct.unpack_from("!I", message, 4) == (xid,)
    assert message[10:12] == b"\x80\x00"  # answer as a broadcast
    assert message[28:34] == raw(US)
    assert message[236:240] == COOKIE
    assert message[240:243] == bytes((53, 1, 1))
