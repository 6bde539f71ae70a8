"""Talk for ever from one device, every packet saying who sent it and when; end with the input.

Argument: the device's name. Each kind has its own thread and a steady pace; nothing is ever given
up, because the moment after a failure is when leaks happen. The tag is
MW|device|kind|birth|sequence|, birth in microseconds since the epoch: the moment when the TCP
connection was there, or when the datagram was sent. (Not when it was asked for: a SYN that a switch
cut off is sent again by the new way, and that is a new connection.)
"""

import contextlib
import itertools
import os
import random
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

DEVICE = sys.argv[1]
ECHO = ("198.51.100.80", "198.51.100.81", "198.51.100.82")
ROUTER, HARD_CODED = "192.168.77.1", "198.51.100.88"
FAR6 = "2001:db8:ffff::80"
NUMBERS = itertools.count(1)


def now() -> int:
    return time.time_ns() // 1000


def tag(kind: str, birth: int) -> bytes:
    return b"MW|%s|%s|%d|%d|" % (DEVICE.encode(), kind.encode(), birth, next(NUMBERS))


def drain(sock: socket.socket) -> None:
    """Take what came, and the refusals, without waiting."""
    with contextlib.suppress(BlockingIOError):
        while True:
            with contextlib.suppress(ConnectionError, PermissionError):
                sock.recv(65536)


def datagrams(kind: str, address: str, pause: float, size: int, keep: bool) -> None:
    """Datagrams from one socket for ever, or each from a new one (both ways through NAT)."""
    sock: socket.socket | None = None
    while True:
        if sock is None or not keep:
            if sock is not None:
                drain(sock)
                sock.close()
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.sendto(tag(kind, now()).ljust(size, b"."), (address, 7))
        with contextlib.suppress(OSError):
            drain(sock)
        time.sleep(pause)


def echoes(kind: str, address: str, port: int, pause: float, patience: float) -> None:
    """A TCP connection over which tags go and come back; a new one when it breaks."""
    while True:
        try:
            with socket.create_connection((address, port), timeout=2) as sock:
                birth = now()
                sock.settimeout(patience)
                while True:
                    sock.sendall(tag(kind, birth))
                    if not sock.recv(65536):
                        break
                    time.sleep(pause)
        except OSError:
            time.sleep(0.1)


def pings() -> None:
    """ICMP echo; the answer carries the payload."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.setblocking(False)
        for number in itertools.count():
            body = tag("icmp", now()).ljust(64, b".")
            head = struct.pack(">BBHHH", 8, 0, 0, os.getpid() & 0xFFFF, number & 0xFFFF)
            packet = head[:2] + checksum(head + body) + head[4:] + body
            with contextlib.suppress(OSError):
                sock.sendto(packet, (ECHO[number % 3], 0))
            with contextlib.suppress(OSError):
                drain(sock)
            time.sleep(0.25)


def checksum(data: bytes) -> bytes:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~total & 0xFFFF)


def query() -> bytes:
    label = f"d-{DEVICE}-{now()}-{next(NUMBERS)}-x".encode()
    name = b"".join(bytes([len(x)]) + x for x in (label, b"where", b"test")) + b"\0"
    return struct.pack(">HHHHHH", random.getrandbits(16), 0x100, 1, 0, 0, 0) + name + b"\0\1\0\1"


def questions() -> None:
    """DNS to the router, to a hard-coded server, and over TCP to both, in turn."""
    for number in itertools.count():
        server = (ROUTER, HARD_CODED)[number % 2]
        over_tcp = number % 4 >= 2
        kind = socket.SOCK_STREAM if over_tcp else socket.SOCK_DGRAM
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, kind) as sock:
            sock.settimeout(0.5)
            sock.connect((server, 53))
            text = query()
            sock.sendall(struct.pack(">H", len(text)) + text if over_tcp else text)
            sock.recv(4096)
        time.sleep(0.25)


def hidden_questions() -> None:
    """DNS over TLS and over QUIC: where they could go, a tag would follow."""
    while True:
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(tag("doq", now()), (HARD_CODED, 853))
        with (
            contextlib.suppress(OSError),
            socket.create_connection((HARD_CODED, 853), timeout=1) as stream,
        ):
            stream.sendall(tag("dot", now()))
        time.sleep(1)


def version6() -> None:
    """IPv6 towards the router, which must refuse it."""
    while True:
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock,
        ):
            sock.sendto(tag("udp6", now()), (FAR6, 7))
        with (
            contextlib.suppress(OSError),
            socket.create_connection((FAR6, 7), timeout=0.5) as stream,
        ):
            stream.sendall(tag("tcp6", now()))
        time.sleep(0.5)


def main() -> None:
    """Run all kinds until the input ends."""
    kinds: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        (datagrams, ("udp", ECHO[0], 0.05, 100, True)),
        (datagrams, ("fresh", ECHO[1], 0.3, 100, False)),
        (datagrams, ("large", ECHO[2], 0.5, 3000, True)),
        (echoes, ("tcp", ECHO[0], 7, 0.1, 3.0)),
        (echoes, ("tcptwo", ECHO[2], 7, 0.25, 3.0)),
        (echoes, ("idle", ECHO[1], 7, 4.0, 3.0)),
        (pings, ()),
        (questions, ()),
        (hidden_questions, ()),
        (version6, ()),
    ]
    for function, arguments in kinds:
        threading.Thread(target=function, args=arguments, daemon=True).start()
    print("talking", flush=True)
    sys.stdin.read()
    os._exit(0)


main()
