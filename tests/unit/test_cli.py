"""The command line as a person meets it: words, exit codes, and never a traceback."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from orchestrator import cli, command_line, verbs
from tests.web.reports import degraded, healthy, receipt
from tests.web.standin import Standin, serve

COMMAND = [sys.executable, "-m", "orchestrator.cli"]
ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    path = tmp_path / "control.sock"
    monkeypatch.setenv("MANYWAYS_SOCKET", str(path))
    with serve(Standin(path, healthy())) as running:
        yield running


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*words: str) -> Ran:
        try:
            code = cli.main(words)
        except SystemExit as end:  # argparse's own way out
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Ran(code, out, err)

    return command


def test_status_and_its_exit_codes(run: Run, standin: Standin) -> None:
    assert run("status").code == 0
    standin.report = degraded()
    ran = run("status")
    assert ran.code == 1
    assert "uk (openvpn, GB)  DOWN" in ran.out


def test_unreachable_is_two(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MANYWAYS_SOCKET", str(tmp_path / "nobody.sock"))
    ran = run("status")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "orchestrator: the Manyways daemon is not running\n  start it with: docker compose up -d\n"
    )
    assert run("leaktest") == ran
    ran = run("status", "--json")
    assert ran.code == 2
    assert json.loads(ran.out)["state"] == "unreachable"


def test_assign_prints_the_receipt(run: Run, standin: Standin) -> None:
    ran = run("assign", "tv", "de")
    assert (ran.code, ran.out) == (0, "tv: uk → de, 41 connections cut in 6 ms\n")


def test_rename(run: Run, standin: Standin) -> None:
    assert run("rename", "tv", "Kitchen TV").out == (
        "tv is now called Kitchen TV, and kitchen-tv in the home network\n"
    )
    assert run("rename", "kitchen-tv", "tv").out == "kitchen-tv is now called tv\n"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("--for", "30m"), {"minutes": 30}),
        (("--for", "2h"), {"minutes": 120}),
        (("--for", "7d"), {"minutes": 10_080}),
        (("--until", "midnight"), {"until": "midnight"}),
        ((), {}),
    ],
)
def test_a_switch_for_a_time(
    run: Run, standin: Standin, words: tuple[str, ...], asked: dict[str, object]
) -> None:
    assert run("assign", "tv", "de", *words).code == 0
    assert standin.asked[-1][2] == {"destination": "de", **asked}


@pytest.mark.parametrize("time", ["0m", "30", "8d", "99999h", "-5m", "\u0663\u0660m", "soon"])
def test_a_time_that_is_none_is_a_usage_error(run: Run, standin: Standin, time: str) -> None:
    ran = run("assign", "tv", "de", f"--for={time}")
    assert (ran.code, standin.asked) == (64, [])
    assert "write for example 30m, 2h or 1d" in ran.err
    assert run("assign", "tv", "de", "--for", "5m", "--until", "midnight").code == 64


def test_undo_prints_the_receipt(run: Run, standin: Standin) -> None:
    path = "/api/v1/devices/Anna%27s%20phone/undo"
    standin.answers[path] = (200, receipt("uk", "direct", 3))
    assert run("undo", "Anna's phone").out == "tv: uk → direct, 3 connections cut in 6 ms\n"


TRIAL = {"name": "nl", "accepted": True, "problems": [], "notes": ["line 3: route: left out"]}


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put text on standard input."""

    def put(text: str) -> None:
        stream = io.TextIOWrapper(io.BytesIO(text.encode()))
        monkeypatch.setattr(sys, "stdin", stream)

    return put


def test_add_vpn_sends_a_file_under_its_name(
    run: Run, standin: Standin, tmp_path: Path, typed: Callable[[str], None]
) -> None:
    standin.answers["/api/v1/destinations"] = (200, TRIAL)
    profile = tmp_path / "NL.ovpn"
    profile.write_bytes(b"\xef\xbb\xbfclient\n")
    typed("hunter 2\n")
    ran = run("add-vpn", str(profile), "--user", "jane")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "nl is being tried; devices can use it as soon as it has worked once\n"
        "  note: line 3: route: left out\n"
        "how far it is: orchestrator status\n"
    )
    assert standin.asked[-1][2] == {
        "name": "NL.ovpn", "profile": "client\n", "username": "jane", "password": "hunter 2",
    }  # fmt: skip


def test_add_vpn_reads_all_of_it_from_standard_input(
    run: Run, standin: Standin, typed: Callable[[str], None]
) -> None:
    standin.answers["/api/v1/destinations"] = (200, TRIAL)
    typed("hunter 2\nclient\ndev tun\n")
    assert run("add-vpn", "-", "--name", "nl", "--user", "jane", "--json").code == 0
    heard = standin.asked[-1][2]
    assert isinstance(heard, dict)
    assert (heard["password"], heard["profile"]) == ("hunter 2", "client\ndev tun\n")
    typed("client\n")
    assert run("add-vpn", "-", "--name", "nl").code == 0
    assert standin.asked[-1][2] == {
        "name": "nl", "profile": "client\n", "username": "", "password": "",
    }  # fmt: skip


def test_add_vpn_lists_what_is_wrong(
    run: Run, standin: Standin, typed: Callable[[str], None]
) -> None:
    trial = {**TRIAL, "accepted": False, "problems": ["line 1: \x1b[2J", "line 2: no"], "notes": []}
    standin.answers["/api/v1/destinations"] = (200, trial)
    typed("client\n")
    ran = run("add-vpn", "-", "--name", "nl")
    assert ran.code == 1
    assert ran.out.startswith("nl was not added:\n  line 1: ")
    assert ran.out.endswith("\n  line 2: no\n")
    assert "\x1b" not in ran.out


def test_add_vpn_without_its_file(run: Run, standin: Standin, tmp_path: Path) -> None:
    ran = run("add-vpn", str(tmp_path / "nowhere.ovpn"))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith("nowhere.ovpn cannot be read: No such file or directory\n")
    assert standin.asked == []


def test_remove_vpn(run: Run, standin: Standin) -> None:
    standin.answers["/api/v1/destinations/nl/remove"] = (200, {"name": "nl"})
    assert run("remove-vpn", "nl").out == "nl is removed\n"


def test_json_is_the_daemons_own(run: Run, standin: Standin) -> None:
    assert json.loads(run("status", "--json").out) == standin.report
    assert json.loads(run("devices", "--json").out) == {"devices": standin.report["devices"]}
    assert json.loads(run("assign", "--json", "tv", "de").out)["new"] == "de"
    assert json.loads(run("assign", "--json", "tv", "xx").out)["hint"] == "there is 'uk'"


def test_a_wrong_name_gets_the_daemons_hint(run: Run, standin: Standin) -> None:
    ran = run("assign", "tvv", "uk")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "orchestrator: no device is called 'tvv'\n  did you mean 'tv'?\n"


def test_plan_up_and_down(run: Run, standin: Standin) -> None:
    action = {"verb": "create container", "target": "manyways-dhcp", "reason": "it is missing"}
    standin.answers["/api/v1/plan"] = (200, {"actions": []})
    assert run("plan").out == "Nothing to do: everything is as it should be.\n"
    standin.answers["/api/v1/plan"] = (200, {"actions": [action]})
    assert run("plan").out == "create container manyways-dhcp: it is missing\n"
    standin.answers["/api/v1/up"] = (200, {"actions": [action], "errors": ["uk: no route"]})
    ran = run("up")
    assert (ran.code, ran.err) == (1, "orchestrator: uk: no route\n")
    standin.answers["/api/v1/down"] = (200, {"actions": [], "errors": []})
    assert run("down") == (0, "Nothing was running.\n", "")


def test_a_bad_configuration_is_told_in_full(run: Run, standin: Standin) -> None:
    mistakes = ["router.yaml:3: lan: x", "router.yaml:9: lan: y"]
    standin.answers["/api/v1/up"] = (409, {"error": "mistakes", "hint": "", "errors": mistakes})
    ran = run("up")
    assert ran.code == 1
    assert all(mistake in ran.err for mistake in mistakes)


def _finding(verdict: str, *, check: str = "DNS", by_choice: bool = False) -> dict[str, object]:
    return {
        "destination": "uk",
        "check": check,
        "verdict": verdict,
        "evidence": "as seen",
        "by_choice": by_choice,
    }


def _told(*findings: dict[str, object]) -> tuple[int, bytes]:
    messages = [*({"finding": f} for f in findings), {"end": {"seconds": 1}}]
    return 200, b"".join(json.dumps(m).encode() + b"\n" for m in messages)


@pytest.mark.parametrize(
    ("verdicts", "code", "last"),
    [
        (("ok", "ok"), 0, "Everything that was checked holds (2 of 2 lines)."),
        (("ok", "LEAK"), 1, "Does not hold: DNS (uk)."),
        (("ok", "failed"), 1, "Does not hold: DNS (uk)."),
        (("ok", "not checked"), 1, "Could not be checked: DNS (uk)."),
        ((), 1, "Nothing was checked."),
    ],
)
def test_a_leak_test_is_zero_only_if_all_holds(
    run: Run, standin: Standin, verdicts: tuple[str, ...], code: int, last: str
) -> None:
    standin.answers["/api/v1/leaktest"] = _told(*map(_finding, verdicts))
    ran = run("leaktest")
    assert ran.code == code
    assert ran.out.splitlines()[-1] == last
    report = json.loads(run("leaktest", "--json").out)
    assert report["holds"] is (code == 0)
    assert [f["verdict"] for f in report["findings"]] == list(verdicts)


def test_what_nobody_asked_for_is_no_reason_to_fail(run: Run, standin: Standin) -> None:
    left_out = _finding("not checked", check="kill switch", by_choice=True)
    standin.answers["/api/v1/leaktest"] = _told(_finding("ok"), left_out)
    ran = run("leaktest", "uk")
    assert ran.code == 0
    assert ran.out.splitlines()[-2:] == [
        "Everything that was checked holds (1 of 2 lines).",
        "Left out: kill switch (uk).",
    ]
    assert standin.asked[-1][2] == {"destinations": ["uk"], "disruptive": False}


def test_a_leak_test_that_breaks_off_keeps_what_it_found(run: Run, standin: Standin) -> None:
    broken = json.dumps({"failed": "no lease"}).encode()
    standin.answers["/api/v1/leaktest"] = (
        200,
        json.dumps({"finding": _finding("LEAK")}).encode() + b"\n" + broken + b"\n",
    )
    ran = run("leaktest")
    assert ran.code == 1
    assert "LEAK" in ran.out
    assert "no lease" in ran.err
    report = json.loads(run("leaktest", "--json").out)
    assert report["findings"][0]["verdict"] == "LEAK"
    assert "holds" not in report


def test_nobody_is_disturbed_who_was_not_asked(
    run: Run, standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.answers["/api/v1/leaktest"] = _told(_finding("ok"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    ran = run("leaktest", "uk", "--disruptive")
    assert ran.code == 64
    assert "Without service then: tv" in ran.err
    assert all(path != "/api/v1/leaktest" for _, path, _ in standin.asked)
    assert run("leaktest", "uk", "--disruptive", "--json").out == ""
    for answer, code in (("n", 64), ("y", 0)):
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert run("leaktest", "uk", "--disruptive").code == code
    assert run("leaktest", "uk", "--disruptive", "--yes").code == 0
    assert standin.asked[-1][2] == {"destinations": ["uk"], "disruptive": True}


def test_logs(run: Run, standin: Standin) -> None:
    standin.answers["/api/v1/logs/uk"] = (200, {"lines": ["one\ttwo", "\x1b[31mred"]})
    assert run("logs", "uk", "--lines", "5").out == "one     two\n?[31mred\n"
    assert standin.asked[-1][1] == "/api/v1/logs/uk?lines=5"


def _event(number: int) -> dict[str, object]:
    return {
        "id": number,
        "at": "2026-07-01T12:00:00+00:00",
        "kind": "works",
        "mac": "",
        "device": "",
        "destination": f"d{number}",
        "old": "",
        "new": "",
        "by": "",
        "count": 0,
        "message": "",
    }


def test_activity_is_read_page_by_page_until_there_is_enough(run: Run, standin: Standin) -> None:
    page = {"events": [_event(n) for n in range(300, 100, -1)], "before": 101}
    standin.answers["/api/v1/activity"] = (200, page)
    ran = run("activity", "--lines", "400", "--device", "living room")
    assert len(ran.out.splitlines()) == 400
    assert ran.out.splitlines()[-1].endswith("d300 works again")
    assert [path.partition("?")[2] for _, path, _ in standin.asked] == [
        "limit=200&device=living%20room",
        "limit=200&before=101&device=living%20room",
    ]


def test_activity_ends_where_there_is_no_more(run: Run, standin: Standin) -> None:
    page = {"events": [_event(1)], "before": None}
    standin.answers["/api/v1/activity"] = (200, page)
    assert json.loads(run("activity", "--json").out) == {"events": [_event(1)]}
    assert len(standin.asked) == 1


@pytest.mark.parametrize("lines", ["0", "-1", "x", "99999999", "٣"])
def test_a_wrong_number_of_lines(run: Run, lines: str) -> None:
    ran = run("logs", "uk", f"--lines={lines}")
    assert ran.code == 64
    assert "write a number from 1 to" in ran.err


@pytest.mark.parametrize(("wrong", "right"), [("stauts", "status"), ("asign", "assign")])
def test_a_wrong_verb_gets_the_nearest(run: Run, wrong: str, right: str) -> None:
    ran = run(wrong)
    assert ran.code == 64
    assert f"did you mean '{right}'?" in ran.err


def test_a_verb_like_no_other_gets_them_all(run: Run) -> None:
    assert "status, devices, assign" in run("zzzz").err


@pytest.mark.parametrize("verb", command_line.VERBS)
def test_every_verb_explains_itself_within_80_columns(
    run: Run, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = run(verb, "--help")
    assert ran.code == 0
    assert f"example:\n  orchestrator {verb}" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


def test_missing_words_are_named(run: Run) -> None:
    ran = run("assign", "tv")
    assert ran.code == 64
    assert "DESTINATION" in ran.err


def test_check_needs_no_daemon(run: Run, tmp_path: Path) -> None:
    (tmp_path / "router.yaml").write_text("lann: {}\n")
    ran = run("check", "--json", "--config", str(tmp_path))
    answer = json.loads(ran.out)
    assert (ran.code, answer["ok"]) == (1, False)
    assert any("did you mean 'lan'?" in error for error in answer["errors"])
    assert "router.yaml:1" in run("check", "--config", str(tmp_path)).out


def test_what_nobody_foresaw_is_one_line(
    run: Run, standin: Standin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> verbs.Answer:
        raise RuntimeError("the sky fell\non us")

    monkeypatch.delenv("MANYWAYS_DEBUG", raising=False)
    monkeypatch.setattr(verbs, "status", broken)
    ran = run("status")
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert "MANYWAYS_DEBUG=1 orchestrator status" in ran.err
    monkeypatch.setenv("MANYWAYS_DEBUG", "1")
    assert cli.main(["status"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error(standin: Standin) -> None:
    standin.answers["/api/v1/logs/uk"] = (200, {"lines": ["x" * 100] * 5000})
    with subprocess.Popen(
        [*COMMAND, "logs", "uk"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 141


def test_ctrl_c_is_quiet(tmp_path: Path) -> None:
    path = str(tmp_path / "silent.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen()
        silent.settimeout(20)
        environment = {**os.environ, "MANYWAYS_SOCKET": path}
        with subprocess.Popen(
            [*COMMAND, "status"],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            # Whoever runs the tests in a shell's background has it ignored, and children inherit.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        ) as process:
            assert process.stderr is not None
            connection, _ = silent.accept()
            with connection:  # now it waits for the answer
                process.send_signal(signal.SIGINT)
                assert (process.wait(20), process.stderr.read()) == (130, b"")


def test_a_terminal_without_unicode(standin: Standin) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ran = subprocess.run(
        [*COMMAND, "assign", "tv", "de"], cwd=ROOT, env=environment, capture_output=True, timeout=20
    )
    assert ran.stdout == b"tv: uk -> de, 41 connections cut in 6 ms\n"


def test_starting_imports_little() -> None:
    code = "import sys, orchestrator.cli; print(*sorted(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=20
    )
    heavy = {"docker", "pyroute2", "pydantic", "yaml", "flask", "http.client", "json", "difflib"}
    assert not heavy & set(ran.stdout.split())
