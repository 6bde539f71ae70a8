"""How a way out looks from outside: what is measured, when somebody is asked, what is forgotten."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress import ask
from egress.outside import AGAIN, FIRST_RETRY, Latency, PublicAddress

FOUND = IPv4Address("203.0.113.7")


def test_without_an_answer_there_is_no_latency() -> None:
    assert Latency().milliseconds is None


def test_one_slow_answer_does_not_show() -> None:
    latency = Latency()
    for seconds in (0.020, 0.021, 1.9, 0.022, 0.020):
        latency.beyond(seconds)
    assert latency.milliseconds == 21.0


def test_name_servers_count_only_while_nobody_beyond_has_answered() -> None:
    latency = Latency()
    latency.server(0.001)
    assert latency.milliseconds == 1.0
    latency.beyond(0.030)
    latency.server(0.001)
    assert latency.milliseconds == 30.0
    latency.forget()
    assert latency.milliseconds is None


@given(st.lists(st.floats(min_value=0, max_value=60), min_size=1))
def test_the_latency_lies_among_the_last_answers(samples: list[float]) -> None:
    latency = Latency()
    for seconds in samples:
        latency.beyond(seconds)
    assert latency.milliseconds is not None
    last = samples[-9:]
    assert min(last) * 1000 - 0.1 <= latency.milliseconds <= max(last) * 1000 + 0.1


# --- when to ask ---------------------------------------------------------------------------------


def test_each_connection_is_asked_about_at_once_and_then_seldom() -> None:
    known = PublicAddress().through("first", 10.0)
    assert known.due == 10.0
    known = known.asking()
    assert known.due is None
    known = known.answered(FOUND, 11.0)
    assert (known.address, known.due) == (FOUND, 11.0 + AGAIN)
    assert known.through("first", 500.0) is known


@pytest.mark.parametrize("connection", ["second", None])
def test_an_address_is_forgotten_with_its_connection(connection: str | None) -> None:
    known = PublicAddress().through("first", 10.0).answered(FOUND, 11.0)
    after = known.through(connection, 20.0)
    assert after.address is None
    assert after.due == (None if connection is None else 20.0)


def test_who_gets_no_answer_asks_less_and_less_often() -> None:
    known, waits = PublicAddress().through("first", 0.0), []
    for _ in range(12):
        known = known.answered(None, 0.0)
        waits.append(known.due)
    assert waits[:3] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY]
    assert waits[-1] == AGAIN
    known = known.answered(FOUND, 0.0)
    assert known.answered(None, 0.0).due == FIRST_RETRY


def test_an_address_stays_while_the_service_is_silent() -> None:
    known = PublicAddress().through("first", 0.0).answered(FOUND, 1.0)
    assert known.answered(None, 2.0).address == FOUND


# --- the program that asks -----------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"203.0.113.7", b"203.0.113.7\n", b" 203.0.113.7\r\n"])
def test_an_answer_is_one_address(body: bytes) -> None:
    assert ask.address_in(body) == FOUND


@pytest.mark.parametrize(
    "body", [b"", b"203.0.113.7 198.51.100.1", b"::1", b"<b>203.0.113.7</b>", b"\xff", b"1.2.3.400"]
)
def test_what_is_no_address(body: bytes) -> None:
    with pytest.raises(ask.NoAnswer, match="not one IPv4 address"):
        ask.address_in(body)


class Answers(http.server.BaseHTTPRequestHandler):
    """A service of several minds."""

    heard: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        self.heard.append((self.path, self.headers["Host"]))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/v4?plain=1")
            self.end_headers()
            return
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()
        self.wfile.write(b"9" * 5000 if self.path == "/long" else b"203.0.113.7\n")

    def log_message(self, *_: object) -> None:
        """It has nothing to say on the tests' own output."""


@pytest.fixture
def service() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(url: str) -> tuple[int, str]:
    done = subprocess.run(
        ask.command(url, ()), capture_output=True, text=True, timeout=30, check=False,
        cwd=Path(ask.__file__).parents[1], env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def test_the_program_prints_the_address_and_asks_as_it_was_told(service: str) -> None:
    assert run(f"{service}/v4?plain=1") == (0, "203.0.113.7")
    assert Answers.heard[-1] == ("/v4?plain=1", service.removeprefix("http://"))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/moved", "it answers with HTTP 302"),
        ("/broken", "it answers with HTTP 500"),
        ("/long", "its answer is too long"),
    ],
)
def test_the_program_says_why_there_is_none(service: str, path: str, said: str) -> None:
    assert run(f"{service}{path}") == (1, f"the address service 127.0.0.1: {said}")


def test_nobody_there_is_a_sentence() -> None:
    code, said = run("http://127.0.0.1:9/")
    assert code == 1
    assert said.startswith("the address service 127.0.0.1: it does not answer (")
