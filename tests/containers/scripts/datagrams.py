"""Send a numbered datagram to the echo server from one socket for ever; print each answer.

Argument: how long to wait for an answer before the next one is sent, in seconds (0.02).
"""

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
pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0.02
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.connect(("198.51.100.80", 7))
    sock.settimeout(pause)
    print("port", sock.getsockname()[1])
    for number in range(10_000_000):
        try:
            sock.send(b"%d" % number)
            print("answer", sock.recv(100).decode())
        except TimeoutError:
            continue
        except OSError as error:
            print(f"refused: {error}")
            with contextlib.suppress(InterruptedError):
                time.sleep(pause)
