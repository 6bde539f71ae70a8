"""Open N idle TCP connections and say how many; then say how many were cut."""

import os
import select
import socket
import sys
import threading


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
count = int(sys.argv[1])
poll = select.poll()
crowd = {}
for _ in range(count):
    connection = socket.create_connection(("198.51.100.80", 7), timeout=10)
    crowd[connection.fileno()] = connection
    poll.register(connection, select.POLLIN)
print(f"open {len(crowd)}")
cut = 0
while cut < count:
    for number, _ in poll.poll():
        poll.unregister(number)
        cut += 1
    print(f"cut {cut}")
