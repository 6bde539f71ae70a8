"""Send datagrams and requests for a connection to a port of this device's own, without end."""

import contextlib
import os
import select
import socket
import sys

TARGET = ("198.51.100.80", int(sys.argv[1]))

while not select.select([sys.stdin], [], [], 0.05)[0] or os.read(0, 100):
    # New sockets each time: every packet is a new connection to whoever tracks them.
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.sendto(b"tagged", TARGET)
    with contextlib.suppress(OSError), socket.socket() as t:
        t.setblocking(False)
        t.connect_ex(TARGET)
    print("sent")
