"""The engine's events end in a sentence, however the engine ends: a thread lives on them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.runtime.engine import ContainerEvent, Engine, EngineFailed

LISTENING = ContainerEvent("", "listening")
STARTED = b'{"Type":"container","Action":"start","Actor":{"Attributes":{"name":"manyways-dhcp"}}}\n'


class _Dying:
    """An engine on a socket that says `last` as its last events, and closes."""

    def __init__(self, path: Path) -> None:
        self.path, self.last = path, b""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(65536):
                if b"/events" in request:
                    connection.sendall(_head("Transfer-Encoding: chunked") + self.last)
                    return
                version = b'{"ApiVersion":"1.45"}'
                connection.sendall(_head(f"Content-Length: {len(version)}") + version)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _head(header: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{header}\r\n\r\n".encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.fixture
def dying(tmp_path: Path) -> Iterator[_Dying]:
    engine = _Dying(tmp_path / "docker.sock")
    yield engine
    engine.close()


def test_an_engine_that_ends_in_the_middle_of_a_word_has_failed(dying: _Dying) -> None:
    dying.last = _chunk(STARTED) + _chunk(b'{"Type":') + b"0\r\n\r\n"
    events = Engine(str(dying.path)).events()
    assert [next(events), next(events)] == [LISTENING, ContainerEvent("manyways-dhcp", "start")]
    with pytest.raises(EngineFailed, match="does not answer"):
        next(events)


def test_an_event_without_an_actor_is_one_of_nobody(dying: _Dying) -> None:
    dying.last = _chunk(b'{"Type":"container","Action":"prune"}\n') + b"0\r\n\r\n"
    events = Engine(str(dying.path)).events()
    assert list(events) == [LISTENING, ContainerEvent("", "prune")]
