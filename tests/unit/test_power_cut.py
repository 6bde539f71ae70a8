"""Whatever is kept survives the end at any moment: of the process, and of the power.

A killed process shows that no reader meets half a file. It does not show what a power cut leaves,
because the kernel lives on and writes everything to the disk; so the order of the calls is looked
at, too: what was not flushed before its name was given to it may be empty after a power cut, and
what was not flushed in its directory may be gone.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import signal
import stat
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator import activity as activity_module
from orchestrator.added import Shelf
from orchestrator.config.uploads import Upload
from orchestrator.runtime.volume import Volume
from tests.unit.test_uploads import GOOD_ONE
from tests.unit.writers import RULES, WRITERS, Writer

KILLS = 250  # of each writer: 2000 in all
LONGEST_LIFE = 0.004  # s; in which each writes several times


@pytest.fixture
def folder() -> Iterator[Path]:
    # In memory: a process' end is no matter of the disk, and thousands of flushes would take long.
    shared = Path("/dev/shm")
    place = shared if os.access(shared, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as made:
        yield Path(made)


def _live_and_be_killed(
    writer: Writer, begin: int, least: int, life: float, done: mmap.mmap
) -> int:
    """Let a process write from `begin` on and kill it; return the last number that was written.

    It lives for a while after it has written `least`, however busy the machine is.
    """
    done[:8] = struct.pack("q", -1)
    pid = os.fork()
    if pid == 0:
        try:
            number = begin
            done[:8] = struct.pack("q", begin - 1)
            while True:
                writer.write(number)
                done[:8] = struct.pack("q", number)
                number += 1
        finally:
            os._exit(1)
    bound = time.monotonic() + 10
    while struct.unpack("q", done[:8])[0] < least and time.monotonic() < bound:
        time.sleep(0)
    time.sleep(life)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "the writer failed before it was killed"
    return int(struct.unpack("q", done[:8])[0])


@pytest.mark.parametrize("name", WRITERS)
def test_a_process_that_is_killed_leaves_the_old_or_the_new(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_module, "KEPT", 40)  # so that its files change places often
    chance = random.Random(name)
    last, written = 0, 0
    with mmap.mmap(-1, 8) as done:
        for _ in range(KILLS):
            writer = WRITERS[name](folder)
            begin = last + 1 if name != "access.json" else 1
            least = begin - chance.randrange(2)  # killed in the first write, or in a later one
            life = chance.uniform(0.0, LONGEST_LIFE)
            reached = _live_and_be_killed(writer, begin, least, life, done)
            found = writer.read()
            assert found == -1 or found in (reached, reached + 1)
            written += reached + 1 - begin
            last = reached if found == -1 else found
    assert written > KILLS / 3, "most were killed before they wrote anything"


class Ledger:
    """What a power cut could still undo. `complaints`: names given to content not on the disk."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.complaints: list[str] = []
        self._flushed: dict[int, bytes] = {}
        self._unflushed: set[Path] = set()
        for name in ("fsync", "replace", "link", "unlink", "mkdir", "open"):
            patch.setattr(os, name, self._noting(name, getattr(os, name)))

    def left(self, folder: Path) -> list[str]:
        """Return what is not on the disk when a write has ended."""
        found = [f"the names in {path}" for path in self._unflushed if path.is_dir()]
        files = (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
        found += [f"the content of {path}" for path in files if not self._is_flushed(path)]
        return [*self.complaints, *found]

    def _noting(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def flush(descriptor: int) -> None:
            real(descriptor)
            self._flush(descriptor)

        def change(*args: Any, **kwargs: Any) -> Any:
            if renames and not self._is_flushed(Path(args[0])):
                self.complaints.append(f"{args[0]} had its name before its content")
            target = Path(args[1] if renames else args[0])
            there = target.exists()
            result = real(*args, **kwargs)
            unfinished = target.name.startswith(".")  # nobody misses it
            if not unfinished and (renames or there != target.exists()):
                self._unflushed.add(target.parent)
            return result

        renames = name in ("replace", "link")
        return flush if name == "fsync" else change

    def _flush(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self._unflushed.discard(path)
        else:
            self._flushed[os.fstat(descriptor).st_ino] = path.read_bytes()

    def _is_flushed(self, path: Path) -> bool:
        return self._flushed.get(path.stat().st_ino) == path.read_bytes()


@contextlib.contextmanager
def _noted(patch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    with patch.context() as inner:
        yield Ledger(inner)


@pytest.mark.parametrize("name", WRITERS)
def test_what_was_written_is_on_the_disk(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_module, "KEPT", 3)
    folder = tmp_path / "new" / "state"
    with _noted(monkeypatch) as ledger:
        writer = WRITERS[name](folder)
        for number in range(1, 9):
            writer.write(number)
            assert ledger.left(tmp_path) == []
    assert writer.read() in (8, -1)


def test_what_was_removed_stays_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _noted(monkeypatch) as ledger:
        shelf, volume = Shelf(tmp_path / "added"), Volume(tmp_path)
        for at in ("1", "2"):
            shelf.keep("nl", Upload("nl", GOOD_ONE, "someone", "secret"), at)
        volume.write(RULES, "x")
        shelf.remove("nl")
        volume.remove(RULES)
        assert ledger.left(tmp_path) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def _hasty(path: Path) -> None:
    new = path.with_name(".new")
    new.write_bytes(b"x")
    os.replace(new, path)


def _forgetful(path: Path) -> None:
    with path.open("wb") as stream:
        stream.write(b"x")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(path, path.with_name("other"))


@pytest.mark.parametrize("careless", [_hasty, _forgetful])
def test_careless_writers_are_found(
    careless: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _noted(monkeypatch) as ledger:
        careless(tmp_path / "file")
        assert ledger.left(tmp_path) != []
