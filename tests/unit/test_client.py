"""The client against real HTTP on a real unix socket, and against sockets that misbehave."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import client
from orchestrator.client import Control, ControlError, Unreachable, describe_cut
from tests.web.reports import healthy, receipt
from tests.web.standin import Standin, serve


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[Standin]:
    with serve(Standin(tmp_path / "control.sock", healthy())) as running:
        yield running


@pytest.fixture
def control(standin: Standin) -> Control:
    return Control(str(standin.path))


def test_asks_and_changes(control: Control, standin: Standin) -> None:
    assert control.status()["state"] == "healthy"
    assert [d["name"] for d in control.devices()] == ["tv", "laptop", "phone"]
    assert control.assign("tv", "de")["old"] == "uk"
    assert control.rename("tv", "kitchen-tv")["name"] == "kitchen-tv"
    assert standin.report["devices"][0]["destination"] == "de"


def test_a_name_cannot_become_another_path(control: Control, standin: Standin) -> None:
    for name in ("../../api/v1/down", "a/b?c#d", "tv\r\nX: y", "\udcff"):
        with pytest.raises(ControlError):
            control.assign(name, "uk")
    methods_and_paths = [(method, path) for method, path, _ in standin.asked]
    assert all(m == "POST" and p.startswith("/api/v1/devices/") for m, p in methods_and_paths)
    assert all(p.endswith("/assign") and p.count("/") == 5 for _, p in methods_and_paths)


def test_an_error_carries_message_hint_and_status(control: Control) -> None:
    with pytest.raises(ControlError) as caught:
        control.assign("tv", "ukk")
    error = caught.value
    assert (error.message, error.hint) == ("no destination is called 'ukk'", "there is 'uk'")
    assert error.status == 404


FINDING = {
    "destination": "uk",
    "check": "DNS",
    "verdict": "ok",
    "evidence": "seen",
    "by_choice": False,
}


def _lines(*messages: object) -> bytes:
    return b"".join((json.dumps(m).encode() if m else b"") + b"\n" for m in messages)


def test_findings_come_one_by_one(control: Control, standin: Standin) -> None:
    told = _lines(None, {"finding": FINDING}, None, {"finding": FINDING}, {"end": {"seconds": 1}})
    standin.answers["/api/v1/leaktest"] = (200, told)
    assert list(control.leaktest(["uk"], disruptive=True)) == [FINDING, FINDING]
    body = {"destinations": ["uk"], "disruptive": True}
    assert standin.asked[-1] == ("POST", "/api/v1/leaktest", body)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (_lines({"finding": FINDING}), "stopped in the middle"),
        (_lines({"finding": FINDING}, {"failed": "no lease"}), "not come to its end: no lease"),
        (_lines({"finding": FINDING}, {"other": 1}), "makes no sense"),
        (_lines({"finding": FINDING}) + b"{half", "makes no sense"),
    ],
)
def test_a_leak_test_without_its_end_is_an_error(
    control: Control, standin: Standin, told: bytes, said: str
) -> None:
    standin.answers["/api/v1/leaktest"] = (200, told)
    findings = control.leaktest([], disruptive=False)
    assert next(findings) == FINDING
    with pytest.raises(ControlError, match=said):
        next(findings)


def test_a_leak_test_that_is_refused(control: Control, standin: Standin) -> None:
    standin.answers["/api/v1/leaktest"] = (409, {"error": "one runs already", "hint": "wait"})
    with pytest.raises(ControlError) as caught:
        list(control.leaktest([], disruptive=False))
    assert (caught.value.message, caught.value.hint) == ("one runs already", "wait")


def test_a_bad_configuration_lists_every_mistake(control: Control, standin: Standin) -> None:
    standin.answers["/api/v1/up"] = (409, {"error": "mistakes", "hint": "", "errors": ["a", "b"]})
    with pytest.raises(ControlError) as caught:
        control.up()
    assert caught.value.errors == ("a", "b")


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"\xff", b"{}"])
def test_nonsense_is_an_error_and_no_crash(
    control: Control, standin: Standin, answer: bytes
) -> None:
    standin.answers["/api/v1/devices"] = (200, answer)
    with pytest.raises(ControlError, match="makes no sense"):
        control.devices()


def test_no_socket(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="is not running"):
        Control(str(tmp_path / "nothing.sock")).status()


def test_a_socket_that_nobody_listens_on(tmp_path: Path) -> None:
    path = str(tmp_path / "dead.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    with pytest.raises(Unreachable, match="is not running"):
        Control(path).status()


def test_a_daemon_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.control, "QUESTION_SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen()
        with pytest.raises(Unreachable, match="did not answer within"):
            Control(str(tmp_path / "silent.sock")).status()


def test_the_socket_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MANYWAYS_SOCKET", raising=False)
    assert Control().path == "/run/manyways/control.sock"
    monkeypatch.setenv("MANYWAYS_SOCKET", "/elsewhere")
    assert Control().path == "/elsewhere"


@pytest.mark.parametrize(
    ("cut", "took", "words"),
    [
        (41, 6.1, "41 connections cut in 6 ms"),
        (1, 12.0, "1 connection cut in 12 ms"),
        (0, 0.4, "0 connections cut in under 1 ms"),
    ],
)
def test_the_measure_of_a_receipt(cut: int, took: float, words: str) -> None:
    assert describe_cut({**receipt(cut=cut), "milliseconds": took}) == words
