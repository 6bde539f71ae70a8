"""Open many flows at once, to fill the connection tracking: N datagrams to N places."""

import contextlib
import socket
import sys

count = int(sys.argv[1])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.setblocking(False)
    for number in range(count):
        with contextlib.suppress(OSError):
            sock.sendto(b"flood", (f"198.51.100.{80 + number % 3}", 10_000 + number // 3))
