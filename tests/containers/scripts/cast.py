"""A device that looks for others, and one that is found, as televisions and phones do.

cast.py serve           answers SSDP by unicast and mDNS by multicast, and echoes TCP
cast.py look ADDRESS    asks for both, and connects to ADDRESS; says what it heard
"""

import contextlib
import socket
import struct
import sys
import threading

MDNS, SSDP = ("224.0.0.251", 5353), ("239.255.255.250", 1900)
STREAM = 8009
QUESTION = bytes.fromhex("000000000001000000000000") + b"\x05_cast\x04_tcp\x05local\0\0\x0c\0\1"
ANSWER = bytes.fromhex("000084000000000100000000") + b"\x05_cast\x04_tcp\x05local\0\0\x0c\0\1"
SEARCH = b'M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\n\r\n'


def joined(group: tuple[str, int]) -> socket.socket:
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    heard.bind(("", group[1]))
    member = struct.pack("4s4s", socket.inet_aton(group[0]), bytes(4))
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    return heard


def answer(group: tuple[str, int], text: bytes, *, multicast: bool) -> None:
    heard = joined(group)
    while True:
        question, asker = heard.recvfrom(2000)
        if b"HTTP/1.1 200" not in question and question[2:3] != b"\x84":
            heard.sendto(text, group if multicast else asker)


def echo() -> None:
    with socket.create_server(("", STREAM)) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                connection.sendall(connection.recv(100))


def serve() -> None:
    for target, arguments, options in (
        (answer, (MDNS, ANSWER), {"multicast": True}),
        (answer, (SSDP, b"HTTP/1.1 200 OK\r\n\r\n"), {"multicast": False}),
        (echo, (), {}),
    ):
        threading.Thread(target=target, args=arguments, kwargs=options, daemon=True).start()
    print("serving")
    sys.stdin.read()


def look(address: str) -> None:
    for name, group, question, expected in (
        ("mdns", MDNS, QUESTION, ANSWER),
        ("ssdp", SSDP, SEARCH, b"HTTP/1.1 200 OK"),
    ):
        asker = joined(group)
        asker.settimeout(0.5)
        for _ in range(10):
            asker.sendto(question, group)
            with contextlib.suppress(TimeoutError):
                text, peer = asker.recvfrom(2000)
                if peer[0] == address and text.startswith(expected):
                    print(f"{name} from {peer[0]}")
                    break
    with socket.create_connection((address, STREAM), timeout=5) as stream:
        stream.sendall(b"play")
        print(f"stream {stream.recv(100).decode()}")
    sys.stdin.read()


if sys.argv[1] == "serve":
    serve()
else:
    look(sys.argv[2])
