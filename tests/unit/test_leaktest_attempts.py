"""What the probe hears, against real sockets of this machine: an answer, a refusal, silence."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

import pytest

from orchestrator.leaktest.words import Result
from orchestrator.runtime import attempts
from orchestrator.runtime.attempts import NoAnswer

HERE = "127.0.0.1"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((HERE, 0)) as made:
        made.settimeout(5)
        yield made


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind((HERE, 0))
        made.settimeout(5)
        yield made


def _port(of: socket.socket) -> int:
    return int(of.getsockname()[1])


def _closed_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as made:
        made.bind((HERE, 0))
        return _port(made)


def test_udp(mute: socket.socket) -> None:
    silent = attempts.udp(socket.socket, HERE, _port(mute), b"token", 0.1)
    assert (silent.result, mute.recv(10)) == (Result.SILENT, b"token")
    closed = attempts.udp(socket.socket, HERE, _closed_port(socket.SOCK_DGRAM), b"x", 2)
    assert closed.result is Result.REFUSED
    assert closed.milliseconds < 1000


def test_a_kept_flow_goes_on_after_a_refusal(mute: socket.socket) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flow:
        flow.connect((HERE, _closed_port(socket.SOCK_DGRAM)))
        flow.send(b"refused")
        outcome = attempts.send(flow, HERE, _port(mute), b"token", 0.1)
        assert (outcome.result, mute.recv(10)) == (Result.SILENT, b"token")


def test_tcp(listener: socket.socket) -> None:
    assert attempts.tcp(socket.socket, HERE, _port(listener), 2).result is Result.ANSWERED
    closed = attempts.tcp(socket.socket, HERE, _closed_port(socket.SOCK_STREAM), 2)
    assert closed.result is Result.REFUSED


def _serve(listener: socket.socket, answer: Callable[[socket.socket], None]) -> threading.Thread:
    def work() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            answer(connection)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n198.51.100.2\n", "198.51.100.2\n"),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", "HTTP 404"),
        (b"SSH-2.0-x\r\n", "gave no answer"),
        (b"", "gave no answer"),
    ],
)
def test_what_an_address_service_says(
    listener: socket.socket, answer: bytes, expected: str
) -> None:
    asked: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        asked.append(connection.recv(4096))
        connection.sendall(answer)

    thread = _serve(listener, serve)
    url = f"http://{HERE}:{_port(listener)}/ip?v=4"
    connection = attempts.connect(socket.socket, IPv4Address(HERE), _port(listener), 2)
    if b" 200 " in answer:
        assert attempts.fetch(connection, url, 2) == expected
    else:
        with pytest.raises(NoAnswer, match=expected):
            attempts.fetch(connection, url, 2)
    thread.join()
    assert asked[0].startswith(b"GET /ip?v=4 HTTP/1.1\r\n")


def test_a_secure_address_service_must_prove_who_it_is(listener: socket.socket) -> None:
    thread = _serve(listener, lambda connection: connection.sendall(b"no TLS here"))
    connection = attempts.connect(socket.socket, IPv4Address(HERE), _port(listener), 2)
    with pytest.raises(NoAnswer, match="gave no answer"):
        attempts.fetch(connection, f"https://{HERE}:{_port(listener)}/", 2)
    thread.join()


def test_an_idle_connection_learns_of_its_end(listener: socket.socket) -> None:
    connected = threading.Event()

    def reset(connection: socket.socket) -> None:
        connected.wait(5)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    thread = _serve(listener, reset)
    with attempts.connect(socket.socket, IPv4Address(HERE), _port(listener), 2) as connection:
        connected.set()
        assert attempts.still_open(connection, b"token", 2).result is Result.REFUSED
    thread.join()


def test_a_connection_that_lives_on_is_found_out(listener: socket.socket) -> None:
    def echo(connection: socket.socket) -> None:
        connection.sendall(connection.recv(100))

    thread = _serve(listener, echo)
    with attempts.connect(socket.socket, IPv4Address(HERE), _port(listener), 2) as connection:
        assert attempts.still_open(connection, b"token", 0.1).result is Result.ANSWERED
    thread.join()


def test_nobody_to_connect_to() -> None:
    with pytest.raises(NoAnswer, match="can't be reached"):
        attempts.connect(socket.socket, IPv4Address(HERE), _closed_port(socket.SOCK_STREAM), 2)


def test_an_address_needs_no_resolver() -> None:
    address = attempts.resolve(socket.socket, IPv4Address(HERE), "198.51.100.80", 0.1)
    assert address == IPv4Address("198.51.100.80")


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (b"\x45" + bytes(19) + b"\x00\0\0\0\1\2\0\1", Result.ANSWERED),
        (b"\x45" + bytes(19) + b"\x00\0\0\0\\9\\9\0\1", None),
        (
            b"\x45" + bytes(19) + b"\x03\x0d\0\0\0\0\0\0\x45" + bytes(19) + b"\x08\0\0\0\1\2\0\1",
            Result.REFUSED,
        ),
        (b"\x45" + bytes(19) + b"\x03\x0d", None),
        (b"\x45", None),
    ],
)
def test_what_icmp_says_of_a_ping(packet: bytes, expected: Result | None) -> None:
    message = b"\x08\0\0\0\1\2\0\1payload"
    assert attempts.heard(packet, message) is expected
