"""Download for ever and say every fifth of a second how much came: `BYTES in SECONDS`."""

import os
import socket
import sys
import threading
import time


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
rate = sys.argv[1]
with socket.create_connection(("198.51.100.80", 80), timeout=10) as connection:
    request = f"GET /big?rate={rate} HTTP/1.1\r\nHost: web\r\n\r\n"
    connection.sendall(request.encode())
    connection.settimeout(60)
    try:
        while True:
            started, received = time.monotonic(), 0
            while time.monotonic() < started + 0.2:
                data = connection.recv(65536)
                if not data:
                    raise ConnectionError("the server closed the connection")
                received += len(data)
            print(f"{received} in {time.monotonic() - started:.2f}")
    except OSError as error:
        print(f"cut: {error}")
