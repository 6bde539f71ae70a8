"""Send a numbered datagram to the echo server every 20 ms from one socket; print each answer."""

import contextlib
import os
import socket
import sys
import threading
import time


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.connect(("198.51.100.80", 7))
    sock.settimeout(0.02)
    print("port", sock.getsockname()[1])
    for number in range(100_000):
        try:
            sock.send(b"%d" % number)
            print("answer", sock.recv(100).decode())
        except TimeoutError:
            continue
        except OSError as error:
            print(f"refused: {error}")
            with contextlib.suppress(InterruptedError):
                time.sleep(0.02)
