#!/usr/bin/python3
"""The servers of the simulated internet: web and echo.

A VPN or a second NAT shows itself in the address that a server sees, so the web server's first
job is to say it. The large download and the idle connection exist to be cut by a switch.

    GET /ip                    the client's address, as plain text
    GET /where                 the server's own address: which answer DNS gave
    GET /big?rate=N&size=N     `size` bytes (default 1 GiB) at `rate` bytes/s (default unlimited)
    port 7, UDP and TCP        echo; a TCP connection may stay idle for ever
"""

import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

BLOCK = b"manyways" * 8192  # 64 KiB
ECHO_PORT = 7


class Server(Protocol):
    """What all servers here have in common."""

    def serve_forever(self) -> None: ...


class Web(BaseHTTPRequestHandler):
    """The web server's answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/ip":
            self.text(200, str(self.client_address[0]))
        elif url.path == "/where":
            self.text(200, str(self.connection.getsockname()[0]))
        elif url.path == "/big":
            self.big(parse_qs(url.query))
        else:
            self.text(404, "try /ip, /where or /big?rate=BYTES_PER_SECOND&size=BYTES")

    def text(self, status: int, line: str) -> None:
        """Answer with one line of plain text."""
        body = f"{line}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def big(self, query: dict[str, list[str]]) -> None:
        """Answer with a download, in blocks small enough to keep a slow rate even."""
        try:
            rate = int(query.get("rate", ["0"])[0])
            size = int(query.get("size", [str(1 << 30)])[0])
        except ValueError:
            self.text(400, "rate and size are whole numbers of bytes")
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        block = BLOCK[: max(1, min(len(BLOCK), rate // 20))] if rate > 0 else BLOCK
        started, sent = time.monotonic(), 0
        while sent < size:
            part = block[: size - sent]
            self.wfile.write(part)
            sent += len(part)
            if rate > 0:
                time.sleep(max(0.0, started + sent / rate - time.monotonic()))

    def log_message(self, format: str, *args: object) -> None:
        """Say who came, for `docker logs`."""
        print(f"{self.client_address[0]} {format % args}", flush=True)


class TcpEcho(socketserver.BaseRequestHandler):
    """Send back what comes; hold the connection while nothing does."""

    request: socket.socket

    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


class UdpEcho(socketserver.BaseRequestHandler):
    """Send each datagram back."""

    def handle(self) -> None:
        data, sock = self.request
        sock.sendto(data, self.client_address)


class Threading(socketserver.ThreadingTCPServer):
    """A TCP server whose clients do not wait for each other."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that breaks is what these servers are for: no traceback."""
        print(f"{client_address}: {sys.exception()}", flush=True)


class WebServer(Threading, ThreadingHTTPServer):
    """The web server, with hundreds of connections open at once."""


def main(addresses: list[str]) -> None:
    """Serve at all `addresses`; UDP per address, so that each answers from where it was asked."""
    servers: list[Server] = [WebServer(("", 80), Web), Threading(("", ECHO_PORT), TcpEcho)]
    servers += [socketserver.UDPServer((address, ECHO_PORT), UdpEcho) for address in addresses]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1:])
