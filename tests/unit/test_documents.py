"""A document survives a power cut at any moment, a full card, and a damaged file."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.documents import Document, Reading, write_atomically
from orchestrator.model import Config
from orchestrator.store import KnownDevice, State
from tests.homes import HOME, TV

_SYSTEM_CALLS = ("open", "write", "fchmod", "fsync", "link", "unlink", "replace", "close")


@dataclass(frozen=True)
class Note:
    number: int
    text: str = "x" * 300


class PowerCut(BaseException):
    """The end of the process, at a system call."""


@contextmanager
def _failing(
    patch: pytest.MonkeyPatch, at: int, error: Callable[[], BaseException]
) -> Iterator[list[str]]:
    """Raise instead of the system call number `at`, and list those before it."""
    calls: list[str] = []

    def failing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if len(calls) == at:
                calls.append(name)
                raise error()
            calls.append(name)
            return real(*args, **kwargs)

        return call

    with patch.context() as inner:
        for name in _SYSTEM_CALLS:
            inner.setattr(os, name, failing(name, getattr(os, name)))
        yield calls


def _document(folder: Path) -> Document[Note]:
    return Document(folder / "note.json", Note)


def _write_failing(
    patch: pytest.MonkeyPatch, folder: Path, at: int, error: Callable[[], BaseException]
) -> bool:
    """Write note 2, failing at a system call; return whether it came to that call."""
    document = _document(folder)
    with _failing(patch, at, error) as calls:
        try:
            document.write(Note(2))
        except (PowerCut, OSError):
            return True
    assert len(calls) <= at, "the failure was swallowed"
    return False


@pytest.mark.parametrize("damaged_before", [False, True])
@pytest.mark.parametrize("error", [PowerCut, lambda: OSError(28, "No space left on device")])
def test_whatever_call_fails_the_old_or_the_new_value_is_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damaged_before: bool,
    error: Callable[[], BaseException],
) -> None:
    for at in itertools.count():
        folder = tmp_path / str(at)
        document = _document(folder)
        document.write(Note(0))
        document.write(Note(1))
        if damaged_before:
            (folder / "note.json").write_text("{")
            assert document.read().value == Note(0)
        came = _write_failing(monkeypatch, folder, at, error)
        value = _document(folder).read().value
        old = Note(0) if damaged_before else Note(1)
        assert value in (old, Note(2)), f"system call {at}"
        _document(folder).write(Note(3))
        assert _document(folder).read() == Reading(Note(3))
        if not came:
            break
    assert at > 8


def test_a_first_write_that_fails_leaves_nothing_or_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in itertools.count():
        folder = tmp_path / str(at)
        folder.mkdir()
        came = _write_failing(monkeypatch, folder, at, PowerCut)
        assert _document(folder).read() in (Reading(None), Reading(Note(2)))
        if not came:
            break


_WRITER = """
import itertools, sys
from pathlib import Path
from tests.unit.test_documents import Note
from orchestrator.documents import Document
document = Document(Path(sys.argv[1]), Note)
for number in itertools.count(int(sys.argv[2])):
    document.write(Note(number, "x" * 20000))
    print(number, flush=True)
"""


def test_a_writer_that_is_killed_leaves_its_last_or_its_next_value(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    last = 0
    for _ in range(5):
        command = [sys.executable, "-c", _WRITER, str(path), str(last + 1)]
        root = Path(__file__).parents[2]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as writer:
            assert writer.stdout is not None
            for _ in range(7):
                last = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            last = max([last, *map(int, writer.stdout.read().split())])
        reading = Document(path, Note).read()
        assert reading.damaged == ()
        assert reading.value is not None
        assert reading.value.number in (last, last + 1)
        last = reading.value.number


def test_a_damaged_newest_version_gives_way_to_the_one_before(tmp_path: Path) -> None:
    document = _document(tmp_path)
    document.write(Note(1))
    document.write(Note(2))
    (tmp_path / "note.json").write_text('{"number": 2, "te')
    assert document.read() == Reading(Note(1), ("note.json.damaged",))
    assert (tmp_path / "note.json.damaged").read_text() == '{"number": 2, "te'
    assert document.read() == Reading(Note(1))


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"[]", b'{"number": "many"}', b"\xff\xfe"])
def test_two_damaged_versions_are_set_aside_and_nothing_is_made_up(
    tmp_path: Path, content: bytes
) -> None:
    for name in ("note.json", "note.json.previous"):
        (tmp_path / name).write_bytes(content)
    document = _document(tmp_path)
    assert document.read() == Reading(None, ("note.json.damaged", "note.json.previous.damaged"))
    assert document.read() == Reading(None)


def test_what_was_never_written_is_no_damage(tmp_path: Path) -> None:
    assert _document(tmp_path / "nowhere").read() == Reading(None)


def test_a_file_is_never_missing_or_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    for at in itertools.count():
        write_atomically(path, b"old")
        with _failing(monkeypatch, at, PowerCut) as calls, contextlib.suppress(PowerCut):
            write_atomically(path, b"new")
        assert path.read_bytes() in (b"old", b"new"), f"system call {at}"
        if len(calls) <= at:
            break
    assert path.read_bytes() == b"new"


def test_a_failed_write_says_so_and_leaves_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_has_exactly_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    old = os.umask(0o077)
    try:
        write_atomically(path, b"", mode=0o644)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    write_atomically(path, b"")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_documents_of_the_router_come_back_as_they_were(tmp_path: Path) -> None:
    config = Document(tmp_path / "last-good.json", Config)
    config.write(HOME)
    assert config.read() == Reading(HOME)
    remembered = State(
        install="a1b2",
        devices=(KnownDevice(TV, 1, "TV", "tv", "uk", "uk", 3),),
        slots={"uk": 1},
        uplinks={"home": 1},
        choices_lost=True,
    )
    state = Document(tmp_path / "state.json", State)
    state.write(remembered)
    assert state.read() == Reading(remembered)
