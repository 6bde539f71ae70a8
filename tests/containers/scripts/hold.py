"""Hold one TCP connection to HOST PORT open until standard input ends; say from where it comes."""

import socket
import sys

host, port = sys.argv[1:]
with socket.create_connection((host, int(port)), timeout=10) as connection:
    print("connected from", connection.getsockname()[0], flush=True)
    sys.stdin.read()
