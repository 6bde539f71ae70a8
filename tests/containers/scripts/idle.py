"""Hold an idle TCP connection and print what ends it."""

import os
import socket
import sys
import threading


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
with socket.create_connection(("198.51.100.80", 7), timeout=10) as connection:
    connection.sendall(b"hello")
    print("echo", connection.recv(100).decode())
    connection.settimeout(None)
    try:
        connection.recv(100)
        print("cut: closed by the far end")
    except OSError as error:
        print(f"cut: {error}")
