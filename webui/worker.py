"""gunicorn's gevent worker, with bounds for those who hold connections and say nothing.

With a thread for each request a gadget needs four half-sent requests to shut the page for the whole
house. Here a connection costs a few kilobytes, and each has its time: for the head of a request and
for the silence before it (`keepalive` in serving.py), for its body, and for taking the answer.
"""

from __future__ import annotations

import io
import os
import socket
from collections import Counter
from typing import Any

import gevent
from gunicorn.http import errors
from gunicorn.util import close
from gunicorn.workers.ggevent import GeventWorker

BODY_S = 15.0
ANSWER_S = 30.0  # for a browser that reads nothing; each part of a stream begins anew
EACH = 40  # connections of one address
# Through the router's own address come all who ask by name: the router counts those itself.
SHARED = 200
# All others ask the page's own address. A gadget may have as many addresses as it likes, so
# together they leave room for those who ask by name (`worker_connections` in serving.py).
ALL_OTHERS = 80
LARGEST_BODY = 600 * 1024  # an uploaded profile, or one as JSON
SKIPPED = 8 * 1024 * 1024  # what is too large is read past, so that its sender hears the answer
ALL_BODIES = 8 * 1024 * 1024  # kept in memory at the same time
_CHUNK = 64 * 1024

_SENTENCES = {
    400: ("Bad Request", "That is no request that a browser would send."),
    408: ("Request Timeout", "The request took too long to arrive."),
    411: ("Length Required", "Say first how long the request is."),
    413: ("Content Too Large", "That was too much."),
    414: ("URI Too Long", "That address is too long."),
    431: ("Request Header Fields Too Large", "The head of the request is too large."),
    503: ("Service Unavailable", "Too much is arriving at the same time. Try again."),
}


class _Refused(Exception):
    """A request whose body is not taken; the status is HTTP's."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Worker(GeventWorker):  # type: ignore[misc]  # gunicorn carries no types
    """Serves the page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._open: Counter[str] = Counter()
        self._kept = 0  # bytes of bodies in memory
        self._shared = frozenset(os.environ.get("MANYWAYS_HOSTS", "").split(","))

    def handle(self, listener: Any, client: socket.socket, addr: tuple[str, int]) -> None:
        """Serve one connection to its end."""
        address = addr[0]
        if not self._has_room(address):
            close(client)
            return
        self._open[address] += 1
        try:
            super().handle(listener, client, addr)
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    def _has_room(self, address: str) -> bool:
        if address in self._shared:
            return self._open[address] < SHARED
        others = sum(count for each, count in self._open.items() if each not in self._shared)
        return self._open[address] < EACH and others < ALL_OTHERS

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Serve one request whose head has come."""
        kept = 0
        try:
            kept = self._take_body(req)
            sock.settimeout(ANSWER_S)
            super().handle_request(listener_name, req, sock, addr)
        except _Refused as refused:
            _answer(sock, refused.status)
            raise StopIteration from None
        except TimeoutError:  # it does not read; a line in the log for each would help it more
            raise StopIteration from None
        finally:
            self._kept -= kept
        gevent.sleep(0)  # everybody's turn: a hundred requests may stand in one packet

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what is no HTTP; that is not worth a line in a log on an SD card."""
        if not isinstance(exc, errors.ParseException):
            super().handle_error(req, client, addr, exc)
        elif isinstance(exc, errors.LimitRequestLine):
            _answer(client, 414)
        else:
            _answer(client, 431 if isinstance(exc, errors.LimitRequestHeaders) else 400)

    def _take_body(self, req: Any) -> int:
        """Read the body before anything else is done for it; return how much memory it takes."""
        headers = dict(req.headers)
        if "TRANSFER-ENCODING" in headers:
            raise _Refused(411)
        length = int(headers.get("CONTENT-LENGTH", 0))  # gunicorn has checked that it is one
        if length > SKIPPED:
            raise _Refused(413)
        kept = length if length <= LARGEST_BODY else 0
        if self._kept + kept > ALL_BODIES:
            raise _Refused(503)
        self._kept += kept
        try:
            req.body = io.BytesIO(_read(req.body, length, keep=bool(kept)))
        except BaseException:
            self._kept -= kept
            raise
        return kept


def _read(body: Any, length: int, *, keep: bool) -> bytes:
    parts: list[bytes] = []
    with gevent.Timeout(BODY_S, _Refused(408)):
        while length > 0:
            part = body.read(min(length, _CHUNK))
            if not part:
                raise _Refused(400)
            length -= len(part)
            if keep:
                parts.append(part)
    return b"".join(parts)


def _answer(sock: socket.socket, status: int) -> None:
    reason, sentence = _SENTENCES[status]
    content = f"{sentence}\n".encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: text/plain\r\n"
        f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    try:
        sock.settimeout(1.0)
        sock.sendall(head.encode() + content)
    except OSError:
        return  # it has gone
