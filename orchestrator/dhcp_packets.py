"""The question that finds out who answers DHCP on the home network, and how answers are read.

Only a server can say that it works, and only the network can say that a second one is there. A
DHCPDISCOVER that is never followed by a request costs nobody a lease. The packets are small
and fixed, so they are made here; what comes back was written by strangers, so it is read with
every length checked.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from orchestrator.checksum import checksum

_ETHERTYPE_IPV4 = 0x0800
_UDP = 17
_SERVER_PORT, _CLIENT_PORT = 67, 68
_REQUEST, _REPLY = 1, 2  # BOOTP's op (RFC 2131, 2)
_BROADCAST_FLAG = 0x8000
_COOKIE = b"\x63\x82\x53\x63"
_MESSAGE_TYPE, _SERVER_IDENTIFIER, _REQUESTED = 53, 54, 55  # RFC 2132
_DISCOVER, _OFFER = 1, 2
_PAD, _END = 0, 255
_FIXED = 236  # bytes of a message before its cookie
_LEAST = 300  # bytes of a whole message; old servers and relays pass over shorter ones


@dataclass(frozen=True, slots=True)
class DhcpServer:
    """Who made an offer: what it calls itself, and the MAC address that it sent from."""

    address: IPv4Address
    mac: str


def discover(mac: str, xid: int) -> bytes:
    """Return an Ethernet frame with a DHCPDISCOVER from `mac` (RFC 2131, 4.4.1).

    `xid` is any number of 32 bits. The answer is asked for as a broadcast: nobody has `mac`.
    """
    hardware = _packed(mac)
    message = struct.pack(
        "!BBBBIHH4x4x4x4x16s64x128x",
        *(_REQUEST, 1, 6, 0, xid, 0, _BROADCAST_FLAG, hardware.ljust(16, b"\0")),
    )
    options = bytes((_MESSAGE_TYPE, 1, _DISCOVER, _REQUESTED, 2, 1, 3, _END))
    udp = _udp((message + _COOKIE + options).ljust(_LEAST, b"\0"))
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, _UDP, 0, bytes(4), b"\xff" * 4
    )
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return b"\xff" * 6 + hardware + struct.pack("!H", _ETHERTYPE_IPV4) + header + udp


def read_offer(frame: bytes, mac: str, xid: int) -> DhcpServer | None:
    """Return who offers an address to `mac` in answer to `xid`; None: the frame is no such offer.

    Never raises, whatever the frame holds.
    """
    message = _message(frame)
    if len(message) < _FIXED + len(_COOKIE) or message[_FIXED : _FIXED + 4] != _COOKIE:
        return None
    about_us = message[0] == _REPLY and message[4:8] == struct.pack("!I", xid)
    if not about_us or message[28:34] != _packed(mac):
        return None
    options = _options(message[_FIXED + 4 :])
    if options.get(_MESSAGE_TYPE) != bytes((_OFFER,)):
        return None
    named = options.get(_SERVER_IDENTIFIER, b"")
    # Who does not name itself, as the RFC demands, is known by the packet's source.
    address = IPv4Address(named if len(named) == 4 else frame[26:30])
    return DhcpServer(address, frame[6:12].hex(":"))


def _packed(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _udp(payload: bytes) -> bytes:
    # A checksum of zero is "none" (RFC 768), which IPv4 allows.
    return struct.pack("!HHHH", _CLIENT_PORT, _SERVER_PORT, 8 + len(payload), 0) + payload


def _message(frame: bytes) -> bytes:
    """Return the payload of a UDP packet to the client's port; b"" for any other frame."""
    if len(frame) < 34 or frame[12:14] != struct.pack("!H", _ETHERTYPE_IPV4):
        return b""
    (fragment,) = struct.unpack_from("!H", frame, 20)
    header = (frame[14] & 0x0F) * 4
    if frame[14] >> 4 != 4 or header < 20 or frame[23] != _UDP or fragment & 0x3FFF:
        return b""
    datagram = frame[14 + header :]
    if len(datagram) < 8 or datagram[2:4] != struct.pack("!H", _CLIENT_PORT):
        return b""
    (length,) = struct.unpack_from("!H", datagram, 4)
    return datagram[8:length]


def _options(data: bytes) -> dict[int, bytes]:
    """Return the options (RFC 2132, 2); one that is cut off ends them, one said twice: the first.

    Those in the fields of file and server name (option 52) are not looked at: the type and the
    server's identifier must not be there (RFC 2131, 4.1).
    """
    found: dict[int, bytes] = {}
    place = 0
    while place < len(data) and data[place] != _END:
        if data[place] == _PAD:
            place += 1
            continue
        if place + 1 >= len(data):
            break
        begin, length = place + 2, data[place + 1]
        if begin + length > len(data):
            break
        found.setdefault(data[place], data[begin : begin + length])
        place = begin + length
    return found
