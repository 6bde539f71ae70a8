"""Answers to a DHCP question, as servers of every kind would send them."""

from __future__ import annotations

import struct

US, SERVER = "02:a1:b2:06:00:00", "02:a1:b2:02:00:00"
XID = 0x12345678
OFFER, ACK = 2, 5
COOKIE = b"\x63\x82\x53\x63"


def raw(mac: str) -> bytes:
    """Return a MAC address as it is on the wire."""
    return bytes.fromhex(mac.replace(":", ""))


def options_of(kind: int = OFFER, server: bytes = bytes((192, 168, 77, 252))) -> bytes:
    """Return the options of a message of some kind, with the server's identifier."""
    named = bytes((54, len(server))) + server if server else b""
    return b"\0" + bytes((53, 1, kind)) + named + bytes((1, 4, 255, 255, 255, 0, 255))


def answer(
    *,
    op: int = 2,
    xid: int = XID,
    mac: str = US,
    options: bytes | None = None,
    port: int = 68,
    protocol: int = 17,
    fragment: int = 0,
    ip_options: bytes = b"",
) -> bytes:
    """Return a whole frame; as it stands, it is an offer to US of SERVER's."""
    message = struct.pack("!BBBBI4s16s", op, 1, 6, 0, xid, b"", b"") + raw(mac)
    message = message.ljust(236, b"\0") + COOKIE + (options_of() if options is None else options)
    udp = struct.pack("!HHHH", 67, port, 8 + len(message), 0) + message
    header = 20 + len(ip_options)
    ip = struct.pack(
        "!BBHHHBBH4s4s",
        *(0x40 | header // 4, 0, header + len(udp), 0, fragment, 64, protocol, 0),
        *(bytes((192, 168, 77, 66)), b"\xff" * 4),
    )
    return b"\xff" * 6 + raw(SERVER) + b"\x08\x00" + ip + ip_options + udp
