"""Hold an idle TCP connection; for every input line send it and print the echo, or what broke."""

import select
import socket
import sys

with socket.create_connection(("198.51.100.80", 7), timeout=10) as connection:
    connection.sendall(b"hello\n")
    print("echo", connection.recv(100).decode().strip())
    while True:
        readable, _, _ = select.select([sys.stdin, connection], [], [])
        try:
            if connection in readable and not connection.recv(100):
                print("closed by the far end")
                break
            line = sys.stdin.readline()
            if not line:
                break
            connection.sendall(line.encode())
            print("echo", connection.recv(100).decode().strip())
        except OSError as error:
            print(f"cut: {error}")
            break
