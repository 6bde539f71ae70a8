"""Ask again and again, each time from a new socket: "answer", "refused SECONDS" or "silence"."""

import os
import socket
import sys
import threading
import time


def knock() -> None:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            made.settimeout(0.3)  # less than a frozen egress stays frozen
            made.connect(("198.51.100.80", 7))
            began = time.monotonic()
            try:
                made.send(b"?")
                made.recv(100)
                print("answer")
            except TimeoutError:
                print("silence")
            except OSError:
                print(f"refused {time.monotonic() - began:.4f}")
        time.sleep(0.02)


threading.Thread(target=knock, daemon=True).start()
sys.stdin.read()
os._exit(0)
