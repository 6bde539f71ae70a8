"""Packets as bytes: our own are what a real kernel understands, others' never raise."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.leaktest.packets import (
    Header,
    addresses_in,
    answer_code,
    capture_filter,
    echo_request,
    is_router_advertisement,
    parse_header,
    question,
)
from orchestrator.runtime import packet_filter

FAR, OTHER = IPv4Address("203.0.113.80"), IPv4Address("203.0.113.81")


def _ipv4(protocol: int, target: IPv4Address, payload: bytes, options: bytes = b"") -> bytes:
    length = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH", 0x40 | length, 0, 0, 0, 0, 64, protocol, 0)
    return head + IPv4Address("192.168.77.9").packed + target.packed + options + payload


def _ports(port: int) -> bytes:
    return struct.pack("!HHHH", 40_000, port, 8, 0)


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (_ipv4(17, FAR, _ports(53)), Header(FAR, 17, 53)),
        (_ipv4(6, FAR, _ports(853), options=b"\1" * 8), Header(FAR, 6, 853)),
        (_ipv4(1, FAR, b"\x08\0\0\0"), Header(FAR, 1, 0)),
        (_ipv4(17, FAR, b"\0"), Header(FAR, 17, 0)),
        (b"", None),
        (b"\x45", None),
        (b"\x60" + bytes(20), None),
    ],
)
def test_where_a_packet_goes(packet: bytes, expected: Header | None) -> None:
    assert parse_header(packet) == expected


def test_where_a_version_6_packet_goes() -> None:
    target = IPv6Address("2001:db8::1")
    packet = b"\x60" + bytes(5) + b"\x11" + bytes(17) + target.packed + _ports(443)
    assert parse_header(packet) == Header(target, 17, 443)


@given(st.binary(max_size=120))
def test_no_packet_and_no_answer_raises(data: bytes) -> None:
    parse_header(data)
    addresses_in(data)
    answer_code(1, data)
    is_router_advertisement(data)


@given(st.binary(max_size=50))
def test_the_sum_of_an_echo_request_is_right(payload: bytes) -> None:
    message = echo_request(7, payload)
    padded = message + b"\0" * (len(message) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF


def test_an_answer_is_read_past_an_alias() -> None:
    query = question(5, "ip.example.net")
    alias = b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1a\xc0\x0f"
    address = b"\xc0\x2c\0\1\0\1\0\0\0\x3c\0\4" + FAR.packed
    answer = query[:2] + b"\x81\x80\0\1\0\2\0\0\0\0" + query[12:] + alias + address
    assert addresses_in(answer) == [FAR]
    assert answer_code(5, answer) == 0
    assert answer_code(6, answer) is None
    assert answer_code(5, query) is None


def test_a_damaged_answer_has_no_address() -> None:
    query = question(5, "ip.example.net")
    answer = query[:2] + b"\x81\x80\0\1\0\7\0\0\0\0" + query[12:]
    assert addresses_in(answer) == []


# --- the filter, in the kernel -------------------------------------------------------------------


def _passes(packet: bytes) -> bool:
    """Say whether the kernel's own filter lets a packet through (unix(7) sockets have it too)."""
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender, receiver:
        packet_filter.attach(receiver, capture_filter((FAR, OTHER)))
        receiver.setblocking(False)
        try:
            sender.send(packet)
            return receiver.recv(4096) == packet
        except (BlockingIOError, PermissionError):
            return False


@pytest.mark.parametrize(
    ("packet", "passes"),
    [
        (_ipv4(17, FAR, _ports(20_000)), True),
        (_ipv4(6, OTHER, _ports(443)), True),
        (_ipv4(1, FAR, b"\x08\0\0\0"), True),
        (_ipv4(17, IPv4Address("9.9.9.9"), _ports(53)), True),
        (_ipv4(6, IPv4Address("9.9.9.9"), _ports(53), options=b"\1" * 8), True),
        (_ipv4(17, IPv4Address("9.9.9.9"), _ports(443)), False),
        (_ipv4(6, IPv4Address("9.9.9.9"), _ports(5353)), False),
        (_ipv4(1, IPv4Address("9.9.9.9"), b"\x08\0\0\x35\0\x35"), False),
        (b"\x60" + bytes(60), True),
        (b"\x10" + bytes(60), False),
    ],
)
def test_the_kernel_hands_over_what_may_be_ours(packet: bytes, passes: bool) -> None:
    assert _passes(packet) is passes
