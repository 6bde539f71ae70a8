"""Requests that no browser of the family sends, to the page as gunicorn serves it."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from tests.web.conftest import ROUTER, Site
from tests.web.reports import TV
from tests.web.standin import Standin
from webui import worker

GADGET = "127.0.0.2"
ANSWERS_WITHIN_S = 1.0
ASSIGN = f"/devices/{TV}/assign"


def _port(site: Site) -> int:
    port = urlsplit(site.url).port
    assert port is not None
    return port


def _host(site: Site) -> str:
    return urlsplit(site.url).netloc


def _connect(site: Site, source: str = GADGET) -> socket.socket:
    return socket.create_connection(("127.0.0.1", _port(site)), 30, (source, 0))


def _raw(site: Site, request: bytes, source: str = GADGET) -> bytes:
    """What comes back for some bytes, until the page closes the connection."""
    with _connect(site, source) as gadget:
        gadget.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := gadget.recv(65536):
                answer += part
    return answer


def _status(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer[:80]
    return int(answer[9:12])


def _get(site: Site, path: str = "/", source: str = "127.0.0.1") -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", _port(site), timeout=30, source_address=(source, 0))
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Host": _host(site)})
        response = connection.getresponse()
        return response, response.read()


@contextlib.contextmanager
def _held(
    site: Site, count: int, sent: bytes, source: str = GADGET
) -> Iterator[list[socket.socket]]:
    """Connections of one gadget that have sent `sent` and go on to say nothing."""
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(count):
            gadget = stack.enter_context(_connect(site, source))
            with contextlib.suppress(ConnectionError):  # one too many
                gadget.sendall(sent)
            held.append(gadget)
        yield held


def _is_open(gadget: socket.socket) -> bool:
    gadget.setblocking(False)
    try:
        return gadget.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def test_who_holds_connections_and_says_nothing_holds_nobody_up(
    site: Site, standin: Standin
) -> None:
    head = f"POST {ASSIGN} HTTP/1.1\r\nHost: {_host(site)}\r\n".encode()
    body = head + b"Content-Length: 1000\r\n\r\ndestination="
    with (
        _held(site, 50, b"") as idle,
        _held(site, 50, head),
        _held(site, 80, body),
    ):
        for _ in range(5):
            began = time.monotonic()
            response, _content = _get(site)
            assert response.status == 200
            assert time.monotonic() - began < ANSWERS_WITHIN_S
        deadline = time.monotonic() + 5
        while sum(map(_is_open, idle)) > worker.EACH:
            assert time.monotonic() < deadline, "one gadget holds more than its share"
            time.sleep(0.05)


def test_who_has_many_addresses_holds_nobody_up(site: Site, standin: Standin) -> None:
    head = f"GET / HTTP/1.1\r\nHost: {_host(site)}\r\n".encode()
    with contextlib.ExitStack() as stack:
        for number in range(10):
            source = f"127.0.0.{100 + number}"
            stack.enter_context(_held(site, worker.EACH, head, source))
        for _ in range(5):
            began = time.monotonic()
            assert _get(site, source=ROUTER)[0].status == 200
            assert time.monotonic() - began < ANSWERS_WITHIN_S


def test_what_does_not_come_in_time_is_given_up(site: Site, standin: Standin) -> None:
    head = f"POST {ASSIGN} HTTP/1.1\r\nHost: {_host(site)}\r\nX: "
    body = f"{head}x\r\nContent-Length: 9000\r\n\r\nx"
    with contextlib.ExitStack() as stack:
        gadgets = [stack.enter_context(_connect(site)) for _ in range(4)]
        silent, half_a_head, half_a_body, trickle = gadgets
        half_a_head.sendall(head.encode())
        half_a_body.sendall(body.encode())
        trickle.sendall(head.encode())
        ends = time.monotonic() + worker.BODY_S + 5
        ended: dict[socket.socket, bytes] = {}
        while len(ended) < len(gadgets):
            assert time.monotonic() < ends, "a connection is held for ever"
            readable, _, _ = select.select([g for g in gadgets if g not in ended], [], [], 0.5)
            for gadget in readable:
                ended[gadget] = _received(gadget)
            with contextlib.suppress(ConnectionError):
                trickle.sendall(b"x")
    assert ended[silent] == ended[half_a_head] == ended[trickle] == b""
    assert _status(ended[half_a_body]) == 408


def _received(gadget: socket.socket) -> bytes:
    try:
        return gadget.recv(1000)
    except ConnectionError:
        return b""


def test_who_does_not_read_is_given_up_and_gives_room(site: Site, standin: Standin) -> None:
    request = f"GET /static/style.css HTTP/1.1\r\nHost: {_host(site)}\r\n\r\n".encode()
    with _held(site, worker.EACH + 10, request * 200):
        began = time.monotonic()
        assert _get(site)[0].status == 200
        assert time.monotonic() - began < ANSWERS_WITHIN_S


@pytest.mark.parametrize("size", [20_000, 3_000_000])
def test_too_much_is_answered(site: Site, standin: Standin, size: int) -> None:
    head = (
        f"POST {ASSIGN} HTTP/1.1\r\nHost: {_host(site)}\r\nOrigin: http://{_host(site)}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {size}\r\n"
        "Connection: close\r\n\r\n"
    )
    answer = _raw(site, head.encode() + b"x" * size)
    assert _status(answer) == 413
    assert standin.asked == []


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("POST / HTTP/1.1|Content-Length: 99999999999", 413),
        ("POST / HTTP/1.1|Transfer-Encoding: chunked", 411),
        ("POST / HTTP/1.1|Content-Length: -1", 400),
        ("POST / HTTP/1.1|Content-Length: 1|Content-Length: 2", 400),
        ("POST / HTTP/1.1|Content-Length: 1|Transfer-Encoding: chunked", 400),
        ("GET /" + "a" * 4100 + " HTTP/1.1", 414),
        ("GET / HTTP/1.1|X: " + "a" * 5000, 431),
        ("GET / HTTP/1.1" + "|X: a" * 60, 431),
        ("GET / HTTP/9.9", 400),
        ("nonsense", 400),
        ("GET / HTTP/1.1|bad header", 400),
        ("TRACE / HTTP/1.1", 405),
        ("OPTIONS * HTTP/1.1", 405),
        ("CONNECT evil.example:80 HTTP/1.1", 405),
        ("PUT /api/v1/status HTTP/1.1", 405),
        ("DELETE / HTTP/1.1", 405),
    ],
)
def test_odd_requests(site: Site, standin: Standin, lines: str, status: int) -> None:
    first, *others = lines.split("|")
    head = "\r\n".join([first, f"Host: {_host(site)}", "Connection: close", *others])
    answer = _raw(site, f"{head}\r\n\r\n".encode())
    assert _status(answer) == status
    assert b"Traceback" not in answer
    assert standin.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py",
        "/static/%252e%252e/app.py", "//evil.example/", "/static//app.py", "/static/%00",
        "/%00", "/%ff%fe", "/devices/%2f..%2f/assign", "/api/v1/../../up", "/api/v1/%2e%2e/up",
        "/api/v1//status", "/api/v1/up", "/api/v1/page-key", "/api/v1/logs/router",
        "/static/style.css%00.js", "/%0d%0aX: y", "/?next=//evil.example",
    ],
)  # fmt: skip
def test_tricks_with_paths_lead_nowhere(site: Site, standin: Standin, path: str) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: {_host(site)}\r\nConnection: close\r\n\r\n"
    answer = _raw(site, head.encode())
    assert 400 <= _status(answer) < 500
    for word in (b"Traceback", b"root:", b"import ", b"\r\nX: y", b"Location"):
        assert word not in answer


@pytest.mark.parametrize(
    "host", ["evil.example", "manyways.lan", "manyways.lan:99999", "127.0.0.1", "a" * 300, ""]
)
@pytest.mark.parametrize("path", ["/", "/api/v1/status", "/static/style.css", "/login"])
def test_rebinding(site: Site, standin: Standin, host: str, path: str) -> None:
    answer = _raw(
        site, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    )
    assert _status(answer) == 421
    assert standin.asked == []


def test_a_full_house_of_bodies_is_not_kept_in_memory(site: Site, standin: Standin) -> None:
    fits = worker.ALL_BODIES // worker.LARGEST_BODY
    head = (
        f"POST /api/v1/x HTTP/1.1\r\nHost: {_host(site)}\r\n"
        f"Content-Length: {worker.LARGEST_BODY}\r\n\r\n"
    )
    with _held(site, fits, head.encode()):
        deadline = time.monotonic() + 5
        while (status := _status(_raw(site, head.encode()))) != 503:
            assert status == 408
            assert time.monotonic() < deadline
        assert _get(site)[0].status == 200
