"""The verbs for who forgot the page's password, and for the keys of programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.access import FILE
from orchestrator.cli import main
from tests.unit.orchestra import Orchestra
from tests.unit.served import served


@pytest.fixture
def orchestra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orchestra]:
    orchestra = Orchestra(tmp_path)
    with served(orchestra.service, tmp_path / "control.sock") as path:
        monkeypatch.setenv("MANYWAYS_SOCKET", str(path))
        yield orchestra


def test_a_forgotten_password_is_removed(
    orchestra: Orchestra, capsys: pytest.CaptureFixture[str]
) -> None:
    access = orchestra.service.access
    access.set_password("correct horse", "", "")
    access.set_policy("own")
    assert main(["password"]) == 0
    assert "has a password. Without it everybody may look" in capsys.readouterr().out
    assert main(["password", "--remove"]) == 0
    assert "no password" in capsys.readouterr().out
    assert access.summary()["password"] is False


def test_what_could_not_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE).write_text("{")
    with served(Orchestra(tmp_path).service, tmp_path / "control.sock") as path:
        monkeypatch.setenv("MANYWAYS_SOCKET", str(path))
        assert main(["password"]) == 1
        assert "orchestrator password --remove" in capsys.readouterr().out
        assert main(["password", "--remove"]) == 0
        assert main(["password"]) == 0


def test_keys_are_made_listed_and_revoked(
    orchestra: Orchestra, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tokens"]) == 0
    assert capsys.readouterr().out == "There are no keys.\n"
    assert main(["tokens", "--make", "Home Assistant", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert orchestra.service.access.check_token(made["secret"])["name"] == "Home Assistant"
    assert main(["tokens"]) == 0
    listed = capsys.readouterr().out
    assert made["id"] in listed
    assert made["secret"] not in listed
    assert main(["tokens", "--revoke", made["id"]]) == 0
    assert "worthless" in capsys.readouterr().out
    assert main(["tokens", "--revoke", made["id"]]) == 1
    assert "there is no such key" in capsys.readouterr().err
