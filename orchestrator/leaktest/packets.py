"""Packets as bytes: what a watched one says, and the few that the probe writes itself.

Watched packets come from anywhere, so nothing here raises on a damaged one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from orchestrator.checksum import checksum

_TCP, _UDP = 6, 17
_A, _IN = 1, 1
_ECHO_REQUEST, _ROUTER_SOLICITATION, _ROUTER_ADVERTISEMENT = 8, 133, 134

# Classic BPF (linux/bpf_common.h).
_LD_WORD, _LD_HALF_INDEXED, _LD_BYTE, _LDX_HEADER_LENGTH = 0x20, 0x48, 0x30, 0xB1
_SHIFT_RIGHT, _JUMP_IF_EQUAL, _RETURN = 0x74, 0x15, 0x06
_WHOLE_PACKET = 0xFFFF

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Header:
    """Where a packet goes; `port` is that of the target, 0 when the protocol has none."""

    destination: IPv4Address | IPv6Address
    protocol: int
    port: int


def parse_header(packet: bytes) -> Header | None:
    """Return what an IP packet (from its IP header on) says; None when it is none."""
    if len(packet) >= 20 and packet[0] >> 4 == 4:
        start, protocol = (packet[0] & 0x0F) * 4, packet[9]
        return Header(IPv4Address(packet[16:20]), protocol, _port(packet, start, protocol))
    if len(packet) >= 40 and packet[0] >> 4 == 6:
        return Header(IPv6Address(packet[24:40]), packet[6], _port(packet, 40, packet[6]))
    return None


def _port(packet: bytes, start: int, protocol: int) -> int:
    if protocol not in (_TCP, _UDP) or len(packet) < start + 4:
        return 0
    (port,) = struct.unpack_from("!H", packet, start + 2)
    return int(port)


def is_router_advertisement(message: bytes) -> bool:
    """Say whether an ICMPv6 message offers IPv6 (RFC 4861, 4.2)."""
    return message[:1] == bytes((_ROUTER_ADVERTISEMENT,))


def router_solicitation() -> bytes:
    """Return the ICMPv6 message by which a device asks for IPv6; the kernel fills in the sum."""
    return struct.pack("!BBHI", _ROUTER_SOLICITATION, 0, 0, 0)


def echo_request(number: int, payload: bytes) -> bytes:
    """Return an ICMP echo request (RFC 792) with its checksum."""
    message = struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0, number, 1) + payload
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


# --- names ---------------------------------------------------------------------------------------


def question(number: int, name: str) -> bytes:
    """Return a DNS query (RFC 1035, 4.1) for the IPv4 address of `name`."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def answer_code(number: int, message: bytes) -> int | None:
    """Return the response code of an answer to query `number`; None when it is no such answer."""
    if len(message) < 12:
        return None
    found, flags = struct.unpack_from("!HH", message)
    return flags & 0x0F if found == number and flags & 0x8000 else None


def addresses_in(message: bytes) -> list[IPv4Address]:
    """Return the IPv4 addresses in the answer section of a DNS message; a damaged one has none."""
    try:
        return list(_addresses(message))
    except (IndexError, struct.error):
        return []


def _addresses(message: bytes) -> Iterable[IPv4Address]:
    questions, answers = struct.unpack_from("!HH", message, 4)
    at = 12
    for _ in range(questions):
        at = _behind_name(message, at) + 4
    for _ in range(answers):
        at = _behind_name(message, at)
        kind, family, _, length = struct.unpack_from("!HHIH", message, at)
        at += 10
        if (kind, family, length) == (_A, _IN, 4) and at + 4 <= len(message):
            yield IPv4Address(message[at : at + 4])
        at += length


def _behind_name(message: bytes, at: int) -> int:
    while length := message[at]:
        if length & 0xC0:
            return at + 2
        at += length + 1
    return at + 1


# --- what the kernel shall hand over -------------------------------------------------------------


def capture_filter(targets: Sequence[IPv4Address]) -> tuple[Instruction, ...]:
    """Return the filter of a watched namespace, so that other people's packets stay unread.

    It lets pass IPv6, what goes to one of `targets`, and DNS queries. A packet begins with its
    IP header (packet(7): SOCK_DGRAM). The jumps are written as words first.
    """
    accept, reject, following = "accept", "reject", ""
    program: list[tuple[int, str, str, int]] = [
        (_LD_BYTE, following, following, 0),
        (_SHIFT_RIGHT, following, following, 4),
        (_JUMP_IF_EQUAL, accept, following, 6),
        (_JUMP_IF_EQUAL, following, reject, 4),
        (_LD_WORD, following, following, 16),
        *((_JUMP_IF_EQUAL, accept, following, int(target)) for target in targets),
        (_LD_BYTE, following, following, 9),
        (_JUMP_IF_EQUAL, "port", following, _TCP),
        (_JUMP_IF_EQUAL, "port", reject, _UDP),
        (_LDX_HEADER_LENGTH, following, following, 0),
        (_LD_HALF_INDEXED, following, following, 2),
        (_JUMP_IF_EQUAL, accept, reject, 53),
        (_RETURN, following, following, 0),
        (_RETURN, following, following, _WHOLE_PACKET),
    ]
    end = len(program)
    places = {reject: end - 2, accept: end - 1, "port": end - 5}

    def jump(word: str, here: int) -> int:
        return places[word] - here - 1 if word else 0

    return tuple(
        (code, jump(yes, here), jump(no, here), value)
        for here, (code, yes, no, value) in enumerate(program)
    )
