"""What `up` and `confirm` say of a change that is on probation, and how they end."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator import cli, waiting
from orchestrator.client import Control, Probation
from tests.web.reports import healthy
from tests.web.standin import Standin, serve

WHY = "nobody at home could open the page within a minute"
WAITS: Probation = {
    "state": "waiting",
    "reasons": ["lan.address from 192.168.77.1/24 to 10.9.9.1/24", "lan.domain from lan to home"],
    "seconds_left": 60,
    "since": "2026-03-28T12:00:00+00:00",
    "why": "",
}
GONE: Probation = {**WAITS, "state": "taken back", "seconds_left": 0, "why": WHY}
TOLD = """\
This could cut the home network off: lan.address from 192.168.77.1/24 to 10.9.9.1/24; lan.domain \
from lan to home.
It is taken back by itself in 60 s, unless somebody opens http://192.168.77.1/ on a device at home
or says here: orchestrator confirm
A device takes up other addresses when it joins anew: pull its cable, or switch its Wi-Fi off and \
on.
"""


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    path = tmp_path / "control.sock"
    monkeypatch.setenv("MANYWAYS_SOCKET", str(path))
    with serve(Standin(path, {**healthy(), "probation": WAITS})) as running:
        yield running


def _becomes(standin: Standin, now: Probation | None) -> Callable[[float], None]:
    def pass_time(_seconds: float) -> None:
        standin.report["probation"] = now

    return pass_time


def test_it_is_kept(standin: Standin) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert waiting.wait(Control(), out, err, _becomes(standin, None)) == 0
    assert (out.getvalue(), err.getvalue()) == (TOLD + "The change is kept.\n", "")


def test_it_is_taken_back(standin: Standin) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert waiting.wait(Control(), out, err, _becomes(standin, GONE)) == 1
    assert out.getvalue() == TOLD
    assert err.getvalue() == (
        f"orchestrator: the change was taken back, because {WHY}\n"
        "  everything is as it was; mend router.yaml and say: orchestrator up\n"
    )


def test_a_terminal_sees_the_time_go_by(standin: Standin) -> None:
    out = _Terminal()
    assert waiting.wait(Control(), out, out, _becomes(standin, None)) == 0
    assert out.getvalue() == TOLD + "\r 60 s left \nThe change is kept.\n"


def test_who_does_not_wait_ends_nothing(standin: Standin) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    out = io.StringIO()
    assert waiting.wait(Control(), out, out, interrupt) == 130
    assert out.getvalue() == TOLD + "The time goes on; to keep the change: orchestrator confirm\n"


@pytest.mark.parametrize(("now", "code"), [(None, 0), (GONE, 1)])
def test_up_waits_and_says_what_became_of_it(
    standin: Standin, capsys: pytest.CaptureFixture[str], now: Probation | None, code: int
) -> None:
    standin.answers["/api/v1/up"] = (200, {"actions": [], "errors": [], "probation": WAITS})
    standin.report["probation"] = now
    assert cli.main(["up"]) == code
    out, err = capsys.readouterr()
    assert out.startswith("Everything is as it should be.\n")
    assert (WHY in err) == (now is not None)
    assert standin.asked[0] == ("POST", "/api/v1/up", {"keep": False})


def test_programs_do_not_wait(standin: Standin, capsys: pytest.CaptureFixture[str]) -> None:
    standin.answers["/api/v1/up"] = (200, {"actions": [], "errors": [], "probation": WAITS})
    assert cli.main(["up", "--json"]) == 0
    assert '"seconds_left": 60' in capsys.readouterr().out
    assert [asked[1] for asked in standin.asked] == ["/api/v1/up"]


def test_keep_says_so_to_the_daemon(standin: Standin) -> None:
    standin.answers["/api/v1/up"] = (200, {"actions": [], "errors": [], "probation": None})
    assert cli.main(["up", "--keep"]) == 0
    assert standin.asked == [("POST", "/api/v1/up", {"keep": True})]


@pytest.mark.parametrize(
    ("kept", "text"), [(True, "The change is kept."), (False, "No change waits to be kept.")]
)
def test_confirm(
    standin: Standin, capsys: pytest.CaptureFixture[str], kept: bool, text: str
) -> None:
    standin.answers["/api/v1/confirm"] = (200, {"kept": kept})
    assert cli.main(["confirm"]) == 0
    assert capsys.readouterr().out == text + "\n"
